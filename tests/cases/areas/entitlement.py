"""entitlement."""

from decimal import Decimal

from ledger.entitlement.check import decide
from ledger.entitlement.model import Source
from ledger.types.exact import decimal_text
from ledger.types.quantity import quantity
from tests.cases.translation import Given, Result


def entitlement(given: Given) -> Result:
    sources = [
        Source(_limit(source["limit"]), source["enforcement"]) for source in given["sources"]
    ]
    decided = decide(sources, quantity(given["used"]), quantity(given["requested"]))
    return {
        "allowed": decided.allowed,
        "reason": decided.reason,
        "limit": _text(decided.limit),
        "used": _text(decided.used),
        "remaining": _text(decided.remaining),
        "enforcement": decided.enforcement,
    }


def _limit(given: str | None) -> Decimal | None:
    return None if given is None else quantity(given, what="limit")


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
