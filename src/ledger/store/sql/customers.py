"""Customers in SQL."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from ledger.customer.model import Customer, CustomerStatus
from ledger.store.sql.connection import Repository, chunks
from ledger.store.sql.paging import Listing, page
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    integer,
    primary_key,
    text,
    text_or_null,
    unique,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types import ids
from ledger.types.errors import Conflict, NotFound
from ledger.types.ids import CustomerId
from ledger.types.json import decode, encode
from ledger.types.page import Page


class CustomerColumns(ScopedColumns):
    """A customer."""

    id = text()
    external_id = text_or_null()
    status = text()
    version = integer()
    document = text()


customers: Final = sa.Table(
    "customers",
    METADATA,
    CustomerColumns,
    primary_key("id"),
    unique("customer_external_id", "external_id"),
    sqlite_strict=True,
)

_c = customers.c
_REFS: sa.BindParameter[str] = sa.bindparam("refs", expanding=True)
_NEW = Entry(customers)
_ALL = Listing(sa.select(_c.id, _c.document), _c.id)
_BY_ID = scoped(sa.select(_c.document).where(by(_c.id)))
_BY_EXTERNAL_ID = scoped(sa.select(_c.document).where(by(_c.external_id)))
_KNOWN_IDS = scoped(sa.select(_c.id).where(_c.id.in_(_REFS)))
_KNOWN_EXTERNAL_IDS = scoped(sa.select(_c.external_id, _c.id).where(_c.external_id.in_(_REFS)))
_LOCK = scoped(sa.select(_c.version).where(by(_c.id)))
_SAVE = scoped(customers.update().where(by(_c.id), by(_c.version)))


class SqlCustomers(Repository):
    """The customers of a scope; a `CustomerRepository`."""

    def add(self, customer: Customer) -> None:
        """Store a new customer."""
        self._scope.insert(_NEW, {"id": customer.id, **_columns(customer)})

    def get(self, ref: str) -> Customer:
        """The customer with this id or external id."""
        customer = self.find(ref)
        if customer is None:
            raise NotFound("customer", ref)
        return customer

    def find(self, ref: str) -> Customer | None:
        """The customer with this id or external id, if there is one."""
        row = (
            self._scope.one(_BY_ID, by_id=ref)
            if ids.CUSTOMER.is_(ref)
            else self._scope.one(_BY_EXTERNAL_ID, by_external_id=ref)
        )
        return None if row is None else _customer(row[0])

    def resolve(self, refs: Sequence[str]) -> dict[str, CustomerId]:
        """The ids of those refs that are known."""
        known: dict[str, CustomerId] = {}
        for some in chunks([ref for ref in refs if ids.CUSTOMER.is_(ref)]):
            known |= {ref: CustomerId(ref) for (ref,) in self._scope.rows(_KNOWN_IDS, refs=some)}
        for some in chunks([ref for ref in refs if not ids.CUSTOMER.is_(ref)]):
            rows = self._scope.rows(_KNOWN_EXTERNAL_IDS, refs=some)
            known |= {ref: CustomerId(known_as) for ref, known_as in rows if ref is not None}
        return known

    def lock(self, id: CustomerId) -> None:
        """Wait until no other transaction works on this customer's subscriptions or invoices."""
        self._scope.lock(_LOCK, by_id=id)

    def save(self, customer: Customer) -> None:
        """Replace the version before this one."""
        before = customer.version - 1
        if not self._scope.execute(_SAVE, _columns(customer), by_id=customer.id, by_version=before):
            raise Conflict(
                f"customer {customer.id} is not in version {before} any more; read it again",
                code="customer_changed",
            )

    def page(
        self, after: str | None, limit: int, *, status: CustomerStatus | None = None
    ) -> Page[Customer]:
        """Customers, oldest first."""
        return page(_ALL.rows(self._scope, after, limit, status=status), limit, _customer)


def _columns(customer: Customer) -> dict[str, str | int | None]:
    return {
        "external_id": customer.external_id,
        "status": customer.status,
        "version": customer.version,
        "document": encode(customer).decode(),
    }


def _customer(document: str) -> Customer:
    return decode(document, Customer)
