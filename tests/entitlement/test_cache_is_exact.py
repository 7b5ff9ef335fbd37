"""The cache says what the store and the buffer say, after anything that can happen in any order."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.engine.ports import Work
from ledger.engine.sequence import then
from ledger.entitlement.check import rule as ruling
from ledger.entitlement.check import terms_of
from ledger.entitlement.model import Entitlement, EntitlementFacts, Holding
from ledger.meter import operations as meter
from ledger.meter.acceptance import member_of, value_of
from ledger.meter.aggregation import Value, aggregate
from ledger.meter.buffer import Batch
from ledger.meter.model import EventResult, PropertyValue, Reading, UsageEvent
from ledger.plan import operations as plans
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Limit, Plan
from ledger.subscription import operations as subscriptions
from ledger.subscription.model import Attribution, Subscription
from ledger.types.errors import Invalid, LedgerError
from tests.entitlement.desk import TTL_S, Desk

FEATURES = [
    Feature("calls", "metered"),
    Feature("hits", "metered", Meter("calls", "count")),
    Feature("peak", "metered", Meter("calls", "max")),
    Feature("level", "metered", Meter("calls", "last")),
    Feature("tokens", "metered", Meter("calls", property="n", where={"model": "big"})),
    Feature("models", "metered", Meter("calls", "unique", property="model")),
    Feature("sizes", "metered", Meter("calls", "unique")),
    Feature("average", "metered", Meter("calls", "weighted_sum")),
    Feature("hours", "metered", Meter("calls", "weighted_sum", level="change", per="hour")),
    Feature("computed", "metered", Meter("calls", expression="2 * coalesce(n, quantity)")),
    Feature("seats", "licensed"),
    Feature("sso", "boolean"),
]
KEYS = [feature.key for feature in FEATURES]
PRO = Plan(
    "pro",
    "Pro",
    "USD",
    entitlements={
        "calls": Limit(10),
        "hits": Limit(3, per="day"),
        "peak": Limit(5, per="month", enforcement="soft"),
        "level": Limit(7, per="lifetime"),
        "tokens": True,
        "models": Limit(2),
        "sizes": Limit(3, per="day"),
        "average": Limit(2),
        "hours": Limit(100, per="lifetime"),
        "computed": Limit(20, per="month"),
        "seats": True,
        "sso": True,
    },
)
LITE = Plan(
    "lite",
    "Lite",
    "USD",
    interval="week",
    trial_days=10,
    entitlements={
        "calls": Limit(20, per="day"),
        "peak": Limit(4),
        "tokens": Limit(100),
        "models": Limit(1),
        "average": Limit(1),
    },
)
NAMES = ["jane", "bob", "late", "moved"]
REFS = st.sampled_from(["jane", "jane", "jane", *NAMES])
MOVES = [timedelta(minutes=1), timedelta(hours=7), timedelta(days=1), timedelta(days=20)]

create_customer = then(customers.create, meter.match_customer)
update_customer = then(customers.update, meter.match_customer)


@st.composite
def events(draw: st.DrawFn) -> tuple[UsageEvent, timedelta | None, int]:
    """An event, how far from now its time is, and which subscription it names (0: none)."""
    quantities: list[int | Decimal] = [1, 2, 6, Decimal("0.5"), -1]
    properties: list[dict[str, PropertyValue]] = [
        {},
        {"model": "big", "n": 3},
        {"model": "small", "n": 3},
        {"model": "big", "n": "x"},
    ]
    event = UsageEvent(
        "calls",
        draw(REFS),
        draw(st.sampled_from(quantities)),
        key=draw(st.sampled_from([None, None, None, "a", "b"])),
        properties=draw(st.sampled_from(properties)),
    )
    off = draw(st.sampled_from([None, None, None, None, *MOVES, *(-move for move in MOVES)]))
    return event, off, draw(st.integers(-4, 2))


def without_as_of(told: dict[str, Entitlement]) -> dict[str, Entitlement]:
    return {key: msgspec.structs.replace(answer, as_of=None) for key, answer in told.items()}


def _customer_and_subscriptions(work: Work, ref: str) -> tuple[Customer | None, list[Subscription]]:
    customer = work.customers.find(ref)
    return customer, [] if customer is None else work.subscriptions.of([customer.id])


class Exactness(RuleBasedStateMachine):
    """One tenant: a few customers, two plans, and somebody who knows every event."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.plans: dict[tuple[str, int], Plan] = {}
        self.subscriptions: list[Subscription] = []
        self.waiting: list[Reading] = []
        self.stored: list[Reading] = []  # as the store has them: by id, once the customer is known
        self.in_flight: tuple[Batch, list[EventResult]] | None = None

    @initialize()
    def open(self) -> None:
        for feature in FEATURES:
            self.desk.do(plans.create_feature, feature)
        for plan in (PRO, LITE):
            self.on_sale(self.desk.do(plans.create, plan))
        for name in ("jane", "bob"):
            self.desk.do(create_customer, name, external_id=name)
        self.subscribe("jane", "pro", None, None, "customer")

    # What can happen

    @rule(event=events())
    def meter(self, event: tuple[UsageEvent, timedelta | None, int]) -> None:
        self.waiting.append(self.desk.meter(self.event(*event)))

    @rule(event=events())
    def record(self, event: tuple[UsageEvent, timedelta | None, int]) -> None:
        given = self.event(*event)
        reading = self.desk.stamped(given)
        [result] = self.desk.record(given)
        if result.outcome == "accepted":
            self.store(reading)

    @precondition(lambda self: self.in_flight is None)
    @rule()
    def commit(self) -> None:
        batch = self.desk.take()
        if batch is None:
            return
        results = self.desk.store_batch(batch)
        for reading, result in zip(batch.readings, results, strict=True):
            self.waiting.remove(reading)
            if result.outcome == "accepted":
                self.store(reading)
        self.in_flight = batch, results

    @precondition(lambda self: self.in_flight is not None)
    @rule()
    def settle(self) -> None:
        if self.in_flight is not None:
            self.desk.buffer.stored(*self.in_flight)
            self.in_flight = None

    @rule(
        ref=REFS,
        plan=st.sampled_from(["pro", "lite"]),
        start=st.none() | st.sampled_from([*MOVES, *(-move for move in MOVES)]),
        trial_days=st.none() | st.sampled_from([0, 1, 30]),
        attribution=st.sampled_from(["customer", "named"]),
    )
    def subscribe(
        self,
        ref: str,
        plan: str,
        start: timedelta | None,
        trial_days: int | None,
        attribution: Attribution,
    ) -> None:
        begins = None if start is None else self.desk.clock.now() + start
        with suppress(LedgerError):
            made = self.desk.do(
                subscriptions.create,
                ref,
                plan,
                start=begins,
                trial_days=trial_days,
                attribution=attribution,
            )
            self.subscriptions.append(made)

    @precondition(lambda self: self.subscriptions)
    @rule(index=st.integers(0, 9), when=st.sampled_from(["now", "period_end"]), back=st.booleans())
    def end_or_go_on(self, index: int, when: str, back: bool) -> None:
        id = self.subscriptions[index % len(self.subscriptions)].id  # noqa: A001 - the usual name
        with suppress(LedgerError):
            if back:
                self.desk.do(subscriptions.uncancel, id)
            elif when == "now":
                self.desk.do(subscriptions.cancel, id, at="now")
            else:
                self.desk.do(subscriptions.cancel, id, at="period_end")

    @rule()
    def appear(self) -> None:
        with suppress(LedgerError):
            late = self.desk.do(create_customer, "Late", external_id="late")
            self.match(late.refs, late.id)

    @rule(back=st.booleans())
    def change_name(self, back: bool) -> None:
        with suppress(LedgerError):
            before, after = ("moved", "bob") if back else ("bob", "moved")
            bob = self.desk.do(update_customer, before, external_id=after)
            self.match(bob.refs, bob.id)

    @rule(limit=st.integers(0, 12))
    def publish(self, limit: int) -> None:
        entitlements = {**PRO.entitlements, "calls": Limit(limit)}
        self.desk.do(plans.update, "pro", Plan("pro", "Pro", "USD", entitlements=entitlements))
        self.on_sale(self.desk.do(plans.publish, "pro"))

    @rule(by=st.sampled_from([*MOVES, *(-move for move in MOVES)]))
    def move_clock(self, by: timedelta) -> None:
        self.desk.clock.advance(by)

    @rule()
    def live_out(self) -> None:
        self.desk.seconds += TTL_S

    @rule(ref=st.sampled_from(NAMES[1:]))
    def check(self, ref: str) -> None:
        for key in KEYS:
            self.desk.entitled(ref, key)

    @rule(
        ref=REFS,
        key=st.sampled_from(KEYS),
        before=st.lists(st.sampled_from(["meter", "record", "commit", "settle", "end"])),
        after=st.lists(st.sampled_from(["meter", "record", "commit", "settle", "end"])),
        event=events(),
    )
    def check_while(
        self,
        ref: str,
        key: str,
        before: list[str],
        after: list[str],
        event: tuple[UsageEvent, timedelta | None, int],
    ) -> None:
        """Things happen between a look at the buffer and the read, and before the read is kept."""
        happenings: dict[str, Callable[[], None]] = {
            "meter": lambda: self.meter(event),
            "record": lambda: self.record(event),
            "commit": lambda: None if self.in_flight else self.commit(),
            "settle": self.settle,
            "end": lambda: self.end_or_go_on(0, "now", back=False) if self.subscriptions else None,
        }
        self.desk.runner.before = lambda: [happenings[name]() for name in before]
        self.desk.runner.after = lambda: [happenings[name]() for name in after]
        self.desk.checks.read(self.desk.buffer, self.desk.writer, ref, key)

    # What has to hold

    @invariant()
    def what_is_told_is_true(self) -> None:
        told = {key: self.desk.entitled("jane", key) for key in KEYS}
        assert without_as_of(told) == self.expected("jane")

    @invariant()
    def what_is_cached_is_true(self) -> None:
        for ref in NAMES:
            answers = {key: self.desk.cached(ref, key) for key in KEYS}
            told = {key: answer for key, answer in answers.items() if answer is not None}
            if told:
                assert without_as_of(told).items() <= self.expected(ref).items()

    def teardown(self) -> None:
        self.desk.store.close()

    # Who knows every event

    def expected(self, ref: str) -> dict[str, Entitlement]:
        """By definition: all facts, and all events one by one."""
        customer, subscribed = self.desk.look(_customer_and_subscriptions, ref)
        refs = (ref,) if customer is None else customer.refs
        told: dict[str, Entitlement] = {}
        for feature in FEATURES:
            holdings = tuple(
                Holding(each, self.plans[each.plan, each.plan_version].included(feature.key))
                for each in subscribed
            )
            facts = EntitlementFacts(None, refs, feature, holdings, self.desk.clock.now(), "UTC")
            told[feature.key] = self.decided(facts)
        return told

    def decided(self, facts: EntitlementFacts) -> Entitlement:
        terms = terms_of(facts)
        used = Decimal(0)
        if terms.period is not None:
            period, values = terms.period.period, self.values(facts, terms.names)
            meter = facts.feature.meter or Meter("calls")
            is_weighted = meter.aggregation == "weighted_sum"
            end = min(period.end, facts.at) if is_weighted else period.end
            used = aggregate(
                meter.aggregation,
                values,
                period.start,
                end,
                level=meter.level,
                per=meter.per,
                whole=period,
            ).quantity
        return ruling(terms, used).on(1)

    def values(
        self, facts: EntitlementFacts, names: frozenset[str]
    ) -> Iterator[tuple[datetime, Value]]:
        meter = facts.feature.meter or Meter("calls")
        read = member_of if meter.aggregation == "unique" else value_of
        for reading in [*self.stored, *self.waiting]:
            if reading.customer in facts.refs and (reading.subscription or "") in names:
                with suppress(Invalid):
                    value = read(meter, reading)
                    if value is not None:
                        yield reading.time, value

    def on_sale(self, plan: Plan) -> None:
        self.plans[plan.id, plan.version] = plan

    def event(self, event: UsageEvent, off: timedelta | None, names: int) -> UsageEvent:
        time = None if off is None else self.desk.clock.now() + off
        subscription = None
        if names > 0 and self.subscriptions:
            subscription = self.subscriptions[names % len(self.subscriptions)].id
        return msgspec.structs.replace(event, time=time, subscription=subscription)

    def store(self, reading: Reading) -> None:
        known = self.desk.look(lambda work: work.customers.find(reading.customer))
        name = reading.customer if known is None else known.id
        self.stored.append(msgspec.structs.replace(reading, customer=name))

    def match(self, refs: tuple[str, ...], id: str) -> None:
        self.stored = [
            msgspec.structs.replace(one, customer=id) if one.customer in refs else one
            for one in self.stored
        ]


Exactness.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestExactness = Exactness.TestCase
