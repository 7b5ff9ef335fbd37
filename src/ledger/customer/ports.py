"""What customers need of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ledger.customer.model import Customer, CustomerStatus
from ledger.event.ports import EventLog
from ledger.types.ids import CustomerId
from ledger.types.page import Page


class CustomerRepository(Protocol):
    """Customers by id or external id. An external id is unique in a tenant."""

    def add(self, customer: Customer) -> None:
        """Store a new customer. Conflict `customer_exists` when the external id is taken."""
        ...

    def get(self, ref: str) -> Customer:
        """The customer with this id or external id, or NotFound."""
        ...

    def find(self, ref: str) -> Customer | None:
        """The customer with this id or external id, if there is one."""
        ...

    def resolve(self, refs: Sequence[str]) -> dict[str, CustomerId]:
        """The ids of those refs that are known."""
        ...

    def lock(self, id: CustomerId) -> None:
        """Wait until no other transaction works on this customer's subscriptions or invoices."""
        ...

    def save(self, customer: Customer) -> None:
        """Replace version `customer.version - 1`; Conflict `customer_changed` otherwise."""
        ...

    def page(
        self, after: str | None, limit: int, *, status: CustomerStatus | None = None
    ) -> Page[Customer]:
        """Customers, oldest first."""
        ...


class CustomerWork(Protocol):
    """A transaction that can read and write customers."""

    @property
    def now(self) -> datetime: ...
    @property
    def customers(self) -> CustomerRepository: ...
    @property
    def events(self) -> EventLog: ...
