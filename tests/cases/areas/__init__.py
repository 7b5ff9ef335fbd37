"""The areas: each a function from an input to an answer, which only translates."""

from collections.abc import Callable

from tests.cases.areas import charging, entitlement, money, price, time, usage
from tests.cases.translation import Given, Result

AREAS: dict[str, Callable[[Given], Result]] = {
    "money_rounding": money.money_rounding,
    "money_format": money.money_format,
    "allocation": money.allocation,
    "periods": time.periods,
    "period_at": time.period_at,
    "timezone_date": time.timezone_date,
    "recurring": charging.recurring,
    "proration": charging.proration,
    "price": price.price,
    "price_cumulative": price.price_cumulative,
    "aggregation": usage.aggregation,
    "entitlement": entitlement.entitlement,
}
