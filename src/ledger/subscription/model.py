"""A subscription keeps facts: start, trial, anchor, end. Its status follows from them and a date.

Nothing has to run for a trial to end or a cancellation to take effect (SEMANTICS §8).
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from ledger.types.errors import Conflict, Invalid, shown
from ledger.types.ids import CustomerId, PlanId, SubscriptionId
from ledger.types.period import Anchor, Calendar, Interval, Period, Schedule
from ledger.types.zone import instant_text, midnight, utc

SubscriptionStatus = Literal["scheduled", "trialing", "active", "canceled"]
Attribution = Literal["customer", "named"]

CancelAt = Literal["now", "period_end"] | date | datetime

ATTRIBUTIONS: tuple[Attribution, ...] = get_args(Attribution)


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's plan, pinned to one version, with its own zone, currency and anchor.

    Times are UTC instants. `trial_end` is None without a trial. `end` is the first instant that
    is not served: a cancellation sets it, now or ahead. `attribution` is `customer` when the
    customer's usage counts here unless it names another subscription, `named` when only events
    that name this one do. `as_of` is the instant at which the subscription was read; `status`
    holds then.
    """

    id: SubscriptionId
    customer: CustomerId
    plan: PlanId
    plan_version: int
    currency: str
    time_zone: str
    start: datetime
    trial_end: datetime | None = None
    anchor: Anchor
    interval: Interval
    quantities: dict[str, Decimal] = {}
    attribution: Attribution = "customer"
    end: datetime | None = None
    canceled_at: datetime | None = None
    created_at: datetime
    metadata: dict[str, str] = {}
    version: int = 1
    as_of: datetime

    def __post_init__(self) -> None:
        if self.trial_end is not None and self.trial_end < self.start:
            raise Invalid(
                f"the trial of subscription {self.id} ends before it starts",
                code="bad_trial",
                param="trial_end",
            )
        if self.attribution not in ATTRIBUTIONS:
            raise Invalid(
                f"an attribution is one of {', '.join(ATTRIBUTIONS)}, not"
                f" {shown(self.attribution)}",
                code="bad_attribution",
                param="attribution",
            )

    @property
    def status(self) -> SubscriptionStatus:
        """The status at `as_of`."""
        return self.status_at(self.as_of)

    def status_at(self, at: datetime) -> SubscriptionStatus:
        """What the facts say about an instant. Source: SEMANTICS §8."""
        if self.end is not None and at >= self.end:
            return "canceled"
        if at < self.start:
            return "scheduled"
        return "trialing" if self.trial_end is not None and at < self.trial_end else "active"

    @property
    def billing_start(self) -> datetime:
        """Boundary 0: the end of the trial, or the start without one. Nothing is billed before."""
        return self.trial_end or self.start

    def schedule(self, interval: Interval | None = None) -> Schedule:
        """The billing periods, at the plan's interval or at another that divides it.

        They go on after the end; whoever counts stops there.
        """
        calendar = Calendar(self.anchor, interval or self.interval, self.time_zone)
        return Schedule(self.billing_start, calendar)

    def period_at(self, at: datetime) -> Period:
        """The billing period that holds an instant; during the trial, the trial.

        Raises:
            Invalid: (`before_start`) the instant is before the start.
        """
        if self.trial_end is not None and self.start <= at < self.trial_end:
            return Period(self.start, self.trial_end, self.time_zone)
        return self.schedule().period_at(at)

    def end_at(self, at: CancelAt, now: datetime) -> datetime:
        """The first instant not served when a cancellation asks for `at`, decided at `now`.

        A date is the first day not served, by the subscription's zone. Before its start a
        subscription has no period to see out, so then the end of the period is now.

        Raises:
            Invalid: (`bad_end`) it asks for something else; (`naive_datetime`) for no instant.
        """
        if isinstance(at, datetime):
            return utc(at)
        if isinstance(at, date):
            return midnight(at, self.time_zone)
        if at == "period_end":
            return now if now < self.start else self.period_at(now).end
        if at == "now":
            return now
        raise Invalid(
            f"a subscription ends 'now', at 'period_end', on a date or at an instant, not"
            f" {shown(at)}",
            code="bad_end",
            param="at",
        )

    def overlaps(self, other: "Subscription") -> bool:
        """Whether both are served at some instant."""
        starts = max(self.start, other.start)
        ends = [end for end in (self.end, other.end) if end is not None]
        return not ends or starts < min(ends)

    def cancel(self, now: datetime, end: datetime) -> "Subscription":
        """The subscription, ending at `end`, which is now or later. It may be set anew.

        Raises:
            Conflict: (`subscription_canceled`) it has ended.
            Invalid: (`end_in_the_past`) the end has passed.
        """
        self._check_running(now)
        if end < now:
            raise Invalid(
                f"subscription {self.id} cannot end at {instant_text(end)}, which has passed",
                code="end_in_the_past",
                param="at",
                subscription=self.id,
            )
        return self._changed(now, end=end, canceled_at=now)

    def uncancel(self, now: datetime) -> "Subscription":
        """The subscription without its cancellation, as long as that has not taken effect.

        Raises:
            Conflict: it has ended (`subscription_canceled`), or was not canceled
                (`nothing_to_undo`).
        """
        self._check_running(now)
        if self.end is None:
            raise Conflict(
                f"subscription {self.id} has no cancellation to undo",
                code="nothing_to_undo",
                subscription=self.id,
            )
        return self._changed(now, end=None, canceled_at=None)

    def _check_running(self, now: datetime) -> None:
        if self.end is not None and self.status_at(now) == "canceled":
            raise Conflict(
                f"subscription {self.id} was canceled and ended at {instant_text(self.end)};"
                " whoever wants it back subscribes anew",
                code="subscription_canceled",
                subscription=self.id,
            )

    def _changed(
        self, now: datetime, *, end: datetime | None, canceled_at: datetime | None
    ) -> "Subscription":
        version = self.version + 1
        return replace(self, end=end, canceled_at=canceled_at, version=version, as_of=now)
