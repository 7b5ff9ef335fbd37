"""The entitlement cache: answers in microseconds, the same that the store would give now.

Three promises. What this process meters counts at once, each event exactly once. After an
invalidation has returned, nothing that was read before it is served. A tenant's answers are found
under its scope only. What other processes do is seen when an entry's time to live is over.

How a miss becomes an entry: it begins, in one step with a copy of what is metered and not stored
yet; it reads the store; it ends. In between it collects what is metered, and an invalidation makes
it void.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal

from ledger.entitlement.check import requested_quantity
from ledger.entitlement.entry import Entry, Miss, Record, Shelf
from ledger.entitlement.model import Entitlement
from ledger.entitlement.standing import UNKNOWN, Standing
from ledger.meter.model import Quarter, Reading
from ledger.types.quantity import INTEGER_DIGITS
from ledger.types.scope import Scope

COLLECTED_MAX = 10_000
"""How much a miss collects before it is void; by then nobody would call its answer quick."""

_BOUND = 10**INTEGER_DIGITS


class EntitlementCache:
    """Answers by scope, customer and feature. Any thread may call any method.

    Args:
        customers_max: how many customers of all scopes are kept. More push out those that nobody
            asked for since they came to the head of the queue (second chance).
        ttl_s: how long an answer may miss what other processes did; 0 keeps nothing.
        monotonic: seconds that never run backwards.
        lock: makes a lock, reentrant because a finalizer may meter in the middle of anything.
    """

    def __init__(
        self,
        customers_max: int,
        ttl_s: float,
        *,
        monotonic: Callable[[], float],
        lock: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._customers_max, self._ttl_s = customers_max, ttl_s
        self._monotonic, self._new_lock = monotonic, lock
        self.start_anew()

    def start_anew(self) -> None:
        """Forget everything. A forked child does so: what it inherits is the parent's, locked."""
        self._lock = self._new_lock()
        self._shelves: dict[Scope, Shelf] = {}
        self._queue: OrderedDict[Record, Shelf] = OrderedDict()
        self._begun = 0

    def __len__(self) -> int:
        return len(self._queue)

    def answer(
        self,
        scope: Scope,
        customer: str,
        feature: str,
        quantity: int | str | Decimal,
        now: datetime,
    ) -> Entitlement | None:
        """The answer at `now`, or None if it has to be read.

        Takes no lock: it reads what others replace as a whole, and only stamps what it used.

        Raises:
            Invalid: the quantity is negative (`bad_quantity`) or no exact number.
        """
        try:
            record = self._shelves[scope].records[customer]
            entry = record.entries[feature]
        except (KeyError, TypeError):
            return None  # TypeError: a ref that is no text; whoever reads it will say so
        moment = self._monotonic()
        if moment >= entry.expires or not entry.since <= now < entry.until:
            return None
        record.touched = moment
        usage, ruling = entry.ruled
        if usage is not entry.usage:
            ruling = entry.rule()
        if type(quantity) is int and 0 <= quantity < _BOUND:
            most = ruling.most
            return ruling.within if most is None or quantity <= most else ruling.beyond
        return ruling.on(requested_quantity(quantity))

    def begin(self, scope: Scope) -> Miss:
        """Begin to answer from the store. Whoever begins also ends, whatever happens."""
        shelf = self._shelf(scope)
        with self._lock:
            self._begun += 1
            miss = Miss(self._begun, self._monotonic() + self._ttl_s)
            shelf.misses.add(miss)
            return miss

    def end(
        self, scope: Scope, miss: Miss, feature: str, standing: Standing, usage: Quarter | None
    ) -> None:
        """Keep what a miss found: the standing, and its usage with all that was metered before.

        A miss that is void, or that began before one that has ended already, changes nothing, nor
        does one whose usage has to be read again.
        """
        shelf = self._shelf(scope)
        with self._lock:
            if miss not in shelf.misses:
                return
            if standing.counter is not None:
                usage = standing.counter.after(usage, miss.collected)
            if usage is UNKNOWN:
                shelf.misses.discard(miss)
                return
            record = self._record(shelf, standing.refs)
            before = record.entries.get(feature)
            if before is None or before.number < miss.number:
                record.put(feature, Entry(standing, usage, miss.number, miss.expires))
            self._evict()
            shelf.misses.discard(miss)  # last: from now on what is metered finds the entry

    def give_up(self, scope: Scope, miss: Miss) -> None:
        """End a miss that found nothing to keep; one that has ended already stays as it is."""
        with self._lock:
            self._shelf(scope).misses.discard(miss)

    def listener(self, scope: Scope) -> Callable[[Reading], None]:
        """What counts every event that is metered in a scope.

        It and `begin` have to be called under one lock of the caller's, under which nobody else
        copies what is not stored yet.
        """
        shelf = self._shelf(scope)

        def seen(reading: Reading) -> None:
            if not shelf.misses:
                # Nobody puts an entry without a miss, nobody begins one as long as we are here,
                # and who else counts waits for the caller's lock: this needs none of ours.
                shelf.count(reading)
                return
            with self._lock:
                _collect(shelf, reading)
                shelf.count(reading)

        return seen

    def forget_customers(self, scope: Scope, refs: Iterable[str]) -> None:
        """Forget all answers about customers, by whichever of their names."""
        shelf = self._shelf(scope)
        with self._lock:
            # Under which names it will find its customer, a miss does not know yet.
            shelf.misses.clear()
            for ref in refs:
                self._drop(shelf.records.get(ref))

    def forget_scope(self, scope: Scope) -> None:
        """Forget all answers of a scope."""
        shelf = self._shelf(scope)
        with self._lock:
            shelf.misses.clear()
            for record in set(shelf.records.values()):
                self._drop(record)

    def _shelf(self, scope: Scope) -> Shelf:
        """The shelf of a scope, the same one each time: there are no more than tenants opened."""
        shelf = self._shelves.get(scope)
        return self._shelves.setdefault(scope, Shelf()) if shelf is None else shelf

    def _record(self, shelf: Shelf, refs: tuple[str, ...]) -> Record:
        """The record of a customer, under all its names and no others."""
        known = shelf.records.get(refs[0])
        if known is not None and known.refs == refs:
            return known
        for ref in refs:
            self._drop(shelf.records.get(ref))
        record = Record(refs, self._monotonic())
        shelf.records.update(dict.fromkeys(refs, record))
        self._queue[record] = shelf
        return record

    def _drop(self, record: Record | None) -> None:
        if record is not None:
            shelf = self._queue.pop(record)
            for ref in record.refs:
                del shelf.records[ref]

    def _evict(self) -> None:
        while len(self._queue) > self._customers_max:
            record = next(iter(self._queue))
            if record.touched > record.queued:
                record.queued = record.touched
                self._queue.move_to_end(record)
            else:
                self._drop(record)


def _collect(shelf: Shelf, reading: Reading) -> None:
    for miss in tuple(shelf.misses):
        miss.collected.append(reading)
        if len(miss.collected) > COLLECTED_MAX:
            shelf.misses.discard(miss)
