"""All that a scope knows of usage, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from ledger.meter.model import ServiceTimes
from ledger.store.sql.connection import ScopedConnection
from ledger.store.sql.rollup_totals import SqlRollupTotals
from ledger.store.sql.subscriptions import SqlSubscriptions
from ledger.store.sql.usage_corrections import SqlUsageCorrections
from ledger.store.sql.usage_expiry import SqlUsageExpiry
from ledger.store.sql.usage_keys import SqlUsageKeys
from ledger.store.sql.usage_levels import SqlLevels
from ledger.store.sql.usage_rejected import SqlRejectedUsage
from ledger.store.sql.usage_uniques import SqlUniques
from ledger.store.sql.usage_waiting import SqlWaitingUsage
from ledger.types.ids import CustomerId


class SqlUsage(
    SqlUsageKeys,
    SqlRejectedUsage,
    SqlUsageCorrections,
    SqlWaitingUsage,
    SqlRollupTotals,
    SqlUniques,
    SqlLevels,
    SqlUsageExpiry,
):
    """The usage of a scope; a `UsageRepository`."""

    def __init__(self, scope: ScopedConnection, now: datetime) -> None:
        super().__init__(scope)
        self._now = now
        self._subscriptions = SqlSubscriptions(scope, now)

    def schedules(self, customers: Sequence[CustomerId]) -> dict[CustomerId, list[ServiceTimes]]:
        """When these customers' subscriptions serve, ended ones included, oldest start first."""
        found: dict[CustomerId, list[ServiceTimes]] = {}
        for subscription in self._subscriptions.of(customers):
            times = ServiceTimes(subscription.start, subscription.schedule(), subscription.end)
            found.setdefault(subscription.customer, []).append(times)
        for services in found.values():
            services.sort(key=lambda times: times.start)
        return found

    def alone(self) -> None:
        """Hold back every other transaction that adds usage in the scope, until this one ends."""
        self._scope.hold("usage")
