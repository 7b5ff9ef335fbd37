"""A derivation is the arithmetic of one line, kept so that it can be read and never re-made."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import msgspec

from ledger.plan.conversion import Conversion
from ledger.plan.price import PriceModel
from ledger.types.exact import Ratio
from ledger.types.ids import PlanId, PriceId
from ledger.types.period import Measure, Period


class TierShare(msgspec.Struct, frozen=True):
    """What one tier contributed: `tier` counts from 1, `amount` is exact, flat amount included."""

    tier: int
    quantity: Ratio
    amount: Ratio
    unit: Decimal
    flat: Decimal


class Proration(msgspec.Struct, frozen=True):
    """A part of an anchored period: `part` of its `whole` local days, or seconds."""

    part: int
    whole: int
    anchored: Period
    by: Measure = "day"

    @property
    def factor(self) -> Fraction:
        """What an amount for the whole period is multiplied by, exactly."""
        return Fraction(self.part, self.whole)


class Derivation(msgspec.Struct, frozen=True, kw_only=True):
    """How a line's amount came about, in the order in which it was computed (SEMANTICS §5).

    quantity → `conversion` → `converted` → less `included` → `priced` by `model` → `full` (exact
    minor units of the whole period) → prorated → `exact` → rounded once → less `billed_before` =
    the line's amount. `full` and `exact` are exact decimal text, or "n/d" where no finite decimal
    exists. `usage_as_of` is the instant up to which usage was read, `averaged_over` the period
    that a weighted average is over, if the line is for a part of it.
    """

    price: PriceId
    plan: PlanId
    plan_version: int
    model: PriceModel
    quantity: Decimal
    included: Decimal = Decimal(0)
    priced: Ratio
    tiers: tuple[TierShare, ...] = ()
    full: str
    proration: Proration | None = None
    exact: str
    rounded: int
    billed_before: int = 0
    usage_as_of: datetime | None = None
    conversion: Conversion | None = None
    converted: Ratio | None = None
    averaged_over: Period | None = None

    @property
    def counted(self) -> Ratio:
        """What is priced, before what is included: the quantity, converted if it is."""
        return self.quantity if self.converted is None else self.converted

    @property
    def amount(self) -> int:
        """The line's amount in minor units: what was rounded, less what was billed before."""
        return self.rounded - self.billed_before
