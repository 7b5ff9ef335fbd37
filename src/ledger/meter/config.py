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

_OVERFLOWS: tuple[Overflow, ...] = ("block", "raise", "drop")


class MeterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How `meter()` buffers events and when they are stored.

    Args:
        batch_size: events in a transaction; a buffer with that many is flushed at once.
        flush_interval_s: seconds after which an event that waits is flushed anyway.
        buffer_max: how many events of one tenant may wait in memory.
        overflow: what `meter()` does when that many wait: `block` until there is room, `raise`
            Unavailable (`buffer_full`), or `drop` the event and count it.
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
        if not 1 <= self.batch_size <= BATCH_MAX:
            raise _bad("batch_size", f"from 1 to {BATCH_MAX:,}", self.batch_size)
        if not 0 < self.flush_interval_s <= 3_600:
            raise _bad("flush_interval_s", "above 0 and at most 3,600", self.flush_interval_s)
        if self.buffer_max < self.batch_size:
            raise _bad("buffer_max", f"at least batch_size, {self.batch_size:,}", self.buffer_max)
        if self.overflow not in _OVERFLOWS:
            raise _bad("overflow", f"one of {', '.join(_OVERFLOWS)}", self.overflow)


def _bad(name: str, wanted: str, given: object) -> Invalid:
    return Invalid(
        f"MeterConfig.{name} is {wanted}, not {given!r}", code="bad_meter_config", param=name
    )
