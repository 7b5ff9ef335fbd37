"""An invoice and its lines. Its sums are checked when it is made and whenever it is loaded."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec.structs import replace

from ledger.customer.model import Address, TaxId
from ledger.rating.derivation import Derivation
from ledger.types.errors import Broken, Conflict
from ledger.types.exact import Ratio
from ledger.types.ids import CustomerId, InvoiceId, LineItemId, PriceId, SubscriptionId
from ledger.types.money import Money
from ledger.types.period import Period

InvoiceStatus = Literal["draft", "open", "paid", "void"]
BoundaryKind = Literal["recurring"]
LineKind = Literal["recurring", "usage", "late_usage"]


class LineItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what for, when it was used (`service_period`), how much, and why that much.

    `quantity` is in the metered unit, `converted` in the one that is priced, if it is another.
    """

    id: LineItemId
    kind: LineKind
    description: str
    subscription: SubscriptionId
    price: PriceId
    feature: str | None = None
    unit: str = ""
    service_period: Period
    quantity: Decimal
    amount: Money
    derivation: Derivation
    converted: Ratio | None = None


class Buyer(msgspec.Struct, frozen=True):
    """The customer as it was when the invoice was finalized."""

    name: str
    email: str = ""
    address: Address = Address()
    tax_ids: tuple[TaxId, ...] = ()


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer owes at a boundary. All amounts are in one currency.

    `boundary` is the instant it bills at; `number` is given when it is finalized; `finalize_at`
    is when a draft's grace ends; `due_at` when it is to be paid.
    """

    id: InvoiceId
    customer: CustomerId
    subscription: SubscriptionId
    kind: BoundaryKind = "recurring"
    boundary: datetime
    currency: str
    status: InvoiceStatus = "draft"
    number: str | None = None
    lines: tuple[LineItem, ...]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    amount_due: Money
    buyer: Buyer
    created_at: datetime
    finalize_at: datetime
    finalized_at: datetime | None = None
    due_at: datetime | None = None
    voided_at: datetime | None = None
    void_reason: str | None = None
    version: int = 1

    def __post_init__(self) -> None:
        lines = sum(line.amount.amount for line in self.lines)
        if self.subtotal.amount != lines:
            raise _broken(self.id, f"its lines sum to {lines}, its subtotal is {self.subtotal}")
        if self.total != self.subtotal.subtract(self.discount).add(self.tax):
            raise _broken(self.id, f"its total is {self.total}, not subtotal − discount + tax")
        if self.total.is_negative:
            raise _broken(self.id, f"its total of {self.total} is below zero")

    @property
    def holds_usage(self) -> bool:
        """Whether late events may still change a line, so that finalizing waits for the grace."""
        return any(line.kind != "recurring" for line in self.lines)

    def check_draft(self) -> None:
        """Refuse what can be done with a draft only.

        Raises:
            Conflict: (`invoice_not_draft`) it is none.
        """
        if self.status != "draft":
            raise Conflict(
                f"invoice {self.number or self.id} is {self.status}, not a draft",
                code="invoice_not_draft",
                invoice=self.id,
            )

    def finalized(self, number: str, now: datetime) -> "Invoice":
        """The invoice, numbered and frozen; with nothing to pay it is paid.

        Raises:
            Conflict: (`invoice_not_draft`) it is no draft.
        """
        self.check_draft()
        status: InvoiceStatus = "paid" if self.amount_due.is_zero else "open"
        return replace(
            self,
            status=status,
            number=number,
            finalized_at=now,
            due_at=now,
            version=self.version + 1,
        )

    def voided(self, now: datetime, reason: str) -> "Invoice":
        """The invoice, without effect. It keeps its number and its boundary.

        Raises:
            Conflict: (`invoice_not_voidable`) it is paid, or void already.
        """
        if self.status not in {"draft", "open"}:
            raise Conflict(
                f"invoice {self.number or self.id} is {self.status}; only a draft or an open"
                " invoice can be void",
                code="invoice_not_voidable",
                invoice=self.id,
            )
        zero = Money.zero(self.currency)
        return replace(
            self,
            status="void",
            voided_at=now,
            void_reason=reason,
            amount_due=zero,
            version=self.version + 1,
        )


class BoundaryRecord(msgspec.Struct, frozen=True):
    """That a boundary of a subscription was made, and which invoice came of it, if any."""

    subscription: SubscriptionId
    boundary: datetime
    kind: BoundaryKind = "recurring"
    invoice: InvoiceId | None = None


class BilledStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step in the chain of what was billed for a price in a period (SEMANTICS §5).

    The amounts of a chain add up to what is billed so far. `step` counts from 1 and is unique in
    its chain, so the same difference cannot be billed twice, not even by two runs at once.
    """

    subscription: SubscriptionId
    price: PriceId
    period_start: datetime
    step: int
    quantity: Decimal
    amount: int
    invoice: InvoiceId
    usage_as_of: datetime


def _broken(id: InvoiceId, what: str) -> Broken:
    return Broken(f"invoice {id} does not add up: {what}", code="invoice_sums")
