"""What became of what a process metered, in numbers."""

from collections.abc import Sequence

import msgspec

from ledger.meter.buffer import Buffer


class MeterStats(msgspec.Struct, frozen=True):
    """What became of what was metered in this process.

    `accepted` were taken in by `meter()`; each of them is `stored`, a `duplicate`, a `conflict`,
    `rejected` or still `buffered`. `dropped` found a full buffer; `retries` are batches that were
    tried again.
    """

    accepted: int = 0
    stored: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    buffered: int = 0
    dropped: int = 0
    retries: int = 0
    oldest_age_s: float = 0


def added_up(buffers: Sequence[Buffer]) -> MeterStats:
    """The numbers of some buffers together."""
    tallies = [buffer.tally for buffer in buffers]
    stored, duplicates = sum(t.stored for t in tallies), sum(t.duplicates for t in tallies)
    conflicts, rejected = sum(t.conflicts for t in tallies), sum(t.rejected for t in tallies)
    buffered = sum(buffer.waiting for buffer in buffers)
    return MeterStats(
        accepted=stored + duplicates + conflicts + rejected + buffered,
        stored=stored,
        duplicates=duplicates,
        conflicts=conflicts,
        rejected=rejected,
        buffered=buffered,
        dropped=sum(t.dropped for t in tallies),
        retries=sum(t.retries for t in tallies),
        oldest_age_s=max((buffer.oldest_age_s for buffer in buffers), default=0),
    )
