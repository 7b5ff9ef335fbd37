"""The worker: what has to be done now and then, by any number of processes at the same time.

It stores what killed processes left in their journals, bills who is due, removes usage events that
nobody needs any more, and does what the store wants done. A database that goes away is waited for.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from threading import Thread, current_thread
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from ledger.engine import billing
from ledger.engine.face import FLUSH_S
from ledger.engine.forking import living
from ledger.engine.ports import Work
from ledger.engine.retention import KEPT, expirable, expire
from ledger.invoice.ports import DueKind
from ledger.meter.delivery import is_transient, retry_in_s
from ledger.types.clock import monotonic
from ledger.types.errors import Invalid, LedgerError
from ledger.types.scope import Scope

if TYPE_CHECKING:
    from ledger.engine.core import EngineCore

R = TypeVar("R")
INTERVAL_S = 5
UPKEEP_S = 300
HEALTH_S = 60
INTERVAL_MAX_S = 86_400
LEASE = timedelta(seconds=60)
"""For how long a scope is a worker's own; it is renewed while the work goes on."""

BILLING, EXPIRY = "billing", "expiry"

_RENEWED_S = 20
_EXPIRE_S = 3_600
_DAYS_MAX = 36_500
_SCOPES = 1_000
_NAP_S = timedelta(milliseconds=100).total_seconds()
_DUE_STEP, _DUE_MAX = 100, 100_000
_REST_S, _REST_MAX_S = 5, 300
_KINDS: tuple[DueKind, ...] = ("finalize", "billing")


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker does, and how often.

    Args:
        interval_s: seconds between two rounds.
        upkeep_interval_s: seconds between two times of what is rarely needed.
        bill: whether it makes the invoices that are due.
        keep_usage_days: removes raw usage events that are older and that nobody needs, once an
            hour; None keeps all.

    Raises:
        Invalid: (`bad_worker_option`) a value out of range; the sentence names it.
    """

    interval_s: float = INTERVAL_S
    upkeep_interval_s: float = UPKEEP_S
    bill: bool = True
    keep_usage_days: int | None = None

    def __post_init__(self) -> None:
        for name in ("interval_s", "upkeep_interval_s"):
            seconds: object = getattr(self, name)
            if not isinstance(seconds, int | float) or not 0 < seconds <= INTERVAL_MAX_S:
                raise Invalid(
                    f"a worker's {name} is above 0 and at most {INTERVAL_MAX_S:,}, not {seconds!r}",
                    code="bad_worker_option",
                    param=name,
                )
        days: object = self.keep_usage_days
        if days is not None and (not isinstance(days, int) or not KEPT.days <= days <= _DAYS_MAX):
            raise Invalid(
                f"a worker keeps usage events for {KEPT.days} to {_DAYS_MAX:,} days, not {days!r}",
                code="bad_worker_option",
                param="keep_usage_days",
            )


class Round(msgspec.Struct, kw_only=True):
    """What a worker did in one round.

    `generated` counts drafts and invoices that were made, `finalized` those that got a number.
    `failures` are sentences: what could not be done, while all else was.
    """

    at: datetime
    replayed: int = 0
    generated: int = 0
    finalized: int = 0
    expired: int = 0
    upkeep: list[str] = []
    failures: list[str] = []

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do."""
        did = self.replayed or self.generated or self.finalized or self.expired
        return not (did or self.upkeep or self.failures)


class Health(msgspec.Struct, frozen=True):
    """How a worker is: rounds so far, failures in a row, what the last one was."""

    rounds: int
    failures: int
    error: str | None
    last_round_at: datetime | None


class _Stopping(Exception):  # noqa: N818 - a signal between two invoices, no error
    """The worker was told to stop in the middle of a round."""


class Worker:
    """Does what is due, round after round, until it is told to stop.

    `start()` runs it in a thread, `run()` in this one, `once()` does one round. Closing the engine
    stops it. Any number of workers may run in any number of processes; a tenant's billing is done
    by one of them at a time.
    """

    def __init__(self, core: "EngineCore", options: WorkerOptions) -> None:
        self._core, self._options = core, options
        self._log = core.logger
        self.name = secrets.token_hex(6)
        self._rounds, self._failures = 0, 0
        self._error: str | None = None
        self._last: datetime | None = None
        self._resting: dict[Scope, tuple[float, int]] = {}
        self.after_fork()
        living.add(self)
        core.workers.add(self)

    def after_fork(self) -> None:
        """In a forked child no thread of the parent runs."""
        # A flag and naps, no Event: a signal's handler may stop a worker in the middle of anything.
        self._is_stopping = False
        self._thread: Thread | None = None
        self._upkeep_at = self._expire_at = monotonic()
        self._needless_before: datetime | None = None
        self._health_at = monotonic()

    @property
    def health(self) -> Health:
        """How it is."""
        return Health(self._rounds, self._failures, self._error, self._last)

    def start(self) -> Self:
        """Run in a thread of its own, until `stop` or until the engine is closed."""
        if self._thread is None or not self._thread.is_alive():
            self._is_stopping = False
            self._thread = Thread(target=self._run, name="ledger-worker", daemon=True)
            self._thread.start()
        return self

    def stop(self, *, wait: bool = True) -> None:
        """Stop after what is being done at this moment; wait for the thread, if there is one.

        Safe in a signal's handler with `wait=False`.
        """
        self._is_stopping = True
        thread = self._thread
        if wait and thread is not None and thread is not current_thread():
            thread.join()

    def run(self) -> None:
        """Run here until it is told to stop."""
        self._is_stopping = False
        self._run()

    def once(self) -> Round:
        """Do all that is due now.

        Raises Unavailable when the database is in trouble.
        """
        done = Round(at=self._core.clock.now())
        with suppress(_Stopping):
            self._do(done)
        self._rounds, self._last = self._rounds + 1, done.at
        if not done.is_idle:
            self._tell(logging.WARNING if done.failures else logging.INFO, "round", _said(done))
        return done

    def _run(self) -> None:
        self._tell(logging.INFO, "worker started", {"worker": self.name})
        while not self._is_stopping:
            pause: float = self._options.interval_s
            try:
                self.once()
                self._failures, self._error = 0, None
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round may do better
                pause = self._failed(error)
            self._nap(pause)
        self._tell(logging.INFO, "worker stopped", {"worker": self.name, "rounds": self._rounds})

    def _failed(self, error: Exception) -> float:
        """Note a round that failed; how long to wait before the next one."""
        pause = max(retry_in_s(self._failures), min(self._options.interval_s, 1))
        self._failures, self._error = self._failures + 1, f"{error}"
        said: dict[str, object] = {"error": self._error, "attempt": self._failures}
        self._tell(logging.WARNING, "round failed", said)
        if not is_transient(error):
            self._log.error("a defect in a round of the worker", exc_info=error)
        return pause

    def _nap(self, seconds: float) -> None:
        end = monotonic() + seconds
        while not self._is_stopping and (left := end - monotonic()) > 0:
            if monotonic() - self._health_at >= HEALTH_S:
                self._health_at = monotonic()
                self._tell(logging.INFO, "health", msgspec.structs.asdict(self.health))
            time.sleep(min(left, _NAP_S))

    def _do(self, done: Round) -> None:
        jobs: list[Callable[[Round], None]] = [self._replay, self._flush]
        if self._options.bill:
            jobs.append(self._bill)
        if monotonic() >= self._upkeep_at:
            self._upkeep_at = monotonic() + self._options.upkeep_interval_s
            jobs += [self._expire, self._keep_up]
        for job in jobs:
            self._check()
            try:
                job(done)
            except LedgerError as error:
                if is_transient(error):
                    raise
                done.failures.append(error.message)

    def _check(self) -> None:
        if self._is_stopping:
            raise _Stopping

    def _replay(self, done: Round) -> None:
        """Store what killed processes had metered."""
        found = self._core.flusher.replay()
        done.replayed += found.events
        done.failures += [f"the journal {path} is damaged" for path in found.corrupt]

    def _flush(self, _done: Round) -> None:
        self._core.flusher.flush(timeout_s=FLUSH_S)

    def _bill(self, done: Round) -> None:
        for scope in self._due_scopes(done.at):
            self._check()
            with_lease = partial(self._bill_one, scope, done)
            self._leased(scope, BILLING, with_lease)

    def _bill_one(self, scope: Scope, done: Round, renew: Callable[[], None]) -> None:
        def on_progress(_count: int) -> None:
            self._check()
            renew()

        ran = billing.run(self._core.tenant(scope), on_progress=on_progress)
        done.generated += ran.generated
        done.finalized += ran.finalized
        lasting = [failure for failure in ran.failures if failure.code != "boundary_made"]
        done.failures += [f"{scope}: {each.id}: {each.message}" for each in lasting]
        self._rest(scope, has_failed=bool(lasting))

    def _rest(self, scope: Scope, *, has_failed: bool) -> None:
        """Leave a scope alone for a while in which something cannot be billed: longer each time."""
        if not has_failed:
            self._resting.pop(scope, None)
            return
        failures = self._resting.get(scope, (0, 0))[1] + 1
        rest = min(_REST_S * 2 ** min(failures, 10), _REST_MAX_S)
        self._resting[scope] = monotonic() + rest, failures

    def _due_scopes(self, at: datetime) -> Iterator[Scope]:
        """Where something is due, longest due first, each scope once."""
        now = monotonic()
        seen = {scope for scope, (until, _) in self._resting.items() if until > now}
        for kind in _KINDS:
            limit = _DUE_STEP
            while limit <= _DUE_MAX:
                found = self._core.store.due(kind, at, limit)
                fresh = [scope for scope in dict.fromkeys(s for s, _ in found) if scope not in seen]
                if not fresh and len(found) < limit:
                    break
                if not fresh:
                    limit *= 2  # what is due first belongs to scopes that were seen
                seen.update(fresh)
                yield from fresh

    def _leased(self, scope: Scope, name: str, work: Callable[[Callable[[], None]], None]) -> None:
        """Do `work` while nobody else does it; not at all, if somebody does."""
        claimed = monotonic()

        def renew() -> None:
            nonlocal claimed
            if monotonic() - claimed > _RENEWED_S:
                claimed = monotonic()
                if not self._claim(scope, name):
                    raise _Stopping

        if not self._claim(scope, name):
            return
        try:
            work(renew)
        finally:
            self._run_in(scope, lambda open_work: open_work.due.give_back(name, self.name))

    def _claim(self, scope: Scope, name: str) -> bool:
        def claim(work: Work) -> bool:
            return work.due.claim(name, self.name, work.now, work.now + LEASE)

        return self._run_in(scope, claim)

    def _run_in(self, scope: Scope, work: Callable[[Work], R]) -> R:
        return self._core.runner.run(scope, work, writes=True)

    def _expire(self, done: Round) -> None:
        """Remove, once an hour, the raw usage events that are too old and not needed."""
        days = self._options.keep_usage_days
        if days is None or monotonic() < self._expire_at:
            return
        self._expire_at = monotonic() + _EXPIRE_S
        wanted = done.at - timedelta(days=days)
        oldest = wanted
        for scope in self._scopes():
            self._check()
            before = min(wanted, self._core.tenant(scope).run(expirable, writes=False))
            oldest = min(oldest, before)
            self._leased(scope, EXPIRY, partial(self._expire_one, scope, before, done))
        self._needless_before = oldest

    def _expire_one(
        self, scope: Scope, before: datetime, done: Round, renew: Callable[[], None]
    ) -> None:
        def on_progress(_done: int, _all: int) -> None:
            self._check()
            renew()

        done.expired += expire(self._core.tenant(scope), before, on_progress).events

    def _scopes(self) -> Iterator[Scope]:
        after: Scope | None = None
        while some := self._core.store.scopes(after, _SCOPES):
            yield from some
            after = some[-1]

    def _keep_up(self, done: Round) -> None:
        done.upkeep += self._core.store.keep_up(done.at, self._needless_before)

    def _tell(self, level: int, what: str, facts: Mapping[str, object]) -> None:
        """A line for the log: what happened, and its facts, also apart for a program."""
        said = " ".join(f"{name}={value}" for name, value in facts.items())
        self._log.log(level, "%s %s", what, said, extra={"event": what, "facts": dict(facts)})


def _said(done: Round) -> dict[str, object]:
    """The facts of a round that say something."""
    return {name: value for name, value in msgspec.structs.asdict(done).items() if value}
