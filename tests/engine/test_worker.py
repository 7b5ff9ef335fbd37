"""A worker bills who is due, waits for a database that is away, and stops when it is told to."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TypeVar

import pytest

from ledger import Conflict, Invalid, Invoice, MeterConfig, Unavailable, opening
from ledger.engine.core import EngineCore
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.engine.worker import LEASE, Worker, WorkerOptions
from ledger.invoice.ports import DueKind
from ledger.testing.builders import subscribed
from ledger.testing.clock import MovableClock
from ledger.types.scope import Scope

Acme = Tenant[Blocking]
R = TypeVar("R")
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
HOURS = timedelta(hours=2)


def until(what: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    for _ in range(1_000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about within 10 s")


def invoices(tenant: Acme) -> list[Invoice]:
    return list(tenant.invoices.list())


def test_a_round_bills_every_tenant_that_is_due(engine: Engine, clock: MovableClock) -> None:
    tenants = [engine.tenant(name, app=app) for name in ("acme", "globex") for app in ("a", "b")]
    for tenant in tenants:
        subscribed(tenant)
    worker = engine.worker()
    done = worker.once()
    assert (done.generated, done.finalized, done.failures) == (4, 4, [])
    assert worker.once().is_idle
    clock.move_to(FEBRUARY + HOURS)
    tenants[0].meter("jane", "api_calls", 100)
    assert worker.once().generated == 4
    clock.move_to(FEBRUARY + 2 * HOURS)
    worker.once()
    for tenant in tenants:
        assert [invoice.number for invoice in invoices(tenant)] == ["INV-000001", "INV-000002"]


def test_a_worker_may_leave_billing_alone(engine: Engine, acme: Acme) -> None:
    subscribed(acme)
    assert engine.worker(bill=False).once().is_idle
    assert invoices(acme) == []


def test_a_worker_runs_in_a_thread_until_the_engine_is_closed(
    engine: Engine, acme: Acme, clock: MovableClock
) -> None:
    subscribed(acme)
    worker = engine.worker(interval_s=0.01).start()
    until(lambda: len(invoices(acme)) == 1)
    assert worker.start() is worker  # once is enough
    engine.close()
    rounds = worker.health.rounds
    assert rounds > 0
    assert worker.health.last_round_at == clock.now()
    time.sleep(0.05)
    assert worker.health.rounds == rounds
    with pytest.raises(Conflict, match="the engine is closed"):
        engine.worker()


def test_a_worker_that_was_stopped_starts_again(engine: Engine, acme: Acme) -> None:
    worker = engine.worker(interval_s=0.01).start()
    worker.stop()
    subscribed(acme)
    time.sleep(0.05)
    assert invoices(acme) == []
    worker.start()
    until(lambda: len(invoices(acme)) == 1)
    worker.stop()


def test_several_workers_at_once_bill_everybody_once(engine: Engine, clock: MovableClock) -> None:
    tenants = [engine.tenant(f"tenant_{number}") for number in range(6)]
    for tenant in tenants:
        subscribed(tenant)
    clock.move_to(FEBRUARY + timedelta(days=40))
    workers = [engine.worker() for _ in range(4)]
    rounds: list[int] = []

    def work(worker: Worker) -> None:
        done = worker.once()
        assert done.failures == []
        rounds.append(done.generated)

    threads = [Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    workers[0].once()
    assert sum(rounds) == 6 * 3
    for tenant in tenants:
        assert [each.boundary.month for each in invoices(tenant)] == [1, 2, 3]


def test_what_another_worker_is_at_is_left_to_it_until_its_lease_ends(
    engine: Engine, acme: Acme, clock: MovableClock
) -> None:
    subscribed(acme)
    core = acme._core
    until_then = clock.now() + LEASE
    core.run(lambda work: work.due.claim("billing", "another", work.now, until_then), writes=True)
    assert engine.worker().once().is_idle
    clock.move_to(until_then)
    assert engine.worker().once().generated == 1


def test_something_that_cannot_be_billed_is_told_and_left_alone_for_a_while(
    engine: Engine, acme: Acme, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(engine.tenant("zeta"))
    core = acme._core
    core.run(lambda work: work.due.put("billing", "sub_gone", clock.now()), writes=True)
    worker = engine.worker()
    done = worker.once()
    assert done.generated == 1
    (failure,) = done.failures
    assert "sub_gone" in failure
    assert worker.once().is_idle


@pytest.mark.parametrize("seconds", [0, -1, 10**6, "5"])
def test_an_interval_that_is_none_is_refused(engine: Engine, seconds: float) -> None:
    with pytest.raises(Invalid) as refused:
        engine.worker(interval_s=seconds)
    assert refused.value.code == "bad_worker_option"


class _AwayError(Exception):
    """What a driver raises."""


class _Flaky:
    """A store whose database is away for some calls."""

    def __init__(self, core: EngineCore) -> None:
        self._due = core.store.due
        self.away, self.asked = 3, 0
        core.store.due = self.due  # type: ignore[method-assign]  # a fault, not a mock

    def due(self, kind: DueKind, at: datetime, limit: int) -> list[tuple[Scope, str]]:
        self.asked += 1
        if self.asked <= self.away:
            raise Unavailable("the database went away", code="database_unreachable")
        return self._due(kind, at, limit)


@pytest.fixture
def core(url: str, clock: MovableClock) -> Iterator[EngineCore]:
    core = opening._core(url, {"clock": clock, "meter": MeterConfig(spool=False)})
    yield core
    core.close()


def test_a_database_that_goes_away_is_waited_for(
    core: EngineCore, clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    acme = Tenant(core.tenant(Scope("acme")), Blocking())
    subscribed(acme)
    flaky = _Flaky(core)
    with caplog.at_level(logging.INFO, "ledger"):
        worker = Worker(core, WorkerOptions(interval_s=0.01)).start()
        until(lambda: len(invoices(acme)) == 1)
        until(lambda: worker.health.failures == 0)
        worker.stop()
    assert flaky.asked > flaky.away
    failed = [record for record in caplog.records if record.getMessage().startswith("round failed")]
    assert len(failed) == 3
    assert failed[-1].__dict__["facts"] == {"error": "the database went away", "attempt": 3}
    assert worker.health.error is None


def test_one_round_says_that_the_database_is_away(core: EngineCore) -> None:
    _Flaky(core)
    with pytest.raises(Unavailable, match="went away"):
        Worker(core, WorkerOptions()).once()


def test_a_defect_does_not_end_a_worker(
    core: EngineCore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flaky, due = _Flaky(core), core.store.due

    def broken(kind: DueKind, at: datetime, limit: int) -> list[tuple[Scope, str]]:
        if flaky.asked == 0:
            flaky.asked = flaky.away
            raise _AwayError
        return due(kind, at, limit)

    monkeypatch.setattr(core.store, "due", broken)
    with caplog.at_level(logging.INFO, "ledger"):
        worker = Worker(core, WorkerOptions(interval_s=0.01)).start()
        until(lambda: worker.health.rounds > 2)
        worker.stop()
    assert [record.exc_info is not None for record in caplog.records].count(True) == 1
