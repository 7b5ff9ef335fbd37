"""Writes a database of the present schema, with a little of everything, as SQL.

    python tests/store/write_fixture.py > tests/store/fixtures/schema_0001.sql

Once for each schema that is released, and never again for that one: what it wrote stands for the
databases that are out there, and `test_upgrade.py` opens it with every later version.
"""

import sqlite3
import sys
from datetime import timedelta
from decimal import Decimal

from ledger.invoice.model import BilledStep, BoundaryRecord
from ledger.meter.model import Claim, Quarter, RejectedEvent, UsageEvent
from ledger.store.memory import SqliteMemory
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.testing.contract import things
from ledger.testing.contract.rollups import rollup
from ledger.testing.contract.store import ACME, NOW, OTHER_TENANT
from ledger.types import ids

DAY = timedelta(days=1)


def fill(work: SqlWork) -> None:
    """Store one of each thing, and two of some."""
    feature, plan = things.feature(), things.plan()
    work.features.add(feature)
    work.plans.add(plan)
    customer = things.customer("user_42")
    work.customers.add(customer)
    subscription = things.subscription(customer, plan, NOW - DAY, trial_end=NOW)
    work.subscriptions.add(subscription)
    draft = things.invoice(subscription)
    work.invoices.add(draft)
    number = f"INV-{work.invoices.next_number('INV')}"
    work.invoices.save(draft.finalized(number, NOW))
    work.invoices.save(draft.finalized(number, NOW).voided(NOW + DAY, "a mistake"))
    work.invoices.add_boundary(BoundaryRecord(subscription.id, NOW, "recurring", draft.id))
    step = BilledStep(
        subscription=subscription.id,
        price=draft.lines[0].price,
        period_start=NOW,
        step=1,
        quantity=Decimal("1.5"),
        amount=4900,
        invoice=draft.id,
        usage_as_of=NOW,
    )
    work.invoices.add_billed([step])
    _use(work, customer.id)
    quarters = Quarter(1, Decimal("1.5"), NOW), None, Quarter(2, Decimal(-3), NOW)
    work.usage.add_up("sum", [rollup(customer.id, feature.id, *quarters)])
    work.due.put("billing", subscription.id, NOW + DAY)
    work.events.add(things.Noted("filled"))


def _use(work: SqlWork, customer: ids.CustomerId) -> None:
    said = [
        things.usage_event(customer),
        things.usage_event(customer, key="order 1"),
        things.usage_event("stranger", unmatched="unknown_customer"),
    ]
    work.usage.claim(
        {ids.USAGE_EVENT.uuid_bytes(event.id): Claim(b"c" * 16, event.time) for event in said}
    )
    work.usage.add(said)
    refused = UsageEvent("api_calls", "user_42", "2.5", "key", NOW, {"model": "ü"})
    rejected = ids.USAGE_EVENT.new()
    work.usage.reject([RejectedEvent(rejected, NOW, "rejected", "too_late: it was.", refused)])
    work.usage.mark("writer", 3)


def main() -> None:
    """Print the SQL."""
    database = SqliteMemory()
    store = SqlStore(database)
    store.migrate()
    for scope in (ACME, OTHER_TENANT):
        store.run(scope, fill, at=NOW)
    with database.transaction(writes=False) as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        sys.stdout.writelines(f"{line}\n" for line in raw.iterdump())
    store.close()


if __name__ == "__main__":
    main()
