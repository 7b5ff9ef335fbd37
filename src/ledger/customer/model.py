"""A customer is who is billed. Customers have an id of ours and may have one of the user's."""

import re
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from ledger.plan.naming import check_metadata, check_name, check_text
from ledger.types import ids
from ledger.types.currency import check_currency
from ledger.types.errors import Conflict, Invalid, shown
from ledger.types.ids import CustomerId
from ledger.types.zone import zone

CustomerStatus = Literal["active", "archived"]
REF_MAX = 255
EMAIL_MAX = 254
TAX_IDS_MAX = 20
TAX_ID_MAX = 64

# Whether mail arrives is found out by sending some; this only catches what cannot be an address.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_COUNTRY = re.compile("[A-Z]{2}")


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """A postal address; `country` is an ISO 3166 code of two letters.

    Raises:
        Invalid: (`bad_country`, `bad_text`).
    """

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""

    def __post_init__(self) -> None:
        for name in ("line1", "line2", "city", "state", "postal_code"):
            check_text(getattr(self, name), f"address.{name}")
        if self.country and not _COUNTRY.fullmatch(self.country):
            raise Invalid(
                f"the country {self.country!r} is not an ISO 3166 code such as DE or US",
                code="bad_country",
                param="address.country",
            )


class TaxId(msgspec.Struct, frozen=True):
    """A tax id such as `TaxId("eu_vat", "DE123456789")`, kept as it is given.

    Raises:
        Invalid: (`bad_text`) one of the two is empty or too long.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        check_name(check_text(self.type, "tax_ids.type", TAX_ID_MAX), "tax_ids.type")
        check_name(check_text(self.value, "tax_ids.value", TAX_ID_MAX), "tax_ids.value")


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is billed. `time_zone` (IANA) decides when the customer's days and months begin.

    Raises:
        Invalid: a field that cannot be; `code` and `param` say which.
    """

    id: CustomerId
    name: str
    email: str = ""
    external_id: str | None = None
    address: Address = Address()
    time_zone: str = "UTC"
    currency: str | None = None
    tax_ids: tuple[TaxId, ...] = ()
    metadata: dict[str, str] = {}
    status: CustomerStatus = "active"
    created_at: datetime
    version: int = 1

    def __post_init__(self) -> None:
        check_name(self.name)
        check_email(self.email)
        zone(self.time_zone)
        if self.currency is not None:
            check_currency(self.currency)
        if self.external_id is not None:
            check_external_id(self.external_id)
        if len(self.tax_ids) > TAX_IDS_MAX:
            raise Invalid(
                f"a customer has at most {TAX_IDS_MAX} tax ids, not {len(self.tax_ids)}",
                code="too_many_tax_ids",
                param="tax_ids",
            )
        check_metadata(self.metadata)

    @property
    def refs(self) -> tuple[str, ...]:
        """The names under which usage and checks may refer to the customer."""
        return (self.id,) if self.external_id is None else (self.id, self.external_id)

    def archived(self) -> "Customer":
        """The customer, closed for new subscriptions.

        Raises:
            Conflict: (`customer_archived`) it is archived already.
        """
        if self.status == "archived":
            raise Conflict(
                f"customer {self.id} is already archived",
                code="customer_archived",
                customer=self.id,
            )
        return replace(self, status="archived", version=self.version + 1)


def check_email(email: str) -> str:
    """An email address, as far as one can be told from its looks, or the empty string.

    Raises:
        Invalid: (`bad_email`) it cannot be one.
    """
    check_text(email, "email", EMAIL_MAX)
    if email and not _EMAIL.fullmatch(email):
        raise Invalid(
            f"{email!r} is not an email address such as jane@example.com",
            code="bad_email",
            param="email",
        )
    return email


def check_external_id(external_id: str) -> str:
    """An external id is 1 to 255 printable characters and never looks like one of our ids.

    Raises:
        Invalid: (`bad_external_id`) it is not, or does.
    """
    if (
        not isinstance(external_id, str)
        or not 1 <= len(external_id) <= REF_MAX
        or not external_id.isprintable()
    ):
        raise Invalid(
            f"an external id has 1 to {REF_MAX} printable characters; {shown(external_id)} has not",
            code="bad_external_id",
            param="external_id",
        )
    if external_id.startswith(f"{ids.CUSTOMER.prefix}_") or ids.entity_of(external_id):
        raise Invalid(
            f"the external id {external_id!r} looks like an id of Ledger's own",
            code="bad_external_id",
            param="external_id",
        )
    return external_id
