"""Where a customer stands with a feature: the terms, and the usage that counts under them. Pure.

Usage comes from two places: what the store holds, and what this process has metered and not stored
yet. Both are merged by the meter's own rule, so they come to what the store will hold later.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from ledger.entitlement.check import BEGINNING, Ruling, Terms, rule
from ledger.meter.acceptance import digest_of, member_of, value_of
from ledger.meter.aggregation import merge, merging_of
from ledger.meter.model import Quarter, Reading
from ledger.plan.feature import Meter
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT
from ledger.types.period import Period

_NOTHING = Decimal(0)

MEMBERS_MAX = 1_000
"""How many different values are remembered for a cached answer; of more, each new one is a read."""

UNKNOWN = Quarter(-1, _NOTHING)
"""Usage that has to be read again: what was metered cannot be told from what is counted already."""


class Counter:
    """Adds readings to the usage of a customer as a meter counts it in a period.

    It is asked about every event that is metered, so whatever can be looked up before is.

    Args:
        meter: the feature's.
        refs: the names of the customer.
        period: only readings of this time count, and the level before it.
        names: the subscriptions that a reading may name; "" if it may name none.
    """

    __slots__ = ("_adds_quantity", "_end", "_meter", "_names", "_refs", "_start", "event")

    is_kept = True
    """Whether usage stays what it is as long as nothing is metered."""

    def __init__(
        self, meter: Meter, refs: tuple[str, ...], period: Period, names: frozenset[str]
    ) -> None:
        self.event = meter.event
        self._meter, self._refs, self._names = meter, refs, names
        # A level is carried into the period, so one that was set before it can be the last.
        is_level = meter.aggregation in {"last", "weighted_sum"}
        self._start = BEGINNING if is_level else period.start
        self._end = period.end
        self._adds_quantity = meter == Meter(meter.event, dimensions=meter.dimensions)

    def after(self, usage: Quarter | None, readings: Iterable[Reading]) -> Quarter | None:
        """`usage` and, of these readings of anybody, which arrived later, those that count."""
        for reading in self.concerning(readings):
            usage = self.plus(usage, reading)
        return usage

    def concerning(self, readings: Iterable[Reading]) -> list[Reading]:
        """Of these readings of anybody those of this customer and event."""
        event, refs = self.event, self._refs
        return [r for r in readings if r.event == event and r.customer in refs]

    def plus(self, usage: Quarter | None, reading: Reading) -> Quarter | None:
        """`usage` and a reading of this customer and event, if that counts."""
        time = reading.time
        if not self._start <= time < self._end:
            return usage
        if (reading.subscription or "") not in self._names:
            return usage
        if self._adds_quantity and usage is not None:  # nearly all; the rest is the long way to it
            return Quarter(usage.count + 1, CONTEXT.add(usage.value, reading.quantity), time)
        try:
            value = value_of(self._meter, reading)
        except Invalid:
            return usage  # it will be refused when it is to be stored
        return usage if value is None else self._with(usage, reading, value)

    def _with(self, usage: Quarter | None, reading: Reading, value: Decimal) -> Quarter | None:
        """`usage` and a reading that counts as `value`."""
        return merge(merging_of(self._meter), usage, Quarter(1, value, reading.time))


class MemberCounter(Counter):
    """Counts different values: those that it knows, and as long as it knows all, new ones."""

    __slots__ = ("_is_complete", "_known")

    def __init__(
        self, meter: Meter, refs: tuple[str, ...], period: Period, names: frozenset[str]
    ) -> None:
        super().__init__(meter, refs, period, names)
        self._known: set[bytes] = set()
        self._is_complete = False

    def start_from(self, known: Iterable[bytes], *, is_complete: bool) -> None:
        """Know these values, which may be all that were counted."""
        self._known, self._is_complete = set(known), is_complete

    def members(self, readings: Iterable[Reading]) -> set[bytes]:
        """The values of these readings of anybody that count."""
        return {
            self._member(reading)
            for reading in self.concerning(readings)
            if self.plus(None, reading) is not None
        }

    def _member(self, reading: Reading) -> bytes:
        return digest_of(member_of(self._meter, reading) or "")

    def _with(self, usage: Quarter | None, reading: Reading, value: Decimal) -> Quarter | None:
        member = self._member(reading)
        if usage is not None and member in self._known:
            return usage
        if not self._is_complete:
            return UNKNOWN
        self._known.add(member)
        if len(self._known) > MEMBERS_MAX:
            self._is_complete = False
        counted = _NOTHING if usage is None else usage.value
        return Quarter(1, CONTEXT.add(counted, value), reading.time)


class LevelCounter(Counter):
    """Counts what grows by itself as time goes by, so that it is read each time."""

    __slots__ = ()

    is_kept = False

    def moments(self, readings: Iterable[Reading]) -> list[tuple[datetime, Decimal]]:
        """When these readings of anybody, those that count, set or change the level, and how."""
        found: list[tuple[datetime, Decimal]] = []
        for reading in self.concerning(readings):
            one = super().plus(None, reading)
            if one is not None:
                found.append((reading.time, one.value))
        return found

    def plus(self, usage: Quarter | None, reading: Reading) -> Quarter | None:
        """What is not read is not known."""
        return usage if super().plus(None, reading) is None else UNKNOWN


class Standing(msgspec.Struct, frozen=True):
    """A customer's terms for a feature, and the usage under them `as_of` an instant, stored or not.

    `refs` are the names of the customer, in events as in checks; `counter` is None where no usage
    counts.
    """

    refs: tuple[str, ...]
    terms: Terms
    counter: Counter | None
    usage: Quarter | None
    as_of: datetime

    @property
    def is_kept(self) -> bool:
        """Whether the usage stays what it is as long as nothing is metered."""
        return self.counter is None or self.counter.is_kept

    def ruling(self, usage: Quarter | None) -> Ruling:
        """The answer to every quantity after `usage`."""
        used = usage.value if usage is not None and usage.count else _NOTHING
        return rule(self.terms, used, self.as_of)
