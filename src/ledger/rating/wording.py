"""A derivation in words that a person in finance can check with a pocket calculator. Pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, assert_never

from ledger.plan.conversion import Conversion
from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
)
from ledger.rating.amount import packages
from ledger.rating.derivation import Derivation, TierShare
from ledger.types.currency import exponent
from ledger.types.exact import (
    Exact,
    Ratio,
    decimal_text,
    fraction,
    magnitude,
    normalised,
    parse_exact,
    ratio,
)
from ledger.types.money_format import format_money
from ledger.types.zone import instant_text

DIGITS_SHOWN = 6
"""How many digits beyond the minor unit are written of an amount that has no last digit."""


def describe(derivation: Derivation, unit: str, currency: str) -> list[str]:
    """The steps from the quantity to the amount, in the order of the arithmetic, in en_US.

    `unit` names one of what was counted ("call"), `currency` is the line's. Such as:
    `first 10,000 calls × $0.00 = $0.00`, `next 5,000 calls × $0.0005 = $2.50`, `together $2.50`.
    """
    if derivation.conversion is not None:
        steps_before = [_converted(derivation, derivation.conversion, unit)]
        unit = derivation.conversion.unit
    else:
        steps_before = []
    words = _Words(unit, currency)
    steps = (_counted, _priced, _prorated, _rounded, _billed_before, _usage_as_of)
    return steps_before + [line for step in steps for line in step(derivation, words)]


def money_text(exact: Exact, currency: str) -> str:
    """`exact` minor units to the last digit: 0.05 of USD is `$0.0005`.

    Where there is no last digit, some more than the minor unit has, and `…`.
    """
    whole, rest = divmod(abs(fraction(exact)), 1)
    digits = _digits(rest)
    point = "." if digits and not exponent(currency) else ""
    sign = "-" if exact < 0 else ""
    return f"{sign}{format_money(whole, currency, 'en_US')}{point}{digits}"


def quantity_text(quantity: Ratio, unit: str) -> str:
    """`quantity` of `unit`: `1 call`, `12,500 calls`, `2.5 GB`, `0.333333… hours`."""
    return f"{_number(quantity)} {unit if quantity == 1 else _plural(unit)}"


class _Words(NamedTuple):
    unit: str
    currency: str

    def of(self, quantity: Ratio) -> str:
        return quantity_text(quantity, self.unit)

    def money(self, exact: Exact) -> str:
        return money_text(exact, self.currency)


def _converted(d: Derivation, conversion: Conversion, unit: str) -> str:
    """`2,700 calls ÷ 1,000 = 2.7, rounded up to 3 thousand calls`."""
    exact = ratio(conversion.exactly(d.quantity))
    sign = "÷" if conversion.operation == "divide" else "×"
    start = f"{quantity_text(d.quantity, unit)} {sign} {_number(conversion.factor)} ="
    converted = quantity_text(d.counted, conversion.unit)
    if exact == d.counted:
        return f"{start} {converted}"
    way = {"up": " up", "down": " down"}.get(conversion.rounding, "")
    return f"{start} {_number(exact)}, rounded{way} to {converted}"


def _counted(d: Derivation, words: _Words) -> Iterator[str]:
    """From what was used to what is priced."""
    used, included = magnitude(d.counted), f"{_number(d.included)} included"
    if d.priced:
        if d.included:
            yield f"{words.of(used)} less {included} = {words.of(magnitude(d.priced))}"
    elif d.counted < 0:
        yield f"{words.of(d.counted)}, below zero, counted as none"
    elif d.counted:
        yield f"{words.of(used)} less {included}: none left to price"


def _priced(d: Derivation, words: _Words) -> Iterator[str]:
    """What that costs; what is below zero costs what its positive twin does, the other way."""
    if d.priced or isinstance(d.model, FlatPrice):
        yield from _modelled(d, words)
    elif d.tiers:
        yield f"flat amount of tier 1, due without usage too: {words.money(d.tiers[0].flat)}"
    else:
        yield f"{words.of(d.priced)} = {words.money(0)}"
    if d.priced < 0 and not isinstance(d.model, FlatPrice):
        yield f"below zero, so credited: {words.money(parse_exact(d.full))}"


def _modelled(d: Derivation, words: _Words) -> Iterator[str]:
    quantity, cost = magnitude(d.priced), words.money(abs(fraction(parse_exact(d.full))))
    match d.model:
        case FlatPrice(amount):
            yield f"flat price of {words.money(amount)}"
        case UnitPrice(unit):
            yield f"{words.of(quantity)} × {words.money(unit)} = {cost}"
        case PackagePrice(amount, size):
            filled = quantity_text(Decimal(packages(quantity, size)), "package")
            yield f"{words.of(quantity)} in packages of {_number(size)}: {filled}"
            yield f"{filled} × {words.money(amount)} = {cost}"
        case GraduatedPrice():
            for share in d.tiers:
                yield f"{'next ' if share.tier > 1 else 'first '}{_share(share, words)}"
            if len(d.tiers) > 1:
                yield f"together {cost}"
        case VolumePrice(tiers) | StairstepPrice(tiers):
            (share,) = d.tiers
            yield f"{words.of(quantity)} in tier {share.tier}, {_range(tiers, share.tier)}"
            yield _share(share, words)
        case _:
            assert_never(d.model)


def _share(share: TierShare, words: _Words) -> str:
    """What one tier costs: `5 calls × $1.00 + $10.00 = $15.00`, `5 calls: flat $29.00`."""
    used, unit, flat = words.of(share.quantity), words.money(share.unit), words.money(share.flat)
    if share.flat and not share.unit:
        return f"{used}: flat {flat}"
    added = f" + {flat}" if share.flat else ""
    return f"{used} × {unit}{added} = {words.money(share.amount)}"


def _prorated(d: Derivation, words: _Words) -> Iterator[str]:
    if share := d.proration:
        first, last = share.anchored.start_date, share.anchored.last_date
        span = f"{share.part:,} of the {share.whole:,} {share.by}s from {first} to {last}"
        yield f"{span} = {words.money(parse_exact(d.exact))}"


def _rounded(d: Derivation, words: _Words) -> Iterator[str]:
    if parse_exact(d.exact) != d.rounded:
        yield f"rounded half away from zero to {words.money(d.rounded)}"


def _billed_before(d: Derivation, words: _Words) -> Iterator[str]:
    if d.billed_before:
        yield f"less {words.money(d.billed_before)} billed before = {words.money(d.amount)}"


def _usage_as_of(d: Derivation, _: _Words) -> Iterator[str]:
    if d.averaged_over is not None:
        first, last = d.averaged_over.start_date, d.averaged_over.last_date
        yield f"the quantity is an average over all of {first} to {last}"
    if d.usage_as_of is not None:
        yield f"usage as of {instant_text(d.usage_as_of)}"


def _range(tiers: Sequence[Tier], number: int) -> str:
    """Where a tier lies: `up to 10`, `above 10, up to 20`, `above 20`."""
    above = tiers[number - 2].up_to if number > 1 else None
    up_to = tiers[number - 1].up_to
    limits = [
        *([f"above {_number(above)}"] if above is not None else []),
        *([f"up to {_number(up_to)}"] if up_to is not None else []),
    ]
    return ", ".join(limits) or "which has no limit"


def _digits(rest: Fraction) -> str:
    """The digits of a fraction of a minor unit, all of them or the first with `…`; rest < 1."""
    text = decimal_text(rest)
    if "/" not in text:
        return text[2:]
    return f"{rest.numerator * 10**DIGITS_SHOWN // rest.denominator:0{DIGITS_SHOWN}}…"


def _number(quantity: Ratio) -> str:
    if isinstance(quantity, Decimal):
        return f"{normalised(quantity):,f}"
    whole, rest = divmod(abs(quantity), 1)
    return f"{'-' if quantity < 0 else ''}{whole:,}.{_digits(rest)}"


def _plural(unit: str) -> str:
    """`calls`, `queries`; a symbol, or what ends in s, stays: `GB`, `tokens`."""
    if not unit[-1:].islower() or unit.endswith("s"):
        return unit
    if unit.endswith("y") and unit[-2:-1] not in "aeiou":
        return f"{unit[:-1]}ies"
    return f"{unit}s"
