"""price, price_cumulative."""

from typing import Any

from ledger.plan.price import (
    FlatPrice,
    GraduatedPrice,
    PackagePrice,
    Price,
    PriceModel,
    StairstepPrice,
    Tier,
    UnitPrice,
    VolumePrice,
)
from ledger.rating.amount import rate
from ledger.rating.cumulative import Chain
from ledger.types.exact import decimal_text
from ledger.types.money import Money
from ledger.types.quantity import quantity
from ledger.types.unit_amount import unit_amount
from tests.cases.translation import Given, Result, UnknownError


def price(given: Given) -> Result:
    rated = rate(_price(given), quantity(given["quantity"]))
    return {
        "exact": decimal_text(rated.exact),
        "amount": Money.rounded(rated.exact, given["currency"]).amount,
        "tiers": [
            {
                "tier": share.tier,
                "quantity": decimal_text(share.quantity),
                "amount": decimal_text(share.amount),
            }
            for share in rated.tiers
        ],
    }


def price_cumulative(given: Given) -> Result:
    chain = Chain(_price(given), given["currency"])
    for so_far in given["so_far"]:
        chain = chain.extended(quantity(so_far))
    return {
        "amounts": [amount.amount for amount in chain.amounts],
        "total": chain.billed.amount,
    }


def _price(given: Given) -> Price:
    model = _model(given["model"], given["params"], given["currency"])
    terms: dict[str, Any] = {}
    if "included" in given and given["model"] != "flat":  # a flat price has nothing to include
        terms["included"] = given["included"]
    if "negative" in given:
        terms["negative"] = given["negative"]
    return Price(model, currency=given["currency"], **terms)


def _model(name: str, params: Given, currency: str) -> PriceModel:
    match name:
        case "flat":
            return FlatPrice(unit_amount(params["amount"], currency))
        case "per_unit":
            return UnitPrice(unit_amount(params["unit"], currency))
        case "graduated":
            return GraduatedPrice(_tiers(params))
        case "volume":
            return VolumePrice(_tiers(params))
        case "stairstep":
            return StairstepPrice(_tiers(params))
        case "package":
            amount = unit_amount(params["amount"], currency)
            return PackagePrice(amount, quantity(params["size"]))
        case _:
            raise UnknownError("model", name)


def _tiers(params: Given) -> tuple[Tier, ...]:
    return tuple(Tier(**tier) for tier in params["tiers"])
