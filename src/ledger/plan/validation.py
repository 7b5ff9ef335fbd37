"""What a plan must be to be sold: prices and entitlements that fit its features. Pure.

A price or an entitlement that could not be wrong on its own was checked at its birth; here is what
needs the whole plan, or the features. Source: SEMANTICS §5, §7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from ledger.plan.feature import Feature
from ledger.plan.model import Included, Limit, Plan
from ledger.plan.price import (
    Billing,
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    StairstepPrice,
    UnitPrice,
    VolumePrice,
)
from ledger.types.errors import Invalid
from ledger.types.unit_amount import AMOUNT_MAX


def sellable(plan: Plan, features: Mapping[str, Feature]) -> Plan:
    """The plan with the billing moment of every price decided, if it can be sold.

    Args:
        plan: as somebody wrote it.
        features: those of `plan.feature_keys()` that exist, by key.

    Raises:
        Invalid: it cannot; `code` says why, and `param` names the field at fault, as in
            `prices[2].tiers[0].unit`.
    """
    for index, price in enumerate(plan.prices):
        if price.feature is not None:
            _check_feature(plan, f"prices[{index}].feature", price.feature, features)
    for key, included in plan.entitlements.items():
        _check_feature(plan, f"entitlements.{key}", key, features)
        _check_entitlement(plan, features[key], included)
    complete = replace(plan, prices=tuple(_with_billing(each, features) for each in plan.prices))
    for index, price in enumerate(complete.prices):
        _check_interval(complete, index, price)
        _check_model(complete, index, price, features)
        _check_amounts(complete, index, price)
    _check_repetition(complete)
    _check_currencies(complete)
    return complete


def _with_billing(price: Price, features: Mapping[str, Feature]) -> Price:
    """The price with its billing moment: what is metered is known afterwards only."""
    metered = price.feature is not None and features[price.feature].kind == "metered"
    default: Billing = "in_arrears" if metered else "in_advance"
    return replace(price, billing=price.billing or default)


def _check_feature(plan: Plan, where: str, key: str, features: Mapping[str, Feature]) -> None:
    if key not in features:
        raise Invalid(
            f"plan {plan.key!r} names the feature {key!r}, which does not exist",
            code="unknown_feature",
            param=where,
            feature=key,
        )
    if features[key].status == "archived":
        raise Invalid(
            f"plan {plan.key!r} names the feature {key!r}, which is archived",
            code="archived_feature",
            param=where,
            feature=key,
        )


def _check_entitlement(plan: Plan, feature: Feature, included: Included) -> None:
    if isinstance(included, Limit) and included.per == "lifetime" and feature.is_average:
        raise Invalid(
            f"plan {plan.key!r} limits {feature.key!r}, an average over time, per lifetime, which"
            " has no end to be over; a day, a month or a billing period has",
            code="average_per_lifetime",
            param=f"entitlements.{feature.key}",
        )
    if not isinstance(included, Limit) or feature.kind == "metered":
        return
    why = (
        "the subscription's quantity limits it" if feature.kind == "licensed" else "it is on or off"
    )
    raise Invalid(
        f"plan {plan.key!r} limits {feature.key!r}, a {feature.kind} feature: {why}, so its"
        " entitlement is True or False",
        code="limit_on_unmetered_feature",
        param=f"entitlements.{feature.key}",
    )


def _check_interval(plan: Plan, index: int, price: Price) -> None:
    interval = plan.interval_of(price)
    if not interval.divides(plan.interval):
        raise _refused(
            plan,
            index,
            f"is billed every {interval}, which does not divide the plan's {plan.interval}",
            code="price_interval_does_not_divide",
            field=".interval",
        )


def _check_model(plan: Plan, index: int, price: Price, features: Mapping[str, Feature]) -> None:
    """A quantity needs a feature that has one, and a metered quantity is known afterwards."""
    if not price.is_by_quantity:
        return
    if price.feature is None:
        what, code = "charges by quantity, but names no feature to count", "price_without_feature"
        raise _refused(plan, index, what, code=code, field=".feature")
    kind = features[price.feature].kind
    if kind == "boolean":
        raise _refused(
            plan,
            index,
            f"charges by quantity, but {price.feature!r} is a boolean feature and has none; a flat"
            " price can charge for it",
            code="boolean_has_no_quantity",
            field=".model",
        )
    if kind == "metered" and price.billing == "in_advance":
        raise _refused(
            plan,
            index,
            f"is billed in advance, when the usage of {price.feature!r} is not known yet; a metered"
            " price is billed in arrears",
            code="metered_in_advance",
            field=".billing",
        )


def _check_amounts(plan: Plan, index: int, price: Price) -> None:
    for field, amount in _amounts(price):
        if not 0 <= amount <= AMOUNT_MAX:
            what = f"has an amount of {amount:f}; it is zero to 10^17 minor units"
            raise _refused(plan, index, what, code="amount_out_of_range", field=field)


def _amounts(price: Price) -> Iterator[tuple[str, Decimal]]:
    """Every amount of a price, with the field in which it was written."""
    match price.model:
        case FlatPrice(amount) | PackagePrice(amount, _):
            yield ".amount", amount
        case UnitPrice(unit):
            yield ".unit", unit
        case GraduatedPrice(tiers) | VolumePrice(tiers) | StairstepPrice(tiers):
            for index, tier in enumerate(tiers):
                yield f".tiers[{index}].unit", tier.unit
                yield f".tiers[{index}].flat", tier.flat
        case _:
            assert_never(price.model)


def _check_repetition(plan: Plan) -> None:
    """No price is there twice, and no quantity is charged twice at the same interval."""
    ids: set[str] = set()
    charged: dict[tuple[str | None, str, int, int], int] = {}
    for index, price in enumerate(plan.prices):
        if price.id in ids:
            raise _refused(plan, index, "is in it before", code="duplicate_price")
        ids.add(price.id)
        interval, currency = plan.interval_of(price), plan.currency_of(price)
        # A year is 12 months, however it is called.
        key = price.feature, currency, interval.months, interval.days
        first = charged.setdefault(key, index) if price.is_by_quantity else index
        if first != index:
            what = (
                f"charges for {price.feature!r} in {currency} every {interval}, which price"
                f" {first + 1} does already"
            )
            raise _refused(plan, index, what, code="duplicate_price", field=".feature")


def _check_currencies(plan: Plan) -> None:
    """Whoever pays in another currency pays for the same things."""
    paid = {
        currency: {price.feature for price in plan.prices_in(currency)}
        for currency in plan.currencies()
    }
    everything = set[str | None]().union(*paid.values())
    for currency, features in sorted(paid.items()):
        for feature in sorted(everything - features, key=str):
            what = "its flat price" if feature is None else repr(feature)
            others = ", ".join(sorted(other for other in paid if feature in paid[other]))
            raise Invalid(
                f"plan {plan.key!r} can be bought in {currency}, but charges for {what} in {others}"
                " only; it needs a price in each of its currencies",
                code="currency_incomplete",
                param="prices",
                currency=currency,
            )


def _refused(plan: Plan, index: int, what: str, *, code: str, field: str = "") -> Invalid:
    message = f"price {index + 1} of plan {plan.key!r} {what}"
    return Invalid(message, code=code, param=f"prices[{index}]{field}")
