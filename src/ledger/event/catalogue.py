"""The catalogue of facts: what the log may hold, by name."""

from collections.abc import Iterator

from ledger.event.model import Event, LoggedEvent
from ledger.types.errors import Broken
from ledger.types.json import decode


def catalogue() -> dict[str, type[Event]]:
    """Every fact that the loaded slices can tell: the name that the log keeps → its class, sorted.

    A class that has others below it is a base and no fact.
    """
    return dict(sorted((fact.__name__, fact) for fact in _facts(Event)))


def fact_of(entry: LoggedEvent) -> Event:
    """The fact that an entry of the log holds, as it was told.

    Raises:
        Broken: (`unknown_event_type`) no slice that is loaded tells such facts.
    """
    known = catalogue().get(entry.type)
    if known is None:
        raise Broken(
            f"entry {entry.id} of the event log is a {entry.type!r}, which nothing here knows",
            code="unknown_event_type",
        )
    return decode(bytes(entry.payload), known)


def _facts(base: type[Event]) -> Iterator[type[Event]]:
    for each in base.__subclasses__():
        yield from list(_facts(each)) or [each]
