"""Money: a whole number of minor units of one currency. `USD(4999)` is $49.99."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from ledger.types.allocation import allocate
from ledger.types.currency import check_currency, exponent
from ledger.types.errors import Invalid, shown
from ledger.types.exact import Exact, decimal_text, half_away, multiply, parse_decimal
from ledger.types.money_format import format_money
from ledger.types.unit_amount import AMOUNT_MAX, minor_units


class Money(msgspec.Struct, frozen=True):
    """An amount of one currency.

    Args:
        amount: whole minor units (cents of USD, yen of JPY), at most 10^17 either side of zero.
        currency: a code of ISO 4217, in upper case.

    Raises:
        Invalid: a float (`float_refused`), no int (`bad_amount`), too large
            (`amount_out_of_range`), or a currency that does not exist (`unknown_currency`).
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        check_currency(self.currency)
        if type(self.amount) is not int:
            raise _not_minor_units(self.amount)
        if not -AMOUNT_MAX <= self.amount <= AMOUNT_MAX:
            raise Invalid(
                f"an amount of {self.currency} is beyond 10^17 minor units",
                code="amount_out_of_range",
            )

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Nothing, in `currency`."""
        return cls(0, currency)

    @classmethod
    def rounded(cls, exact: Exact, currency: str) -> "Money":
        """The exact number of minor units rounded to a whole one, a half away from zero.

        Raises:
            Invalid: (`amount_out_of_range`) beyond 10^17.
        """
        return cls(half_away(exact), currency)

    @classmethod
    def parse(cls, major: int | str | Decimal, currency: str) -> "Money":
        """An amount as a human writes it: `Money.parse("49.99", "USD")` is `USD(4999)`.

        Raises:
            Invalid: no exact number (see `parse_decimal`), or a part of a minor unit
                (`not_whole`): nothing is rounded here.
        """
        exact = cls.exact_minor(major, currency)
        amount = half_away(exact)
        if exact != amount:
            raise Invalid(
                f"{decimal_text(exact)} is not a whole number of minor units of {currency},"
                f" which has {exponent(currency)} decimals",
                code="not_whole",
            )
        return cls(amount, currency)

    @staticmethod
    def exact_minor(major: int | str | Decimal, currency: str) -> Decimal:
        """The exact minor units of an amount as a human writes it: `"49.995"` USD is 4999.5.

        Raises:
            Invalid: no exact number within bounds (see `parse_decimal`).
        """
        return minor_units(major, currency)

    @classmethod
    def sum(cls, amounts: Iterable["Money"], currency: str) -> "Money":
        """All `amounts` together; nothing at all is zero of `currency`.

        Raises:
            Invalid: (`currency_mismatch`) one has another currency.
        """
        total = cls.zero(currency)
        for amount in amounts:
            total = total.add(amount)
        return total

    def add(self, other: "Money") -> "Money":
        """Both together.

        Raises:
            Invalid: (`currency_mismatch`) another currency.
        """
        return Money(self.amount + self._amount_of(other), self.currency)

    def subtract(self, other: "Money") -> "Money":
        """This less the other.

        Raises:
            Invalid: (`currency_mismatch`) another currency.
        """
        return Money(self.amount - self._amount_of(other), self.currency)

    def multiply(self, by: Decimal | int | str | Fraction) -> "Money":
        """This times an exact number, rounded once to the minor unit.

        Raises:
            Invalid: `by` is no exact number (see `parse_decimal`; at most 50 digits either side).
        """
        if not isinstance(by, Fraction):
            by = parse_decimal(by, what="factor", integer_digits=50, fraction_digits=30)
        return Money.rounded(multiply(self.amount, by), self.currency)

    def negate(self) -> "Money":
        """The same amount on the other side of zero."""
        return Money(-self.amount, self.currency)

    def allocate(self, weights: Sequence[int | Decimal | Fraction]) -> "list[Money]":
        """Parts in proportion to `weights` that add up to this; see `allocation.allocate`.

        Raises:
            Invalid: (`bad_weight`, `no_weights`).
        """
        return [Money(part, self.currency) for part in allocate(self.amount, weights)]

    def format(self, locale: str = "en_US") -> str:
        """The amount as people in `locale` write it: `$53.99`, `-$53.99`, `53,99 €`.

        Raises:
            Invalid: (`unknown_locale`).
            Unavailable: (`extra_missing`) a locale other than en_US without the extra `[i18n]`.
        """
        return format_money(self.amount, self.currency, locale)

    @property
    def is_zero(self) -> bool:
        """Whether it is nothing."""
        return self.amount == 0

    @property
    def is_negative(self) -> bool:
        """Whether it is below zero."""
        return self.amount < 0

    def __add__(self, other: "Money") -> "Money":
        return self.add(other)

    def __sub__(self, other: "Money") -> "Money":
        return self.subtract(other)

    def __neg__(self) -> "Money":
        return self.negate()

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._amount_of(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._amount_of(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._amount_of(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._amount_of(other)

    def __str__(self) -> str:
        return self.format()

    def _amount_of(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise Invalid(
                f"{self} and a {type(other).__name__} do not go together; give Money",
                code="not_money",
            )
        if other.currency != self.currency:
            raise Invalid(
                f"{self} and {other} are in different currencies", code="currency_mismatch"
            )
        return other.amount


def _not_minor_units(amount: object) -> Invalid:
    if isinstance(amount, float):
        return Invalid(
            f"the amount {amount!r} is a binary float; give whole minor units, as in USD(4999)"
            ' for $49.99, or Money.parse("49.99", "USD")',
            code="float_refused",
        )
    return Invalid(
        f"the amount {shown(amount)} is not a whole number of minor units", code="bad_amount"
    )


def _constructor(currency: str) -> Callable[[int], Money]:
    def money(amount: int) -> Money:
        return Money(amount, currency)

    money.__name__ = money.__qualname__ = currency
    money.__doc__ = f"`amount` minor units of {currency} as Money."
    return money


AED = _constructor("AED")
ARS = _constructor("ARS")
AUD = _constructor("AUD")
BHD = _constructor("BHD")
BRL = _constructor("BRL")
CAD = _constructor("CAD")
CHF = _constructor("CHF")
CLP = _constructor("CLP")
CNY = _constructor("CNY")
COP = _constructor("COP")
CZK = _constructor("CZK")
DKK = _constructor("DKK")
EUR = _constructor("EUR")
GBP = _constructor("GBP")
HKD = _constructor("HKD")
HUF = _constructor("HUF")
IDR = _constructor("IDR")
ILS = _constructor("ILS")
INR = _constructor("INR")
ISK = _constructor("ISK")
JPY = _constructor("JPY")
KRW = _constructor("KRW")
KWD = _constructor("KWD")
MXN = _constructor("MXN")
MYR = _constructor("MYR")
NOK = _constructor("NOK")
NZD = _constructor("NZD")
PHP = _constructor("PHP")
PLN = _constructor("PLN")
RON = _constructor("RON")
SAR = _constructor("SAR")
SEK = _constructor("SEK")
SGD = _constructor("SGD")
THB = _constructor("THB")
TRY = _constructor("TRY")
TWD = _constructor("TWD")
UAH = _constructor("UAH")
USD = _constructor("USD")
VND = _constructor("VND")
ZAR = _constructor("ZAR")
