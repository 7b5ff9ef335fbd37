"""The engine a user holds: `Engine` is called, `AsyncEngine` is awaited. Both open tenants."""

import asyncio
from functools import partial
from types import TracebackType
from typing import Generic, Self

from ledger.engine.core import EngineCore, TenantCore
from ledger.engine.face import Awaited, Blocking, F, engine_closed
from ledger.engine.tenant import Tenant
from ledger.engine.worker import INTERVAL_S, UPKEEP_S, Worker, WorkerOptions
from ledger.types.scope import Scope


class _Engine(Generic[F]):
    def __init__(self, core: EngineCore, face: F) -> None:
        self._core = core
        self._face: F = face
        self._tenants: dict[Scope, Tenant[F]] = {}

    def tenant(self, id: str, app: str = "default") -> Tenant[F]:
        """The only door to data: one tenant's billing, in one of its apps.

        `id` and `app` have 1 to 128 printable ASCII characters without spaces. A tenant exists
        from its first write on; nothing has to be created before.
        """
        if self._core.closed:
            raise engine_closed()
        scope = Scope(id, app)
        tenant = self._tenants.get(scope)
        if tenant is None:
            tenant = Tenant(TenantCore(self._core, scope), self._face)
            self._tenants[scope] = tenant
        return tenant

    def worker(
        self,
        *,
        interval_s: float = INTERVAL_S,
        upkeep_interval_s: float = UPKEEP_S,
        bill: bool = True,
        keep_usage_days: int | None = None,
    ) -> Worker:
        """What `ledger worker` runs, for a thread of your own program: of all tenants.

        It stores what killed processes had metered, makes the invoices that are due unless `bill`
        is False, removes raw usage events that are older than `keep_usage_days` (None keeps all;
        `tenant.usage.expire` says which are needed) and does what the database wants done.
        `start()` runs it in a thread until the engine is closed; `run()` and `once()` block, on
        either face.

        Raises Invalid (`bad_worker_option`) for an interval or a number of days that is none.
        """
        if self._core.closed:
            raise engine_closed()
        options = WorkerOptions(
            interval_s=interval_s,
            upkeep_interval_s=upkeep_interval_s,
            bill=bill,
            keep_usage_days=keep_usage_days,
        )
        return Worker(self._core, options)


class Engine(_Engine[Blocking]):
    """An open billing engine, made by `ledger.open`. Close it, or use it in a `with` block."""

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything this process has metered, for any tenant, is stored.

        For ever, or at most `timeout_s` seconds; then it raises Unavailable (`timed_out`).
        """
        if self._core.closed:
            raise engine_closed()
        self._core.flusher.flush(timeout_s=timeout_s)

    def close(self) -> None:
        """Store what was metered, then let go of the database."""
        self._core.close()
        self._face.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncEngine(_Engine[Awaited]):
    """An open billing engine for asyncio, made by `ledger.open_async`."""

    async def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything this process has metered, for any tenant, is stored.

        For ever, or at most `timeout_s` seconds; then it raises Unavailable (`timed_out`).
        """
        if self._core.closed:
            raise engine_closed()
        flush = partial(self._core.flusher.flush, timeout_s=timeout_s)
        await self._face.call(flush, writes=False)

    async def close(self) -> None:
        """Store what was metered, then let go of the database."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._core.close()
        self._face.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
