"""Usage events: each key once, each event as it was said, and nothing that waits is forgotten."""

from datetime import timedelta
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from ledger.meter.model import Claim, ServiceTimes, StoredEvent
from ledger.subscription.model import Subscription
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held, Store, Work, pages, refused
from ledger.types import ids
from ledger.types.errors import NotFound

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + timedelta(microseconds=1)


class UsageContract:
    """What a `UsageRepository` promises of events and their keys."""

    def test_a_key_is_claimed_once(self, store: Store) -> None:
        acme = Held(store)
        one, two, three = (bytes([number]) * 16 for number in (1, 2, 3))
        first = {one: Claim(b"a", NOW), two: Claim(b"b", LATER)}
        assert acme.usage.claim(first) == {}
        again = {**first, two: Claim(b"changed", NOW), three: Claim(b"c", None)}
        assert acme.usage.claim(again) == first
        assert acme.usage.claim(again) == {**again, **first}
        assert acme.usage.claim({}) == {}

    def test_claims_do_what_a_dictionary_does(self, store: Store) -> None:
        acme, random = Held(store), Random(7)  # noqa: S311  the same in every run
        known: dict[bytes, Claim] = {}
        for size in (1, 3, 700, 1_500, 900):
            batch = {
                random.randint(0, 2_500).to_bytes(16, "big"): Claim(random.randbytes(16), NOW)
                for _ in range(size)
            }
            before = {key: known[key] for key in batch if key in known}
            assert acme.usage.claim(batch) == before
            known = {**batch, **known}
        assert acme.usage.claim(dict.fromkeys(known, Claim(b"?", None))) == known

    def test_an_event_is_read_back_as_it_was_said(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        said = [
            things.usage_event(customer),
            things.usage_event(customer, key="order 1/ü"),
            replace(things.usage_event(customer), properties={}, subscription="sub_1"),
            replace(things.usage_event(customer), quantity=Decimal(10) ** 18 - 1),
            replace(things.usage_event(customer), quantity=Decimal("-0.000000001")),
        ]
        acme.usage.add(said)
        assert list(acme.usage.stored(NOW, LATER)) == said
        acme.usage.add([])

    def test_events_are_read_by_their_own_time(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        times = [NOW + n * timedelta(minutes=20) for n in range(-6, 7)]
        said = [things.usage_event(customer, at=at) for at in times]
        acme.usage.add(said)
        for start, end in (
            (NOW, NOW),
            (NOW, LATER),
            (NOW - HOUR, NOW + HOUR),
            (times[0], times[-1]),
            (NOW - 9 * DAY, NOW + 9 * DAY),
            (NOW.replace(year=1), NOW.replace(year=9999)),
        ):
            found = list(acme.usage.stored(start, end))
            assert found == [event for event in said if start <= event.time < end]

    def test_within_an_hour_events_come_in_order_of_arrival(self, store: Store) -> None:
        acme, random = Held(store), Random(3)  # noqa: S311  the same in every run
        customers = [ids.CUSTOMER.new() for _ in range(3)]
        said: list[StoredEvent] = []
        for _ in range(6):
            batch = [
                things.usage_event(
                    random.choice(customers), at=NOW + random.randint(-90, 90) * HOUR // 60
                )
                for _ in range(20)
            ]
            acme.usage.add(batch)
            said += batch
        by_hour = sorted(said, key=lambda event: event.time.replace(minute=0))
        start, end = NOW - DAY, NOW + DAY
        assert list(acme.usage.stored(start, end)) == by_hour
        for customer in customers:
            found = list(acme.usage.stored(start, end, customer=customer))
            assert found == [event for event in by_hour if event.customer == customer]

    def test_events_may_be_added_up_while_others_are_still_read(self, store: Store) -> None:
        acme = Held(store)
        said = [things.usage_event("c", at=NOW + n * HOUR // 900) for n in range(2_500)]
        acme.usage.add(said)

        def read_and_mark(work: Work) -> int:
            for number, _ in enumerate(work.usage.stored(NOW - DAY, NOW + DAY), 1):
                work.usage.mark("reader", number)
            return work.usage.marked("reader")

        assert acme.write(read_and_mark) == len(said)

    def test_the_newest_id_is_that_of_the_event_stored_last(self, store: Store) -> None:
        acme = Held(store)
        assert acme.usage.newest_id() is None
        said = [things.usage_event("c", at=NOW - n * DAY) for n in range(3)]
        for event in (said[1], said[2], said[0]):
            acme.usage.add([event])
            assert acme.usage.newest_id() == event.id

    def test_events_that_wait_are_listed_oldest_first(self, store: Store) -> None:
        acme, waiting = Held(store), _waiting()
        for event in waiting:
            acme.usage.add([event, things.usage_event("known")])
        found = pages(lambda after: acme.usage.unmatched(after, 2))
        assert found == [waiting[:2], waiting[2:4], waiting[4:]]
        for_event = acme.usage.unmatched(None, 10, reason="unknown_event")
        assert list(for_event) == waiting[3:]

    def test_events_are_found_by_what_they_wait_for(self, store: Store) -> None:
        acme, waiting = Held(store), _waiting()
        acme.usage.add(waiting)
        refs = ["user_2", "user_1", *(f"nobody_{number}" for number in range(1_200))]
        found = acme.usage.waiting_for_customer(refs)
        assert found == waiting[:3]
        assert acme.usage.waiting_for_customer(["cst"]) == []
        assert acme.usage.waiting_for_feature("tokens") == waiting[3:]
        assert acme.usage.waiting_for_feature("api_calls") == []

    def test_an_event_that_is_matched_waits_no_more(self, store: Store) -> None:
        acme, waiting, customer = Held(store), _waiting(), ids.CUSTOMER.new()
        acme.usage.add(waiting)
        matched = [
            replace(waiting[0], customer=customer, unmatched=None),
            replace(waiting[2], customer=customer, unmatched="unknown_event"),
        ]
        acme.usage.match(matched)
        left = acme.usage.unmatched(None, 10)
        assert sorted(left, key=lambda event: event.id) == [
            waiting[1],
            matched[1],
            *waiting[3:],
        ]
        found = list(acme.usage.stored(NOW, LATER, customer=customer))
        assert found == matched
        with refused(NotFound, "waiting_usage_event_not_found"):
            acme.usage.match([matched[0]])
        acme.usage.match([])

    def test_a_matched_event_counts_as_the_last_to_arrive(self, store: Store) -> None:
        acme, customer = Held(store), ids.CUSTOMER.new()
        early = things.usage_event("user_1", unmatched="unknown_customer")
        later = things.usage_event(customer)
        acme.usage.add([early, later])
        matched = replace(early, customer=customer, unmatched=None)
        acme.usage.match([matched])
        assert list(acme.usage.stored(NOW, LATER)) == [later, matched]
        assert acme.usage.newest_id() == matched.id

    def test_a_mark_never_goes_back(self, store: Store) -> None:
        acme = Held(store)
        assert acme.usage.marked("a") == 0
        for batch, marked in ((1, 1), (5, 5), (3, 5), (6, 6)):
            acme.usage.mark("a", batch)
            assert acme.usage.marked("a") == marked
        assert acme.usage.marked("b") == 0

    def test_the_schedules_of_customers_are_those_of_their_subscriptions(
        self, store: Store
    ) -> None:
        acme = Held(store)

        def fill(work: Work) -> list[Subscription]:
            customer, plan = things.customer(), things.plan()
            work.customers.add(customer)
            work.plans.add(plan)
            bought = [
                things.subscription(customer, plan, NOW, trial_end=NOW + DAY),
                things.subscription(customer, plan, NOW - DAY, end=NOW),
            ]
            for one in bought:
                work.subscriptions.add(one)
            return bought

        trial, ended = acme.write(fill)
        many = [trial.customer, *(things.unknown_customer() for _ in range(1_200))]
        assert acme.usage.schedules(many) == {
            trial.customer: [
                ServiceTimes(ended.start, ended.schedule(), ended.end),
                ServiceTimes(trial.start, trial.schedule(), None),
            ]
        }
        assert acme.usage.schedules([]) == {}


def _waiting() -> list[StoredEvent]:
    known = ids.CUSTOMER.new()
    return [
        things.usage_event("user_1", unmatched="unknown_customer"),
        things.usage_event("user_2", unmatched="unknown_customer"),
        things.usage_event("user_1", "tokens", unmatched="unknown_customer"),
        things.usage_event(known, "tokens", unmatched="unknown_event"),
        things.usage_event(known, "tokens", key="k", unmatched="unknown_event"),
    ]
