"""Words: how quantities, amounts, instants and prices are written for a person, in en_US."""

from datetime import datetime
from decimal import Decimal

import msgspec

from ledger import Plan, Price
from ledger.types import json
from ledger.types.currency import exponent
from ledger.types.exact import normalised, shift
from ledger.types.money import Money
from ledger.types.zone import instant_text


def quantity(value: Decimal | None, none: str = "") -> str:
    """A quantity to its last digit: `12,345.5`."""
    return none if value is None else f"{normalised(value):,f}"


def when(instant: datetime | None) -> str:
    """An instant in UTC to the second, or nothing: `2026-01-31T09:00:00Z`."""
    return "" if instant is None else instant_text(instant.replace(microsecond=0))


def unit_amount(minor: Decimal, currency: str) -> str:
    """An exact amount of minor units: 0.05 of USD is `$0.0005`, 4900 is `$49.00`."""
    whole = int(minor)
    if minor == whole:
        return Money(whole, currency).format()
    digits = f"{normalised(shift(abs(minor), -exponent(currency))):,f}"
    symbol = Money.zero(currency).format().rstrip("0.")
    return f"{'-' if minor < 0 else ''}{symbol}{digits}"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 invoice`, `2,000 invoices`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


class _Tier(msgspec.Struct):
    up_to: Decimal | None
    unit: Decimal
    flat: Decimal


class _Model(msgspec.Struct):
    """What the price models have, read from their JSON: their classes are the plan's own affair."""

    type: str
    amount: Decimal = Decimal(0)
    unit: Decimal = Decimal(0)
    size: Decimal = Decimal(0)
    tiers: tuple[_Tier, ...] = ()


def price_lines(plan: Plan, price: Price, unit: str = "unit") -> list[str]:
    """What a price charges, then its tiers, if any; `unit` is what its feature counts."""
    model = json.decode(json.encode(price.model), _Model)
    currency = price.currency or plan.currency
    per = f"per {plan.interval_of(price)}"
    match model.type:
        case "flat":
            return [f"{unit_amount(model.amount, currency)} {per}"]
        case "per_unit":
            return [f"{unit_amount(model.unit, currency)} a {unit}"]
        case "package":
            return [
                f"{unit_amount(model.amount, currency)} for every {quantity(model.size)} {unit}s"
            ]
        case _:
            return [f"{model.type} {per}", *_tiers(model, currency, unit)]


def _tiers(model: _Model, currency: str, unit: str) -> list[str]:
    lines: list[str] = []
    for tier in model.tiers:
        reach = "beyond" if tier.up_to is None else f"up to {quantity(tier.up_to)}"
        parts = [
            *([f"{unit_amount(tier.flat, currency)} flat"] if tier.flat else []),
            *([f"{unit_amount(tier.unit, currency)} a {unit}"] if tier.unit else []),
        ]
        lines.append(f"  {reach}: {' + '.join(parts) or 'free'}")
    return lines
