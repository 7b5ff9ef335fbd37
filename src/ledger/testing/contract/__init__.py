"""The contract of a store, as tests: whatever passes them can keep what Ledger keeps.

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self):
            store = MyStore()
            store.migrate()
            yield store
            store.close()

Every test gets an empty, migrated store. With `pytest.register_assert_rewrite` of this package's
name in a `conftest.py` a failure says what was compared.
"""

from ledger.testing.contract.corrections import CorrectionContract
from ledger.testing.contract.counted import CountedContract
from ledger.testing.contract.customers import CustomerContract
from ledger.testing.contract.events import DueContract, EventLogContract
from ledger.testing.contract.expiry import ExpiryContract
from ledger.testing.contract.invoices import InvoiceContract
from ledger.testing.contract.isolation import IsolationContract
from ledger.testing.contract.plans import FeatureContract, PlanContract
from ledger.testing.contract.rollups import RollupContract
from ledger.testing.contract.store import Store, Work
from ledger.testing.contract.subscriptions import SubscriptionContract
from ledger.testing.contract.transactions import TransactionContract
from ledger.testing.contract.usage import UsageContract

__all__ = ["Store", "StoreContract", "Work"]


class StoreContract(
    TransactionContract,
    IsolationContract,
    FeatureContract,
    PlanContract,
    CustomerContract,
    SubscriptionContract,
    UsageContract,
    CorrectionContract,
    RollupContract,
    ExpiryContract,
    CountedContract,
    InvoiceContract,
    DueContract,
    EventLogContract,
):
    """Every promise of the ports. A subclass says with a fixture `store` which store is meant."""
