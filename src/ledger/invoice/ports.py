"""What invoices need of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from ledger.invoice.model import BilledStep, BoundaryRecord, Invoice, InvoiceStatus
from ledger.meter.ports import UsageWork
from ledger.subscription.ports import SubscriptionWork
from ledger.types.ids import CustomerId, SubscriptionId
from ledger.types.page import Page

DueKind = Literal["billing", "finalize"]


class InvoiceRepository(Protocol):
    """Invoices by id or number, the boundaries they were made at, and what they billed."""

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""
        ...

    def get(self, ref: str) -> Invoice:
        """The invoice with this id or number, or NotFound."""
        ...

    def save(self, invoice: Invoice) -> None:
        """Replace version `invoice.version - 1`; Conflict `invoice_changed` otherwise."""
        ...

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
        ...

    def next_number(self, series: str) -> int:
        """The next number of a series, from 1, without gaps: given back if the work fails."""
        ...

    def boundaries(self, subscription: SubscriptionId) -> list[BoundaryRecord]:
        """The boundaries made of a subscription, oldest first."""
        ...

    def add_boundary(self, record: BoundaryRecord) -> None:
        """Note that a boundary is made. Conflict `boundary_made` when it was made before."""
        ...

    def move_boundary(self, record: BoundaryRecord) -> None:
        """Point a boundary that was made at another invoice."""
        ...

    def billed(self, subscription: SubscriptionId, since: datetime) -> list[BilledStep]:
        """The chains of the periods that start at `since` or later, in order of step."""
        ...

    def add_billed(self, steps: Sequence[BilledStep]) -> None:
        """Append steps. Conflict `already_billed` when a step of a chain exists."""
        ...


class DueRepository(Protocol):
    """What is to be done when: one date for each kind of work and thing."""

    def put(self, kind: DueKind, id: str, at: datetime | None) -> None:
        """Note when work on a thing is due next; None when no more."""
        ...

    def get(self, kind: DueKind, id: str) -> datetime | None:
        """When work on a thing is due."""
        ...

    def claim(self, name: str, holder: str, at: datetime, until: datetime) -> bool:
        """Take a lease of this name, or renew one's own; False while somebody else has it.

        It is free again at `until`, or once it is given back.
        """
        ...

    def give_back(self, name: str, holder: str) -> None:
        """Let go of a lease; of another holder's nothing happens."""
        ...

    def list(self, kind: DueKind, at: datetime, limit: int) -> list[str]:
        """The things due at `at` or before, longest due first."""
        ...


class InvoiceWork(SubscriptionWork, UsageWork, Protocol):
    """A transaction that can bill."""

    @property
    def invoices(self) -> InvoiceRepository: ...
    @property
    def due(self) -> DueRepository: ...
