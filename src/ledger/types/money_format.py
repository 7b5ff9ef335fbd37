"""Amounts as people write them: en_US from a small table, other locales from Babel.

Source: the Unicode locale data (CLDR), with the digits of ISO 4217 instead of its own.
"""

import unicodedata
from decimal import localcontext

from ledger.types.currency import exponent
from ledger.types.errors import Invalid, Unavailable, shown
from ledger.types.exact import CONTEXT, shift

# Where en_US shows something else than the code.
_SYMBOLS = {
    "AUD": "A$", "BRL": "R$", "CAD": "CA$", "CNY": "CN¥", "EUR": "€", "GBP": "£", "HKD": "HK$",
    "ILS": "₪", "INR": "₹", "JPY": "¥", "KRW": "₩", "MXN": "MX$", "NZD": "NZ$", "PHP": "₱",
    "TWD": "NT$", "USD": "$", "VND": "₫", "XAF": "FCFA", "XCD": "EC$", "XCG": "Cg.",
    "XOF": "F\u202fCFA", "XPF": "CFPF",
}  # fmt: skip

_NO_BREAK_SPACE = "\u00a0"


def format_money(amount: int, currency: str, locale: str) -> str:
    """`amount` minor units of `currency` as text.

    Raises:
        Invalid: (`unknown_locale`).
        Unavailable: (`extra_missing`) a locale other than en_US without the extra `[i18n]`.
    """
    if locale in {"en_US", "en-US"}:
        return _in_en_us(amount, currency)
    return _by_babel(amount, currency, locale)


def _in_en_us(amount: int, currency: str) -> str:
    digits = exponent(currency)
    whole, part = divmod(abs(amount), 10**digits)
    symbol = _SYMBOLS.get(currency, currency)
    sign = "-" if amount < 0 else ""
    decimals = f".{part:0{digits}}" if digits else ""
    return f"{sign}{symbol}{_gap(symbol[-1])}{whole:,}{decimals}"


def _gap(edge: str) -> str:
    """What CLDR puts between a currency's `edge` and a digit: `CHF 5`, but `$5`.

    Source: UTS 35 part 3, currency spacing: a space unless the edge is a symbol or space itself.
    """
    return "" if unicodedata.category(edge)[0] in "SZ" else _NO_BREAK_SPACE


def _by_babel(amount: int, currency: str, locale: str) -> str:
    try:
        from babel import Locale, UnknownLocaleError  # noqa: PLC0415  large, an extra, seldom used
        from babel.numbers import get_currency_symbol, parse_pattern  # noqa: PLC0415  the same
    except ImportError:
        raise Unavailable(
            f"amounts are written for {shown(locale)} by Babel: install ledger-billing[i18n]",
            code="extra_missing",
            extra="i18n",
        ) from None
    try:
        known = Locale.parse(str(locale).replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        raise Invalid(
            f"{shown(locale)} is not a locale that CLDR knows", code="unknown_locale"
        ) from None
    digits = exponent(currency)
    pattern = parse_pattern(known.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    with localcontext(CONTEXT):
        text: str = pattern.apply(
            shift(amount, -digits), known, currency=currency, currency_digits=False
        )
    return _spaced(text, get_currency_symbol(currency, known))


def _spaced(text: str, symbol: str) -> str:
    """Babel leaves CLDR's currency spacing out; this puts it in."""
    before, found, after = text.partition(symbol)
    if not found:
        return text
    left = _gap(symbol[0]) if before[-1:].isdigit() else ""
    right = _gap(symbol[-1]) if after[:1].isdigit() else ""
    return f"{before}{left}{symbol}{right}{after}"
