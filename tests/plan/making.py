"""What the tests of plans are about: a feature of every kind, and a plan that sells them."""

from collections.abc import Mapping

from ledger.plan.feature import Feature
from ledger.plan.model import Included, Plan
from ledger.plan.price import Number, Price

CALLS = Feature("api_calls", "metered", unit="call")
TOKENS = Feature("tokens", "metered", unit="token")
SEATS = Feature("seats", "licensed", unit="seat")
SSO = Feature("sso", "boolean")
GONE = Feature("gone", "metered", status="archived")
FEATURES = {each.key: each for each in (CALLS, TOKENS, SEATS, SSO, GONE)}


def plan_of(
    *prices: Price,
    entitlements: Mapping[str, Included | Number | None] | None = None,
    key: str = "pro",
    currency: str = "USD",
    interval: str = "month",
    trial_days: int = 0,
) -> Plan:
    return Plan(key, key.title(), currency, interval, list(prices), entitlements, trial_days)
