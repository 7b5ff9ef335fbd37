"""Subscriptions: versions, who has which, and a status that follows from the dates."""

from datetime import timedelta
from typing import get_args

from ledger.subscription.model import Subscription, SubscriptionStatus
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held, Store, Work, pages, refused
from ledger.types import ids
from ledger.types.errors import Conflict, NotFound

DAY = timedelta(days=1)


class SubscriptionContract:
    """What a `SubscriptionRepository` promises."""

    def test_a_subscription_is_read_as_of_now(self, store: Store) -> None:
        stored = Held(store).write(things.subscribed)
        later = Held(store, at=NOW + DAY)
        found = later.subscriptions.get(stored.id)
        assert found.as_of == NOW + DAY
        at_first = Held(store).subscriptions.get(stored.id)
        assert at_first == stored

    def test_a_subscription_that_is_not_there_is_not_found(self, store: Store) -> None:
        with refused(NotFound, "subscription_not_found"):
            Held(store).subscriptions.get(ids.SUBSCRIPTION.new())

    def test_a_version_is_replaced_by_the_next_one_only(self, store: Store) -> None:
        acme = Held(store)
        stored = acme.write(things.subscribed)
        canceled = stored.cancel(NOW, NOW + DAY)
        acme.subscriptions.save(canceled)
        assert acme.subscriptions.get(stored.id) == canceled
        with refused(Conflict, "subscription_changed"):
            acme.subscriptions.save(canceled)
        with refused(Conflict, "subscription_changed"):
            acme.subscriptions.save(stored.cancel(NOW, NOW))

    def test_all_subscriptions_of_some_customers_are_found_oldest_first(self, store: Store) -> None:
        acme = Held(store)

        def fill(work: Work) -> list[Subscription]:
            customers = [things.customer() for _ in range(3)]
            plan = things.plan()
            work.plans.add(plan)
            for customer in customers:
                work.customers.add(customer)
            bought = [things.subscription(customers[n % 2], plan) for n in range(6)]
            for one in reversed(bought):
                work.subscriptions.add(one)
            ended = things.subscription(customers[2], plan, NOW - 2 * DAY, end=NOW - DAY)
            work.subscriptions.add(ended)
            return [*bought, ended]

        all_of_them = acme.write(fill)
        wanted = [one.customer for one in (all_of_them[0], all_of_them[1], all_of_them[-1])]
        many = [*wanted, *(things.unknown_customer() for _ in range(1_200))]
        assert acme.subscriptions.of(many) == all_of_them
        found = acme.subscriptions.of(wanted[:1])
        assert found == all_of_them[0:6:2]
        assert acme.subscriptions.of([]) == []

    def test_the_status_asked_for_is_the_one_that_the_model_computes(self, store: Store) -> None:
        acme = Held(store)
        dates = [NOW - DAY, NOW, NOW + DAY]

        def fill(work: Work) -> None:
            customer, plan = things.customer(), things.plan()
            work.customers.add(customer)
            work.plans.add(plan)
            for start in dates:
                for trial_end in (None, start, start + DAY, start + 2 * DAY):
                    for end in (None, *dates):
                        one = things.subscription(customer, plan, start, trial_end, end)
                        work.subscriptions.add(one)

        acme.write(fill)
        for at in (*dates, NOW - 9 * DAY, NOW + 9 * DAY):
            held = Held(store, at=at)
            everything = held.subscriptions.page(None, 100).items
            for status in get_args(SubscriptionStatus):
                found = held.subscriptions.page(None, 100, status=status)
                assert list(found) == [one for one in everything if one.status == status]

    def test_subscriptions_are_listed_oldest_first_in_pages(self, store: Store) -> None:
        acme = Held(store)
        added = [acme.write(things.subscribed) for _ in range(5)]
        found = pages(lambda after: acme.subscriptions.page(after, 2))
        assert found == [added[:2], added[2:4], added[4:]]
        of_one = acme.subscriptions.page(None, 10, customer=added[2].customer)
        assert of_one.items == (added[2],)
