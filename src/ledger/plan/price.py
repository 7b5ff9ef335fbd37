"""Prices: six models, each a frozen thing that refuses to be born wrong.

All amounts are exact decimals in minor units of the price's currency (`"0.05"` in USD is $0.0005).
What a price charges for a quantity is computed in `ledger.rating`, never here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypedDict, Unpack, get_args

import msgspec

from ledger.plan.naming import check_key, check_text
from ledger.plan.tier import TIERS_MAX, Number, Tier, check_tiers, read_amount, same_currency
from ledger.types import ids
from ledger.types.currency import check_currency
from ledger.types.errors import Invalid, shown
from ledger.types.ids import PriceId
from ledger.types.money import Money
from ledger.types.period import Interval
from ledger.types.quantity import quantity

Billing = Literal["in_advance", "in_arrears"]
Negative = Literal["zero", "mirror"]

BILLINGS: tuple[Billing, ...] = get_args(Billing)
NEGATIVES: tuple[Negative, ...] = get_args(Negative)


class FlatPrice(msgspec.Struct, frozen=True, tag="flat"):
    """`amount` once per period, whatever the quantity."""

    amount: Decimal


class UnitPrice(msgspec.Struct, frozen=True, tag="per_unit"):
    """`unit` for every unit."""

    unit: Decimal


class GraduatedPrice(msgspec.Struct, frozen=True, tag="graduated"):
    """Each tier prices the units that fall into it."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)


class VolumePrice(msgspec.Struct, frozen=True, tag="volume"):
    """The tier that holds the whole quantity prices all of it."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)


class StairstepPrice(msgspec.Struct, frozen=True, tag="stairstep"):
    """The flat amount of the tier that holds the quantity, nothing else."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        check_tiers(self.tiers)
        for number, tier in enumerate(self.tiers, 1):
            if tier.unit:
                raise Invalid(
                    f"tier {number} of a stairstep price has a unit amount; it takes `flat` only",
                    code="stairstep_has_unit",
                    param=f"tiers[{number - 1}].unit",
                )


class PackagePrice(msgspec.Struct, frozen=True, tag="package"):
    """`amount` for every started package of `size` units."""

    amount: Decimal
    size: Decimal

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise Invalid(
                f"a package holds more than zero units, not {self.size}",
                code="bad_package_size",
                param="size",
            )


PriceModel = FlatPrice | UnitPrice | GraduatedPrice | VolumePrice | PackagePrice | StairstepPrice


class Terms(TypedDict, total=False):
    """What may be said of any price besides its model."""

    included: Number
    billing: Billing | None
    currency: str | None
    interval: Interval | str | None
    flat_at_zero: bool
    negative: Negative
    name: str


@dataclass(frozen=True, slots=True, init=False)
class Price:
    """What a plan charges. `Price.flat`, `.per_unit` and the other class methods make one.

    `currency` and `interval` default to the plan's; `billing` to in arrears for metered features
    and in advance otherwise; `included` units are free, for every model but flat. `flat_at_zero`
    bills the first tier's flat amount although nothing was used; `negative` says whether a
    quantity below zero costs nothing or the mirrored amount.

    Raises:
        Invalid: a model, term or name that is none; `code` and `param` say which.
    """

    id: PriceId
    model: PriceModel
    feature: str | None = None
    currency: str | None = None
    interval: Interval | None = None
    billing: Billing | None = None
    included: Decimal = Decimal(0)
    flat_at_zero: bool = False
    negative: Negative = "zero"
    name: str = ""

    def __init__(
        self,
        model: PriceModel,
        feature: str | None = None,
        *,
        currency: str | None = None,
        interval: Interval | str | None = None,
        billing: Billing | None = None,
        included: Number = 0,
        flat_at_zero: bool = False,
        negative: Negative = "zero",
        name: str = "",
        id: PriceId | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "id", id or ids.PRICE.new())
        put(self, "model", _check_model(model))
        put(self, "feature", None if feature is None else check_key(feature, "feature"))
        put(self, "currency", _currency(currency, model))
        put(self, "interval", None if interval is None else Interval.of(interval))
        put(self, "billing", _one_of(billing, (None, *BILLINGS), "billing"))
        put(self, "included", _included(included, model))
        put(self, "flat_at_zero", flat_at_zero)
        put(self, "negative", _one_of(negative, NEGATIVES, "negative"))
        put(self, "name", check_text(name, "name"))

    @classmethod
    def flat(
        cls,
        amount: Money,
        billing: Billing = "in_advance",
        *,
        feature: str | None = None,
        interval: Interval | str | None = None,
        name: str = "",
    ) -> "Price":
        """`amount` once per period, such as `Price.flat(USD(4900))`, prorated in stubs."""
        if not isinstance(amount, Money):
            raise Invalid(
                f"a flat price is Money such as USD(4900), not a {type(amount).__name__}",
                code="not_money",
                param="amount",
            )
        return cls(
            FlatPrice(Decimal(amount.amount)),
            feature,
            currency=amount.currency,
            interval=interval,
            billing=billing,
            name=name,
        )

    @classmethod
    def per_unit(cls, feature: str, unit: Number | Money, **terms: Unpack[Terms]) -> "Price":
        """`unit` minor units for every unit of a feature, such as `"0.05"` or `"0.0005 USD"`."""
        exact, terms["currency"] = read_amount(unit, terms.get("currency"), "unit")
        return cls(UnitPrice(exact), feature, **terms)

    @classmethod
    def graduated(cls, feature: str, tiers: Sequence[Tier], **terms: Unpack[Terms]) -> "Price":
        """Each tier prices the units that fall into it, and adds its flat amount once entered."""
        return cls(GraduatedPrice(tuple(tiers)), feature, **terms)

    @classmethod
    def volume(cls, feature: str, tiers: Sequence[Tier], **terms: Unpack[Terms]) -> "Price":
        """The tier that holds the quantity prices all units, and adds its flat amount."""
        return cls(VolumePrice(tuple(tiers)), feature, **terms)

    @classmethod
    def stairstep(cls, feature: str, tiers: Sequence[Tier], **terms: Unpack[Terms]) -> "Price":
        """The flat amount of the tier that holds the quantity: `Tier(up_to=5, flat=2900)`."""
        return cls(StairstepPrice(tuple(tiers)), feature, **terms)

    @classmethod
    def package(
        cls, feature: str, amount: Number | Money, size: Number, **terms: Unpack[Terms]
    ) -> "Price":
        """`amount` for every started package of `size` units."""
        exact, terms["currency"] = read_amount(amount, terms.get("currency"), "amount")
        return cls(PackagePrice(exact, quantity(size, what="size")), feature, **terms)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers of a tiered price, none of any other."""
        return _tiers(self.model)

    @property
    def is_by_quantity(self) -> bool:
        """Whether it charges for a quantity of its feature: every model but flat."""
        return not isinstance(self.model, FlatPrice)


def _check_model(model: PriceModel) -> PriceModel:
    if not isinstance(model, PriceModel):
        raise Invalid(
            "a price is made by Price.flat, .per_unit, .graduated, .volume, .package or .stairstep,"
            f" not from a {type(model).__name__}",
            code="bad_price",
            param="model",
        )
    return model


def _tiers(model: PriceModel) -> tuple[Tier, ...]:
    match model:
        case GraduatedPrice(tiers) | VolumePrice(tiers) | StairstepPrice(tiers):
            return tiers
        case FlatPrice() | UnitPrice() | PackagePrice():
            return ()


def _currency(currency: str | None, model: PriceModel) -> str | None:
    """The price's currency: the one given, or the one that its tiers name."""
    if currency is not None:
        check_currency(currency)
    for index, tier in enumerate(_tiers(model)):
        if tier.currency is not None:
            currency = same_currency(currency, tier.currency, f"tiers[{index}]")
    return currency


def _included(included: Number, model: PriceModel) -> Decimal:
    free = quantity(included, what="included")
    if free < 0 or (free and isinstance(model, FlatPrice)):
        raise Invalid(
            f"a price includes zero or more units, a flat price zero, not {free}",
            code="bad_included",
            param="included",
        )
    return free


def _one_of(value: object, choices: Sequence[object], param: str) -> object:
    if value not in choices:
        words = " or ".join(str(each) for each in choices if each is not None)
        raise Invalid(
            f"the {param} of a price is {words}, not {shown(value)}",
            code=f"bad_{param}",
            param=param,
        )
    return value


__all__ = [
    "BILLINGS", "NEGATIVES", "TIERS_MAX", "Billing", "FlatPrice", "GraduatedPrice", "Negative",
    "Number", "PackagePrice", "Price", "PriceModel", "StairstepPrice", "Terms", "Tier",
    "UnitPrice", "VolumePrice", "check_tiers",
]  # fmt: skip  # a list of names reads best as one
