"""Reconciliation: accepted = stored = rated = invoiced, each counted from its own end.

What went in was counted while it was made. Here the events in the file, the rollups and the lines
of the invoices are counted, each by itself.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from ledger import Invoice, Subscription
from ledger.cli.demo.play import END, START, Played

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

UNTIL = END + timedelta(days=1)
"""After everything, with what was metered at the end."""

PRICED = ("input_tokens", "output_tokens", "images")


@dataclass(frozen=True, slots=True)
class FeatureBalance:
    """One feature: what went in, what the rollups say, and where it went.

    `free` was used in a trial or on a plan that does not price it; `running` is in periods that
    are not billed yet.
    """

    feature: str
    accepted: Decimal
    rated: Decimal
    invoiced: Decimal
    running: Decimal
    free: Decimal

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        return self.accepted == self.rated == self.invoiced + self.running + self.free


@dataclass(frozen=True, slots=True)
class Balance:
    """All of it. `numbered` are the invoices with a number, `gaps` the numbers that are missing."""

    accepted: int
    stored: int
    features: tuple[FeatureBalance, ...]
    numbered: int
    gaps: int
    billed: int

    @property
    def holds(self) -> bool:
        """Whether accepted = stored = rated = invoiced, and no number is missing."""
        balanced = all(each.holds for each in self.features)
        return self.accepted == self.stored and balanced and not self.gaps


def balance(tenant: "Tenant[Blocking]", path: Path, played: Played) -> Balance:
    """Count everything anew."""
    invoices = [each for each in tenant.invoices.list() if each.status != "void"]
    numbers = [int(each.number.rpartition("-")[2]) for each in invoices if each.number]
    subscriptions = list(tenant.subscriptions.list())
    return Balance(
        accepted=played.accepted,
        stored=stored_events(path),
        features=tuple(
            _feature(tenant, feature, played, invoices, subscriptions) for feature in PRICED
        ),
        numbered=len(numbers),
        gaps=max(numbers, default=0) - len(set(numbers)),
        billed=sum(each.total.amount for each in invoices if each.number),
    )


def stored_events(path: Path) -> int:
    """How many usage events the file holds, asked of SQLite and not of Ledger."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        (stored,) = connection.execute("SELECT count(*) FROM usage_events").fetchone()
    finally:
        connection.close()
    return int(stored)


def _feature(
    tenant: "Tenant[Blocking]",
    feature: str,
    played: Played,
    invoices: Sequence[Invoice],
    subscriptions: Sequence[Subscription],
) -> FeatureBalance:
    lines = [line for each in invoices for line in each.lines if line.feature == feature]
    billed_to = {line.subscription: START for line in lines}
    for line in lines:
        billed_to[line.subscription] = max(billed_to[line.subscription], line.service_period.end)

    rated = running = free = Decimal(0)
    for each in subscriptions:
        rated += tenant.usage.total(each.customer, feature, START, UNTIL)
        priced_from = each.billing_start if _prices(tenant, each, feature) else UNTIL
        free += tenant.usage.total(each.customer, feature, START, min(priced_from, UNTIL))
        since = max(priced_from, billed_to.get(each.id, START))
        running += tenant.usage.total(each.customer, feature, min(since, UNTIL), UNTIL)
    return FeatureBalance(
        feature=feature,
        accepted=Decimal(played.used[feature]),
        rated=rated,
        invoiced=_sum(line.quantity for line in lines),
        running=running,
        free=free,
    )


def _prices(tenant: "Tenant[Blocking]", subscription: Subscription, feature: str) -> bool:
    plan = tenant.plans.get(subscription.plan, subscription.plan_version)
    return any(price.feature == feature for price in plan.prices)


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    return sum(quantities, Decimal(0))
