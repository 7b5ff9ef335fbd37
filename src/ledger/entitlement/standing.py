"""Where a customer stands with a feature: the terms, and the usage that counts under them. Pure.

Usage comes from two places: what the store holds, and what this process has metered and not stored
yet. Both are merged by the meter's own rule, so they come to what the store will hold later.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from ledger.entitlement.check import BEGINNING, Ruling, Terms, rule
from ledger.meter.acceptance import value_of
from ledger.meter.aggregation import merge
from ledger.meter.model import Quarter, Reading
from ledger.plan.feature import Meter
from ledger.types.errors import Invalid
from ledger.types.exact import CONTEXT
from ledger.types.period import Period

_NOTHING = Decimal(0)


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

    def __init__(
        self, meter: Meter, refs: tuple[str, ...], period: Period, names: frozenset[str]
    ) -> None:
        self.event = meter.event
        self._meter, self._refs, self._names = meter, refs, names
        # A level is carried into the period, so one that was set before it can be the last.
        self._start = BEGINNING if meter.aggregation == "last" else period.start
        self._end = period.end
        self._adds_quantity = (
            meter.aggregation == "sum" and meter.property is None and not meter.where
        )

    def after(self, usage: Quarter | None, readings: Iterable[Reading]) -> Quarter | None:
        """`usage` and, of these readings of anybody, which arrived later, those that count."""
        event, refs = self.event, self._refs
        for reading in [r for r in readings if r.event == event and r.customer in refs]:
            usage = self.plus(usage, reading)
        return usage

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
        if value is None:
            return usage
        return merge(self._meter.aggregation, usage, Quarter(1, value, time))


class Standing(msgspec.Struct, frozen=True):
    """A customer's terms for a feature, and the usage under them as far as it was stored `as_of`.

    `refs` are the names of the customer, in events as in checks; `counter` is None where no usage
    counts.
    """

    refs: tuple[str, ...]
    terms: Terms
    counter: Counter | None
    usage: Quarter | None
    as_of: datetime

    def usage_after(self, readings: Iterable[Reading]) -> Quarter | None:
        """The usage and, of these readings of anybody, which arrived later, those that count."""
        return self.usage if self.counter is None else self.counter.after(self.usage, readings)

    def ruling(self, usage: Quarter | None) -> Ruling:
        """The answer to every quantity after `usage`."""
        used = usage.value if usage is not None and usage.count else _NOTHING
        return rule(self.terms, used, self.as_of)
