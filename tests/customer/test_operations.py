"""Customers are kept under an id and a name of the user's own."""

from datetime import timedelta
from typing import Any

import pytest

from ledger.customer import operations as customers
from ledger.customer.events import CustomerUpdated
from ledger.customer.model import Address, Customer, TaxId
from ledger.event import operations as event
from ledger.types.errors import Conflict, NotFound
from ledger.types.ids import CUSTOMER, PLAN
from ledger.types.json import decode
from tests.plan.desk import NEW_YEAR, Desk


@pytest.fixture
def jane(desk: Desk) -> Customer:
    return desk.do(customers.create, "Jane", email="jane@example.com", external_id="user_42")


def test_a_customer_is_found_by_id_and_by_external_id(desk: Desk, jane: Customer) -> None:
    assert (jane.created_at, jane.status, jane.version) == (NEW_YEAR, "active", 1)
    assert desk.do(customers.get, jane.id) == jane
    assert desk.do(customers.get, "user_42") == jane
    assert desk.told() == ["CustomerCreated"]


def test_a_customer_has_what_it_was_given(desk: Desk) -> None:
    customer = desk.do(
        customers.create,
        "ACME",
        address=Address(country="DE"),
        time_zone="Europe/Berlin",
        currency="EUR",
        tax_ids=[TaxId("eu_vat", "DE123456789")],
        metadata={"shelf": "top"},
    )
    assert customer.external_id is None
    assert customer.tax_ids == (TaxId("eu_vat", "DE123456789"),)
    assert desk.do(customers.get, customer.id) == customer


def test_an_external_id_is_taken_once(desk: Desk, jane: Customer) -> None:
    joe = desk.do(customers.create, "Joe", external_id="user_43")
    for refused in (
        desk.refusal(customers.create, "Jill", external_id="user_42"),
        desk.refusal(customers.update, joe.id, external_id="user_42"),
    ):
        assert isinstance(refused, Conflict)
        assert refused.code == "customer_exists"
    assert desk.do(customers.get, "user_42") == jane
    assert desk.do(customers.get, "user_43") == joe


def test_only_what_is_given_changes(desk: Desk, jane: Customer) -> None:
    desk.now += timedelta(days=1)
    moved = desk.do(customers.update, "user_42", address=Address(city="Köln"), currency="EUR")
    assert moved.address.city == "Köln"
    assert (moved.name, moved.email, moved.external_id) == (jane.name, jane.email, "user_42")
    assert (moved.version, moved.created_at) == (2, NEW_YEAR)
    everything = desk.do(
        customers.update,
        jane.id,
        name="Jane Doe",
        email="",
        address=Address(),
        time_zone="Asia/Tokyo",
        tax_ids=[TaxId("jp_cn", "1")],
        metadata={"a": "b"},
    )
    assert desk.do(customers.get, jane.id) == everything
    assert (everything.email, everything.currency, everything.version) == ("", "EUR", 3)


def test_none_clears_an_external_id_and_a_currency(desk: Desk, jane: Customer) -> None:
    desk.do(customers.update, jane.id, currency="EUR")
    cleared = desk.do(customers.update, jane.id, external_id=None, currency=None)
    assert (cleared.external_id, cleared.currency) == (None, None)
    assert isinstance(desk.refusal(customers.get, "user_42"), NotFound)
    assert desk.do(customers.create, "Joe", external_id="user_42").id != jane.id


def test_an_update_tells_the_names_that_the_customer_had(desk: Desk, jane: Customer) -> None:
    desk.do(customers.update, jane.id, external_id="user_1")
    told = list(desk.do(event.page))[-1]
    fact = decode(bytes(told.payload), CustomerUpdated)
    assert fact.refs_before == (jane.id, "user_42")
    assert fact.customer.refs == (jane.id, "user_1")
    assert (told.entity_id, told.version) == (jane.id, 2)


def test_a_change_to_what_is_there_tells_nothing(desk: Desk, jane: Customer) -> None:
    assert desk.do(customers.update, jane.id) == jane
    assert desk.do(customers.update, jane.id, name="Jane", tax_ids=[], metadata={}) == jane
    assert desk.told() == ["CustomerCreated"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "jane"}, "bad_email"),
        ({"name": None}, "bad_text"),
        ({"time_zone": "Berlin"}, "unknown_time_zone"),
        ({"metadata": {"a": 1}}, "bad_text"),
    ],
)
def test_a_refused_change_changes_nothing(
    desk: Desk, jane: Customer, changes: dict[str, Any], code: str
) -> None:
    assert desk.refusal(customers.update, jane.id, **changes).code == code
    assert desk.do(customers.get, jane.id) == jane


def test_a_customer_is_archived_once(desk: Desk, jane: Customer) -> None:
    archived = desk.do(customers.archive, "user_42")
    assert (archived.status, archived.version) == ("archived", 2)
    assert desk.do(customers.get, jane.id) == archived
    assert desk.refusal(customers.archive, jane.id).code == "customer_archived"
    assert desk.told() == ["CustomerCreated", "CustomerArchived"]


def test_customers_are_listed_oldest_first_and_by_status(desk: Desk, jane: Customer) -> None:
    joe = desk.do(customers.create, "Joe")
    first = desk.do(customers.page, limit=1)
    assert list(first) == [jane]
    assert list(desk.do(customers.page, after=first.next_cursor)) == [joe]
    archived = desk.do(customers.archive, joe.id)
    assert list(desk.do(customers.page, status="archived")) == [archived]
    assert list(desk.do(customers.page, status="active")) == [jane]


def test_an_id_of_something_else_is_refused_and_an_unknown_one_not_found(desk: Desk) -> None:
    for operation in (customers.get, customers.update, customers.archive):
        assert desk.refusal(operation, PLAN.new()).code == "wrong_id"
        assert desk.refusal(operation, CUSTOMER.new()).code == "customer_not_found"
        assert desk.refusal(operation, "user_42").code == "customer_not_found"
