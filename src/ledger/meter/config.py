"""How metering buffers: sizes, times and what a full buffer does. Checked when it is made."""

from pathlib import Path
from typing import Literal

import msgspec

from ledger.types.errors import Invalid

Overflow = Literal["block", "raise", "drop"]

BATCH_MAX = 10_000
"""The most events that are stored in one transaction."""

LATE_PERIODS = 3
"""How many billing periods back an event is still taken. Source: SEMANTICS §6."""

INTERVAL_MAX_S = 3_600

_OVERFLOWS: tuple[Overflow, ...] = ("block", "raise", "drop")


class MeterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How `meter()` buffers events and when they are stored.

    Args:
        batch_size: events in a transaction; a buffer with that many is flushed at once.
        flush_interval_s: seconds after which an event that waits is flushed anyway.
        buffer_max: how many events of one tenant may wait in memory.
        overflow: what `meter()` does when that many wait: `block` until there is room (an event
            loop that meters stands still meanwhile), `raise` Unavailable (`buffer_full`), or
            `drop` the event and count it.
        spool: the folder of the journal that makes events survive a killed process; None leaves
            the choice to where the database is, False does without.
        fsync: whether the journal also survives a power cut; each `meter()` then waits for the
            disk.

    Raises:
        Invalid: (`bad_meter_config`) a value out of range; the sentence names it.
    """

    batch_size: int = 1_000
    flush_interval_s: float = 1
    buffer_max: int = 100_000
    overflow: Overflow = "block"
    spool: Path | str | Literal[False] | None = None
    fsync: bool = False

    def __post_init__(self) -> None:
        if not _is_count(self.batch_size) or not 1 <= self.batch_size <= BATCH_MAX:
            raise _bad("batch_size", f"from 1 to {BATCH_MAX:,}", self.batch_size)
        if not _is_count(self.buffer_max) or self.buffer_max < self.batch_size:
            raise _bad("buffer_max", f"at least batch_size, {self.batch_size:,}", self.buffer_max)
        seconds = self.flush_interval_s
        if not isinstance(seconds, int | float) or not 0 < seconds <= INTERVAL_MAX_S:
            raise _bad("flush_interval_s", f"above 0 and at most {INTERVAL_MAX_S:,}", seconds)
        if self.overflow not in _OVERFLOWS:
            raise _bad("overflow", f"one of {', '.join(_OVERFLOWS)}", self.overflow)
        is_folder = isinstance(self.spool, str | Path) and str(self.spool) != ""
        if not (is_folder or self.spool is None or self.spool is False):
            raise _bad("spool", "a folder, None or False", self.spool)
        if not isinstance(self.fsync, bool):
            raise _bad("fsync", "True or False", self.fsync)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad(name: str, wanted: str, given: object) -> Invalid:
    return Invalid(
        f"MeterConfig.{name} is {wanted}, not {given!r}", code="bad_meter_config", param=name
    )
