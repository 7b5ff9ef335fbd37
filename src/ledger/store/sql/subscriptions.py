"""Subscriptions in SQL. The status is not stored: it follows from dates, here as in the model."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from msgspec.structs import replace

from ledger.store.sql.connection import Repository, ScopedConnection, chunks
from ledger.store.sql.paging import after_cursor, page
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    index,
    integer,
    integer_or_null,
    primary_key,
    references,
    text,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.subscription.model import Subscription, SubscriptionStatus
from ledger.types.errors import Conflict, NotFound
from ledger.types.ids import CustomerId, SubscriptionId
from ledger.types.json import decode, encode
from ledger.types.page import Page
from ledger.types.zone import micros


class SubscriptionColumns(ScopedColumns):
    """A subscription, with the instants that its status follows from."""

    id = text()
    customer = text()
    plan = text()
    plan_version = integer()
    starts_at = integer()
    trial_ends_at = integer_or_null()
    ends_at = integer_or_null()
    version = integer()
    document = text()


subscriptions: Final = sa.Table(
    "subscriptions",
    METADATA,
    SubscriptionColumns,
    primary_key("id"),
    references("customers", ("customer",), ("id",)),
    references("plans", ("plan", "plan_version"), ("id", "version")),
    index("subscriptions_by_customer", "customer", "id"),
    sqlite_strict=True,
)

_c = subscriptions.c
_NEW = Entry(subscriptions)
_BY_ID = scoped(sa.select(_c.document).where(by(_c.id)))
_OF = scoped(
    sa.select(_c.document)
    .where(_c.customer.in_(sa.bindparam("customers", expanding=True)))
    .order_by(_c.id)
)
_SAVE = scoped(subscriptions.update().where(by(_c.id), by(_c.version)))


class SqlSubscriptions(Repository):
    """The subscriptions of a scope; a `SubscriptionRepository`."""

    def __init__(self, scope: ScopedConnection, now: datetime) -> None:
        super().__init__(scope)
        self._now = now

    def add(self, subscription: Subscription) -> None:
        """Store a new subscription."""
        self._scope.insert(_NEW, {"id": subscription.id, **_columns(subscription)})

    def get(self, id: SubscriptionId) -> Subscription:
        """The subscription with this id, as of now."""
        row = self._scope.one(_BY_ID, by_id=id)
        if row is None:
            raise NotFound("subscription", id)
        return self._subscription(row[0])

    def save(self, subscription: Subscription) -> None:
        """Replace the version before this one."""
        id_, before = subscription.id, subscription.version - 1
        if not self._scope.execute(_SAVE, _columns(subscription), by_id=id_, by_version=before):
            raise Conflict(
                f"subscription {id_} is not in version {before} any more; read it again",
                code="subscription_changed",
            )

    def of(self, customers: Sequence[CustomerId]) -> list[Subscription]:
        """All subscriptions of these customers, oldest first."""
        found = [
            self._subscription(document)
            for some in chunks(customers)
            for (document,) in self._scope.rows(_OF, customers=some)
        ]
        return sorted(found, key=lambda subscription: subscription.id)

    def page(
        self,
        after: str | None,
        limit: int,
        *,
        customer: CustomerId | None = None,
        status: SubscriptionStatus | None = None,
    ) -> Page[Subscription]:
        """Subscriptions, oldest first."""
        select = sa.select(_c.id, _c.document)
        if customer is not None:
            select = select.where(_c.customer == customer)
        if status is not None:
            select = select.where(*_has_status(status, micros(self._now)))
        rows = self._scope.rows(scoped(after_cursor(select, _c.id, after, limit)))
        return page(rows, limit, self._subscription)

    def _subscription(self, document: str) -> Subscription:
        return replace(decode(document, Subscription), as_of=self._now)


def _has_status(status: SubscriptionStatus, now: int) -> list[sa.ColumnElement[bool]]:
    """`Subscription.status_at` as conditions."""
    if status == "canceled":
        return [_c.ends_at <= now]
    served = sa.or_(_c.ends_at.is_(None), _c.ends_at > now)
    if status == "scheduled":
        return [served, _c.starts_at > now]
    if status == "trialing":
        return [served, _c.starts_at <= now, _c.trial_ends_at > now]
    return [
        served,
        _c.starts_at <= now,
        sa.or_(_c.trial_ends_at.is_(None), _c.trial_ends_at <= now),
    ]


def _columns(subscription: Subscription) -> dict[str, str | int | None]:
    trial_end, end = subscription.trial_end, subscription.end
    return {
        "customer": subscription.customer,
        "plan": subscription.plan,
        "plan_version": subscription.plan_version,
        "starts_at": micros(subscription.start),
        "trial_ends_at": None if trial_end is None else micros(trial_end),
        "ends_at": None if end is None else micros(end),
        "version": subscription.version,
        "document": encode(subscription).decode(),
    }
