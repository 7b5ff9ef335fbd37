"""A customer refuses what could not be billed, named or written to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.customer.model import Address, Customer, TaxId
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid
from ledger.types.json import decode, encode

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JANE = Customer(id=ids.CUSTOMER.new(), name="Jane", created_at=NOW)
anything: Any = 5


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"name": ""}, "bad_text", "name"),
        ({"name": "x" * 256}, "bad_text", "name"),
        ({"name": anything}, "bad_text", "name"),
        ({"email": "jane"}, "bad_email", "email"),
        ({"email": "jane@"}, "bad_email", "email"),
        ({"email": "jane @example.com"}, "bad_email", "email"),
        ({"email": "j@b@example.com"}, "bad_email", "email"),
        ({"email": f"{'x' * 250}@example.com"}, "bad_text", "email"),
        ({"external_id": ""}, "bad_external_id", "external_id"),
        ({"external_id": "x" * 256}, "bad_external_id", "external_id"),
        ({"external_id": "a\tb"}, "bad_external_id", "external_id"),
        ({"external_id": anything}, "bad_external_id", "external_id"),
        ({"external_id": "cst_42"}, "bad_external_id", "external_id"),
        ({"external_id": ids.INVOICE.new()}, "bad_external_id", "external_id"),
        ({"time_zone": "Berlin"}, "unknown_time_zone", None),
        ({"currency": "usd"}, "unknown_currency", None),
        ({"tax_ids": (TaxId("eu_vat", "DE1"),) * 21}, "too_many_tax_ids", "tax_ids"),
        ({"metadata": {"x": "y" * 1001}}, "bad_text", "metadata[x]"),
        ({"metadata": {str(n): "" for n in range(51)}}, "bad_metadata", "metadata"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    changes: dict[str, object], code: str, param: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        replace(JANE, **changes)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("country", ["Germany", "de", "D", "DEU", "Ä1", "ÄÖ"])
def test_a_country_is_a_code_of_two_letters(country: str) -> None:
    with pytest.raises(Invalid) as refused:
        Address(country=country)
    assert (refused.value.code, refused.value.param) == ("bad_country", "address.country")


@pytest.mark.parametrize(("type", "value"), [("", "DE1"), ("eu_vat", " "), ("eu_vat", "1" * 65)])
def test_a_tax_id_has_a_type_and_a_value(type: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        TaxId(type, value)
    assert refused.value.code == "bad_text"


def test_a_customer_is_known_by_id_and_external_id() -> None:
    assert JANE.refs == (JANE.id,)
    assert replace(JANE, external_id="user_42").refs == (JANE.id, "user_42")


def test_external_ids_may_be_typed_ids_of_another_system() -> None:
    foreign = "user_01h455vb4pex5vsknk084sn02q"
    assert replace(JANE, external_id=foreign).external_id == foreign


def test_a_customer_is_archived_once() -> None:
    archived = JANE.archived()
    assert (archived.status, archived.version) == ("archived", 2)
    with pytest.raises(Conflict) as refused:
        archived.archived()
    assert refused.value.code == "customer_archived"


def test_a_customer_is_the_same_after_storage() -> None:
    customer = Customer(
        id=ids.CUSTOMER.new(),
        name="Müller & Söhne\nGmbH",
        email="müller@exämple.de",
        external_id="ünïcode 42",
        address=Address("Weg 1", "", "Köln", "NRW", "50667", "DE"),
        time_zone="Europe/Berlin",
        currency="EUR",
        tax_ids=(TaxId("eu_vat", "DE123456789"),),
        metadata={"shelf": "top"},
        created_at=NOW,
    )
    assert decode(encode(customer), Customer) == customer
