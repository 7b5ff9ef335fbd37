"""Windows: a stretch of time cut into local hours, days or months. Pure."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Literal

from ledger.types.errors import Invalid
from ledger.types.zone import local, local_date, midnight

Window = Literal["hour", "day", "month"]

WINDOWS_MAX = 10_000
"""More than all hours of a year, and still a list that fits in memory."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def windows(
    start: datetime, end: datetime, window: Window | None, zone: str
) -> list[tuple[datetime, datetime]]:
    """[start, end) cut where local hours, days or months begin; whole when `window` is None.

    The first and the last window are as short as the stretch leaves them.

    Raises:
        Invalid: no such window (`unknown_window`), or more than 10,000 (`too_many_windows`).
    """
    if window is None:
        return [(start, end)]
    cuts = [start]
    for cut in _cuts(start, window, zone):
        if cut >= end:
            break
        if len(cuts) == WINDOWS_MAX:
            raise Invalid(
                f"more than {WINDOWS_MAX:,} windows of one {window} each are too many; ask for less"
                " time, or for longer windows",
                code="too_many_windows",
                param="window",
            )
        cuts.append(cut)
    return list(zip(cuts, [*cuts[1:], end], strict=True)) if start < end else []


def _cuts(start: datetime, window: Window, zone: str) -> Iterator[datetime]:
    """Where windows begin after `start`, without end."""
    cut = start
    while True:
        cut = _next(cut, window, zone)
        yield cut


def _next(at: datetime, window: Window, zone: str) -> datetime:
    if window == "hour":
        wall = local(at, zone)
        past = timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
        return at + _HOUR - past
    day = local_date(at, zone)
    if window == "day":
        return _after(at, day + _DAY, zone)
    if window == "month":
        return midnight(date(day.year + day.month // 12, day.month % 12 + 1, 1), zone)
    raise Invalid(
        f"a window is hour, day or month, not {window!r}", code="unknown_window", param="window"
    )


def _after(at: datetime, day: date, zone: str) -> datetime:
    """The midnight that begins `day`, or the next one in a zone that skipped that day."""
    cut = midnight(day, zone)
    while cut <= at:
        day += _DAY
        cut = midnight(day, zone)
    return cut
