"""Misuse gets a sentence, not a traceback from the depths."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import ledger
from ledger import Conflict, Invalid, LedgerError, NotFound, Plan
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant

untyped: Any = ledger  # a caller without a type checker
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake under test


BAD_INPUT: list[tuple[Callable[[Any], object], str]] = [
    (lambda t: t.subscriptions.get("inv_01h455vb4pex5vsknk084sn02q"), "wrong_id"),
    (lambda t: t.subscriptions.get("nonsense"), "wrong_id"),
    (lambda t: t.meter("user_42", "api_calls", 1.5), "float_refused"),
    (lambda t: t.meter("user_42", "api_calls", True), "bad_decimal"),
    (lambda t: t.meter("user_42", "api_calls", "NaN"), "bad_decimal"),
    (lambda t: t.meter("user_42", "api_calls", "1e999999999"), "out_of_range"),
    (lambda t: t.meter("", "api_calls"), "bad_customer"),
    (lambda t: t.meter("user_42", "api calls"), "bad_key"),
    (lambda t: t.meter("user_42", "api_calls", time=NAIVE), "naive_datetime"),
    (lambda t: t.meter("user_42", "api_calls", properties={"x": 0.5}), "float_refused"),
    (lambda t: t.customers.get("half a pair \ud800"), "bad_text"),
    (lambda t: t.plans.get("half a pair \ud800"), "bad_text"),
    (lambda t: t.billing.run(datetime(2999, 1, 1, tzinfo=UTC)), "run_in_the_future"),
    (lambda t: t.customers.create(name="J", time_zone="Mars/Olympus"), "unknown_time_zone"),
    (lambda _: untyped.USD(1.5), "float_refused"),
    (lambda _: untyped.Price.flat(1), "not_money"),
    (lambda _: untyped.Feature(key="x", kind="magic"), "unknown_feature_kind"),
    (lambda _: Plan(key="x", name="X", currency="usd"), "unknown_currency"),
]


def test_an_unknown_option_is_named_with_what_was_meant() -> None:
    with pytest.raises(Invalid, match="entitlement_cache_ttl_s") as refused:
        untyped.open("sqlite:///:memory:", entitlement_cache_ttl=3)
    assert refused.value.code == "unknown_option"


@pytest.mark.parametrize("url", ["mysql://localhost/x", "billing.db", "", "sqlite://x/y.db"])
def test_an_unknown_database_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Invalid, match="sqlite:///") as refused:
        ledger.open(url)
    assert refused.value.code == "unknown_database"


def test_a_closed_engine_says_so(engine: Engine) -> None:
    acme = engine.tenant("acme")
    engine.close()
    engine.close()
    calls: list[Callable[[], object]] = [
        lambda: engine.tenant("acme"),
        lambda: acme.meter("user_42", "api_calls"),
        lambda: acme.entitled("user_42", "api_calls"),
        lambda: acme.plans.get("pro"),
        acme.flush,
        engine.flush,
    ]
    for call in calls:
        with pytest.raises(Conflict, match="closed") as refused:
            call()
        assert refused.value.code == "engine_closed"


@pytest.mark.parametrize(("call", "code"), BAD_INPUT)
def test_bad_input_gets_a_clear_error(
    engine: Engine, call: Callable[[Any], object], code: str
) -> None:
    with pytest.raises(LedgerError) as refused:
        call(engine.tenant("acme"))
    assert refused.value.code == code


def test_what_does_not_exist_is_named(acme: Tenant[Blocking]) -> None:
    for call in (
        lambda: acme.plans.get("pro"),
        lambda: acme.customers.get("user_42"),
        lambda: acme.entitled("user_42", "api_calls"),
        lambda: acme.invoices.get("INV-000001"),
    ):
        with pytest.raises(NotFound):
            call()


@pytest.mark.parametrize("tenant", ["", "a b", "x" * 129, "café", "a\n"])
def test_a_tenant_has_a_plain_name(engine: Engine, tenant: str) -> None:
    with pytest.raises(Invalid) as refused:
        engine.tenant(tenant)
    assert refused.value.code == "bad_tenant"
