"""The main job: a plan, a customer, usage, a check, time, an invoice that explains itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger import USD, Conflict, Feature, Limit, Meter, NotFound, Plan, Price, Tier, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.testing.clock import MovableClock
from ledger.types.ids import SubscriptionId

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
Acme = Tenant[Blocking]


@pytest.fixture
def pro(acme: Acme) -> Plan:
    acme.features.create(Feature(key="api_calls", kind="metered", unit="call"))
    return acme.plans.create(
        Plan(
            key="pro",
            name="Pro",
            currency="USD",
            interval="month",
            prices=[
                Price.flat(USD(4900)),
                Price.graduated("api_calls", [Tier(up_to=10_000, unit="0"), Tier(unit="0.05")]),
            ],
            entitlements={"api_calls": Limit(15_000)},
        )
    )


@pytest.fixture
def jane(acme: Acme, pro: Plan) -> SubscriptionId:
    customer = acme.customers.create(name="Jane", external_id="user_42")
    return acme.subscriptions.create(customer=customer.id, plan=pro.key).id


def test_what_is_due_at_the_start_is_the_fee_in_advance(acme: Acme, jane: SubscriptionId) -> None:
    invoice = acme.invoices.generate(jane)
    assert (invoice.total, invoice.status, invoice.number) == (USD(4900), "open", "INV-000001")
    assert [line.amount for line in invoice.lines] == [USD(4900)]


def test_usage_is_billed_when_its_month_has_ended(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.meter("user_42", "api_calls", 12_345)
    assert acme.invoices.preview(jane).total == USD(4900 + 117)  # 2,345 × 0.05 = 117.25
    clock.move_to(FEBRUARY + timedelta(hours=2))
    invoice = acme.invoices.generate(jane)
    assert invoice.total == USD(4900 + 117)
    assert invoice.number == "INV-000002"
    usage = next(line for line in invoice.lines if line.kind == "usage")
    assert (usage.quantity, usage.derivation.exact) == (Decimal(12_345), "117.25")


def test_the_preview_is_what_is_then_made(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.meter("user_42", "api_calls", 11_111)
    clock.move_to(FEBRUARY + timedelta(hours=2))
    preview, made = acme.invoices.preview(jane), acme.invoices.generate(jane)
    assert [(line.description, line.amount) for line in preview.lines] == [
        (line.description, line.amount) for line in made.lines
    ]


def test_usage_waits_an_hour_for_late_events_before_it_is_final(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    clock.move_to(FEBRUARY - timedelta(minutes=1))
    acme.meter("user_42", "api_calls", 10_100)
    clock.move_to(FEBRUARY)
    draft = acme.invoices.generate(jane)
    assert (draft.status, draft.total) == ("draft", USD(4905))
    acme.meter("user_42", "api_calls", 100, time=FEBRUARY - timedelta(seconds=1))
    clock.advance(timedelta(hours=1))
    run = acme.billing.run()
    assert (run.generated, run.finalized, run.totals) == (0, 1, (USD(4910),))
    assert acme.invoices.get(draft.id).number == "INV-000002"


def test_a_boundary_is_billed_once(acme: Acme, jane: SubscriptionId) -> None:
    acme.invoices.generate(jane)
    with pytest.raises(Conflict, match="2026-02-01") as refused:
        acme.invoices.generate(jane)
    assert refused.value.code == "nothing_due"


def test_a_limit_counts_what_was_metered_a_moment_ago(acme: Acme, jane: SubscriptionId) -> None:
    assert acme.entitled("user_42", "api_calls", 15_000).allowed
    acme.meter("user_42", "api_calls", 14_999)
    last = acme.entitled("user_42", "api_calls")
    assert (last.allowed, last.remaining) == (True, Decimal(1))
    acme.meter("user_42", "api_calls")
    refused = acme.entitled("user_42", "api_calls")
    assert (refused.allowed, refused.reason) == (False, "limit_exceeded")
    assert (refused.used, refused.resets_at) == (Decimal(15_000), FEBRUARY)


def test_a_new_period_begins_at_zero(acme: Acme, jane: SubscriptionId, clock: MovableClock) -> None:
    acme.meter("user_42", "api_calls", 15_000)
    assert not acme.entitled("user_42", "api_calls").allowed
    clock.move_to(FEBRUARY)
    assert acme.entitled("user_42", "api_calls").used == 0


def test_a_cancellation_shows_in_the_next_check(acme: Acme, jane: SubscriptionId) -> None:
    assert acme.entitled("user_42", "api_calls").allowed
    acme.subscriptions.cancel(jane, at="now")
    refused = acme.entitled("user_42", "api_calls")
    assert (refused.allowed, refused.reason) == (False, "subscription_inactive")


def test_a_canceled_subscription_bills_its_last_usage(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    acme.invoices.generate(jane)
    acme.meter("user_42", "api_calls", 10_020)
    acme.subscriptions.cancel(jane)
    clock.move_to(MARCH)
    run = acme.billing.run()
    assert (run.generated, run.totals) == (1, (USD(1),))
    assert acme.billing.run().generated == 0


def test_usage_metered_before_its_customer_exists_is_counted_later(acme: Acme, pro: Plan) -> None:
    acme.meter("user_7", "api_calls", 5)
    acme.flush()
    assert [event.unmatched for event in acme.usage.unmatched()] == ["unknown_customer"]
    acme.customers.create(name="Seven", external_id="user_7")
    assert acme.usage.total("user_7", "api_calls") == 5
    assert list(acme.usage.unmatched()) == []


def test_usage_metered_before_its_feature_exists_is_counted_later(acme: Acme) -> None:
    acme.customers.create(name="Eight", external_id="user_8")
    acme.meter("user_8", "llm.request", properties={"tokens": 1_200})
    acme.flush()
    tokens = Meter(event="llm.request", property="tokens")
    acme.features.create(Feature(key="tokens", kind="metered", meter=tokens))
    assert acme.usage.total("user_8", "tokens") == 1_200


def test_a_batch_answers_for_each_event(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    first = UsageEvent("api_calls", "user_42", 1, key="a")
    results = acme.usage.record(
        [
            first,
            first,
            UsageEvent("api_calls", "user_42", 2, key="a"),
            UsageEvent("api_calls", "user_42", 1, time=clock.now() + timedelta(minutes=6)),
        ]
    )
    outcomes = [result.outcome for result in results]
    assert outcomes == ["accepted", "duplicate", "conflict", "rejected"]
    assert acme.usage.total("user_42", "api_calls") == 1


def test_what_was_recorded_shows_in_the_next_check(acme: Acme, jane: SubscriptionId) -> None:
    assert acme.entitled("user_42", "api_calls").used == 0
    acme.usage.record([UsageEvent("api_calls", "user_42", 40)])
    assert acme.entitled("user_42", "api_calls").used == 40


def test_usage_by_day_and_by_property(
    acme: Acme, jane: SubscriptionId, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=3))
    start = clock.now() - timedelta(days=3)
    acme.usage.record(
        [
            UsageEvent("api_calls", "user_42", 3, time=start, properties={"region": "eu"}),
            UsageEvent("api_calls", "user_42", 4, time=start, properties={"region": "us"}),
            UsageEvent("api_calls", "user_42", 5, time=start + timedelta(days=1)),
        ]
    )
    days = acme.usage.query("user_42", "api_calls", start, clock.now(), window="day")
    assert [row.quantity for row in days] == [7, 5, 0]
    regions = acme.usage.query("user_42", "api_calls", start, clock.now(), group_by="region")
    assert {row.group["region"]: row.quantity for row in regions} == {"eu": 3, "us": 4, "": 5}


def test_an_invoice_explains_itself(acme: Acme, jane: SubscriptionId, clock: MovableClock) -> None:
    acme.invoices.generate(jane)
    acme.meter("user_42", "api_calls", 12_345)
    clock.move_to(FEBRUARY + timedelta(hours=2))
    invoice = acme.invoices.generate(jane)
    text = acme.invoices.explain(invoice.id).text()
    for part in ("INV-000002", "12,345", "117.25", "$1.17", "10,000", "2,345", "2026-01-01"):
        assert part in text


def test_a_void_invoice_is_made_again_only_when_asked(acme: Acme, jane: SubscriptionId) -> None:
    first = acme.invoices.generate(jane)
    acme.invoices.void(first.id, "wrong address")
    with pytest.raises(Conflict):
        acme.invoices.generate(jane)
    again = acme.invoices.generate(jane, boundary=first.boundary)
    assert (again.total, again.number) == (first.total, "INV-000002")
    assert acme.invoices.get("INV-000001").status == "void"


def test_the_event_log_tells_what_happened(acme: Acme, jane: SubscriptionId) -> None:
    acme.invoices.generate(jane)
    types = [event.type for event in acme.events.list()]
    assert types == [
        "FeatureCreated",
        "PlanCreated",
        "CustomerCreated",
        "SubscriptionCreated",
        "InvoiceGenerated",
        "InvoiceFinalized",
    ]


def test_another_tenant_sees_nothing(engine: Engine, acme: Acme, jane: SubscriptionId) -> None:
    other = engine.tenant("acme", app="production")
    with pytest.raises(NotFound):
        other.subscriptions.get(jane)
    assert list(other.customers.list()) == []
    assert list(other.events.list()) == []
