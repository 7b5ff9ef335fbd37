"""Whatever is done in whatever order: a subscription keeps its promises."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)
from msgspec.structs import replace

from ledger.customer import operations as customers
from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.price import Price
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Attribution, Subscription
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import SubscriptionId
from tests.plan.desk import Desk
from tests.plan.making import plan_of

DAYS = st.integers(-40, 40)


def attempt(move: Callable[[], Subscription]) -> Subscription | Conflict | Invalid:
    """What a move makes of a subscription, or how it is refused."""
    try:
        return move()
    except (Conflict, Invalid) as refused:
        return refused


class Lifecycle(RuleBasedStateMachine):
    """One customer who subscribes and cancels while time passes."""

    made: Bundle[SubscriptionId] = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.known: dict[SubscriptionId, Subscription] = {}
        self.ended: set[SubscriptionId] = set()
        self.desk.do(plans.create_feature, Feature("api_calls", "metered"))
        usage = plan_of(Price.per_unit("api_calls", 1), key="usage")
        self.usage = self.desk.do(plans.create, usage).id
        self.desk.do(plans.create, plan_of(key="free", interval="week"))
        self.jane = self.desk.do(customers.create, "Jane", time_zone="America/New_York").id

    def teardown(self) -> None:
        self.desk.store.close()

    @rule(days=st.integers(0, 40), hours=st.integers(0, 23))
    def let_time_pass(self, days: int, hours: int) -> None:
        self.desk.now += timedelta(days=days, hours=hours)

    @rule(
        target=made,
        plan=st.sampled_from(["usage", "free"]),
        days=DAYS,
        trial_days=st.integers(0, 40),
        attribution=st.sampled_from(["customer", "customer", "named"]),
    )
    def subscribe(
        self, plan: str, days: int, trial_days: int, attribution: Attribution
    ) -> SubscriptionId | MultipleResults[SubscriptionId]:
        start = self.desk.now + timedelta(days=days)
        new = attempt(
            lambda: self.desk.do(
                subscriptions.create,
                self.jane,
                plan,
                start=start,
                trial_days=trial_days,
                attribution=attribution,
            )
        )
        if not isinstance(new, Subscription):
            assert new.code == "feature_already_priced"
            assert (plan, attribution) == ("usage", "customer")
            assert any(each.end is None or each.end > start for each in self.pricing())
            return multiple()
        self.known[new.id] = new
        return new.id

    @rule(id=made, at=st.sampled_from(["now", "period_end"]))
    def cancel(self, id: SubscriptionId, at: Literal["now", "period_end"]) -> None:
        self.move(id, lambda: self.desk.do(subscriptions.cancel, id, at=at))
        assert at == "period_end" or id in self.over()

    @rule(id=made, days=DAYS)
    def cancel_at_an_instant(self, id: SubscriptionId, days: int) -> None:
        end = self.desk.now + timedelta(days=days)
        self.move(id, lambda: self.desk.do(subscriptions.cancel, id, at=end))
        assert days >= 0 or self.known[id].end != end

    @rule(id=made)
    def uncancel(self, id: SubscriptionId) -> None:
        self.move(id, lambda: self.desk.do(subscriptions.uncancel, id))

    def move(self, id: SubscriptionId, move: Callable[[], Subscription]) -> None:
        """Make a move that is legal, or see it refused for the right reason."""
        before, after = self.known[id], attempt(move)
        if isinstance(after, Subscription):
            assert id not in self.over()
            assert after.version == before.version + 1
            self.known[id] = after
        else:
            reasons = {
                "subscription_canceled": id in self.over(),
                "nothing_to_undo": before.end is None,
                "end_in_the_past": True,
                "feature_already_priced": before in self.pricing(),
            }
            assert reasons[after.code]

    def over(self) -> set[SubscriptionId]:
        """What has ended by now."""
        now = self.desk.now
        return {each.id for each in self.known.values() if each.end and each.end <= now}

    def pricing(self) -> list[Subscription]:
        """What prices all of the customer's usage, at some time or other."""
        return [
            each
            for each in self.known.values()
            if each.plan == self.usage and each.attribution == "customer"
        ]

    @invariant()
    def what_is_stored_is_what_was_last_said(self) -> None:
        for known in self.known.values():
            stored = self.desk.do(subscriptions.get, known.id)
            assert stored == replace(known, as_of=self.desk.now)

    @invariant()
    def the_end_is_final(self) -> None:
        assert self.ended <= self.over()
        self.ended = self.over()
        for each in self.ended:
            assert self.desk.do(subscriptions.get, each).status == "canceled"

    @invariant()
    def usage_is_priced_once(self) -> None:
        pricing = self.pricing()
        for at in {each.start for each in pricing}:
            served = [each for each in pricing if each.status_at(at) in {"trialing", "active"}]
            assert len(served) <= 1


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=25, stateful_step_count=20)
