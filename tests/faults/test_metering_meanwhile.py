"""What is metered while the server is away is kept, and stored once when it is back."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import ledger
from ledger import Feature, MeterConfig
from ledger.engine.engine import Engine
from ledger.types.errors import Unavailable
from tests.faults.proxy import COMMIT, Proxy, Where, proxy
from tests.servers import Cluster, server

pytestmark = pytest.mark.slow  # processes and servers are started and killed

MANY = 300


@pytest.fixture
def wire(postgres_url: str) -> Iterator[Proxy]:
    """The way to the database, which can be cut."""
    with ledger.open(postgres_url, meter=MeterConfig(spool=False)) as engine:
        prepare(engine)
    with proxy(postgres_url) as made:
        yield made


def prepare(engine: Engine) -> None:
    acme = engine.tenant("acme")
    acme.features.create(Feature(key="api_calls", kind="metered"))
    acme.customers.create(name="Jane", external_id="user_42")


def meter(engine: Engine, first: int, *, keyed: bool = True) -> None:
    acme = engine.tenant("acme")
    for number in range(first, first + MANY):
        acme.meter("user_42", "api_calls", 2, key=f"key-{number}" if keyed else None)


def used(engine: Engine) -> Decimal:
    return engine.tenant("acme").usage.total("user_42", "api_calls")


def config(spool: Path | None) -> MeterConfig:
    return MeterConfig(spool=spool or False, batch_size=50, flush_interval_s=0.05)


@pytest.fixture(params=["with a spool", "without"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "spool" if request.param == "with a spool" else None


@pytest.mark.parametrize("keyed", [True, False])
def test_events_wait_for_a_server_that_is_away(
    keyed: bool, wire: Proxy, postgres_url: str, spool: Path | None
) -> None:
    url = wire.url(postgres_url, patience_s=1)
    with ledger.open(url, meter=config(spool), migrate=False) as engine:
        meter(engine, 0, keyed=keyed)
        wire.refuse()
        wire.cut_all()
        meter(engine, MANY, keyed=keyed)
        with pytest.raises(Unavailable, match="cannot be reached") as late:
            engine.flush(timeout_s=2)
        assert late.value.code == "timed_out"
        wire.admit()
        meter(engine, 2 * MANY, keyed=keyed)
        engine.flush(timeout_s=30)
        assert used(engine) == 2 * 3 * MANY
    with ledger.open(postgres_url, meter=config(spool), migrate=False) as engine:
        assert used(engine) == 2 * 3 * MANY
    assert spool is None or list(spool.iterdir()) == []


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_batch_whose_fate_is_unknown_is_stored_once_when_the_server_is_back(
    where: Where, wire: Proxy, postgres_url: str, spool: Path | None
) -> None:
    """Without keys of the caller's, too: an event gets one when it is metered."""
    url = wire.url(postgres_url, patience_s=1)
    with ledger.open(url, meter=config(spool), migrate=False) as engine:
        wire.cut(where, COMMIT, then=wire.refuse)
        meter(engine, 0, keyed=False)
        with pytest.raises(Unavailable) as late:
            engine.flush(timeout_s=3)
        assert late.value.code == "timed_out"
        assert wire.cuts == 1
        wire.admit()
        engine.flush(timeout_s=30)
        assert used(engine) == 2 * MANY


def test_what_a_process_could_not_store_the_next_one_does(
    wire: Proxy, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.engine.core.CLOSE_S", 1)
    spool = tmp_path / "spool"
    url = wire.url(postgres_url, patience_s=1)
    engine = ledger.open(url, meter=config(spool), migrate=False)
    wire.refuse()
    wire.cut_all()
    meter(engine, 0)
    with pytest.raises(Unavailable) as late:
        engine.close()
    assert late.value.code == "timed_out"
    with ledger.open(postgres_url, meter=config(spool), migrate=False) as after:
        assert used(after) == 2 * MANY
    assert list(spool.iterdir()) == []


def test_events_wait_for_a_server_that_is_stopped_or_killed(spool: Path | None) -> None:
    with server(durable=True) as made:
        url = Cluster(made.admin).create("ledger_away")
        with ledger.open(f"{url}?patience_s=1", meter=config(spool)) as engine:
            prepare(engine)
            for turn, end in enumerate((made.stop, made.kill)):
                meter(engine, 2 * turn * MANY)
                end()
                meter(engine, (2 * turn + 1) * MANY)
                with pytest.raises(Unavailable):
                    engine.flush(timeout_s=1)
                made.start()
                engine.flush(timeout_s=60)
            assert used(engine) == 2 * 4 * MANY
