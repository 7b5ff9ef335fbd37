"""A database of every schema that was released opens, and everything in it is still there."""

import re
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.invoice.model import BoundaryRecord
from ledger.meter.acceptance import digest
from ledger.store.sql.guard import watch
from ledger.store.sql.migrations import steps
from ledger.store.sql.schema import METADATA
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite import open_sqlite
from ledger.testing.contract import things
from ledger.testing.contract.rollups import HOUR
from ledger.testing.contract.store import ACME, NOW, OTHER_TENANT, Held
from ledger.types.money import USD
from ledger.types.scope import Scope

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("schema_*.sql"))
DAY = timedelta(days=1)


@pytest.fixture(params=FIXTURES, ids=lambda fixture: fixture.stem)
def upgraded(request: pytest.FixtureRequest, path: Path) -> Iterator[SqlStore]:
    fixture: Path = request.param
    connection = sqlite3.connect(path)
    connection.executescript(fixture.read_text(encoding="utf-8"))
    connection.close()
    store = open_sqlite(path)
    missing = [step.name for step in steps("sqlite") if step.version > store.schema_version()]
    assert store.migrate() == missing
    watch(store)
    yield store
    store.close()


@pytest.fixture(params=[ACME, OTHER_TENANT], ids=["acme", "globex"])
def held(request: pytest.FixtureRequest, upgraded: SqlStore) -> Held:
    scope: Scope = request.param
    return Held(upgraded, scope, NOW + DAY)


def test_the_schema_is_the_newest_and_the_database_is_whole(upgraded: SqlStore) -> None:
    assert upgraded.schema_version() == steps("sqlite")[-1].version
    assert [finding for finding in upgraded.check() if not finding.ok] == []


def test_the_first_fixture_holds_something_of_every_table_of_its_time() -> None:
    text = FIXTURES[0].read_text(encoding="utf-8")
    made = set(re.findall(r"^CREATE TABLE \"?(\w+)", text, re.MULTILINE))
    assert set(re.findall(r"^INSERT INTO \"(\w+)\"", text, re.MULTILINE)) >= made
    assert made <= set(METADATA.tables)


def test_what_is_sold_is_there(held: Held) -> None:
    feature, plan = held.features.get("api_calls"), held.plans.get("pro")
    like, sold = things.feature(), things.plan()
    assert (feature.kind, feature.meter, feature.unit) == (like.kind, like.meter, like.unit)
    assert (plan.name, plan.interval, plan.metadata) == (sold.name, sold.interval, sold.metadata)
    assert [price.model for price in plan.prices] == [price.model for price in sold.prices]
    assert plan.entitlements == sold.entitlements
    assert held.plans.versions("pro") == [plan]
    assert held.features.metering(["api_calls"]) == [feature]


def test_who_bought_it_is_there(held: Held) -> None:
    customer, like = held.customers.get("user_42"), things.customer("user_42")
    assert (customer.address, customer.tax_ids) == (like.address, like.tax_ids)
    (subscription,) = held.subscriptions.of([customer.id])
    assert subscription.trial_end == NOW
    assert subscription.status == "active"
    assert subscription.quantities == {"seats": Decimal("5.5")}
    (times,) = held.usage.schedules([customer.id])[customer.id]
    assert (times.start, times.schedule.start, times.end) == (NOW - DAY, NOW, None)


def test_what_was_used_is_there(held: Held) -> None:
    customer, feature = held.customers.get("user_42").id, held.features.get("api_calls").id
    mine = list(held.usage.stored(NOW, NOW + DAY, customer=customer))
    like = things.usage_event(customer)
    assert [event.quantity for event in mine] == [like.quantity] * 2
    assert [event.properties for event in mine] == [like.properties] * 2
    assert [event.key == event.id for event in mine] == [True, False]
    (waiting,) = held.usage.waiting_for_customer(["stranger"])
    assert held.usage.newest_id() == waiting.id
    (rollup,) = held.usage.rollups(customer, feature, HOUR, HOUR + 1)
    values = [quarter and (quarter.count, quarter.value) for quarter in rollup.quarters]
    assert values == [(1, Decimal("1.5")), None, (2, Decimal(-3)), None]
    (refused,) = held.usage.rejected(None, 10).items
    assert (refused.reason, refused.event.quantity) == ("too_late: it was.", "2.5")
    assert held.usage.marked("writer") == 3


def test_events_are_found_by_keys_that_were_claimed_before_times_were_kept(held: Held) -> None:
    customer = held.customers.get("user_42").id
    mine, _ = held.usage.stored(NOW, NOW + DAY, customer=customer)
    assert held.usage.find({digest(mine.key): mine.key}) == {mine.key: mine}


def test_what_was_billed_is_there(held: Held) -> None:
    invoice = held.invoices.get("INV-1")
    assert (invoice.status, invoice.void_reason) == ("void", "a mistake")
    assert (invoice.total, invoice.amount_due, invoice.version) == (USD(4900), USD(0), 3)
    made = BoundaryRecord(invoice.subscription, NOW, "recurring", invoice.id)
    assert held.invoices.boundaries(invoice.subscription) == [made]
    (step,) = held.invoices.billed(invoice.subscription, NOW)
    assert (step.step, step.quantity, step.amount) == (1, Decimal("1.5"), 4900)
    assert held.invoices.next_number("INV") == 2


def test_what_is_due_and_what_happened_is_there(held: Held) -> None:
    (subscription,) = held.subscriptions.page(None, 10).items
    assert held.due.get("billing", subscription.id) == NOW + DAY
    (entry,) = held.events.page(None, 10).items
    assert (entry.sequence, entry.type, entry.entity_id) == (1, "Noted", "filled")


def test_it_can_be_written_to(held: Held) -> None:
    held.customers.add(things.customer("user_43"))
    held.usage.add([things.usage_event(held.customers.get("user_43").id)])
    held.events.add(things.Noted("went on"))
    assert [entry.sequence for entry in held.events.page(None, 10)] == [1, 2]
