"""A real file: 8,819 requests of an LLM service, imported, metered, priced, billed to the cent."""

import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

import ledger
from ledger import USD, Feature, Invoice, Meter, MeterConfig, Plan, Price
from ledger.testing.clock import MovableClock
from ledger.types.zone import parse_instant
from tests.cli.conftest import Run

TRACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "llm_trace_code.csv"
MAPPING = (
    "--event", "llm.request", "--customer", "service", "--time-column", "TIMESTAMP",
    "--property", "input_tokens=ContextTokens", "--property", "output_tokens=GeneratedTokens",
    "--at", "2023-11-20",
)  # fmt: skip  # pairs
REQUESTS, INPUT, OUTPUT = 8_819, 18_059_974, 245_896


def test_the_trace_is_billed_to_the_cent(
    run: Run, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if not TRACE.is_file():
        with capfd.disabled():
            sys.stderr.write(
                f"\nNOT TESTED: {TRACE.name} is not here. It is no part of the project; where it"
                " is absent, nothing is said about the real trace.\n"
            )
        return
    database = f"sqlite:///{folder / 'ledger.db'}"
    priced(database)
    assert counts(run("usage", "import", TRACE, *MAPPING, "--json").data) == (REQUESTS, 0, 0)
    first = billed(database)
    assert [(line.quantity, line.derivation.exact, line.amount) for line in first.lines] == [
        (Decimal(INPUT), "4514.9935", USD(4515)),
        (Decimal(OUTPUT), "245.896", USD(246)),
    ]
    assert first.total == USD(4761)
    assert counts(run("usage", "import", TRACE, *MAPPING, "--json").data) == (0, REQUESTS, 0)
    assert billed(database).total == USD(4761)


def priced(database: str) -> None:
    """Tokens in and out as features, priced per unit, for one customer since the month began."""
    clock = MovableClock(parse_instant("2023-11-01T00:00:00Z"))
    with ledger.open(database, clock=clock, meter=MeterConfig(spool=False)) as engine:
        tenant = engine.tenant("default")
        for name in ("input_tokens", "output_tokens"):
            tenant.features.create(Feature(name, "metered", Meter("llm.request", property=name)))
        prices = [
            Price.per_unit("input_tokens", "0.00025"),
            Price.per_unit("output_tokens", "0.001"),
        ]
        tenant.plans.create(Plan("tokens", "Tokens", "USD", prices=prices))
        customer = tenant.customers.create(name="Service", external_id="service")
        tenant.subscriptions.create(customer.id, "tokens")


def billed(database: str) -> Invoice:
    """The invoice of the month, as it would be made at its end."""
    clock = MovableClock(parse_instant("2023-12-01T02:00:00Z"))
    with ledger.open(database, clock=clock, meter=MeterConfig(spool=False)) as engine:
        tenant = engine.tenant("default")
        assert tenant.usage.total("service", "input_tokens", *month()) == Decimal(INPUT)
        (subscription,) = tenant.subscriptions.list()
        return tenant.invoices.preview(subscription.id)


def month() -> tuple[datetime, datetime]:
    return parse_instant("2023-11-01T00:00:00Z"), parse_instant("2023-12-01T00:00:00Z")


def counts(data: dict[str, int]) -> tuple[int, int, int]:
    return data["accepted"], data["duplicate"], data["rejected"]
