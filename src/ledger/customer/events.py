"""The facts of customers."""

from ledger.customer.model import Customer
from ledger.event.model import Event


class _CustomerEvent(Event, frozen=True):
    customer: Customer

    @property
    def entity_id(self) -> str:
        """The customer's id."""
        return self.customer.id

    @property
    def version(self) -> int:
        """The customer's version after the fact."""
        return self.customer.version


class CustomerCreated(_CustomerEvent, frozen=True):
    """A customer exists."""


class CustomerUpdated(_CustomerEvent, frozen=True):
    """A customer changed; `refs_before` are the names it was known by."""

    refs_before: tuple[str, ...] = ()


class CustomerArchived(_CustomerEvent, frozen=True):
    """A customer can no longer subscribe."""
