"""Every engine test runs on every store and on both faces."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import ledger
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.testing.clock import MovableClock
from tests.engine.faces import Loop, driven

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NEW_YEAR)


# The fast loop runs the contract on PostgreSQL, and the engine on what needs no server.
@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return "sqlite:///:memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture(params=["blocking", "awaited"])
def engine(request: pytest.FixtureRequest, url: str, clock: MovableClock) -> Iterator[Engine]:
    if request.param == "blocking":
        with ledger.open(url, clock=clock) as engine:
            yield engine
        return
    loop = Loop()
    try:
        with driven(loop.run(lambda: ledger.open_async(url, clock=clock)), loop) as engine:
            yield engine
    finally:
        loop.close()


@pytest.fixture
def acme(engine: Engine) -> Tenant[Blocking]:
    return engine.tenant("acme", app="test")
