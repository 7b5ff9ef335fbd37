"""The facts of metering. Usage itself is no fact of the log: there is too much of it."""

from datetime import datetime

from ledger.event.model import Event
from ledger.plan.feature import Feature


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
