"""Keep who is billed. What depends on a customer's subscriptions is in the slice above."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ledger.customer.events import CustomerArchived, CustomerCreated, CustomerUpdated
from ledger.customer.model import Address, Customer, CustomerStatus, TaxId
from ledger.customer.ports import CustomerWork
from ledger.plan.naming import check_metadata, check_ref
from ledger.types import ids
from ledger.types.page import Page


def create(
    work: CustomerWork,
    name: str,
    *,
    email: str = "",
    external_id: str | None = None,
    address: Address | None = None,
    time_zone: str = "UTC",
    currency: str | None = None,
    tax_ids: Sequence[TaxId] = (),
    metadata: Mapping[str, str] | None = None,
) -> Customer:
    """Store a new customer.

    Args:
        work: the transaction.
        name: who it is, as an invoice says it.
        email: where invoices go, or nothing.
        external_id: your own id of the customer, unique in the tenant and good wherever an id is.
        address: where the customer is.
        time_zone: IANA; the customer's days and months begin in it.
        currency: what the customer prefers to pay in, where a plan sells in it.
        tax_ids: at most 20, kept as given.
        metadata: at most 50 texts of yours.

    Raises:
        Conflict: (`customer_exists`) the external id is taken.
        Invalid: a field that cannot be; `code` and `param` say which.
    """
    customer = Customer(
        id=ids.CUSTOMER.new(),
        name=name,
        email=email,
        external_id=external_id,
        address=address or Address(),
        time_zone=time_zone,
        currency=currency,
        tax_ids=tuple(tax_ids),
        metadata=check_metadata(metadata),
        created_at=work.now,
    )
    work.customers.add(customer)
    work.events.add(CustomerCreated(customer))
    return customer


def get(work: CustomerWork, ref: str) -> Customer:
    """The customer with this id or external id.

    Raises:
        Invalid: (`wrong_id`) the id of something else.
        NotFound: there is none.
    """
    return work.customers.get(check_ref(ref, ids.CUSTOMER))


def update(
    work: CustomerWork,
    ref: str,
    *,
    name: str | UnsetType = UNSET,
    email: str | UnsetType = UNSET,
    external_id: str | UnsetType | None = UNSET,
    address: Address | UnsetType = UNSET,
    time_zone: str | UnsetType = UNSET,
    currency: str | UnsetType | None = UNSET,
    tax_ids: Sequence[TaxId] | UnsetType = UNSET,
    metadata: Mapping[str, str] | UnsetType = UNSET,
) -> Customer:
    """Change what is given and leave the rest; None clears an external id or a currency.

    Subscriptions keep the time zone and currency that they began with.

    Raises:
        Conflict: (`customer_exists`) the external id is taken.
        Invalid: a field that cannot be; `code` and `param` say which.
        NotFound: there is no such customer.
    """
    customer = get(work, ref)
    changes: dict[str, object] = {
        "name": name,
        "email": email,
        "external_id": external_id,
        "address": address,
        "time_zone": time_zone,
        "currency": currency,
        "tax_ids": tax_ids if tax_ids is UNSET else tuple(tax_ids),
        "metadata": metadata if metadata is UNSET else check_metadata(metadata),
    }
    given = {field: value for field, value in changes.items() if value is not UNSET}
    updated = replace(customer, **given)
    if updated == customer:
        return customer
    updated = replace(updated, version=customer.version + 1)
    work.customers.save(updated)
    work.events.add(CustomerUpdated(updated, refs_before=customer.refs))
    return updated


def archive(work: CustomerWork, ref: str) -> Customer:
    """Close a customer, whose subscriptions have all ended, for new ones.

    That they have is checked by `refuse_live` of the slice above, in the same transaction.

    Raises:
        Conflict: it is archived already (`customer_archived`), or a subscription has not ended
            (`customer_subscribed`).
        NotFound: there is no such customer.
    """
    archived = get(work, ref).archived()
    work.customers.save(archived)
    work.events.add(CustomerArchived(archived))
    return archived


def page(
    work: CustomerWork,
    *,
    after: str | None = None,
    limit: int = 100,
    status: CustomerStatus | None = None,
) -> Page[Customer]:
    """Customers, oldest first; all or those of one status."""
    return work.customers.page(after, limit, status=status)
