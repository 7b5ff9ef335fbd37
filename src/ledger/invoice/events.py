"""The facts of invoices."""

from ledger.event.model import Event
from ledger.invoice.model import Invoice


class InvoiceEvent(Event, frozen=True):
    """A fact about an invoice, as it is after the fact."""

    invoice: Invoice

    @property
    def entity_id(self) -> str:
        """The id of the invoice."""
        return self.invoice.id

    @property
    def version(self) -> int:
        """The version of the invoice after the fact."""
        return self.invoice.version


class InvoiceGenerated(InvoiceEvent, frozen=True):
    """A draft was made at a boundary."""


class InvoiceFinalized(InvoiceEvent, frozen=True):
    """A draft was recomputed, frozen and numbered."""


class InvoiceVoided(InvoiceEvent, frozen=True):
    """An invoice is without effect."""
