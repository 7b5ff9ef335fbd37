"""The facts of plans and features."""

from ledger.event.model import Event
from ledger.plan.feature import Feature
from ledger.plan.model import Plan


class _PlanEvent(Event, frozen=True):
    plan: Plan

    @property
    def entity_id(self) -> str:
        """The plan's id."""
        return self.plan.id

    @property
    def version(self) -> int:
        """The plan version that the fact is about."""
        return self.plan.version


class PlanCreated(_PlanEvent, frozen=True):
    """A plan exists, as a draft or on sale."""


class PlanUpdated(_PlanEvent, frozen=True):
    """A draft version was written."""


class PlanPublished(_PlanEvent, frozen=True):
    """A draft went on sale; the version before it, if any, no longer is."""


class PlanArchived(_PlanEvent, frozen=True):
    """A plan is no longer on sale."""


class _FeatureEvent(Event, frozen=True):
    feature: Feature

    @property
    def entity_id(self) -> str:
        """The feature's id."""
        return self.feature.id


class FeatureCreated(_FeatureEvent, frozen=True):
    """A feature exists."""


class FeatureUpdated(_FeatureEvent, frozen=True):
    """A feature's name, unit, metadata or meter changed."""


class FeatureArchived(_FeatureEvent, frozen=True):
    """A feature can no longer be used by new plan versions."""
