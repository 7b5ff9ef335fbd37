"""The terms on which a subscription begins: when, in which currency, with how much. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from ledger.customer.model import Customer
from ledger.plan.feature import Feature
from ledger.plan.model import Plan, check_trial_days
from ledger.plan.naming import check_metadata
from ledger.plan.price import Number
from ledger.subscription.model import Attribution, Subscription
from ledger.types import ids
from ledger.types.currency import check_currency
from ledger.types.errors import Conflict, Invalid, shown
from ledger.types.period import Anchor
from ledger.types.quantity import quantity
from ledger.types.zone import instant_of, instant_text, local, local_date, midnight, utc

START_YEARS_MAX = 5
"""How many years before or after now a subscription may start."""

_START_MAX = timedelta(days=366 * START_YEARS_MAX)
_ONE = Decimal(1)


def subscribed(
    customer: Customer,
    plan: Plan,
    features: Mapping[str, Feature],
    now: datetime,
    *,
    start: date | datetime | None,
    trial_days: int | None,
    anchor: int | date | datetime | None,
    quantities: Mapping[str, Number],
    currency: str | None,
    attribution: Attribution,
    metadata: Mapping[str, str],
) -> Subscription:
    """The subscription of a customer to a plan version that these terms make.

    Raises:
        Conflict: the customer may not buy (`customer_archived`), or the plan is not sold
            (`plan_not_on_sale`).
        Invalid: a term that cannot be; `code` and `param` say which.
    """
    check_may_buy(customer)
    check_on_sale(plan)
    zone = customer.time_zone
    begins = start_at(start, zone, now)
    days = plan.trial_days if trial_days is None else check_trial_days(trial_days)
    trial = trial_end(begins, days, zone)
    return Subscription(
        id=ids.SUBSCRIPTION.new(),
        customer=customer.id,
        plan=plan.id,
        plan_version=plan.version,
        currency=currency_for(plan, customer, currency),
        time_zone=zone,
        start=begins,
        trial_end=trial,
        anchor=Anchor.of(anchor, local_date(trial or begins, zone), zone, plan.interval),
        interval=plan.interval,
        quantities=quantities_for(plan, features, quantities),
        attribution=attribution,
        created_at=now,
        metadata=check_metadata(metadata),
        as_of=now,
    )


def check_may_buy(customer: Customer) -> None:
    """An archived customer subscribes to nothing.

    Raises:
        Conflict: (`customer_archived`).
    """
    if customer.status == "archived":
        raise Conflict(
            f"customer {customer.id} is archived, so it cannot subscribe",
            code="customer_archived",
            customer=customer.id,
        )


def check_on_sale(plan: Plan) -> None:
    """Only what is on sale can be bought.

    Raises:
        Conflict: (`plan_not_on_sale`) the plan version is a draft or archived.
    """
    if plan.status != "active":
        what = {"draft": "still a draft", "archived": "archived"}[plan.status]
        raise Conflict(
            f"version {plan.version} of plan {plan.key!r} is {what}, so nobody can subscribe to it",
            code="plan_not_on_sale",
            plan=plan.key,
            plan_status=plan.status,
        )


def start_at(start: date | datetime | None, zone: str, now: datetime) -> datetime:
    """The instant of a start: now without one, local midnight of a date, else an instant.

    Raises:
        Invalid: no date or instant (`bad_start`, `naive_datetime`), or more than 5 years away
            (`start_out_of_range`).
    """
    if start is None:
        return now
    if not isinstance(start, date):
        raise Invalid(
            f"a subscription starts on a date or at an instant, not at {shown(start)}",
            code="bad_start",
            param="start",
        )
    begins = utc(start) if isinstance(start, datetime) else midnight(start, zone)
    if abs(begins - now) > _START_MAX:
        raise Invalid(
            f"a subscription starts at most {START_YEARS_MAX} years before or after now, not at"
            f" {instant_text(begins)}",
            code="start_out_of_range",
            param="start",
        )
    return begins


def trial_end(start: datetime, days: int, zone: str) -> datetime | None:
    """The end of a trial: as many local dates later, at the same local time. Source: SEMANTICS §3.

    No days are no trial.
    """
    if not days:
        return None
    begins = local(start, zone)
    return instant_of(begins.date() + timedelta(days=days), begins.time(), zone)


def currency_for(plan: Plan, customer: Customer, wanted: str | None) -> str:
    """The currency that is wanted, else the customer's if the plan is sold in it, else the plan's.

    Raises:
        Invalid: (`currency_not_sold`) the plan is not sold in the one that is wanted.
    """
    sold = plan.currencies()
    if wanted is None:
        preferred = customer.currency
        return preferred if preferred is not None and preferred in sold else plan.currency
    if check_currency(wanted) not in sold:
        raise Invalid(
            f"plan {plan.key!r} is not sold in {wanted}, only in {', '.join(sorted(sold))}",
            code="currency_not_sold",
            param="currency",
            plan=plan.key,
        )
    return wanted


def quantities_for(
    plan: Plan, features: Mapping[str, Feature], given: Mapping[str, Number]
) -> dict[str, Decimal]:
    """How much of each licensed feature is bought: what is given, else one of each.

    Args:
        plan: what is bought; only what it includes has a quantity.
        features: the plan's, by key.
        given: quantities by feature key, zero or more.

    Raises:
        Invalid: not a licensed feature of the plan (`not_licensed`), a quantity below zero
            (`negative_quantity`), or no exact number.
    """
    licensed = {
        key
        for key in sorted(plan.feature_keys() & features.keys())
        if features[key].kind == "licensed" and plan.included(key) is not False
    }
    for key in given:
        if key not in licensed:
            raise Invalid(
                f"plan {plan.key!r} includes no licensed feature {key!r}, so there is no quantity"
                " of it",
                code="not_licensed",
                param=f"quantities.{key}",
                feature=key,
            )
    return {key: _quantity(key, given[key]) if key in given else _ONE for key in sorted(licensed)}


def _quantity(key: str, value: Number) -> Decimal:
    exact = quantity(value, what=f"quantity of {key!r}")
    if exact < 0:
        raise Invalid(
            f"the quantity of {key!r} is zero or more, not {exact}",
            code="negative_quantity",
            param=f"quantities.{key}",
        )
    return exact
