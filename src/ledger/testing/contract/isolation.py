"""Tenancy: two scopes may say the same names, and neither sees a thing of the other."""

from collections.abc import Callable
from datetime import timedelta

from ledger.invoice.model import BoundaryRecord
from ledger.meter.model import Claim
from ledger.testing.contract import things
from ledger.testing.contract.counted import level, membership
from ledger.testing.contract.rollups import HOUR, rollup
from ledger.testing.contract.store import (
    ACME,
    NOW,
    OTHER_APP,
    OTHER_TENANT,
    Held,
    Store,
    Work,
    refused,
)
from ledger.types.errors import Conflict, NotFound
from ledger.types.ids import FEATURE, USAGE_EVENT, FeatureId

KEY, CONTENT = b"k" * 16, Claim(b"content", NOW)


class _Everything:
    """One of each thing, to be stored under the same names in several scopes."""

    def __init__(self) -> None:
        self.feature, self.plan = things.feature(), things.plan()
        self.customer = things.customer("user_1")
        self.subscription = things.subscription(self.customer, self.plan)
        self.invoice = things.invoice(self.subscription).finalized("INV-1", NOW)
        self.event = things.usage_event(self.customer.id)
        self.waiting = things.usage_event("stranger", unmatched="unknown_customer")
        self.refused = things.rejected_event()

    @property
    def key(self) -> bytes:
        """The digest of the event's key."""
        return USAGE_EVENT.uuid_bytes(self.event.id)

    def store(self, work: Work) -> None:
        """Store all of it."""
        work.features.add(self.feature)
        work.plans.add(self.plan)
        work.customers.add(self.customer)
        work.subscriptions.add(self.subscription)
        work.invoices.add(self.invoice)
        work.invoices.add_boundary(BoundaryRecord(self.subscription.id, NOW, "recurring"))
        assert work.invoices.next_number("INV") == 1
        assert work.usage.claim({KEY: CONTENT, self.key: Claim(b"said", NOW)}) == {}
        work.usage.add([self.event, self.waiting])
        work.usage.add_up("sum", [rollup(self.customer.id, self.feature.id)])
        work.usage.reject([self.refused])
        work.usage.add_members([membership(self.customer.id, self.feature.id, 1)])
        work.usage.put_levels([level(self.customer.id, self.feature.id)])
        work.usage.mark("writer", 7)
        assert work.usage.expire((HOUR - 1, HOUR), NOW, 1) == (0, HOUR)
        work.due.put("billing", self.subscription.id, NOW)
        work.events.add(things.Noted("stored"))

    def looks(self) -> list[Callable[[Work], object]]:
        """Every way to ask for it, each with an answer that is empty where it is not."""
        of, start, end = self.customer.id, NOW - timedelta(days=1), NOW + timedelta(days=1)
        feature = FeatureId(self.feature.id)
        return [
            lambda work: work.features.find([self.feature.key]),
            lambda work: work.features.metering(["api_calls"]),
            lambda work: work.features.page(None, 10).items,
            lambda work: work.plans.page(None, 10).items,
            lambda work: work.customers.find("user_1"),
            lambda work: work.customers.find(of),
            lambda work: work.customers.resolve(["user_1", of]),
            lambda work: work.customers.page(None, 10).items,
            lambda work: work.subscriptions.of([of]),
            lambda work: work.subscriptions.page(None, 10).items,
            lambda work: work.invoices.page(None, 10).items,
            lambda work: work.invoices.boundaries(self.subscription.id),
            lambda work: work.invoices.billed(self.subscription.id, start),
            lambda work: work.usage.rollups(of, feature, HOUR, HOUR + 1),
            lambda work: work.usage.rollup_before(of, feature, HOUR + 1),
            lambda work: list(work.usage.members(of, feature, HOUR, HOUR + 1)),
            lambda work: work.usage.distinct(of, feature, HOUR * 4, HOUR * 4 + 4),
            lambda work: work.usage.distinct_members(of, feature, HOUR * 4, HOUR * 4 + 4),
            lambda work: work.usage.levels(of, feature, HOUR, HOUR + 1),
            lambda work: list(work.usage.stored(start, end)),
            lambda work: list(work.usage.stored(start, end, customer=of)),
            lambda work: work.usage.page(None, 10).items,
            lambda work: work.usage.find({self.key: self.event.key}),
            lambda work: work.usage.unmatched(None, 10).items,
            lambda work: work.usage.waiting_for_customer(["stranger"]),
            lambda work: work.usage.waiting_for_feature("api_calls"),
            lambda work: work.usage.rejected(None, 10).items,
            lambda work: work.usage.rejected_by_id([self.refused.id]),
            lambda work: work.usage.marked("writer"),
            lambda work: work.usage.schedules([of]),
            lambda work: work.usage.newest_id(),
            lambda work: work.due.get("billing", self.subscription.id),
            lambda work: work.due.list("billing", end, 10),
            lambda work: work.events.page(None, 10).items,
            lambda work: work.usage.oldest_hour(),
            lambda work: work.usage.has_rollups(feature),
            lambda work: work.usage.touched(of, feature, start),
            lambda work: work.usage.expired_before(),
        ]

    def demands(self) -> list[Callable[[Work], object]]:
        """Every way to ask for a thing that has to be there."""
        return [
            lambda work: work.features.get(self.feature.key),
            lambda work: work.features.get(self.feature.id),
            lambda work: work.plans.get("pro"),
            lambda work: work.plans.get(self.plan.id, 1),
            lambda work: work.plans.latest("pro"),
            lambda work: work.plans.versions("pro"),
            lambda work: work.customers.get("user_1"),
            lambda work: work.customers.get(self.customer.id),
            lambda work: work.subscriptions.get(self.subscription.id),
            lambda work: work.invoices.get(self.invoice.id),
            lambda work: work.invoices.get("INV-1"),
        ]

    def changes(self) -> list[tuple[Callable[[Work], object], type[Exception]]]:
        """Every way to change a thing that has to be there, and how it is refused where not."""
        return [
            (lambda work: work.features.save(self.feature), NotFound),
            (lambda work: work.plans.save(self.plan), NotFound),
            (lambda work: work.customers.save(self.customer.archived()), Conflict),
            (lambda work: work.subscriptions.save(self.subscription.cancel(NOW, NOW)), Conflict),
            (lambda work: work.invoices.save(self.invoice.voided(NOW, "wrong")), Conflict),
            (
                lambda work: work.invoices.move_boundary(
                    BoundaryRecord(self.subscription.id, NOW, "recurring")
                ),
                NotFound,
            ),
            (lambda work: work.usage.match([self.waiting]), NotFound),
            (lambda work: work.usage.void([things.voided(self.event)]), NotFound),
            (lambda work: work.usage.reclaim({KEY: CONTENT}), NotFound),
        ]


class IsolationContract:
    """Nobody reads, changes, or is kept from a name by another tenant or app."""

    def test_another_scope_sees_nothing(self, store: Store) -> None:
        everything = _Everything()
        Held(store).write(everything.store)
        for scope in (OTHER_TENANT, OTHER_APP):
            stranger = Held(store, scope)
            for number, look in enumerate(everything.looks()):
                assert not stranger.read(look), f"look {number} found something in {scope}"
            for number, demand in enumerate(everything.demands()):
                try:
                    stranger.read(demand)
                except NotFound:
                    continue
                raise AssertionError(f"demand {number} found something in {scope}")

    def test_another_scope_changes_nothing(self, store: Store) -> None:
        everything = _Everything()
        Held(store).write(everything.store)
        stranger = Held(store, OTHER_TENANT)
        for number, (change, refusal) in enumerate(everything.changes()):
            try:
                stranger.write(change)
            except refusal:
                continue
            raise AssertionError(f"change {number} was not refused")
        stranger.write(lambda work: work.due.put("billing", everything.subscription.id, None))
        stranger.write(lambda work: work.usage.drop_rollups(everything.feature.id))
        stranger.write(lambda work: work.usage.drop_rejected([everything.refused.id]))
        later = NOW + timedelta(days=1)
        assert stranger.write(lambda work: work.usage.expire((0, HOUR + 1), later, 9))[0] == 0
        stranger.write(lambda work: work.usage.forget_marks(later))
        acme = Held(store)
        assert acme.read(lambda work: work.customers.get("user_1")) == everything.customer
        assert acme.read(lambda work: work.invoices.get("INV-1")) == everything.invoice
        for number, look in enumerate(everything.looks()):
            if number not in _NOTHING_STORED:
                assert acme.read(look), f"look {number} lost something"

    def test_the_same_names_and_ids_live_in_every_scope(self, store: Store) -> None:
        everything = _Everything()
        for scope in (ACME, OTHER_TENANT, OTHER_APP):
            Held(store, scope).write(everything.store)
        for scope in (ACME, OTHER_TENANT, OTHER_APP):
            found = Held(store, scope).read(lambda work: work.customers.page(None, 10))
            assert found.items == (everything.customer,)
        due = store.due("billing", NOW, 10)
        assert {scope for scope, _ in due} == {ACME, OTHER_TENANT, OTHER_APP}

    def test_names_that_run_together_are_different_scopes(self, store: Store) -> None:
        one, other = type(ACME)("a", "bc"), type(ACME)("ab", "c")
        Held(store, one).write(lambda work: work.features.add(things.feature()))
        with refused(NotFound, "feature_not_found"):
            Held(store, other).read(lambda work: work.features.get("api_calls"))
        assert FEATURE.is_(Held(store, one).read(lambda work: work.features.get("api_calls").id))


# `billed` and `waiting_for_feature`: `_Everything` has none of them.
_NOTHING_STORED = {12, 25}
