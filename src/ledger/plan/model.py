"""A plan: a named set of prices and entitlements, in versions. An active one never changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from ledger.plan.naming import (
    DESCRIPTION_MAX,
    check_key,
    check_metadata,
    check_name,
    check_own_key,
    check_text,
)
from ledger.plan.price import Number, Price
from ledger.types import ids
from ledger.types.currency import check_currency
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import PlanId
from ledger.types.period import Interval
from ledger.types.quantity import quantity

PlanStatus = Literal["draft", "active", "archived"]
LimitPer = Literal["billing_period", "day", "month", "lifetime"]
Enforcement = Literal["hard", "soft"]

PRICES_MAX = 500
ENTITLEMENTS_MAX = 500
TRIAL_DAYS_MAX = 3_650
PER: tuple[LimitPer, ...] = get_args(LimitPer)
ENFORCEMENTS: tuple[Enforcement, ...] = get_args(Enforcement)


@dataclass(frozen=True, slots=True, init=False)
class Limit:
    """How much of a metered feature a plan includes, per what, and how strictly.

    `hard` refuses what does not fit, `soft` allows it and says so.

    Raises:
        Invalid: (`bad_limit`) below zero, or per or enforced like nothing there is; no exact
            number (`float_refused`, `bad_decimal`, `out_of_range`).
    """

    value: Decimal
    per: LimitPer = "billing_period"
    enforcement: Enforcement = "hard"

    def __init__(
        self, value: Number, per: LimitPer = "billing_period", enforcement: Enforcement = "hard"
    ) -> None:
        limit = quantity(value, what="limit")
        if limit < 0:
            raise _bad_limit(f"a limit is zero or more, not {limit}", "value")
        if per not in PER:
            raise _bad_limit(f"a limit holds per {' | '.join(PER)}, not per {per!r}", "per")
        if enforcement not in ENFORCEMENTS:
            raise _bad_limit(f"a limit is hard or soft, not {enforcement!r}", "enforcement")
        object.__setattr__(self, "value", limit)
        object.__setattr__(self, "per", per)
        object.__setattr__(self, "enforcement", enforcement)


Included = Limit | bool  # True: included without limit; False: not included, although priced


@dataclass(frozen=True, slots=True, init=False)
class Plan:
    """What is sold: prices and entitlements under a key, in versions.

    `interval` is the billing interval ("month", "year", "2 weeks"). `entitlements` maps a feature
    key to a `Limit`, a number (a hard limit per billing period), True (included) or False.

    Raises:
        Invalid: a field that cannot be; `code` and `param` say which. What needs the features is
            checked when the plan is created.
    """

    id: PlanId
    key: str
    name: str
    currency: str
    interval: Interval
    prices: tuple[Price, ...] = ()
    entitlements: dict[str, Included] = field(default_factory=dict[str, Included])
    trial_days: int = 0
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    version: int = 1
    status: PlanStatus = "active"
    created_at: datetime | None = None

    def __init__(
        self,
        key: str,
        name: str,
        currency: str,
        interval: Interval | str = "month",
        prices: Sequence[Price] = (),
        entitlements: Mapping[str, Included | Number | None] | None = None,
        trial_days: int = 0,
        description: str = "",
        metadata: dict[str, str] | None = None,
        *,
        id: PlanId | None = None,
        version: int = 1,
        status: PlanStatus = "active",
        created_at: datetime | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "id", id or ids.PLAN.new())
        put(self, "key", check_own_key(key))
        put(self, "name", check_name(name))
        put(self, "currency", check_currency(currency))
        put(self, "interval", Interval.of(interval))
        put(self, "prices", _prices(prices))
        put(self, "entitlements", _entitlements(entitlements or {}))
        put(self, "trial_days", check_trial_days(trial_days))
        put(self, "description", check_text(description, "description", DESCRIPTION_MAX))
        put(self, "metadata", check_metadata(metadata))
        put(self, "version", version)
        put(self, "status", status)
        put(self, "created_at", created_at)

    def currency_of(self, price: Price) -> str:
        """The currency in which a price is charged: its own, or the plan's."""
        return price.currency or self.currency

    def interval_of(self, price: Price) -> Interval:
        """The interval at which a price is billed: its own, or the plan's."""
        return price.interval or self.interval

    def prices_in(self, currency: str) -> Iterator[Price]:
        """The prices that a subscription billed in `currency` pays."""
        return (price for price in self.prices if self.currency_of(price) == currency)

    def currencies(self) -> set[str]:
        """The currencies in which the plan can be sold."""
        return {self.currency} | {self.currency_of(price) for price in self.prices}

    def included(self, feature: str) -> Included:
        """What the plan grants of a feature: a limit, True (no limit) or False (nothing)."""
        if feature in self.entitlements:
            return self.entitlements[feature]
        return any(price.feature == feature for price in self.prices)

    def feature_keys(self) -> set[str]:
        """The keys of all features that the plan prices or has an entitlement for."""
        return {*self.entitlements, *(price.feature for price in self.prices if price.feature)}

    def next_version(self, at: datetime, plan: "Plan") -> "Plan":
        """`plan` as the draft that may follow this version, or replace it while it is a draft.

        Raises:
            Invalid: (`plan_key_fixed`) it has another key.
        """
        if plan.key != self.key:
            raise Invalid(
                f"plan {self.key!r} keeps its key; its next version cannot be {plan.key!r}",
                code="plan_key_fixed",
                param="key",
            )
        version = self.version if self.status == "draft" else self.version + 1
        return replace(plan, id=self.id, version=version, status="draft", created_at=at)

    def published(self) -> "Plan":
        """The draft, on sale.

        Raises:
            Conflict: (`plan_not_draft`) it is no draft.
        """
        if self.status != "draft":
            raise Conflict(
                f"version {self.version} of plan {self.key!r} is {self.status}, not a draft",
                code="plan_not_draft",
                plan=self.key,
                plan_status=self.status,
            )
        return replace(self, status="active")

    def archived(self) -> "Plan":
        """The version, no longer on sale; who has it keeps it."""
        return replace(self, status="archived")


def check_trial_days(days: int) -> int:
    """A trial of 0 (none) to 3,650 days.

    Raises:
        Invalid: (`bad_trial`) it is something else.
    """
    if type(days) is not int or not 0 <= days <= TRIAL_DAYS_MAX:
        raise Invalid(
            f"a trial has 0 to {TRIAL_DAYS_MAX:,} whole days, not {days!r}",
            code="bad_trial",
            param="trial_days",
        )
    return days


def _prices(prices: Sequence[Price]) -> tuple[Price, ...]:
    if len(prices) > PRICES_MAX:
        raise Invalid(
            f"a plan has at most {PRICES_MAX} prices, not {len(prices)}",
            code="too_many_prices",
            param="prices",
        )
    for index, price in enumerate(prices):
        if not isinstance(price, Price):
            raise Invalid(
                f"price {index + 1} of a plan is a {type(price).__name__}, not a Price such as"
                " Price.flat(USD(4900))",
                code="bad_price",
                param=f"prices[{index}]",
            )
    return tuple(prices)


def _entitlements(given: Mapping[str, Included | Number | None]) -> dict[str, Included]:
    if len(given) > ENTITLEMENTS_MAX:
        raise Invalid(
            f"a plan has at most {ENTITLEMENTS_MAX} entitlements, not {len(given)}",
            code="too_many_entitlements",
            param="entitlements",
        )
    return {check_key(key, "entitlements"): _included(key, value) for key, value in given.items()}


def _included(key: str, value: Included | Number | None) -> Included:
    if value is None:
        return True
    if isinstance(value, bool | Limit):
        return value
    return Limit(quantity(value, what=f"limit of {key!r}"))


def _bad_limit(message: str, param: str) -> Invalid:
    return Invalid(message, code="bad_limit", param=param)
