"""Tiers, and how the amounts of prices are written: exact decimals in minor units."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledger.types.errors import Invalid
from ledger.types.money import Money
from ledger.types.quantity import quantity
from ledger.types.unit_amount import unit_amount

Number = int | str | Decimal

TIERS_MAX = 1_000


@dataclass(frozen=True, slots=True, init=False)
class Tier:
    """A step of a tiered price. `up_to` is the total quantity, inclusive; None leaves it open.

    `unit` prices each unit in the tier, `flat` is due once the tier is entered; both are given in
    minor units, as text with a currency (`"0.0005 USD"`), or as Money. `currency` is the one that
    they named, if they did; the price and its plan must have it too.

    Raises:
        Invalid: no exact numbers within bounds (`float_refused`, `bad_decimal`, `out_of_range`,
            `amount_out_of_range`), or two currencies (`currency_mismatch`).
    """

    up_to: Decimal | None = None
    unit: Decimal = Decimal(0)
    flat: Decimal = Decimal(0)
    currency: str | None = None

    def __init__(
        self,
        up_to: Number | None = None,
        unit: Number | Money = 0,
        flat: Number | Money = 0,
        currency: str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "up_to", None if up_to is None else quantity(up_to, what="up_to"))
        exact, currency = read_amount(unit, currency, "unit")
        put(self, "unit", exact)
        exact, currency = read_amount(flat, currency, "flat")
        put(self, "flat", exact)
        put(self, "currency", currency)


def read_amount(
    value: Number | Money, currency: str | None, what: str
) -> tuple[Decimal, str | None]:
    """The exact minor units that `value` says, and its currency: `currency`, or the one it names.

    Raises:
        Invalid: no exact number within bounds, or another currency than `currency`
            (`currency_mismatch`).
    """
    if isinstance(value, Money):
        return Decimal(value.amount), same_currency(currency, value.currency, what)
    amount = unit_amount(value, currency, what=what)
    if isinstance(value, str) and " " in value:  # "0.0005 USD"
        return amount, value.rpartition(" ")[2]
    return amount, currency


def same_currency(wanted: str | None, named: str, param: str) -> str:
    """`named`, which is the wanted currency if one is wanted.

    Raises:
        Invalid: (`currency_mismatch`) it is another.
    """
    if wanted not in (None, named):
        raise Invalid(
            f"{param} is in {named}, but the price is in {wanted}",
            code="currency_mismatch",
            param=param,
        )
    return named


def check_tiers(tiers: Sequence[Tier]) -> None:
    """Tiers rise, the last one is open, and there are 1 to 1,000 of them. Source: SEMANTICS §5.

    Raises:
        Invalid: (`bad_tiers`) they do not; `param` names the one at fault.
    """
    if not 1 <= len(tiers) <= TIERS_MAX:
        raise _bad(f"a tiered price has 1 to {TIERS_MAX:,} tiers, not {len(tiers)}", "tiers")
    below = Decimal(0)
    for index, tier in enumerate(tiers):
        where, last = f"tiers[{index}].up_to", index == len(tiers) - 1
        if not isinstance(tier, Tier):
            raise _bad(f"tier {index + 1} is no Tier; write Tier(up_to=…, unit=…)", where[:-6])
        if tier.up_to is None:
            if not last:
                raise _bad(f"tier {index + 1} is open, so no tier can follow it", where)
        elif last:
            raise _bad(f"the last tier ends at {tier.up_to}; leave it open", where)
        elif tier.up_to <= below:
            raise _bad(f"tier {index + 1} ends at {tier.up_to}, not above {below}", where)
        else:
            below = tier.up_to


def _bad(message: str, param: str) -> Invalid:
    return Invalid(message, code="bad_tiers", param=param)
