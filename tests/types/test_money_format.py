"""Amounts as people write them: our en_US is CLDR's, the rest is Babel's with ISO digits."""

import sys
import unicodedata
from decimal import Decimal

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.numbers import get_currency_symbol, parse_pattern

from ledger.types.errors import Invalid, Unavailable
from ledger.types.iso4217 import EXPONENTS
from ledger.types.money import CHF, EUR, JPY, KWD, USD, Money


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (USD(5399), "$53.99"),
        (USD(-5399), "-$53.99"),
        (USD(5), "$0.05"),
        (USD(0), "$0.00"),
        (USD(123456789), "$1,234,567.89"),
        (JPY(2199), "¥2,199"),
        (KWD(1500), "KWD\u00a01.500"),
        (CHF(-5), "-CHF\u00a00.05"),
        (Money(12346, "UYW"), "UYW\u00a01.2346"),
        (Money(1000, "IQD"), "IQD\u00a01.000"),
        (Money(1234, "XAF"), "FCFA\u00a01,234"),
        (Money(1234, "CAD"), "CA$12.34"),
    ],
)
def test_an_amount_is_written_as_in_the_united_states(money: Money, text: str) -> None:
    assert money.format() == money.format("en_US") == money.format("en-US") == str(money) == text
    assert f"{money}" == text


def by_cldr(amount: int, currency: str) -> str:
    """Babel's en_US with the digits of ISO 4217, and CLDR's currency spacing, which it lacks."""
    digits, locale = EXPONENTS[currency], Locale.parse("en_US")
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    exact = Decimal(amount).scaleb(-digits)
    text: str = pattern.apply(exact, locale, currency=currency, currency_digits=False)
    symbol = get_currency_symbol(currency, "en_US")
    # UTS 35: between a digit and a symbol whose edge is in [[:^S:]&[:^Z:]] stands a space.
    if unicodedata.category(symbol[-1])[0] not in "SZ":
        text = text.replace(symbol, f"{symbol}\u00a0")
    return text


@pytest.mark.parametrize("amount", [0, 5, -5, 100, 123456, -123456789, 10**17])
def test_every_currency_is_written_as_cldr_has_it(amount: int) -> None:
    ours = {code: Money(amount, code).format() for code in EXPONENTS}
    assert ours == {code: by_cldr(amount, code) for code in EXPONENTS}


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (EUR(5399), "de_DE", "53,99\u00a0€"),
        (EUR(5399), "de-DE", "53,99\u00a0€"),
        (EUR(123456), "fr_FR", "1\u202f234,56\u00a0€"),
        (USD(-5399), "en_GB", "-US$53.99"),
        (CHF(123456), "en_GB", "CHF\u00a01,234.56"),
        (Money(1000, "IQD"), "de_DE", "1,000\u00a0IQD"),
        (Money(-(10**17), "CLF"), "de_DE", "-10.000.000.000.000,0000\u00a0CLF"),
        (USD(5), "ja_JP", "$0.05"),
    ],
)
def test_an_amount_is_written_as_elsewhere(money: Money, locale: str, text: str) -> None:
    assert money.format(locale) == text


def test_every_locale_writes_every_digit() -> None:
    for locale in locale_identifiers():
        text = USD(-123456).format(locale)
        assert sum(unicodedata.category(sign) == "Nd" for sign in text) == 6, (locale, text)


@pytest.mark.parametrize("locale", ["xx", "", "de_DE_nonsense_1", "C", "../etc", None])
def test_an_unknown_locale_is_refused(locale: str) -> None:
    with pytest.raises(Invalid) as refused:
        USD(1).format(locale)
    assert refused.value.code == "unknown_locale"


def test_without_babel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "babel", None)
    assert USD(1).format() == "$0.01"
    with pytest.raises(Unavailable, match=r"install ledger-billing\[i18n\]"):
        USD(1).format("de_DE")
