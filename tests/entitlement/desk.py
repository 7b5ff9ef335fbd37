"""A checking desk without an engine around it: a store in memory, a buffer that is emptied by hand.

A batch is stored and told of in separate steps, so that a test can look in between.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Concatenate, ParamSpec, TypeVar
from weakref import finalize

from ledger.engine.checking import Checks
from ledger.engine.ports import Work
from ledger.engine.runner import Runner
from ledger.entitlement.model import Entitlement
from ledger.meter import operations as meter
from ledger.meter.acceptance import stamp
from ledger.meter.buffer import Batch, Buffer
from ledger.meter.config import MeterConfig
from ledger.meter.model import EventResult, Reading, UsageEvent
from ledger.plan import operations as plans
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Limit, Plan
from ledger.store.memory import open_memory
from ledger.testing.clock import MovableClock
from ledger.types.scope import Scope

P = ParamSpec("P")
R = TypeVar("R")

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TTL_S = 30


class Interrupted(Runner):
    """A runner in whose work others come between, once: `before` it begins, `after` it is done."""

    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None

    def run(self, scope: Scope, work: Callable[[Work], R], *, writes: bool) -> R:
        before, after = self.before, self.after
        self.before = self.after = None
        if before is not None:
            before()
        result = super().run(scope, work, writes=writes)
        if after is not None:
            after()
        return result


class Desk:
    """One tenant of a store in memory, its buffer, and the checks of this process."""

    def __init__(self, *, customers_max: int = 100) -> None:
        self.scope, self.writer = Scope("acme"), "here"
        self.clock, self.seconds = MovableClock(NEW_YEAR), 0
        self.store = open_memory()
        finalize(self, self.store.close)
        self.store.migrate()
        self.runner = Interrupted(self.store, self.clock)
        self.checks = Checks(
            self.runner, customers_max=customers_max, ttl_s=TTL_S, seconds=lambda: self.seconds
        )
        self.buffer = Buffer(self.scope, MeterConfig(), self, None)

    def do(
        self, operation: Callable[Concatenate[Work, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """An operation that writes."""
        return self.runner.run(
            self.scope, lambda work: operation(work, *args, **kwargs), writes=True
        )

    def look(
        self, operation: Callable[Concatenate[Work, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """An operation that reads."""
        return self.runner.run(
            self.scope, lambda work: operation(work, *args, **kwargs), writes=False
        )

    def stamped(self, event: UsageEvent) -> Reading:
        return stamp(event, self.clock.now())

    def meter(self, event: UsageEvent) -> Reading:
        reading = self.stamped(event)
        self.buffer.add(reading)
        return reading

    def record(self, *events: UsageEvent) -> list[EventResult]:
        results = self.do(meter.record, events)
        self.checks.recorded(self.scope, [event.customer for event in events])
        return results

    def take(self) -> Batch | None:
        return self.buffer.take()

    def store_batch(self, batch: Batch) -> list[EventResult]:
        results = self.do(meter.record_readings, batch.readings, self.writer, batch.number)
        self.checks.stored(self.scope, batch.number, batch.readings, results)
        return results

    def flush(self) -> None:
        while (batch := self.take()) is not None:
            self.buffer.stored(batch, self.store_batch(batch))

    def cached(
        self, customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement | None:
        return self.checks.cached(self.scope, customer, feature, quantity)

    def entitled(
        self, customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement:
        answer = self.cached(customer, feature, quantity)
        if answer is not None:
            return answer
        return self.checks.read(self.buffer, self.writer, customer, feature, quantity)

    def used(self, feature: str = "calls") -> Decimal:
        return self.entitled("jane", feature).used

    def cached_used(self, feature: str = "calls") -> Decimal | None:
        answer = self.cached("jane", feature)
        return None if answer is None else answer.used

    def wake(self, buffer: Buffer) -> None:
        """Nobody empties the buffer but the test."""

    def is_current_thread(self) -> bool:
        return False


PRO = Plan(
    "pro",
    "Pro",
    "USD",
    entitlements={
        "calls": Limit(10),
        "days": Limit(10, per="day"),
        "peak": Limit(5),
        "big": True,
        "level": True,
        "sizes": True,
        "hours": Limit(10),
        "sso": True,
    },
)


def opened(desk: Desk) -> Desk:
    for feature in (
        Feature("calls", "metered"),
        Feature("days", "metered", Meter("calls")),
        Feature("peak", "metered", Meter("calls", "max")),
        Feature("big", "metered", Meter("calls", where={"model": "big"})),
        Feature("level", "metered", Meter("calls", "last")),
        Feature("sizes", "metered", Meter("calls", "unique")),
        Feature("hours", "metered", Meter("calls", "weighted_sum", per="hour")),
        Feature("sso", "boolean"),
    ):
        desk.do(plans.create_feature, feature)
    desk.do(plans.create, PRO)
    return desk
