"""Entitlement checks: from the cache in microseconds, else from one read of the store."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from threading import RLock
from typing import TYPE_CHECKING

from ledger.engine.ports import Work
from ledger.engine.runner import Runner
from ledger.entitlement.cache import EntitlementCache
from ledger.entitlement.check import requested_quantity
from ledger.entitlement.concern import concerned
from ledger.entitlement.entry import Miss
from ledger.entitlement.model import Entitlement
from ledger.entitlement.operations import look_up
from ledger.entitlement.standing import Standing
from ledger.event.model import Event
from ledger.meter.buffer import Buffer, Pending
from ledger.meter.model import EventResult, Reading
from ledger.types.clock import monotonic
from ledger.types.scope import Scope

if TYPE_CHECKING:
    from ledger.engine.core import TenantCore


def check(
    core: "TenantCore", customer: str, feature: str, quantity: int | str | Decimal = 1
) -> Entitlement:
    """Whether a customer may use `quantity` more of a feature now.

    `customer` is an id or external id, one that is not known has no subscription; `feature` a key
    or id; `quantity` is 0 or more. A refusal is an answer with a `reason`, never an error. Used
    counts what this process has metered at once, what others have metered once it is stored.

    Raises Invalid for a quantity that is negative or no exact number or for the id of something
    else, NotFound for an unknown feature.
    """
    checks = core.engine.checks
    answer = checks.cached(core.scope, customer, feature, quantity)
    if answer is not None:
        return answer
    return checks.read(core.buffer, core.engine.flusher.writer, customer, feature, quantity)


class Checks:
    """The cache of an engine, and what has to be told to it so that it stays right.

    It hears of facts by itself. Whoever stores usage calls `stored`, `refused` or `recorded` after
    the commit, and a forked child `after_fork`.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        customers_max: int,
        ttl_s: float,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._runner, self._now = runner, runner.clock.now
        self._cache = EntitlementCache(customers_max, ttl_s, monotonic=seconds, lock=RLock)
        runner.listen(self.told)

    @property
    def kept(self) -> int:
        """Of how many customers answers are kept."""
        return len(self._cache)

    def cached(
        self, scope: Scope, customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement | None:
        """The answer at this moment, or None if it has to be read.

        Raises:
            Invalid: the quantity is negative or no exact number.
        """
        return self._cache.answer(scope, customer, feature, quantity, self._now())

    def read(
        self,
        buffer: Buffer,
        writer: str,
        customer: str,
        feature: str,
        quantity: int | str | Decimal = 1,
    ) -> Entitlement:
        """The answer from the store and from what waits in `buffer` to be stored by `writer`.

        Raises:
            Invalid: the quantity is negative or no exact number, or a ref is the id of something
                else.
            NotFound: there is no such feature.
        """
        requested = requested_quantity(quantity)
        scope = buffer.scope
        miss, doubtful, waiting = self._begin(buffer)
        try:
            standing, marked = self._runner.run(
                scope, _reading(writer, customer, feature, waiting), writes=False
            )
            if marked < doubtful and standing.is_kept:
                self._cache.end(scope, miss, feature, standing, standing.usage)
        finally:
            self._cache.give_up(scope, miss)
        return standing.ruling(standing.usage).on(requested)

    def told(self, scope: Scope, events: Sequence[Event]) -> None:
        """Facts were committed: forget the answers of those whom they concern."""
        refs = concerned(events)
        if refs is None:
            self._cache.forget_scope(scope)
        elif refs:
            self._cache.forget_customers(scope, refs)

    def recorded(self, scope: Scope, refs: Iterable[str]) -> None:
        """Usage of these customers was stored that no buffer of this process held."""
        self._cache.forget_customers(scope, refs)

    def stored(
        self, scope: Scope, batch: int, readings: Sequence[Reading], results: Sequence[EventResult]
    ) -> None:
        """A batch was stored. What was counted when it was metered and is not usage goes again.

        Batch 0 is what an earlier process had left in the spool.
        """
        refs = {
            reading.customer
            for reading, result in zip(readings, results, strict=True)
            if batch == 0 or result.outcome != "accepted"
        }
        if refs:
            self._cache.forget_customers(scope, refs)

    def refused(self, scope: Scope) -> None:
        """Events of a batch could not be stored, and the others were stored in parts."""
        self._cache.forget_scope(scope)

    def after_fork(self) -> None:
        """In a forked child: forget everything, the parent's lock included."""
        self._cache.start_anew()

    def _begin(self, buffer: Buffer) -> tuple[Miss, int, list[Pending]]:
        """A miss, together with what waits at its beginning.

        Also the first batch that may hold events of which it is told after that. Once a
        transaction has seen this batch, it is in doubt which of them it counted: its answer is
        right, but cannot be carried on.
        """
        scope, begun = buffer.scope, list[tuple[Miss, int]]()

        def register() -> None:
            if buffer.on_add is None:  # nobody has asked about this tenant before
                buffer.on_add = self._cache.listener(scope)
            begun.append((self._cache.begin(scope), buffer.stored_up_to))

        waiting = buffer.snapshot(register)
        miss, stored = begun[0]
        return miss, waiting[-1].batch if waiting else stored + 1, waiting


def _reading(
    writer: str, customer: str, feature: str, waiting: Sequence[Pending]
) -> Callable[[Work], tuple[Standing, int]]:
    def read(work: Work) -> tuple[Standing, int]:
        marked = work.usage.marked(writer)
        return look_up(work, customer, feature, _after(marked, waiting)), marked

    return read


def _after(marked: int, waiting: Sequence[Pending]) -> Iterator[Reading]:
    """What waits and is in no batch that was read from the store."""
    return (reading for batch in waiting if batch.batch > marked for reading in batch.readings)
