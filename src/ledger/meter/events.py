"""The facts of metering: what was corrected or counted anew. Usage itself is not in the log."""

from datetime import datetime
from decimal import Decimal

import msgspec

from ledger.event.model import Event
from ledger.meter.model import EventResult, Outcome, Property, RejectedEvent, StoredEvent
from ledger.meter.properties import keep
from ledger.plan.feature import Feature
from ledger.types.ids import UsageEventId
from ledger.types.quantity import quantity


class UsageCorrected(Event, frozen=True):
    """The base of what happens to a stored usage event; `actor` is who asked for it, if known."""

    usage: StoredEvent
    reason: str
    actor: str | None = None

    @property
    def entity_id(self) -> str:
        """The usage event's id."""
        return self.usage.id


class UsageVoided(UsageCorrected, frozen=True):
    """A usage event was taken back and counts nowhere."""


class UsageReplaced(UsageCorrected, frozen=True, kw_only=True):
    """A usage event was taken back, and another one is stored under its key."""

    before: StoredEvent


class RefusedUsage(msgspec.Struct, frozen=True):
    """A usage event that was in the list of refused ones, as it was kept there."""

    id: UsageEventId
    at: datetime
    outcome: Outcome
    refusal: str
    event: str
    customer: str
    quantity: Decimal
    key: str | None
    time: datetime | None
    properties: dict[str, Property]
    subscription: str | None

    @classmethod
    def of(cls, entry: RejectedEvent) -> "RefusedUsage":
        """The entry in a form that reads back from JSON."""
        said = entry.event
        return cls(
            entry.id,
            entry.at,
            entry.outcome,
            entry.reason,
            said.event,
            said.customer,
            quantity(said.quantity),
            said.key,
            said.time,
            keep(said.properties),
            said.subscription,
        )


class RefusedUsageSettled(Event, frozen=True):
    """The base of what becomes of a refused usage event; `actor` is who asked for it, if known."""

    refused: RefusedUsage
    reason: str | None
    actor: str | None = None

    @property
    def entity_id(self) -> str:
        """The id under which it was listed."""
        return self.refused.id


class RejectedUsageRetried(RefusedUsageSettled, frozen=True, kw_only=True):
    """A refused usage event was recorded after all, perhaps with changes; `customer` is whose."""

    result: EventResult
    customer: str


class RejectedUsageDismissed(RefusedUsageSettled, frozen=True):
    """A refused usage event was given up and is listed no more."""


class FeatureBackfilled(Event, frozen=True):
    """The usage of a feature from `start` to `end` was counted anew from stored events."""

    feature: Feature
    start: datetime
    end: datetime
    events: int

    @property
    def entity_id(self) -> str:
        """The feature's id."""
        return self.feature.id
