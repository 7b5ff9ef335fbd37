"""Identifiers: TypeIDs, one type per entity. A mix-up is a type error, and `Invalid` at run time.

An id is a prefix, `_`, and 26 characters of Crockford's base32 over a UUIDv7 (TypeID 0.3), so ids
sort by the real time at which they were made, also when the clock of facts is moved.
"""

from collections.abc import Callable
from typing import Generic, NewType, TypeVar

from typeid import base32
from uuid_utils import uuid7

from ledger.types.errors import Invalid, shown
from ledger.types.typeid import format_typeid as format_typeid
from ledger.types.typeid import is_suffix, split_typeid
from ledger.types.typeid import parse_typeid as parse_typeid

PlanId = NewType("PlanId", str)
FeatureId = NewType("FeatureId", str)
PriceId = NewType("PriceId", str)
CustomerId = NewType("CustomerId", str)
SubscriptionId = NewType("SubscriptionId", str)
UsageEventId = NewType("UsageEventId", str)
InvoiceId = NewType("InvoiceId", str)
LineItemId = NewType("LineItemId", str)
CreditNoteId = NewType("CreditNoteId", str)
CouponId = NewType("CouponId", str)
DiscountId = NewType("DiscountId", str)
CreditId = NewType("CreditId", str)
EntitlementGrantId = NewType("EntitlementGrantId", str)
TaxRateId = NewType("TaxRateId", str)
PaymentId = NewType("PaymentId", str)
AttemptId = NewType("AttemptId", str)
PaymentMethodId = NewType("PaymentMethodId", str)
RefundId = NewType("RefundId", str)
DisputeId = NewType("DisputeId", str)
WebhookEndpointId = NewType("WebhookEndpointId", str)
WebhookDeliveryId = NewType("WebhookDeliveryId", str)
MessageId = NewType("MessageId", str)
RunId = NewType("RunId", str)
ReservationId = NewType("ReservationId", str)
ApiKeyId = NewType("ApiKeyId", str)
AuditEntryId = NewType("AuditEntryId", str)

T = TypeVar("T", bound=str)

_SUFFIX = 26
_entities: dict[str, str] = {}


class Kind(Generic[T]):
    """What the ids of one entity have in common.

    Args:
        prefix: the three letters before the `_`: `"pln"`.
        entity: what has such an id, in the words of the glossary: `"plan"`.
        make: the type of the ids.
    """

    def __init__(self, prefix: str, entity: str, make: Callable[[str], T]) -> None:
        self.prefix = prefix
        self.entity = entity
        self._make = make
        self._start = f"{prefix}_"
        _entities[prefix] = entity

    def new(self) -> T:
        """A new id; greater than every one that this process made before, in any thread."""
        return self._make(self._start + base32.encode(uuid7().bytes))

    def check(self, value: object) -> T:
        """`value` itself, if it is an id of this kind.

        Raises:
            Invalid: (`wrong_id`) it is not; the sentence says what it is instead.
        """
        if isinstance(value, str) and self.is_(value):
            return self._make(value)
        raise Invalid(
            f"{_described(value)} where {_a(self.entity)} id is wanted",
            code="wrong_id",
            wanted=self.entity,
        )

    def is_(self, text: str) -> bool:
        """Whether `text` is an id of this kind, not whether such a thing exists."""
        return text.startswith(self._start) and is_suffix(text, len(self._start))

    def uuid_bytes(self, id: T) -> bytes:
        """The 16 bytes of the id's UUID; they sort as the ids do.

        Raises:
            Invalid: (`wrong_id`) not an id of this kind.
        """
        return base32.decode(self.check(id)[-_SUFFIX:])

    def from_bytes(self, uuid: bytes) -> T:
        """The id whose UUID is these 16 bytes.

        Raises:
            Invalid: (`bad_typeid`) not 16 bytes.
        """
        return self._make(format_typeid(self.prefix, uuid))

    def __repr__(self) -> str:
        return f"Kind({self.prefix!r}, {self.entity!r})"


PLAN = Kind[PlanId]("pln", "plan", PlanId)
FEATURE = Kind[FeatureId]("fea", "feature", FeatureId)
PRICE = Kind[PriceId]("prc", "price", PriceId)
CUSTOMER = Kind[CustomerId]("cst", "customer", CustomerId)
SUBSCRIPTION = Kind[SubscriptionId]("sub", "subscription", SubscriptionId)
USAGE_EVENT = Kind[UsageEventId]("evt", "usage event", UsageEventId)
INVOICE = Kind[InvoiceId]("inv", "invoice", InvoiceId)
LINE_ITEM = Kind[LineItemId]("ili", "line item", LineItemId)
CREDIT_NOTE = Kind[CreditNoteId]("crn", "credit note", CreditNoteId)
COUPON = Kind[CouponId]("cpn", "coupon", CouponId)
DISCOUNT = Kind[DiscountId]("dsc", "discount", DiscountId)
CREDIT = Kind[CreditId]("crd", "credit grant", CreditId)
ENTITLEMENT_GRANT = Kind[EntitlementGrantId]("grt", "entitlement grant", EntitlementGrantId)
TAX_RATE = Kind[TaxRateId]("txr", "tax rate", TaxRateId)
PAYMENT = Kind[PaymentId]("pay", "payment", PaymentId)
ATTEMPT = Kind[AttemptId]("att", "payment attempt", AttemptId)
PAYMENT_METHOD = Kind[PaymentMethodId]("pym", "payment method", PaymentMethodId)
REFUND = Kind[RefundId]("rfd", "refund", RefundId)
DISPUTE = Kind[DisputeId]("dsp", "dispute", DisputeId)
WEBHOOK_ENDPOINT = Kind[WebhookEndpointId]("whe", "webhook endpoint", WebhookEndpointId)
WEBHOOK_DELIVERY = Kind[WebhookDeliveryId]("whd", "webhook delivery", WebhookDeliveryId)
MESSAGE = Kind[MessageId]("msg", "message", MessageId)
RUN = Kind[RunId]("run", "billing run", RunId)
RESERVATION = Kind[ReservationId]("rsv", "reservation", ReservationId)
API_KEY = Kind[ApiKeyId]("key", "API key", ApiKeyId)
AUDIT_ENTRY = Kind[AuditEntryId]("adt", "audit entry", AuditEntryId)


def entity_of(text: str) -> str | None:
    """What has the id `text`, in the words of the glossary; None if it is no id of Ledger's."""
    parts = split_typeid(text)
    return _entities.get(parts[0]) if parts else None


def _described(value: object) -> str:
    if not isinstance(value, str):
        return f"a {type(value).__name__} was given"
    parts = split_typeid(value)
    if parts is None:
        return f"{shown(value)} is not an id; it was given"
    entity = _entities.get(parts[0])
    return (
        f"{shown(value)} is {_a(entity)} id"
        if entity
        else f"{shown(value)} is no id of Ledger; it was given"
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeioAEIO" else f"a {noun}"
