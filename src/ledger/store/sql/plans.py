"""Plan versions in SQL."""

from typing import Final

import sqlalchemy as sa

from ledger.plan.model import Plan, PlanStatus
from ledger.store.sql.connection import Repository
from ledger.store.sql.paging import after_cursor, page
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    integer,
    primary_key,
    references,
    text,
    unique,
)
from ledger.store.sql.statement import Entry, Query, by, scoped, within
from ledger.types import ids
from ledger.types.errors import NotFound
from ledger.types.json import decode, encode
from ledger.types.page import Page


class PlanKeyColumns(ScopedColumns):
    """Whose a key is: all versions of one plan have it, and no other plan."""

    key = text()
    plan = text()


class PlanColumns(ScopedColumns):
    """A version of a plan."""

    id = text()
    version = integer()
    key = text()
    status = text()
    document = text()


plan_keys: Final = sa.Table(
    "plan_keys",
    METADATA,
    PlanKeyColumns,
    primary_key("key"),
    unique("plan_of_key", "key", "plan"),
    sqlite_strict=True,
)

plans: Final = sa.Table(
    "plans",
    METADATA,
    PlanColumns,
    primary_key("id", "version"),
    unique("plan_key_version", "key", "version"),
    references("plan_keys", ("key", "id"), ("key", "plan")),
    sqlite_strict=True,
)
sa.Index(
    "one_active_version",
    plans.c.scope_id,
    plans.c.id,
    unique=True,
    sqlite_where=plans.c.status == "active",
)

_c = plans.c
_shown = plans.alias("shown")
_NEW = Entry(plans)
_NEW_KEY = Entry(plan_keys)
_SAVE = scoped(plans.update().where(by(_c.id), by(_c.version)))


def _one(*conditions: sa.ColumnElement[bool]) -> Query[str]:
    return scoped(sa.select(_c.document).where(*conditions))


def _on_sale_first(*conditions: sa.ColumnElement[bool]) -> Query[str]:
    order = (_c.status == "active").desc(), _c.version.desc()
    return scoped(sa.select(_c.document).where(*conditions).order_by(*order).limit(1))


def _all(*conditions: sa.ColumnElement[bool]) -> Query[str]:
    return scoped(sa.select(_c.document).where(*conditions).order_by(_c.version))


_SHOWN_BY_ID, _SHOWN_BY_KEY = _on_sale_first(by(_c.id)), _on_sale_first(by(_c.key))
_VERSION_BY_ID, _VERSION_BY_KEY = _one(by(_c.id), by(_c.version)), _one(by(_c.key), by(_c.version))
_ALL_BY_ID, _ALL_BY_KEY = _all(by(_c.id)), _all(by(_c.key))

_SHOWN_VERSION = (
    within(sa.select(_shown.c.version).where(_shown.c.id == _c.id))
    .order_by((_shown.c.status == "active").desc(), _shown.c.version.desc())
    .limit(1)
    .correlate(plans)
    .scalar_subquery()
)


class SqlPlans(Repository):
    """The plans of a scope; a `PlanRepository`."""

    def add(self, plan: Plan) -> None:
        """Store a new version; the first one takes the key for the plan."""
        if plan.version == 1:
            self._scope.insert(_NEW_KEY, {"key": plan.key, "plan": plan.id})
        self._scope.insert(
            _NEW,
            {"id": plan.id, "version": plan.version, "key": plan.key, **_columns(plan)},
        )

    def get(self, ref: str, version: int | None = None) -> Plan:
        """A version by plan id or key; without a version the active one, else the latest."""
        is_id = ids.PLAN.is_(ref)
        if version is None:
            row = (
                self._scope.one(_SHOWN_BY_ID, by_id=ref)
                if is_id
                else self._scope.one(_SHOWN_BY_KEY, by_key=ref)
            )
        else:
            row = (
                self._scope.one(_VERSION_BY_ID, by_id=ref, by_version=version)
                if is_id
                else self._scope.one(_VERSION_BY_KEY, by_key=ref, by_version=version)
            )
        if row is None:
            raise NotFound("plan", ref if version is None else f"{ref} version {version}")
        return _plan(row[0])

    def latest(self, ref: str) -> Plan:
        """The latest version, whatever its status."""
        return self.versions(ref)[-1]

    def save(self, plan: Plan) -> None:
        """Replace a stored version."""
        if not self._scope.execute(_SAVE, _columns(plan), by_id=plan.id, by_version=plan.version):
            raise NotFound("plan", f"{plan.key} version {plan.version}")

    def page(
        self, after: str | None, limit: int, *, status: PlanStatus | None = None
    ) -> Page[Plan]:
        """The version of each plan that `get` would return, by key."""
        select = sa.select(_c.key, _c.document).where(_c.version == _SHOWN_VERSION)
        if status is not None:
            select = select.where(_c.status == status)
        rows = self._scope.rows(scoped(after_cursor(select, _c.key, after, limit)))
        return page(rows, limit, _plan)

    def versions(self, ref: str) -> list[Plan]:
        """All versions of a plan, oldest first."""
        rows = (
            self._scope.rows(_ALL_BY_ID, by_id=ref)
            if ids.PLAN.is_(ref)
            else self._scope.rows(_ALL_BY_KEY, by_key=ref)
        )
        if not rows:
            raise NotFound("plan", ref)
        return [_plan(document) for (document,) in rows]


def _columns(plan: Plan) -> dict[str, str | int]:
    return {
        "status": plan.status,
        "document": encode(plan).decode(),
    }


def _plan(document: str) -> Plan:
    return decode(document, Plan)
