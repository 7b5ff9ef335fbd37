"""The blocking core behind both faces: a store, a clock, buffers, checks; and a view per tenant."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

import msgspec

from ledger.engine.checking import Checks
from ledger.engine.face import engine_closed
from ledger.engine.forking import living
from ledger.engine.ports import Store, Work
from ledger.engine.runner import Runner
from ledger.meter import operations as meter
from ledger.meter.buffer import Buffer
from ledger.meter.config import MeterConfig
from ledger.meter.flusher import Flusher
from ledger.meter.model import EventResult, Reading
from ledger.meter.spool import Spool
from ledger.types.clock import Clock, SystemClock
from ledger.types.scope import Scope

if TYPE_CHECKING:
    from ledger.engine.worker import Worker

R = TypeVar("R")
CLOSE_S = 30


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is to run; `ledger.open` says what each means."""

    meter: MeterConfig = MeterConfig()
    entitlement_cache_ttl_s: float = 30
    entitlement_cache_max: int = 100_000
    clock: Clock = SystemClock()
    logger: logging.Logger = logging.getLogger("ledger")


class EngineCore:
    """What all tenants of an engine share. It owns the store and closes it."""

    def __init__(self, store: Store, settings: Settings, spool: Spool | None) -> None:
        self.store, self.clock, self.logger = store, settings.clock, settings.logger
        self.runner = Runner(store, settings.clock)
        self.checks = Checks(
            self.runner,
            customers_max=settings.entitlement_cache_max,
            ttl_s=settings.entitlement_cache_ttl_s,
        )
        self.flusher = Flusher(settings.meter, self._store_batch, self._refuse, spool)
        self.closed = False
        self.workers: WeakSet[Worker] = WeakSet()
        living.add(self)
        left_over = self.flusher.replay()
        if left_over.events:
            self.logger.info("stored %d events that were left in the spool", left_over.events)

    def close(self) -> None:
        """Store what was metered, then let go of the database. Closing twice is fine.

        Raises Unavailable (`timed_out`) when the database does not take it within 30 seconds; what
        is in the spool is stored by whoever opens the database next.
        """
        if self.closed:
            return
        for worker in tuple(self.workers):
            worker.stop()
        self.closed = True
        try:
            self.flusher.close(CLOSE_S)
        finally:
            self.store.close()

    def tenant(self, scope: Scope) -> "TenantCore":
        """The engine as one tenant sees it."""
        return TenantCore(self, scope)

    def after_fork(self) -> None:
        """In a forked child: connections and answers are the parent's, so begin anew."""
        self.store.after_fork()
        self.checks.after_fork()

    def _store_batch(
        self, scope: Scope, writer: str, batch: int, readings: Sequence[Reading]
    ) -> list[EventResult]:
        results = self.runner.run(
            scope,
            lambda work: meter.record_readings(work, readings, writer, batch),
            writes=True,
        )
        self.checks.stored(scope, batch, readings, results)
        return results

    def _refuse(self, scope: Scope, readings: Sequence[Reading], reason: str) -> None:
        self.runner.run(scope, lambda work: meter.refuse(work, readings, reason), writes=True)
        self.checks.refused(scope)


class TenantCore:
    """The engine as one tenant sees it: no method takes a tenant."""

    def __init__(self, engine: EngineCore, scope: Scope) -> None:
        self.engine, self.scope = engine, scope
        self.buffer: Buffer = engine.flusher.buffer(scope)

    def run(self, work: Callable[[Work], R], *, writes: bool) -> R:
        """Run `work` in one transaction of this tenant."""
        if self.engine.closed:
            raise engine_closed()
        return self.engine.runner.run(self.scope, work, writes=writes)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything this process has metered for the tenant is stored.

        For ever, or at most `timeout_s` seconds.

        Raises:
            Unavailable: (`timed_out`) it was not in time; the sentence says why. Nothing is lost.
        """
        if self.engine.closed:
            raise engine_closed()
        self.engine.flusher.flush(self.scope, timeout_s)
