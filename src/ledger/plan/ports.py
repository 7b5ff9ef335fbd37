"""What plans and features need of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ledger.event.ports import EventLog
from ledger.plan.feature import Feature, FeatureStatus
from ledger.plan.model import Plan, PlanStatus
from ledger.types.page import Page


class FeatureRepository(Protocol):
    """Features by id or key. A key is unique in a tenant."""

    def add(self, feature: Feature) -> None:
        """Store a new feature. Conflict `feature_exists` when the key is taken."""
        ...

    def get(self, ref: str) -> Feature:
        """The feature with this id or key, or NotFound."""
        ...

    def find(self, keys: Sequence[str]) -> dict[str, Feature]:
        """Those of the features that exist, by key."""
        ...

    def save(self, feature: Feature) -> None:
        """Replace a stored feature."""
        ...

    def page(
        self, after: str | None, limit: int, *, status: FeatureStatus | None = None
    ) -> Page[Feature]:
        """Features by key."""
        ...

    def metering(self, events: Sequence[str]) -> list[Feature]:
        """The metered features that read any of these event names, archived ones included."""
        ...


class PlanRepository(Protocol):
    """Plan versions. At most one version of a plan is active; a constraint says so."""

    def add(self, plan: Plan) -> None:
        """Store a new version. Conflict `plan_exists` when the key (or version) is taken."""
        ...

    def get(self, ref: str, version: int | None = None) -> Plan:
        """A version by plan id or key; without a version the active one, else the latest."""
        ...

    def latest(self, ref: str) -> Plan:
        """The latest version, whatever its status, or NotFound."""
        ...

    def save(self, plan: Plan) -> None:
        """Replace a stored version."""
        ...

    def page(
        self, after: str | None, limit: int, *, status: PlanStatus | None = None
    ) -> Page[Plan]:
        """The version of each plan that `get` would return, by key."""
        ...

    def versions(self, ref: str) -> list[Plan]:
        """All versions of a plan, oldest first, or NotFound."""
        ...


class PlanWork(Protocol):
    """A transaction that can read and write plans and features."""

    @property
    def now(self) -> datetime: ...
    @property
    def features(self) -> FeatureRepository: ...
    @property
    def plans(self) -> PlanRepository: ...
    @property
    def events(self) -> EventLog: ...
