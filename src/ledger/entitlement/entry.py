"""What the cache is made of: entries, in the record of a customer, on the shelf of a tenant."""

from ledger.entitlement.check import Ruling
from ledger.entitlement.standing import UNKNOWN, Standing
from ledger.meter.model import Quarter, Reading

_AT_ONCE = -1  # seconds that never run backwards begin at 0 or later


class Entry:
    """A standing with the usage of this moment, and the answers that follow from it.

    `usage` is replaced, never changed, so that one look tells whether `ruled` is about it.
    """

    __slots__ = ("counter", "expires", "number", "ruled", "since", "standing", "until", "usage")

    def __init__(
        self, standing: Standing, usage: Quarter | None, number: int, expires: float
    ) -> None:
        self.standing, self.usage, self.number, self.expires = standing, usage, number, expires
        self.since, self.until = standing.terms.since, standing.terms.until
        self.counter = standing.counter
        self.ruled: tuple[Quarter | None, Ruling] = (usage, standing.ruling(usage))

    def rule(self) -> Ruling:
        """The answers after the usage of this moment, kept for the next."""
        usage = self.usage
        ruling = self.standing.ruling(usage)
        # Together, so that whoever reads without a lock never takes the answers for newer ones.
        self.ruled = (usage, ruling)
        return ruling


class Record:
    """What is known of a customer: entries by feature, and those that count an event by its name.

    `touched` is when somebody last asked, `queued` when the record came into its place in the
    queue.
    """

    __slots__ = ("entries", "queued", "readers", "refs", "touched")

    def __init__(self, refs: tuple[str, ...], now: float) -> None:
        self.refs, self.touched, self.queued = refs, now, now
        self.entries: dict[str, Entry] = {}
        self.readers: dict[str, list[Entry]] = {}

    def put(self, feature: str, entry: Entry) -> None:
        """Keep an entry in the place of the one before."""
        self.entries[feature] = entry
        self.readers = {}
        for one in self.entries.values():
            if one.counter is not None:
                self.readers.setdefault(one.counter.event, []).append(one)


class Miss:
    """A question that is being answered from the store, and what is metered meanwhile."""

    __slots__ = ("collected", "expires", "number")

    def __init__(self, number: int, expires: float) -> None:
        self.number, self.expires = number, expires
        self.collected: list[Reading] = []


class Shelf:
    """The records of a scope by any name of their customer, and the misses on their way."""

    __slots__ = ("misses", "records")

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.misses: set[Miss] = set()

    def count(self, reading: Reading) -> None:
        """Count a reading in the entries that it is usage for."""
        record = self.records.get(reading.customer)
        if record is not None:
            for entry in record.readers.get(reading.event, ()):
                if entry.counter is not None:
                    usage = entry.counter.plus(entry.usage, reading)
                    if usage is UNKNOWN:
                        entry.expires = _AT_ONCE
                    else:
                        entry.usage = usage
