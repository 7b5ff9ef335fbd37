"""What a caller's type checker sees. Both check this file; nothing runs it."""

from typing import assert_type

import ledger
from ledger import (
    Entitlement,
    Invoice,
    Page,
    Plan,
    Retry,
    StoredEvent,
    Subscription,
    SubscriptionId,
)
from ledger.engine.face import AsyncListing, Listing


def called(engine: ledger.Engine, stored_id: str) -> None:
    acme: ledger.Tenant = engine.tenant("acme", app="production")
    assert_type(acme.meter("user_42", "api_calls", 3), None)
    assert_type(acme.entitled("user_42", "api_calls"), Entitlement)
    assert_type(acme.entitlements.cached("user_42", "api_calls"), Entitlement | None)
    assert_type(acme.plans.list(status="active"), Listing[Plan])
    assert_type(acme.plans.list().page(), Page[Plan])
    assert_type(acme.usage.list(state="voided"), Listing[StoredEvent])
    assert_type(acme.usage.void(["a", "b"], reason="a load test"), list[StoredEvent])
    assert_type(acme.usage.retry_unmatched(customer="jnae", as_customer="jane"), Retry)
    assert_type(acme.invoices.generate(SubscriptionId(stored_id)), Invoice)
    acme.invoices.generate(acme.plans.get("pro").id)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a plan's id
    acme.customers.create(nmae="Jane")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] - a misspelt name


async def awaited(stored_id: str) -> None:
    async with await ledger.open_async("sqlite:///billing.db", entitlement_cache_ttl_s=5) as engine:
        acme: ledger.AsyncTenant = engine.tenant("acme")
        assert_type(acme.meter("user_42", "api_calls", 3), None)
        assert_type(await acme.entitled("user_42", "api_calls"), Entitlement)
        assert_type(await acme.subscriptions.create("user_42", "pro"), Subscription)
        assert_type(acme.plans.list(), AsyncListing[Plan])
        assert_type(await acme.usage.get("a"), StoredEvent)
        assert_type(await acme.invoices.preview(SubscriptionId(stored_id)), Invoice)
