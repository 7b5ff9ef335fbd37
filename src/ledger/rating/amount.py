"""What a quantity costs: exactly, for a whole period, by one of six models. Pure.

Nothing is rounded here, and nothing is prorated.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import reduce
from typing import assert_never

import msgspec

from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    PriceModel,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
)
from ledger.rating.derivation import TierShare
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT, Ratio, decimal_text, magnitude, ratio
from ledger.types.unit_amount import AMOUNT_MAX


class Rated(msgspec.Struct, frozen=True):
    """`exact` minor units for the `priced` quantity, and the `tiers` that priced something.

    The tiers of a mirrored quantity are those of its positive twin.
    """

    priced: Ratio
    exact: Ratio
    tiers: tuple[TierShare, ...] = ()


def rate(price: Price, quantity: Ratio) -> Rated:
    """What `quantity` of a price's feature costs for a whole period. Source: SEMANTICS §5.

    Raises:
        Invalid: (`amount_out_of_range`) more than 10^17 minor units.
    """
    with localcontext(CONTEXT):
        rated = _rated(price, quantity)
        if magnitude(rated.exact) > AMOUNT_MAX:
            raise Invalid(
                f"the price {price.name or price.id} of {decimal_text(quantity)} is beyond 10^17"
                " minor units",
                code="amount_out_of_range",
            )
        return rated


def packages(quantity: Ratio, size: Decimal) -> int:
    """How many packages of `size` hold `quantity`: a started one counts."""
    return -(-Fraction(quantity) // Fraction(size))


def _rated(price: Price, quantity: Ratio) -> Rated:
    if isinstance(price.model, FlatPrice):
        return _amount(price.model, quantity)
    used = magnitude(quantity) if price.negative == "mirror" else quantity
    if used <= price.included:
        return _amount_of_nothing(price)
    rated = _amount(price.model, _less(used, price.included))
    return rated if quantity > 0 else Rated(-rated.priced, -rated.exact, rated.tiers)


def _amount(model: PriceModel, quantity: Ratio) -> Rated:
    """The amount for a quantity above zero; nothing used costs nothing."""
    match model:
        case FlatPrice(amount):
            return Rated(quantity, amount)
        case UnitPrice(unit):
            return Rated(quantity, _times(unit, quantity))
        case PackagePrice(amount, size):
            return Rated(quantity, amount * packages(quantity, size))
        case GraduatedPrice(tiers):
            return _tiered(quantity, _graduated(tiers, quantity))
        case VolumePrice(tiers) | StairstepPrice(tiers):  # a stairstep's tiers have no unit amount
            return _tiered(quantity, [_holding(tiers, quantity)])
    assert_never(model)


def _amount_of_nothing(price: Price) -> Rated:
    match price.model:
        case GraduatedPrice(tiers) | VolumePrice(tiers) | StairstepPrice(tiers):
            if price.flat_at_zero:
                return _tiered(_NOTHING, [_share(1, tiers[0], _NOTHING)])
        case _:
            pass
    return Rated(_NOTHING, _NOTHING)


def _graduated(tiers: Iterable[Tier], quantity: Ratio) -> Iterator[TierShare]:
    """Each tier prices the units that fall into it."""
    below = Decimal(0)
    for number, tier in enumerate(tiers, start=1):
        if tier.up_to is None or quantity <= tier.up_to:
            # The limit belongs to its tier: the next one is not entered.
            yield _share(number, tier, _less(quantity, below))
            return
        yield _share(number, tier, tier.up_to - below)
        below = tier.up_to


def _holding(tiers: Iterable[Tier], quantity: Ratio) -> TierShare:
    """The tier that holds the quantity prices all of it."""
    number, tier = next(
        (number, tier)
        for number, tier in enumerate(tiers, start=1)
        if tier.up_to is None or quantity <= tier.up_to
    )
    return _share(number, tier, quantity)


def _share(number: int, tier: Tier, quantity: Ratio) -> TierShare:
    amount = _plus(_times(tier.unit, quantity), tier.flat)
    return TierShare(number, quantity, amount, tier.unit, tier.flat)


def _tiered(quantity: Ratio, shares: Iterable[TierShare]) -> Rated:
    tiers = tuple(shares)
    return Rated(quantity, reduce(_plus, (share.amount for share in tiers), _NOTHING), tiers)


def _times(a: Decimal, b: Ratio) -> Ratio:
    return a * b if isinstance(b, Decimal) else ratio(Fraction(a) * b)


def _plus(a: Ratio, b: Ratio) -> Ratio:
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a + b
    return ratio(Fraction(a) + Fraction(b))


def _less(a: Ratio, b: Decimal) -> Ratio:
    return _plus(a, -b)


_NOTHING: Ratio = Decimal(0)
