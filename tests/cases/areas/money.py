"""money_rounding, money_format, allocation."""

from ledger.types.allocation import allocate
from ledger.types.exact import decimal_text, parse_decimal
from ledger.types.money import Money
from ledger.types.unit_amount import unit_amount
from tests.cases.translation import Given, Result


def money_rounding(given: Given) -> Result:
    currency = given["currency"]
    if "major" in given:
        exact = Money.exact_minor(given["major"], currency)
    else:
        exact = unit_amount(given["minor_exact"], currency)
    return {"minor": Money.rounded(exact, currency).amount, "exact": decimal_text(exact)}


def money_format(given: Given) -> Result:
    return {"text": Money(given["minor"], given["currency"]).format(given.get("locale", "en_US"))}


def allocation(given: Given) -> Result:
    weights = [
        parse_decimal(weight, what="weight", integer_digits=50, fraction_digits=50)
        for weight in given["weights"]
    ]
    return {"parts": allocate(given["total"], weights)}
