"""A transaction in one scope, with a repository for every noun."""

from datetime import datetime

from ledger.store.sql.connection import ScopedConnection
from ledger.store.sql.customers import SqlCustomers
from ledger.store.sql.due import SqlDue
from ledger.store.sql.events import SqlEventLog
from ledger.store.sql.features import SqlFeatures
from ledger.store.sql.invoices import SqlInvoices
from ledger.store.sql.plans import SqlPlans
from ledger.store.sql.subscriptions import SqlSubscriptions
from ledger.store.sql.usage import SqlUsage


class SqlWork:
    """The work of every slice. It is good until its transaction ends, and cannot name a tenant."""

    def __init__(self, now: datetime, scope: ScopedConnection) -> None:
        self.now = now
        self.features = SqlFeatures(scope)
        self.plans = SqlPlans(scope)
        self.customers = SqlCustomers(scope)
        self.subscriptions = SqlSubscriptions(scope, now)
        self.usage = SqlUsage(scope, now)
        self.invoices = SqlInvoices(scope)
        self.due = SqlDue(scope)
        self.events = SqlEventLog(scope, now)
