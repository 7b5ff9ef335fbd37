"""May this customer do this now? Decided from facts alone, the same way every time. Pure.

Facts become `Terms` (what the customer may have, before usage is looked at), and terms with what
was used become a `Ruling` (the answer to every quantity), so that a cache that holds a ruling
answers with one comparison. Source of the rules: SEMANTICS §7.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce

import msgspec

from ledger.entitlement.model import (
    Entitlement,
    EntitlementFacts,
    Holding,
    Reason,
    Source,
    UsagePeriod,
)
from ledger.plan.feature import Aggregation
from ledger.plan.model import Enforcement, Limit, LimitPer
from ledger.subscription.model import Subscription
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT, normalised
from ledger.types.period import Anchor, Calendar, Interval, Period, Schedule
from ledger.types.quantity import quantity as exact_quantity

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Where what never ends is said to end: on a full hour, so that usage is read from whole hours."""

_NOTHING = Decimal(0)
_UNIT = Decimal(1)
_LIVE = ("trialing", "active")
_FIRST = Anchor(2000, 1, 1)
_INTERVALS = {"day": Interval("day"), "month": Interval("month")}


class Terms(msgspec.Struct, frozen=True):
    """What a customer may have of a feature, as long as no fact changes.

    `reason` refuses whatever is asked. Without one, `limit` is what may be had (None: any amount)
    in `period`, whose usage counts; without a period none does. It counts if the subscription that
    it names is one of `names`, in which "" stands for usage that names none. The terms hold from
    `since` to before `until`.
    """

    reason: Reason | None = None
    limit: Decimal | None = None
    enforcement: Enforcement = "hard"
    aggregation: Aggregation = "sum"
    period: UsagePeriod | None = None
    names: frozenset[str] = frozenset()
    since: datetime = BEGINNING
    until: datetime = FOREVER


class Ruling(msgspec.Struct, frozen=True):
    """The answer to every quantity: `within` up to `most` (None: to all), `beyond` to the rest."""

    most: Decimal | None
    within: Entitlement
    beyond: Entitlement

    def on(self, requested: int | Decimal) -> Entitlement:
        """The answer to one quantity."""
        return self.within if self.most is None or requested <= self.most else self.beyond


def decide(
    sources: Sequence[Source],
    used: Decimal,
    requested: int | Decimal,
    aggregation: Aggregation = "sum",
) -> Entitlement:
    """Whether `requested` more fits what the sources grant, after `used`.

    Limits add up; an unlimited source wins; a hard one wins over soft ones. A count, sum or level
    fits while used + requested ≤ limit, a `max` while the greater of the two does. A soft limit
    allows everything and reports what is used and left. No source is no subscription.
    """
    if not sources:
        return rule(Terms("no_subscription")).on(requested)
    terms = Terms(None, _limit(sources), _enforcement(sources), aggregation)
    return rule(terms, used).on(requested)


def rule(terms: Terms, used: Decimal = _NOTHING, as_of: datetime | None = None) -> Ruling:
    """The answers to all quantities under these terms, after `used`."""
    if terms.reason is not None:
        refused = Entitlement(allowed=False, reason=terms.reason, as_of=as_of)
        return Ruling(None, refused, refused)
    limit, enforcement, used = terms.limit, terms.enforcement, _tidy(used)
    left = None if limit is None else _tidy(CONTEXT.subtract(limit, used))
    remaining = _NOTHING if left is not None and left < _NOTHING else left
    until = None if terms.period is None else terms.period.resets_at
    # Fields in their order, because this runs after every meter(), and keywords take their time.
    within = Entitlement(True, None, limit, used, remaining, enforcement, until, as_of)  # noqa: FBT003 - see above
    if limit is None or enforcement == "soft":
        return Ruling(None, within, within)
    no: Reason = "limit_exceeded"
    beyond = Entitlement(False, no, limit, used, remaining, enforcement, until, as_of)  # noqa: FBT003 - see above
    most = limit if terms.aggregation == "max" and used <= limit else left
    return Ruling(most, within, beyond)


def terms_of(facts: EntitlementFacts) -> Terms:
    """What the facts grant at their instant, and for how long they say the same."""
    granting = _granting(facts)
    period = usage_period(facts)
    since, until = _unchanged(facts, period)
    if not granting:
        return Terms(_reason(facts), since=since, until=until)
    sources = list(_sources(facts, granting))
    return Terms(
        limit=_limit(sources),
        enforcement=_enforcement(sources),
        aggregation=facts.feature.meter.aggregation if facts.feature.meter else "sum",
        period=period,
        names=_names(granting),
        since=since,
        until=until,
    )


def usage_period(facts: EntitlementFacts) -> UsagePeriod | None:
    """The window whose usage counts; None where no usage does.

    It is that of the oldest live subscription that includes the feature: in its trial the trial,
    else what its limit is `per`, in the zone pinned on it; days and months are cut off where its
    billing starts; a lifetime began with it. Without limit usage is told per billing period.
    """
    granting = _granting(facts)
    if facts.feature.kind != "metered" or not granting:
        return None
    subscription, per = granting[0].subscription, _per(granting[0])
    if subscription.status_at(facts.at) == "trialing" or per == "billing_period":
        period = subscription.period_at(facts.at)
        return UsagePeriod(period, period.end)
    if per == "lifetime":
        period = Period(subscription.start, FOREVER, subscription.time_zone)
        return UsagePeriod(period, resets_at=None)
    calendar = Calendar(_FIRST, _INTERVALS[per], subscription.time_zone)
    period = Schedule(subscription.billing_start, calendar).period_at(facts.at)
    return UsagePeriod(period, period.end)


def requested_quantity(value: int | str | Decimal) -> Decimal:
    """The quantity that a check asks for.

    Raises Invalid for what is no exact number, or is negative.
    """
    requested = exact_quantity(value)
    if requested < _NOTHING:
        raise Invalid(
            f"a check asks for a quantity of 0 or more, not {requested}",
            code="bad_quantity",
            param="quantity",
        )
    return requested


def _granting(facts: EntitlementFacts) -> list[Holding]:
    """The holdings that are live and include the feature, oldest first."""
    return [
        holding
        for holding in facts.holdings
        if holding.included is not False and _is_live(holding.subscription, facts.at)
    ]


def _is_live(subscription: Subscription, at: datetime) -> bool:
    return subscription.status_at(at) in _LIVE


def _reason(facts: EntitlementFacts) -> Reason:
    """Why nothing grants the feature: the first reason that applies."""
    subscriptions = [holding.subscription for holding in facts.holdings]
    if not subscriptions:
        return "no_subscription"
    if any(_is_live(subscription, facts.at) for subscription in subscriptions):
        return "feature_not_included"
    ended = [s for s in subscriptions if s.end is not None and s.end <= facts.at]
    last = max(ended, key=lambda s: s.end or BEGINNING, default=None)
    # Only a trial that ran its course: who was canceled in the middle of one is inactive.
    ran_out = last is not None and last.end == last.trial_end
    return "trial_expired" if ran_out else "subscription_inactive"


def _sources(facts: EntitlementFacts, granting: Sequence[Holding]) -> Iterator[Source]:
    """What each subscription adds, in the unit in which the feature is checked.

    Only limits per the same can be added: per what, the oldest subscription decides, and limits
    per something else add nothing. What is unlimited always is.
    """
    kind, key, per = facts.feature.kind, facts.feature.key, _per(granting[0])
    for holding in granting:
        limit = holding.included if isinstance(holding.included, Limit) else None
        if kind == "boolean" or (limit is None and kind == "metered"):
            yield Source(None)
        elif kind == "licensed":
            yield Source(holding.subscription.quantities.get(key, _NOTHING))
        elif limit is not None and limit.per == per:
            yield Source(limit.value, limit.enforcement)


def _names(granting: Sequence[Holding]) -> frozenset[str]:
    """What usage may name to count for any of them; "" is nothing."""
    subscriptions = [holding.subscription for holding in granting]
    names: set[str] = {subscription.id for subscription in subscriptions}
    if any(subscription.attribution == "customer" for subscription in subscriptions):
        names.add("")
    return frozenset(names)


def _per(holding: Holding) -> LimitPer:
    return holding.included.per if isinstance(holding.included, Limit) else "billing_period"


def _limit(sources: Sequence[Source]) -> Decimal | None:
    limits = [source.limit for source in sources if source.limit is not None]
    if len(limits) < len(sources):
        return None  # an unlimited source wins
    return normalised(reduce(CONTEXT.add, limits))


def _enforcement(sources: Sequence[Source]) -> Enforcement:
    return "hard" if any(source.enforcement == "hard" for source in sources) else "soft"


def _unchanged(facts: EntitlementFacts, period: UsagePeriod | None) -> tuple[datetime, datetime]:
    """From when until when nothing begins or ends: no subscription, trial or usage period."""
    moments = [BEGINNING, FOREVER]
    for holding in facts.holdings:
        subscription = holding.subscription
        moments += [subscription.start]
        moments += [m for m in (subscription.trial_end, subscription.end) if m is not None]
    if period is not None:
        moments += [period.period.start, period.period.end]
    since = max((moment for moment in moments if moment <= facts.at), default=BEGINNING)
    until = min((moment for moment in moments if moment > facts.at), default=FOREVER)
    return since, until


def _tidy(value: Decimal) -> Decimal:
    """The number without trailing zeros; a whole one, the common case, at hardly any cost."""
    return value if value.same_quantum(_UNIT) else normalised(value)
