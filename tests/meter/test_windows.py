"""Windows begin where local hours, days and months begin, and cover the time without a gap."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.meter.windows import WINDOWS_MAX, Window, windows
from ledger.types.errors import Invalid
from ledger.types.zone import parse_instant

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
instants = st.integers(0, 6 * 365 * 24 * 60).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@pytest.mark.parametrize(
    ("start", "end", "window", "zone", "cuts"),
    [
        ("2025-03-29T12:00Z", "2025-03-31T12:00Z", "day", "Europe/Berlin",
         ["2025-03-29T23:00Z", "2025-03-30T22:00Z"]),
        ("2025-01-15T00:00Z", "2025-03-02T00:00Z", "month", "UTC",
         ["2025-02-01T00:00Z", "2025-03-01T00:00Z"]),
        ("2025-12-31T00:00Z", "2026-01-02T00:00Z", "month", "Asia/Kathmandu",
         ["2025-12-31T18:15Z"]),
        ("2025-01-01T00:00Z", "2025-01-01T02:30Z", "hour", "Asia/Kathmandu",
         ["2025-01-01T00:15Z", "2025-01-01T01:15Z", "2025-01-01T02:15Z"]),
        ("2025-01-01T00:00Z", "2025-01-02T00:00Z", "day", "UTC", []),
        # Samoa skipped 30 December 2011.
        ("2011-12-29T10:00Z", "2012-01-01T10:00Z", "day", "Pacific/Apia",
         ["2011-12-30T10:00Z", "2011-12-31T10:00Z"]),
        ("2025-01-01T00:00Z", "2025-01-09T00:00Z", None, "UTC", []),
    ],
)  # fmt: skip
def test_windows_begin_where_local_time_says(
    start: str, end: str, window: Window | None, zone: str, cuts: list[str]
) -> None:
    edges = [parse_instant(text) for text in (start, *cuts, end)]
    expected = list(pairwise(edges))
    assert windows(edges[0], edges[-1], window, zone) == expected


@given(
    instants, st.integers(0, 20 * 24 * 60), st.sampled_from(["hour", "day", "month"]),
    st.sampled_from(ZONES),
)  # fmt: skip
def test_windows_cover_all_and_overlap_nowhere(
    start: datetime, minutes: int, window: Window, zone: str
) -> None:
    end = start + timedelta(minutes=minutes)
    cut = windows(start, end, window, zone)
    assert all(a < b for a, b in cut)
    assert [b for _, b in cut[:-1]] == [a for a, _ in cut[1:]]
    assert not cut or (cut[0][0], cut[-1][1]) == (start, end)
    assert bool(cut) == (minutes > 0)


def test_too_many_windows_are_refused() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    longest = start + timedelta(hours=WINDOWS_MAX)
    assert len(windows(start, longest, "hour", "UTC")) == WINDOWS_MAX
    with pytest.raises(Invalid) as refused:
        windows(start, longest + timedelta(seconds=1), "hour", "UTC")
    assert refused.value.code == "too_many_windows"


def test_an_unknown_window_is_refused() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(Invalid) as refused:
        windows(start, start + timedelta(days=1), "week", "UTC")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the mistake
    assert refused.value.code == "unknown_window"
