"""Cumulative rating: what is billed now is the price of all so far, less what was billed before.

The same rule serves interim invoices, late events and corrections: whatever the path, the amounts
add up to the price of the last quantity, and rating twice adds nothing. Pure. Source: SEMANTICS §5.
"""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from ledger.plan.price import Price
from ledger.rating.amount import rate
from ledger.types.money import Money


def difference(price: Price, so_far: Decimal, billed: Money) -> Money:
    """What is billed now for the quantity `so_far`, when `billed` was billed before.

    Below zero is a credit: usage went down, or reached a tier that is cheaper for all of it.

    Raises:
        Invalid: (`amount_out_of_range`) more than 10^17 minor units.
    """
    return Money.rounded(rate(price, so_far).exact, billed.currency).subtract(billed)


class Chain(msgspec.Struct, frozen=True):
    """The amounts that were billed for one price in one period, one step after another."""

    price: Price
    currency: str
    amounts: tuple[Money, ...] = ()

    @property
    def billed(self) -> Money:
        """What was billed so far."""
        return Money.sum(self.amounts, self.currency)

    def extended(self, so_far: Decimal) -> "Chain":
        """The chain with a step more: the difference that the quantity `so_far` makes.

        Raises:
            Invalid: as `difference`.
        """
        step = difference(self.price, so_far, self.billed)
        return replace(self, amounts=(*self.amounts, step))
