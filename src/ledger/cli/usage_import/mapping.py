"""Mapping: how a row's fields become a usage event. Pure.

Without anything said, the fields `event`, `customer`, `time`, `quantity`, `key`, `subscription`
(an id) and `properties` (an object, also as JSON text in a table) are read; a CloudEvent is brought
into that shape first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger import Invalid, UsageEvent
from ledger.cli.usage_import.cloud_events import is_cloud_event, plain
from ledger.cli.usage_import.rows import Values, is_object
from ledger.types import ids, json
from ledger.types.quantity import quantity
from ledger.types.zone import instant_of, parse_instant

Scalar = str | int | bool | Decimal | None

COLUMNS_SHOWN = 20
_SUBSCRIPTION = f"{ids.SUBSCRIPTION.prefix}_"
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt ][\d:.,]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: said for all rows, in a field, or in the `usual` field if any."""

    usual: str
    constant: str | None = None
    field: str | None = None

    def of(self, values: Values) -> Any:  # noqa: ANN401 - whatever the file holds
        """The value in this row, None where there is none.

        Raises Invalid when a field that was named is not there or empty.
        """
        if self.constant is not None:
            return self.constant
        if self.field is None:
            return values.get(self.usual)
        value = lookup(values, self.field)
        if value is None or value == "":
            raise _bad(f"it has no {self.field!r}")
        return value


@dataclass(frozen=True, slots=True)
class RowMapping:
    """Which field says what. `properties` maps a property to its field; None: as the row says."""

    event: Source = Source("event")
    customer: Source = Source("customer")
    time: Source = Source("time")
    quantity: Source = Source("quantity")
    key: Source = Source("key")
    properties: dict[str, str] | None = field(default=None)
    time_zone: str = "UTC"

    def check(self, columns: Sequence[str]) -> None:
        """Whether a table with these columns has what is wanted of it.

        Raises Invalid (`no_such_column`) naming what it does not have.
        """
        there = f"the file has {', '.join(columns[:COLUMNS_SHOWN])}"
        for source in (self.event, self.customer, self.time, self.quantity, self.key):
            if source.field is not None and source.field not in columns:
                raise _no_column(f"there is no column {source.field!r}; {there}")
        for column in (self.properties or {}).values():
            if column not in columns:
                raise _no_column(f"there is no column {column!r}; {there}")
        for source in (self.event, self.customer):
            if source.constant is None and source.field is None and source.usual not in columns:
                name = source.usual
                raise _no_column(
                    f"nothing says the {name}: give --{name} or --{name}-column; {there}"
                )

    def event_of(self, values: Values) -> UsageEvent:
        """The usage event that a row says; its key is None when the row has none of its own.

        Raises Invalid when the row says none; the message completes "line 7: …".
        """
        if is_cloud_event(values):
            values = plain(values)
        return UsageEvent(
            event=_text(self.event.of(values), "event"),
            customer=_text(self.customer.of(values), "customer"),
            quantity=self._quantity(values),
            key=_key(self.key.of(values)),
            time=_instant(self.time.of(values), self.time_zone),
            properties=self._properties(values),
            subscription=_subscription(values.get("subscription")),
        )

    def _quantity(self, values: Values) -> Decimal:
        given = self.quantity.of(values)
        return Decimal(1) if given is None else quantity(given)

    def _properties(self, values: Values) -> dict[str, Scalar]:
        if self.properties is None:
            return dict(_flat(values.get("properties")))
        found = {name: lookup(values, column) for name, column in self.properties.items()}
        return {
            name: _scalar(value)
            for name, value in found.items()
            if value is not None and value != ""
        }


def lookup(values: Values, name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """A field by its name, or by a path into objects: `data.usage.tokens`."""
    if name in values:
        return values[name]
    head, dot, rest = name.partition(".")
    inner = values.get(head)
    return lookup(inner, rest) if dot and is_object(inner) else None


def _flat(properties: object, prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    """Properties of one level: an object inside gives names such as `usage.tokens`."""
    if properties is None or properties == "":
        return
    if isinstance(properties, str) and properties.startswith("{"):
        properties = json.decode(properties, dict[str, Any])  # in a table, as an export writes them
    if not is_object(properties):
        raise _bad(f"its properties are a {type(properties).__name__}, not an object")
    for name, value in properties.items():
        if is_object(value):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _scalar(value)


def _scalar(value: object) -> Scalar:
    """A property's value; a list is kept as JSON text."""
    if value is None or isinstance(value, str | int | bool | Decimal):
        return value
    return json.encode(value).decode()


def _text(value: object, what: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # ids are often numbers
    if not isinstance(value, str) or not value:
        raise _bad(f"it has no {what}" if not value else f"its {what} is not text")
    return value


def _subscription(value: object) -> str | None:
    """The id of a subscription; a column of that name may hold something else."""
    return value if isinstance(value, str) and value.startswith(_SUBSCRIPTION) else None


def _key(value: object) -> str | None:
    return None if value is None or value == "" else _text(value, "key")


def _instant(value: object, time_zone: str) -> datetime | None:
    """An instant, cut to microseconds; without an offset it is a local time of `time_zone`."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _bad(f"its time {value!s:.40} is not text such as 2026-01-31T09:00:00Z")
    if _LOCAL.fullmatch(value):
        wall = parse_instant(f"{value}Z")
        return instant_of(wall.date(), wall.time(), time_zone)
    return parse_instant(value)


def _bad(what: str) -> Invalid:
    return Invalid(what, code="bad_row")


def _no_column(what: str) -> Invalid:
    return Invalid(what, code="no_such_column")
