"""Instants and local time: UTC inside, a time zone wherever a day begins."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.types.errors import Invalid, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MIDNIGHT = time(0)

# Names that zoneinfo knows and that are no zones: what they mean depends on the machine, or they
# count leap seconds (right/).
_NOT_A_ZONE = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*|.*\.(tab|zi|list)")

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,18})?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`, such as `"Europe/Berlin"`.

    Raises:
        Invalid: (`unknown_time_zone`) there is none of that name.
    """
    try:
        return _load(name)
    # What zoneinfo raises depends on what it finds: nothing, a folder, no zone, no text at all.
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise _unknown(name) from None


@lru_cache(maxsize=1024)
def _load(name: str) -> ZoneInfo:
    if _NOT_A_ZONE.fullmatch(name):
        raise _unknown(name)
    return ZoneInfo(name)


def _unknown(name: object) -> Invalid:
    return Invalid(
        f"{shown(name)} is not an IANA time zone such as 'Europe/Berlin'",
        code="unknown_time_zone",
        time_zone=name,
    )


def utc(value: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        Invalid: no time zone (`naive_datetime`), or outside the years 1 to 9999
            (`instant_out_of_range`).
    """
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise Invalid(
            f"{value.isoformat()} has no time zone, so it is not an instant;"
            f" write {value.isoformat()}+00:00 if UTC is meant",
            code="naive_datetime",
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _out_of_range(value.isoformat()) from None


def local(instant: datetime, zone: str | ZoneInfo) -> datetime:
    """What clocks in `zone` show at `instant`.

    Raises:
        Invalid: as `utc` and `zone`.
    """
    try:
        return utc(instant).astimezone(_zone(zone))
    except OverflowError:
        raise _out_of_range(instant.isoformat()) from None


def local_date(instant: datetime, zone: str | ZoneInfo) -> date:
    """The day that calendars in `zone` show at `instant`.

    Raises:
        Invalid: as `utc` and `zone`.
    """
    return local(instant, zone).date()


def instant_of(date: date, time: time, zone: str | ZoneInfo) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `date` and `time`.

    A local time that does not exist moves forward by the gap; one that occurs twice is the first.
    Source: SEMANTICS §3.

    Raises:
        Invalid: outside the years 1 to 9999 (`instant_out_of_range`), or as `zone`.
    """
    # With fold=0 a time in a gap has the offset before it (PEP 495): that is the move forward.
    wall = datetime.combine(date, time.replace(fold=0), _zone(zone))
    try:
        return wall.astimezone(UTC)
    except OverflowError:
        raise _out_of_range(wall.isoformat()) from None


def midnight(date: date, zone: str | ZoneInfo) -> datetime:
    """The instant at which `date` begins in `zone`.

    Raises:
        Invalid: as `instant_of`.
    """
    return instant_of(date, _MIDNIGHT, zone)


def micros(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01 in UTC, exactly.

    Raises:
        Invalid: as `utc`.
    """
    return (utc(instant) - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The inverse of `micros`.

    Raises:
        Invalid: (`instant_out_of_range`) outside the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        raise _out_of_range(f"{shown(value)} microseconds") from None


def parse_instant(text: str) -> datetime:
    """The instant, in UTC, of ISO 8601 text with an offset: `2025-01-31T09:00:00.5+01:00`.

    Digits beyond microseconds are cut off.

    Raises:
        Invalid: no such text (`bad_instant`), no offset (`naive_datetime`), or outside the years
            1 to 9999 (`instant_out_of_range`).
    """
    shape = _INSTANT.fullmatch(text)
    if shape:
        try:
            return utc(datetime.fromisoformat(text.upper()))
        except ValueError:
            pass
    raise Invalid(
        f"{shown(text)} is not an ISO 8601 instant such as '2025-01-31T09:00:00Z'",
        code="bad_instant",
    )


def instant_text(instant: datetime) -> str:
    """`instant` as people and `parse_instant` read it: `2025-01-31T09:00:00Z`.

    Raises:
        Invalid: as `utc`.
    """
    return utc(instant).isoformat().replace("+00:00", "Z")


def _zone(given: str | ZoneInfo) -> ZoneInfo:
    return given if isinstance(given, ZoneInfo) else zone(given)


def _out_of_range(what: str) -> Invalid:
    return Invalid(f"{what} is outside the years 1 to 9999", code="instant_out_of_range")
