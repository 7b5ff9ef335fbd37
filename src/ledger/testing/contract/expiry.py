"""What is forgotten: old events with their keys, and nothing else."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from ledger.meter.acceptance import digest
from ledger.meter.model import (
    Claim,
    Membership,
    RejectedEvent,
    RollupKey,
    StoredEvent,
    UsageEvent,
)
from ledger.testing.contract import things
from ledger.testing.contract.rollups import HOUR, rollup
from ledger.testing.contract.store import NOW, OTHER_TENANT, Held, Store, Work
from ledger.types import ids

DAY = timedelta(days=1)
LATER = NOW + DAY
HOURS = (HOUR - 48, HOUR)


class ExpiryContract:
    """What a `UsageRepository` promises of events that nobody needs."""

    def test_old_events_go_with_their_keys_and_rollups_stay(self, store: Store) -> None:
        acme, other = Held(store), Held(store, OTHER_TENANT)
        customer, feature = ids.CUSTOMER.new(), ids.FEATURE.new()
        old = _events(customer, NOW - DAY, 5)
        new = _events(customer, NOW, 3)
        for held in (acme, other):
            held.write(lambda work: _store(work, [*new, *old]))
            held.usage.add_up("sum", [rollup(customer, feature, hour=HOUR - 24)])
        assert acme.usage.expired_before() is None
        assert acme.usage.oldest_hour() == HOUR - 24
        assert acme.usage.expire(HOURS, LATER, 100) == (5, HOUR)
        assert list(acme.usage.stored(NOW - 2 * DAY, LATER)) == new
        assert acme.usage.oldest_hour() == HOUR
        assert acme.usage.expired_before() == HOUR
        keys = {digest(event.key): Claim(b"?", event.time) for event in [*old, *new]}
        assert set(acme.usage.claim(keys)) == {digest(event.key) for event in new}
        assert len(acme.usage.rollups(customer, feature, HOUR - 24, HOUR)) == 1
        assert other.usage.expired_before() is None
        assert len(list(other.usage.stored(NOW - 2 * DAY, LATER))) == 8
        assert set(other.usage.claim(keys)) == set(keys)

    def test_what_goes_goes_in_parts_and_can_be_gone_on_with(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        acme.usage.add(_events(customer, NOW - DAY, 7))
        acme.usage.add(_events(customer, NOW - DAY + timedelta(hours=2), 2))
        first, gone = HOURS[0], list[int]()
        while first < HOUR:
            count, first = acme.usage.expire((first, HOUR), LATER, 3)
            gone.append(count)
            assert count <= 3
        assert sum(gone) == 9
        assert len(gone) >= 3
        assert acme.usage.oldest_hour() is None
        assert acme.usage.expire(HOURS, LATER, 3) == (0, HOUR)

    def test_what_waits_or_came_in_lately_stays(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        early, late = _events(customer, NOW - DAY, 2)
        late = replace(late, received_at=LATER)
        waiting = things.usage_event("stranger", at=NOW - DAY, unmatched="unknown_customer")
        acme.usage.add([early, late, waiting])
        assert acme.usage.expire(HOURS, LATER, 100) == (1, HOUR)
        assert list(acme.usage.stored(NOW - 2 * DAY, NOW)) == [late, waiting]
        assert acme.usage.waiting_for_customer(["stranger"]) == [waiting]

    def test_the_hours_that_were_added_to_since_are_told(self, store: Store) -> None:
        acme, later = Held(store), Held(store, at=LATER)
        customer, feature = ids.CUSTOMER.new(), ids.FEATURE.new()
        assert not acme.usage.has_rollups(feature)
        for hour in (HOUR - 2, HOUR - 1, HOUR):
            acme.usage.add_up("sum", [rollup(customer, feature, hour=hour)])
        member = Membership(RollupKey(customer, feature, HOUR - 3), b"m" * 16, 1)
        acme.usage.add_members([member])
        assert acme.usage.touched(customer, feature, NOW) == set()
        later.usage.add_up("sum", [rollup(customer, feature, hour=HOUR - 1)])
        later.usage.add_members([member])
        acme.usage.add_up("sum", [rollup(customer, feature, hour=HOUR - 1)])  # another clock
        assert acme.usage.touched(customer, feature, NOW) == {HOUR - 3, HOUR - 1}
        assert acme.usage.touched(customer, feature, NOW, (HOUR - 1, HOUR)) == {HOUR - 1}
        assert acme.usage.touched(customer, feature, LATER) == set()
        assert acme.usage.touched(ids.CUSTOMER.new(), feature, NOW) == set()
        before = acme.usage.touched(customer, feature, NOW - DAY)
        assert before == {HOUR - 3, HOUR - 2, HOUR - 1, HOUR}
        assert acme.usage.has_rollups(feature)
        unique = ids.FEATURE.new()
        acme.usage.add_members([Membership(RollupKey(customer, unique, HOUR), b"m" * 16, 1)])
        assert acme.usage.has_rollups(unique)
        assert not Held(store, OTHER_TENANT).usage.has_rollups(unique)

    def test_how_far_events_may_be_gone_never_goes_back(self, store: Store) -> None:
        acme = Held(store)
        for last in (HOUR, HOUR - 10, HOUR + 1):
            acme.usage.expire((HOUR - 48, last), LATER, 10)
        assert acme.usage.expired_before() == HOUR + 1

    def test_refused_events_and_stale_marks_go_by_date(self, store: Store) -> None:
        acme = Held(store)
        days = [NOW - number * DAY for number in range(5)]
        acme.usage.reject([_refused(at) for at in days])
        assert acme.usage.forget_refused(NOW - DAY, 2) == 2
        assert acme.usage.forget_refused(NOW - DAY, 2) == 1
        assert acme.usage.forget_refused(NOW - DAY, 2) == 0
        assert [event.at for event in acme.usage.rejected(None, 10).items] == [NOW - DAY, NOW]
        Held(store, at=NOW - DAY).usage.mark("gone", 3)
        Held(store, OTHER_TENANT, NOW - DAY).usage.mark("gone", 3)
        Held(store, at=NOW - DAY).usage.mark("alive", 1)
        acme.usage.mark("alive", 2)
        acme.usage.forget_marks(NOW)
        assert (acme.usage.marked("gone"), acme.usage.marked("alive")) == (0, 2)
        assert Held(store, OTHER_TENANT).usage.marked("gone") == 3


def _events(customer: str, at: datetime, count: int) -> list[StoredEvent]:
    """Some with keys of their own, some with made ones."""
    keys = (f"{customer}-{at}-{number}" if number % 2 else None for number in range(count))
    return [things.usage_event(customer, at=at, key=key) for key in keys]


def _store(work: Work, events: list[StoredEvent]) -> None:
    assert (
        work.usage.claim({digest(event.key): Claim(b"content", event.time) for event in events})
        == {}
    )
    work.usage.add(events)


def _refused(at: datetime) -> RejectedEvent:
    event = UsageEvent("api_calls", "user_42")
    return RejectedEvent(ids.USAGE_EVENT.new(), at, "rejected", "too_late: it was.", event)
