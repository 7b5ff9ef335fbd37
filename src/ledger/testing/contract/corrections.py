"""Corrections of usage: events are found by key, voided, listed; refused ones found and dropped."""

from datetime import timedelta

from msgspec.structs import replace

from ledger.meter.acceptance import digest
from ledger.meter.model import Claim, StoredEvent
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held, Store, pages, refused
from ledger.types import ids
from ledger.types.errors import NotFound

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class CorrectionContract:
    """What a `UsageRepository` promises of single events, and of those that were refused."""

    def test_an_event_is_found_by_its_key(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        said = [
            things.usage_event(customer),
            things.usage_event(customer, key="order 1/ü"),
            things.usage_event(customer, at=NOW - 40 * DAY, key="old"),
            things.usage_event("stranger", key="waits", unmatched="unknown_customer"),
        ]
        keep(acme, *said)
        assert find(acme, *said) == {event.key: event for event in said}
        assert find(acme, replace(said[0], key="unknown")) == {}
        assert acme.usage.find({}) == {}

    def test_an_event_is_found_whose_time_is_not_known(self, store: Store) -> None:
        acme = Held(store)
        said = [things.usage_event("c"), things.usage_event("c", at=NOW - DAY, key="old")]
        acme.usage.claim({digest(event.key): Claim(b"x", None) for event in said})
        acme.usage.add(said)
        assert find(acme, *said) == {event.key: event for event in said}

    def test_a_key_that_was_never_claimed_leads_to_no_event(self, store: Store) -> None:
        acme, event = Held(store), things.usage_event("c", key="order")
        acme.usage.add([event])
        assert find(acme, event) == {}

    def test_many_events_are_found_at_once(self, store: Store) -> None:
        acme = Held(store)
        said = [
            things.usage_event("c", at=NOW + n * HOUR // 500, key=None if n % 3 else f"key {n}")
            for n in range(1_300)
        ]
        keep(acme, *said)
        assert find(acme, *said) == {event.key: event for event in said}

    def test_of_two_events_with_one_key_the_later_one_is_found(self, store: Store) -> None:
        acme, first = Held(store), things.usage_event("c", key="order")
        keep(acme, first)
        acme.usage.void([things.voided(first)])
        for at in (NOW, NOW - 2 * DAY):
            other = things.usage_event("c", at=at, key="order")
            acme.usage.add([other])
            acme.usage.reclaim({digest("order"): Claim(b"other", at)})
            assert find(acme, first) == {"order": other}

    def test_a_key_can_stand_for_something_else(self, store: Store) -> None:
        acme, key, other = Held(store), digest("order"), Claim(b"other", NOW - DAY)
        acme.usage.claim({key: Claim(b"one", NOW)})
        acme.usage.reclaim({key: other})
        assert acme.usage.claim({key: Claim(b"one", NOW)}) == {key: other}
        with refused(NotFound, "usage_key_not_found"):
            acme.usage.reclaim({digest("nobody's"): other})

    def test_a_voided_event_is_read_only_by_those_who_ask_for_it(self, store: Store) -> None:
        acme = Held(store)
        good, bad = things.usage_event("c"), things.usage_event("c", key="order")
        keep(acme, good, bad)
        void = things.voided(bad)
        acme.usage.void([void])
        for customer in ("c", None):
            read = list(acme.usage.stored(NOW, NOW + HOUR, customer=customer))
            every = list(acme.usage.stored(NOW, NOW + HOUR, customer=customer, voided=True))
            assert (read, every) == ([good], [good, void])
        assert find(acme, bad) == {"order": void}
        assert void.state == "voided"
        acme.usage.void([])

    def test_a_voided_event_waits_for_nothing(self, store: Store) -> None:
        acme = Held(store)
        waiting = [things.usage_event("user_1", unmatched="unknown_customer") for _ in range(3)]
        keep(acme, *waiting)
        acme.usage.void([things.voided(waiting[1])])
        left = [waiting[0], waiting[2]]
        assert list(acme.usage.unmatched(None, 10)) == left
        assert acme.usage.waiting_for_customer(["user_1"]) == left

    def test_only_a_stored_event_can_be_voided(self, store: Store) -> None:
        acme, event = Held(store), things.usage_event("c")
        keep(acme, event)
        for wrong in (
            things.usage_event("c"),
            replace(event, customer="d"),
            replace(event, time=NOW + HOUR),
        ):
            with refused(NotFound, "usage_event_not_found"):
                acme.usage.void([things.voided(event), things.voided(wrong)])
        assert list(acme.usage.stored(NOW, NOW + HOUR)) == [event]

    def test_events_are_listed_as_they_came(self, store: Store) -> None:
        acme = Held(store)
        said = [things.usage_event("c", at=NOW - n * HOUR, key=f"k{n}") for n in range(5)]
        keep(acme, *said)
        assert pages(lambda after: acme.usage.page(after, 2)) == [said[:2], said[2:4], said[4:]]

    def test_events_are_listed_by_what_they_say(self, store: Store) -> None:
        acme = Held(store)
        one, other = things.usage_event("c"), things.usage_event("d", "tokens", NOW + HOUR)
        waits = things.usage_event("user_1", "tokens", NOW + 2 * HOUR, None, "unknown_customer")
        bad = things.usage_event("c", at=NOW + 3 * HOUR)
        keep(acme, one, other, waits, bad)
        void = things.voided(bad)
        acme.usage.void([void])
        page = acme.usage.page
        assert list(page(None, 10)) == [one, other, waits]
        assert list(page(None, 10, customer="c")) == [one]
        assert list(page(None, 10, event="tokens")) == [other, waits]
        assert list(page(None, 10, start=NOW + HOUR)) == [other, waits]
        assert list(page(None, 10, start=NOW, end=NOW + HOUR)) == [one]
        assert list(page(None, 10, state="matched")) == [one, other]
        assert list(page(None, 10, state="unmatched")) == [waits]
        assert list(page(None, 10, state="voided")) == [void]

    def test_events_that_wait_are_listed_by_what_they_say(self, store: Store) -> None:
        acme, known = Held(store), ids.CUSTOMER.new()
        waiting = [
            things.usage_event("user_1", unmatched="unknown_customer"),
            things.usage_event("user_2", "tokens", unmatched="unknown_customer"),
            things.usage_event(known, "tokens", unmatched="unknown_event"),
        ]
        keep(acme, *waiting)
        unmatched = acme.usage.unmatched
        assert list(unmatched(None, 10, customer="user_1")) == waiting[:1]
        assert list(unmatched(None, 10, event="tokens")) == waiting[1:]
        assert list(unmatched(None, 10, event="tokens", customer=known)) == waiting[2:]
        assert list(unmatched(None, 10, reason="unknown_event", customer="user_1")) == []

    def test_refused_events_are_kept_oldest_first(self, store: Store) -> None:
        acme = Held(store)
        kept = [things.rejected_event(NOW + n * HOUR, n) for n in range(5)]
        acme.usage.reject([kept[3], kept[0], kept[4]])
        acme.usage.reject([kept[1], kept[2]])
        found = pages(lambda after: acme.usage.rejected(after, 2))
        assert found == [kept[:2], kept[2:4], kept[4:]]

    def test_an_event_that_is_refused_again_stays_as_it_is(self, store: Store) -> None:
        acme, first = Held(store), things.rejected_event(NOW, 1)
        again = replace(first, reason="something else", at=NOW + DAY)
        acme.usage.reject([first])
        acme.usage.reject([again, things.rejected_event(NOW + DAY, 2)])
        assert acme.usage.rejected(None, 10).items[0] == first
        acme.usage.reject([])

    def test_refused_events_are_listed_by_why(self, store: Store) -> None:
        acme = Held(store)
        late = things.rejected_event(NOW, 1)
        taken = things.rejected_event(NOW + HOUR, 2, "conflict", "conflict: the key is taken.")
        odd = things.rejected_event(NOW + 2 * HOUR, 3, reason="too_late_by_far: no.")
        acme.usage.reject([late, taken, odd])
        rejected = acme.usage.rejected
        assert list(rejected(None, 10, outcome="conflict")) == [taken]
        assert list(rejected(None, 10, code="too_late")) == [late]
        assert list(rejected(None, 10, outcome="rejected", code="conflict")) == []
        both = pages(lambda after: rejected(after, 1, outcome="rejected"))
        assert both == [[late], [odd]]

    def test_refused_events_are_found_by_id_and_forgotten(self, store: Store) -> None:
        acme = Held(store)
        kept = [things.rejected_event(NOW + n * HOUR, n) for n in range(3)]
        acme.usage.reject(kept)
        several = [kept[2].id, ids.USAGE_EVENT.new(), kept[0].id]
        assert acme.usage.rejected_by_id(several) == {
            event.id: event for event in (kept[0], kept[2])
        }
        acme.usage.drop_rejected(several)
        assert acme.usage.rejected_by_id(several) == {}
        assert list(acme.usage.rejected(None, 10)) == [kept[1]]
        acme.usage.drop_rejected([])


def keep(acme: Held, *events: StoredEvent) -> None:
    """Claim the keys of events and store these."""
    acme.usage.claim({digest(event.key): Claim(b"content", event.time) for event in events})
    acme.usage.add(events)


def find(acme: Held, *events: StoredEvent) -> dict[str, StoredEvent]:
    """What is found by the keys of events."""
    return acme.usage.find({digest(event.key): event.key for event in events})
