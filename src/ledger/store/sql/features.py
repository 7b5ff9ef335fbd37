"""Features in SQL."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from ledger.plan.feature import Feature, FeatureStatus
from ledger.store.sql.connection import Repository, chunks
from ledger.store.sql.paging import Listing, page
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    index,
    primary_key,
    text,
    text_or_null,
    unique,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types import ids
from ledger.types.errors import NotFound
from ledger.types.json import decode, encode
from ledger.types.page import Page


class FeatureColumns(ScopedColumns):
    """A feature; `event` is what its meter reads."""

    id = text()
    key = text()
    status = text()
    event = text_or_null()
    document = text()


features: Final = sa.Table(
    "features",
    METADATA,
    FeatureColumns,
    primary_key("id"),
    unique("feature_key", "key"),
    index("features_by_event", "event"),
    sqlite_strict=True,
)

_c = features.c
_NEW = Entry(features)
_ALL = Listing(sa.select(_c.key, _c.document), _c.key)
_BY_ID = scoped(sa.select(_c.document).where(by(_c.id)))
_BY_KEY = scoped(sa.select(_c.document).where(by(_c.key)))
_BY_KEYS = scoped(sa.select(_c.document).where(_c.key.in_(sa.bindparam("keys", expanding=True))))
_BY_EVENTS = scoped(
    sa.select(_c.document)
    .where(_c.event.in_(sa.bindparam("events", expanding=True)))
    .order_by(_c.key)
)
_SAVE = scoped(features.update().where(by(_c.id)))


class SqlFeatures(Repository):
    """The features of a scope; a `FeatureRepository`."""

    def add(self, feature: Feature) -> None:
        """Store a new feature."""
        self._scope.insert(_NEW, {"id": feature.id, **_columns(feature)})

    def get(self, ref: str) -> Feature:
        """The feature with this id or key."""
        row = (
            self._scope.one(_BY_ID, by_id=ref)
            if ids.FEATURE.is_(ref)
            else self._scope.one(_BY_KEY, by_key=ref)
        )
        if row is None:
            raise NotFound("feature", ref)
        return _feature(row[0])

    def find(self, keys: Sequence[str]) -> dict[str, Feature]:
        """Those of the features that exist, by key."""
        found = [
            _feature(document)
            for some in chunks(keys)
            for (document,) in self._scope.rows(_BY_KEYS, keys=some)
        ]
        return {feature.key: feature for feature in found}

    def save(self, feature: Feature) -> None:
        """Replace a stored feature."""
        if not self._scope.execute(_SAVE, _columns(feature), by_id=feature.id):
            raise NotFound("feature", feature.id)

    def page(
        self, after: str | None, limit: int, *, status: FeatureStatus | None = None
    ) -> Page[Feature]:
        """Features by key."""
        return page(_ALL.rows(self._scope, after, limit, status=status), limit, _feature)

    def metering(self, events: Sequence[str]) -> list[Feature]:
        """The metered features that read any of these event names."""
        return [
            _feature(document)
            for some in chunks(events)
            for (document,) in self._scope.rows(_BY_EVENTS, events=some)
        ]


def _columns(feature: Feature) -> dict[str, str | None]:
    return {
        "key": feature.key,
        "status": feature.status,
        "event": None if feature.meter is None else feature.meter.event,
        "document": encode(feature).decode(),
    }


def _feature(document: str) -> Feature:
    return decode(document, Feature)
