"""Health: one function for each thing that `doctor` looks at. Nothing is changed by looking."""

import platform
import shutil
import sqlite3
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from ledger import Invalid
from ledger.cli.wording import when
from ledger.types.zone import from_micros, zone

Status = Literal["ok", "warn", "fail"]

OLDEST_SQLITE = (3, 37, 0)
DISK_LOW_BYTES = 1_000_000_000
DISK_FULL_BYTES = 50_000_000
CLOCK_TOLERANCE = timedelta(minutes=5)
_MADE = datetime(2025, 1, 1, tzinfo=UTC)
_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, what was found, and what to do about it."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def python() -> Check:
    """The interpreter."""
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Check("python", "ok", found)


def sqlite() -> Check:
    """The SQLite that this Python has."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        hint = "A newer Python usually brings a newer SQLite; 3.37 is the oldest that will do."
        return Check("sqlite", "fail", sqlite3.sqlite_version, hint)
    return Check("sqlite", "ok", sqlite3.sqlite_version)


def time_zones() -> Check:
    """The time zone database: without it no customer has a midnight."""
    try:
        for name in _ZONES:
            zone(name)
    except Invalid as error:
        return Check("time zones", "fail", error.message, "pip install tzdata brings them.")
    from importlib.metadata import PackageNotFoundError, version

    try:
        package = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        package = "no tzdata package"
    many = len(zoneinfo.available_timezones())
    return Check("time zones", "ok", f"{many} zones, {package}")


def clock(now: datetime, path: Path | None) -> Check:
    """The machine's clock, and whether it went back since the database was written."""
    if now < _MADE:
        return Check("clock", "fail", f"it shows {when(now)}", "Set the clock; bills depend on it.")
    if path is not None and path.is_file():
        written = from_micros(path.stat().st_mtime_ns // 1_000)
        if written > now + CLOCK_TOLERANCE:
            return Check(
                "clock",
                "warn",
                f"it shows {when(now)}, the database was written at {when(written)}",
                "The clock went back, or the file comes from a machine whose clock is ahead.",
            )
    return Check("clock", "ok", when(now))


def disk(path: Path) -> Check:
    """The room where the database is."""
    folder = path.absolute().parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:,.1f} GB free in {folder}"
    if free < DISK_FULL_BYTES:
        return Check("disk", "fail", detail, "Make room: nothing can be stored soon.")
    if free < DISK_LOW_BYTES:
        return Check("disk", "warn", detail, "Make room before it is full.")
    return Check("disk", "ok", detail)


def surroundings(now: datetime, path: Path | None) -> Iterator[Check]:
    """All that can be looked at without the database."""
    yield python()
    yield sqlite()
    yield time_zones()
    yield clock(now, path)
    if path is not None and path.absolute().parent.is_dir():
        yield disk(path)
