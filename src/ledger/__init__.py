"""Ledger: usage-based billing. Plans, metering, entitlements, invoices; exact to the cent.

    import ledger

    with ledger.open("sqlite:///billing.db") as engine:
        acme = engine.tenant("acme_corp", app="production")

Everything public is importable from here; what is not listed here may change.
"""

from typing import TYPE_CHECKING

from ledger.customer.model import Address, Customer, TaxId
from ledger.entitlement.model import Entitlement
from ledger.invoice.model import Invoice, LineItem
from ledger.meter.config import MeterConfig
from ledger.meter.model import (
    EventResult,
    RejectedEvent,
    Retry,
    StoredEvent,
    UsageEvent,
    UsageRow,
)
from ledger.opening import open, open_async
from ledger.plan.conversion import Conversion
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Limit, Plan
from ledger.plan.price import Price, Tier
from ledger.subscription.model import Subscription
from ledger.types.clock import Clock, SystemClock
from ledger.types.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    LedgerError,
    NotFound,
    Unavailable,
)
from ledger.types.ids import CustomerId, FeatureId, InvoiceId, PlanId, SubscriptionId
from ledger.types.money import (
    AED,
    ARS,
    AUD,
    BHD,
    BRL,
    CAD,
    CHF,
    CLP,
    CNY,
    COP,
    CZK,
    DKK,
    EUR,
    GBP,
    HKD,
    HUF,
    IDR,
    ILS,
    INR,
    ISK,
    JPY,
    KRW,
    KWD,
    MXN,
    MYR,
    NOK,
    NZD,
    PHP,
    PLN,
    RON,
    SAR,
    SEK,
    SGD,
    THB,
    TRY,
    TWD,
    UAH,
    USD,
    VND,
    ZAR,
    Money,
)  # fmt: skip
from ledger.types.page import Page
from ledger.types.period import Interval, Period

if TYPE_CHECKING:
    from ledger.engine.engine import AsyncEngine, Engine
    from ledger.engine.tenant import AsyncTenant
    from ledger.engine.tenant import BlockingTenant as Tenant
    from ledger.engine.worker import Worker

__version__ = "0.1.0"

__all__ = [
    "AED", "ARS", "AUD", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EUR",
    "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KWD", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "RON", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND",
    "ZAR",
    "Address", "AsyncEngine", "AsyncTenant", "Broken", "Clock", "Conflict", "Conversion",
    "Customer", "CustomerId", "Denied", "Engine", "Entitlement", "EventResult", "Feature",
    "FeatureId", "Interval", "Invalid", "Invoice", "InvoiceId", "LedgerError", "Limit", "LineItem",
    "Meter", "MeterConfig", "Money", "NotFound", "Page", "Period", "Plan", "PlanId", "Price",
    "RejectedEvent", "Retry", "StoredEvent", "Subscription", "SubscriptionId", "SystemClock",
    "TaxId", "Tenant", "Tier", "Unavailable", "UsageEvent", "UsageRow", "Worker", "__version__",
    "open", "open_async",
]  # fmt: skip


def __getattr__(name: str) -> object:
    # The engines bring asyncio along, and `import ledger` does without it.
    if name in ("AsyncEngine", "Engine"):
        from ledger.engine import engine

        return getattr(engine, name)
    if name in ("AsyncTenant", "Tenant"):
        from ledger.engine import tenant

        return tenant.AsyncTenant if name == "AsyncTenant" else tenant.BlockingTenant
    if name == "Worker":
        from ledger.engine.worker import Worker

        return Worker
    raise AttributeError(f"module 'ledger' has no attribute {name!r}")
