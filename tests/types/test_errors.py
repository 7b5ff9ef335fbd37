"""Errors: six classes by who can act, each with code, sentence and facts."""

import copy
import pickle
from decimal import Decimal

import pytest

from ledger.types.errors import (
    Broken,
    Conflict,
    Denied,
    Invalid,
    LedgerError,
    NotFound,
    Unavailable,
    shown,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("no"), 422),
        (NotFound("plan", "pro"), 404),
        (Conflict("no", code="paid"), 409),
        (Denied("no", code="forbidden"), 403),
        (Denied("no", code="unauthenticated"), 401),
        (Denied("no", code="payment_required"), 402),
        (Denied("no", code="rate_limited"), 429),
        (Unavailable("no", code="busy"), 503),
        (Unavailable("no", code="timed_out"), 504),
        (Broken("no", code="sums_differ"), 500),
    ],
)
def test_the_class_and_the_code_say_the_http_status(error: LedgerError, status: int) -> None:
    assert error.status == status


def test_the_class_says_a_status_before_there_is_an_error() -> None:
    assert (Invalid.status, NotFound.status, Denied.status) == (422, 404, 403)


def test_facts_are_attributes() -> None:
    error = Conflict("the coupon is used up", code="coupon_exhausted", redeemed=3, limit=3)
    assert (error.redeemed, error.limit, error.facts["limit"]) == (3, 3, 3)


def test_a_fact_that_was_not_given_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="Conflict has no attribute or fact 'limit'"):
        _ = Conflict("no", code="no").limit


def test_a_fact_never_hides_the_http_status() -> None:
    error = Conflict("the invoice is void", code="invoice_void", status="void")
    assert (error.status, error.facts["status"]) == (409, "void")


def test_what_is_not_found_is_named() -> None:
    error = NotFound("line item", "ili_1")
    assert error.code == "line_item_not_found"
    assert str(error) == "there is no line item 'ili_1'"
    assert (error.entity, error.id) == ("line item", "ili_1")


def test_an_invalid_request_has_a_code_without_being_given_one() -> None:
    assert Invalid("no").code == "invalid"
    assert Invalid("no", code="bad_tenant", param="tenant").param == "tenant"


@pytest.mark.parametrize(
    "error",
    [
        Invalid("no", code="bad", param="quantity", given=1),
        NotFound("plan", "pro"),
        Conflict("no", code="paid", at="today"),
        Denied("no", code="rate_limited", retry_after_s=3),
    ],
)
def test_an_error_survives_copying_and_another_process(error: LedgerError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301  our own bytes
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.__dict__ == error.__dict__


def test_every_error_can_be_caught_at_once() -> None:
    with pytest.raises(LedgerError):
        raise NotFound("plan", "pro")


def test_an_error_shows_its_code_to_a_developer() -> None:
    assert repr(Conflict("it is paid", code="paid")) == "Conflict('it is paid', code='paid')"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("pro", "'pro'"),
        (7, "7"),
        (Decimal("1.5"), "1.5"),
        pytest.param(1 << 10_000_000, "with 10000001 bits", id="a huge int"),
        pytest.param([1 << 10_000_000], "a list", id="a huge int in a list"),
    ],
)
def test_a_sentence_shows_any_value_briefly(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_sentence_never_echoes_a_long_text() -> None:
    assert len(shown("x" * 10**6)) == 60
