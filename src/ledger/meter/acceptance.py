"""Acceptance: what a caller says becomes a Reading that is exact, or is refused. Pure.

`stamp_fast` is the hot path of `meter()`: a call with nothing special about it is checked in one
expression; anything else takes the slow way to the same result.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b

from ledger.meter.event_ids import new_id
from ledger.meter.model import PropertyValue, Reading, StoredEvent, UsageEvent
from ledger.meter.properties import keep, remember, text_of
from ledger.plan.expression import expression
from ledger.plan.feature import Meter
from ledger.plan.naming import check_key
from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.exact import decimal_text
from ledger.types.json import encode
from ledger.types.quantity import INTEGER_DIGITS
from ledger.types.quantity import quantity as exact_quantity
from ledger.types.zone import micros, utc

REF_MAX = 255

_QUANTITY_BOUND = 10**INTEGER_DIGITS
_DIGEST_BYTES = 16
_UUID_VERSION = 6  # the byte whose upper half is the version of a UUID

_names: set[str] = set()  # found good before
_ID_START = f"{ids.USAGE_EVENT.prefix}_"


def stamp(event: UsageEvent, now: datetime) -> Reading:
    """The reading of an event that came in at `now`.

    Raises:
        Invalid: as `stamp_fast`, or (`not_a_usage_event`) it is something else.
    """
    if not isinstance(event, UsageEvent):
        raise Invalid(
            f"a {type(event).__name__} was given where a UsageEvent is wanted",
            code="not_a_usage_event",
        )
    return stamp_fast(
        event.event,
        event.customer,
        event.quantity,
        event.key,
        event.time,
        event.properties,
        event.subscription,
        now,
    )


def stamp_fast(
    event: str,
    customer: str,
    quantity: int | str | Decimal,
    key: str | None,
    time: datetime | None,
    properties: Mapping[str, PropertyValue] | None,
    subscription: str | None,
    now: datetime,
) -> Reading:
    """The reading of what was said in one call at `now`; what is not given is made.

    Raises:
        Invalid: a name that is none (`bad_key`), no customer ref (`bad_customer`), a float
            (`float_refused`), no exact number (`bad_decimal`, `out_of_range`), a bad idempotency
            key (`bad_event_key`), a time without a zone (`naive_datetime`) or that is none
            (`bad_instant`), properties that cannot be kept (`bad_properties`), or a subscription
            that is no id of one (`wrong_id`).
    """
    if (
        key is None
        and time is None
        and not properties
        and subscription is None
        and type(quantity) is int
        and -_QUANTITY_BOUND < quantity < _QUANTITY_BOUND
        and type(event) is str
        and event in _names
        and type(customer) is str
        and 0 < len(customer) <= REF_MAX
        and customer.isprintable()
    ):
        id = new_id()  # noqa: A001 - the field's name
        return Reading(id, id, event, customer, Decimal(quantity), now)
    id = new_id()  # noqa: A001 - the field's name
    return Reading(
        id,
        id if key is None else _printable(key, "key", "bad_event_key"),
        _name(event),
        _printable(customer, "customer", "bad_customer"),
        exact_quantity(quantity),
        now if time is None else _instant(time),
        time is not None,
        keep(properties) if properties else {},
        None if subscription is None else ids.SUBSCRIPTION.check(subscription),
    )


def digest(key: str) -> bytes:
    """16 bytes that stand for an event's key, in an order that keeps time where the key has it.

    A key that is an id of a usage event gives its UUID, version 7; any other is hashed, and the
    hash is marked as a UUID of version 8, so that the two can never be the same.
    """
    if key.startswith(_ID_START):
        try:
            uuid = ids.USAGE_EVENT.uuid_bytes(ids.UsageEventId(key))
        except Invalid:
            uuid = b""  # it only begins like one
        if uuid and uuid[_UUID_VERSION] >> 4 == 7:
            return uuid
    hashed = bytearray(
        blake2b(key.encode(), digest_size=_DIGEST_BYTES, person=b"usage key").digest()
    )
    hashed[_UUID_VERSION] = hashed[_UUID_VERSION] & 0x0F | 0x80
    return bytes(hashed)


def content(reading: Reading, customer: str) -> bytes:
    """16 bytes that stand for what an event says; `customer` is the id, or the ref if unknown.

    Two events with the same key and content are the same event sent twice. The time counts only
    if the caller gave it: one that was made at the call differs in a retry. Source: SEMANTICS §6.
    """
    said = (
        reading.event,
        customer,
        format(reading.quantity, "f"),
        reading.properties,
        reading.subscription,
        micros(reading.time) if reading.time_given else None,
    )
    return blake2b(encode(said), digest_size=_DIGEST_BYTES, person=b"usage content").digest()


def value_of(meter: Meter, event: Reading | StoredEvent) -> Decimal | None:
    """What an event adds to a meter that reads its name; None if it does not count there.

    It does not count when a filter does not match or the metered property is not there, or one
    that an expression names. Filters compare text: `true`, `12`, and nothing at all for a property
    that is null or missing. Where different values are counted, an event that has one counts as 1.

    Raises:
        Invalid: the metered property is there but no exact number (`bad_decimal`,
            `out_of_range`), or an expression over it has no value (`not_a_number`,
            `division_by_zero`).
    """
    if meter.aggregation == "unique":
        return None if member_of(meter, event) is None else _ONE
    if not _passes(meter, event):
        return None
    return _ONE if meter.aggregation == "count" else _number(meter, event)


def member_of(meter: Meter, event: Reading | StoredEvent) -> str | None:
    """The value of an event that a meter tells from others, as text; None if it does not count.

    A number is the same however it was written; the text of a property is taken as it is.

    Raises:
        Invalid: as `value_of`.
    """
    if not _passes(meter, event):
        return None
    if meter.property is not None:
        given = event.properties.get(meter.property)
        return None if given is None else text_of(given)
    value = _number(meter, event)
    return None if value is None else decimal_text(value)


def _passes(meter: Meter, event: Reading | StoredEvent) -> bool:
    """Whether no filter of the meter keeps an event out."""
    for name, wanted in meter.where.items():  # on a hot path, where mostly there are none
        if text_of(event.properties.get(name)) != wanted:
            return False
    return True


def _number(meter: Meter, event: Reading | StoredEvent) -> Decimal | None:
    """The number that a meter reads from an event, or computes; None if a property is not there."""
    if meter.expression is not None:
        return expression(meter.expression).value(event.quantity, event.properties)
    if meter.property is None:
        return event.quantity
    given = event.properties.get(meter.property)
    # A bool passes as an int in Python, and is refused as a number like any other non-number.
    return None if given is None else exact_quantity(given, what=f"property {meter.property!r}")


def digest_of(member: str) -> bytes:
    """16 bytes that stand for a value that is told from others, whatever its length."""
    return blake2b(member.encode(), digest_size=_DIGEST_BYTES, person=b"unique value").digest()


_ONE = Decimal(1)


def _name(event: str) -> str:
    # An Enum's member is kept as plain text, here and below.
    return remember(_names, str.__str__(check_key(event, "event")))


def _printable(value: str, what: str, code: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= REF_MAX or not value.isprintable():
        shown = repr(value[:40]) if isinstance(value, str) else f"a {type(value).__name__}"
        raise Invalid(
            f"the {what} is {shown}; it has 1 to {REF_MAX} printable characters",
            code=code,
            param=what,
        )
    return str.__str__(value)


def _instant(time: datetime) -> datetime:
    if not isinstance(time, datetime):
        raise Invalid(
            f"the time is a {type(time).__name__}, not a datetime with a time zone",
            code="bad_instant",
            param="time",
        )
    return utc(time)
