"""The answer to "may this customer do this now?", and the facts it is decided from."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from ledger.plan.feature import Feature
from ledger.plan.model import Enforcement, Included
from ledger.subscription.model import Subscription
from ledger.types.exact import CONTEXT, normalised
from ledger.types.ids import CustomerId
from ledger.types.period import Period

Reason = Literal[
    "no_subscription",
    "trial_expired",
    "subscription_inactive",
    "feature_not_included",
    "limit_exceeded",
]


class Entitlement(msgspec.Struct, frozen=True, gc=False):
    """Whether a quantity of a feature is allowed now, and why (SEMANTICS §7).

    `limit` and `remaining` are None without a limit; `used` counts this process's own events at
    once and those of other processes after their flush; `resets_at` is when the limit's period
    ends; `as_of` is when the stored usage was read. A refusal is an answer, never an exception.
    """

    allowed: bool
    reason: Reason | None = None
    limit: Decimal | None = None
    used: Decimal = Decimal(0)
    remaining: Decimal | None = None
    enforcement: Enforcement = "hard"
    resets_at: datetime | None = None
    as_of: datetime | None = None

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def overage(self) -> Decimal:
        """How much was used beyond the limit; 0 within it, and without one."""
        if self.limit is None or self.used <= self.limit:
            return Decimal(0)
        return normalised(CONTEXT.subtract(self.used, self.limit))


class Source(msgspec.Struct, frozen=True):
    """What one subscription grants of a feature: a limit (None: unlimited), hard or soft."""

    limit: Decimal | None
    enforcement: Enforcement = "hard"


class Holding(msgspec.Struct, frozen=True):
    """A subscription of the customer with what its plan version includes of the feature."""

    subscription: Subscription
    included: Included


class EntitlementFacts(msgspec.Struct, frozen=True):
    """All that a decision about (customer, feature) needs, read in one transaction.

    `customer` is None while nobody of that name is known; `holdings` are oldest first.
    """

    customer: CustomerId | None
    refs: tuple[str, ...]
    feature: Feature
    holdings: tuple[Holding, ...]
    at: datetime
    time_zone: str


class UsagePeriod(msgspec.Struct, frozen=True):
    """The window whose usage counts against a limit, and when it resets (None: never)."""

    period: Period
    resets_at: datetime | None
