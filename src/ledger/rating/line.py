"""A line's amount, from the quantity to the cent, with the way there written down. Pure."""

from datetime import datetime
from decimal import Decimal

from ledger.plan.conversion import Conversion
from ledger.plan.price import Price
from ledger.rating.amount import rate
from ledger.rating.derivation import Derivation, Proration
from ledger.types.exact import decimal_text, half_away, multiply
from ledger.types.ids import PlanId
from ledger.types.period import Period


def derive(
    price: Price,
    plan_id: PlanId,
    plan_version: int,
    quantity: Decimal,
    *,
    proration: Proration | None = None,
    billed_before: int = 0,
    usage_as_of: datetime | None = None,
    conversion: Conversion | None = None,
    averaged_over: Period | None = None,
) -> Derivation:
    """The derivation of what `quantity` costs: converted, rated, prorated, rounded here, once.

    Args:
        price: one of the plan's prices.
        plan_id: the plan, kept so that the line can be traced to what was agreed.
        plan_version: the version of it that the subscription has.
        quantity: all that was used so far; for a flat price how often it is charged, 1.
        proration: the part of the period that is paid for; all of it when None.
        billed_before: minor units that earlier steps of the same chain billed (SEMANTICS §5).
        usage_as_of: the instant up to which usage was read, for a metered feature.
        conversion: from the unit of the quantity to the one that the price is for.
        averaged_over: what the quantity is an average over, if more than the line's own period.

    Raises:
        Invalid: (`amount_out_of_range`) more than 10^17 minor units.
    """
    converted = None if conversion is None else conversion.convert(quantity)
    rated = rate(price, quantity if converted is None else converted)
    exact = rated.exact if proration is None else multiply(rated.exact, proration.factor)
    return Derivation(
        price=price.id,
        plan=plan_id,
        plan_version=plan_version,
        model=price.model,
        quantity=quantity,
        included=price.included,
        priced=rated.priced,
        tiers=rated.tiers,
        full=decimal_text(rated.exact),
        proration=proration,
        exact=decimal_text(exact),
        rounded=half_away(exact),
        billed_before=billed_before,
        usage_as_of=usage_as_of,
        conversion=conversion,
        converted=converted,
        averaged_over=averaged_over,
    )
