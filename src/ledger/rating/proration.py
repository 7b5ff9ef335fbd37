"""Proration: what part of a price pays for part of a period. Pure.

Source: SEMANTICS §4. The factor is part / whole *anchored* period, in whole local days, or seconds.
"""

import msgspec

from ledger.rating.derivation import Proration
from ledger.types.exact import Exact, multiply
from ledger.types.money import Money
from ledger.types.period import Measure, Period


class Split(msgspec.Struct, frozen=True):
    """A price split at a change: `charge` for the used `part` of `whole`, `credit` for the rest."""

    part: int
    whole: int
    charge: Money
    credit: Money


def proration(part: Period, anchored: Period, by: Measure = "day") -> Proration:
    """How many days or seconds of `anchored` are `part`; what sticks out does not count.

    Raises:
        Invalid: (`empty_period`) `anchored` has no day or second to divide by.
    """
    whole = anchored.days if by == "day" else anchored.seconds
    return Proration(int(anchored.fraction_of(part, by) * whole), whole, anchored, by)


def prorate(amount: Exact, part: Period, anchored: Period, by: Measure = "day") -> Exact:
    """What `part` costs if all of `anchored` costs `amount`. Exact: the line rounds, once.

    Raises:
        Invalid: as `proration`.
    """
    return multiply(amount, proration(part, anchored, by).factor)


def split_charge(price: Money, anchored: Period, used: Period, by: Measure = "day") -> Split:
    """The charge for the used part, rounded once, and the credit: `price` less that charge.

    Raises:
        Invalid: as `proration`.
    """
    share = proration(used, anchored, by)
    charge = Money.rounded(multiply(price.amount, share.factor), price.currency)
    return Split(share.part, share.whole, charge, price.subtract(charge))
