"""Stores what was metered: batches of the buffer, and events that a caller wants answered."""

from collections.abc import Sequence

from ledger.engine.core import TenantCore
from ledger.meter import operations
from ledger.meter.model import EventResult, UsageEvent


def record(core: TenantCore, events: Sequence[UsageEvent]) -> list[EventResult]:
    """Store usage events durably and say what became of each, in order.

    Returns a result per event: accepted, duplicate, conflict, or rejected with the reason. At most
    10,000 events a call; all are stored in one transaction.
    """
    results = core.run(lambda work: operations.record(work, events), writes=True)
    stored = [
        event.customer
        for event, result in zip(events, results, strict=True)
        if result.outcome == "accepted"
    ]
    core.engine.checks.recorded(core.scope, stored)
    return results
