"""Invoices in SQL. The database itself freezes a finalized one: only where it stands changes."""

from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from ledger.invoice.model import Invoice, InvoiceStatus
from ledger.store.sql.billed import SqlBilled
from ledger.store.sql.paging import Listing, page
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    index,
    integer,
    primary_key,
    references,
    text,
    text_or_null,
    unique,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types import ids
from ledger.types.errors import Broken, Conflict, NotFound
from ledger.types.ids import CustomerId, SubscriptionId
from ledger.types.json import decode, encode
from ledger.types.money import Money
from ledger.types.page import Page
from ledger.types.zone import micros


class InvoiceColumns(ScopedColumns):
    """An invoice. A trigger keeps `document` and `number` as they are once there is a number."""

    id = text()
    customer = text()
    subscription = text()
    boundary = integer()
    number = text_or_null()
    status = text()
    version = integer()
    document = text()
    standing = text()


class Standing(msgspec.Struct, frozen=True):
    """What may change on a finalized invoice; kept apart from the document, which does not."""

    status: InvoiceStatus
    amount_due: Money
    voided_at: datetime | None
    void_reason: str | None
    version: int


invoices: Final = sa.Table(
    "invoices",
    METADATA,
    InvoiceColumns,
    primary_key("id"),
    unique("invoice_number", "number"),
    references("customers", ("customer",), ("id",)),
    references("subscriptions", ("subscription",), ("id",)),
    index("invoices_by_customer", "customer", "id"),
    index("invoices_by_subscription", "subscription", "id"),
    sqlite_strict=True,
)

_c = invoices.c
_NEW = Entry(invoices)
_ALL = Listing(sa.select(_c.id, _c.document, _c.standing), _c.id)
_BY_ID = scoped(sa.select(_c.document, _c.standing).where(by(_c.id)))
_BY_NUMBER = scoped(sa.select(_c.document, _c.standing).where(by(_c.number)))
_FINALIZED = scoped(sa.select(_c.document).where(by(_c.id), by(_c.version)))
# Not `IS NULL`, which an index answers too: where drafts were few when the planner last counted, it
# would look for one invoice among all drafts of a billing run.
_IS_DRAFT = sa.func.coalesce(_c.number, "") == sa.literal_column("''")
_SAVE_DRAFT = scoped(invoices.update().where(by(_c.id), by(_c.version), _IS_DRAFT))
_SAVE_STANDING = scoped(invoices.update().where(by(_c.id), by(_c.version)))


class SqlInvoices(SqlBilled):
    """The invoices of a scope and what they billed; an `InvoiceRepository`."""

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""
        self._scope.insert(_NEW, {**_key(invoice), **_columns(invoice)})

    def get(self, ref: str) -> Invoice:
        """The invoice with this id or number."""
        row = (
            self._scope.one(_BY_ID, by_id=ref)
            if ids.INVOICE.is_(ref)
            else self._scope.one(_BY_NUMBER, by_number=ref)
        )
        if row is None:
            raise NotFound("invoice", ref)
        return _invoice(*row)

    def save(self, invoice: Invoice) -> None:
        """Replace the version before this one; of a finalized one only where it stands."""
        before = invoice.version - 1
        if self._scope.execute(_SAVE_DRAFT, _columns(invoice), by_id=invoice.id, by_version=before):
            return
        stored = self._scope.one(_FINALIZED, by_id=invoice.id, by_version=before)
        if stored is None:
            raise Conflict(
                f"invoice {invoice.id} is not in version {before} any more; read it again",
                code="invoice_changed",
            )
        if _frozen(decode(stored[0], Invoice)) != _frozen(invoice):
            raise Broken(
                f"invoice {invoice.number} is finalized, so its lines, totals and number stay",
                code="invoice_frozen",
            )
        self._scope.execute(_SAVE_STANDING, _standing(invoice), by_id=invoice.id, by_version=before)

    def page(
        self,
        after: str | None,
        limit: int,
        *,
        customer: CustomerId | None = None,
        subscription: SubscriptionId | None = None,
        status: InvoiceStatus | None = None,
    ) -> Page[Invoice]:
        """Invoices, oldest first."""
        rows = _ALL.rows(
            self._scope, after, limit, customer=customer, subscription=subscription, status=status
        )
        return page(rows, limit, _invoice)


def _key(invoice: Invoice) -> dict[str, str | int]:
    return {
        "id": invoice.id,
        "customer": invoice.customer,
        "subscription": invoice.subscription,
        "boundary": micros(invoice.boundary),
    }


def _columns(invoice: Invoice) -> dict[str, str | int | None]:
    return {
        "number": invoice.number,
        "document": encode(invoice).decode(),
        **_standing(invoice),
    }


def _standing(invoice: Invoice) -> dict[str, str | int | None]:
    standing = Standing(
        invoice.status,
        invoice.amount_due,
        invoice.voided_at,
        invoice.void_reason,
        invoice.version,
    )
    return {
        "status": invoice.status,
        "version": invoice.version,
        "standing": encode(standing).decode(),
    }


def _invoice(document: str, standing: str) -> Invoice:
    return replace(decode(document, Invoice), **msgspec.structs.asdict(decode(standing, Standing)))


def _frozen(invoice: Invoice) -> Invoice:
    nothing = Money.zero(invoice.currency)
    return replace(
        invoice, status="open", amount_due=nothing, voided_at=None, void_reason=None, version=1
    )
