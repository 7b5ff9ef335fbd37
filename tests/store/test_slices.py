"""The store is what each slice asks for: the type checkers say so here."""

from datetime import datetime

from ledger.customer.ports import CustomerWork
from ledger.engine.ports import Store as EngineStore
from ledger.engine.ports import Work as EngineWork
from ledger.entitlement.ports import EntitlementWork
from ledger.event.ports import EventWork
from ledger.invoice.ports import InvoiceWork
from ledger.meter.ports import UsageWork
from ledger.plan.ports import PlanWork
from ledger.store.sql.store import SqlStore
from ledger.store.sql.work import SqlWork
from ledger.subscription.ports import SubscriptionWork
from ledger.testing.contract import Store, Work
from ledger.testing.contract.store import ACME, NOW


def test_a_transaction_is_the_work_of_every_slice(memory: SqlStore) -> None:
    def look(work: SqlWork) -> datetime:
        plans: PlanWork = work
        customers: CustomerWork = work
        subscriptions: SubscriptionWork = work
        usage: UsageWork = work
        entitlements: EntitlementWork = work
        invoices: InvoiceWork = work
        events: EventWork = work
        engine: EngineWork = work
        contract: Work = work
        asked = [plans, customers, subscriptions, usage, entitlements, invoices, events, engine]
        assert all(one is contract for one in asked)
        return work.now

    assert memory.run(ACME, look, at=NOW) == NOW


def test_a_store_is_what_the_engine_and_the_contract_ask_for(memory: SqlStore) -> None:
    engine: EngineStore = memory
    contract: Store = memory
    assert engine is contract
