"""Currencies: which exist, and how many digits their minor unit has. ISO 4217 decides."""

from ledger.types.errors import Invalid, shown
from ledger.types.iso4217 import EXPONENTS, WITHOUT_MINOR_UNIT


def exponent(code: str) -> int:
    """How many digits the minor unit of `code` has: USD 2, JPY 0, KWD 3.

    Raises:
        Invalid: (`unknown_currency`) see `check_currency`.
    """
    return EXPONENTS[check_currency(code)]


def check_currency(code: str) -> str:
    """`code` itself, if an amount can be a whole number of its minor units.

    Raises:
        Invalid: (`unknown_currency`) no ISO 4217 currency, not in upper case, or one without a
            minor unit, such as gold.
    """
    if isinstance(code, str) and code in EXPONENTS:
        return code
    raise Invalid(_why_not(code), code="unknown_currency", currency=code)


def _why_not(code: object) -> str:
    if not isinstance(code, str):
        return f"a currency is an ISO 4217 code such as 'USD', not a {type(code).__name__}"
    if code in WITHOUT_MINOR_UNIT:
        return f"{code} has no minor unit in ISO 4217, so no amount can be billed in it"
    if code.upper() in EXPONENTS:
        return f"{code!r} is not a currency code; write {code.upper()!r}"
    return f"{shown(code)} is not a currency of ISO 4217"
