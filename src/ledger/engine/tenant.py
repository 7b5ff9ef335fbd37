"""A tenant: the only door to data. Everything reached from here stays inside one tenant and app."""

from collections.abc import Awaitable, Generator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Generic, overload

from ledger.engine import checking, handles
from ledger.engine.core import TenantCore
from ledger.engine.face import Awaited, Blocking, F, Handle, engine_closed, flow
from ledger.entitlement.model import Entitlement
from ledger.meter.acceptance import stamp_fast
from ledger.meter.model import PropertyValue


class Tenant(Handle[F], Generic[F]):
    """All of one tenant's billing: handles for its nouns, and the two calls of the hot path."""

    def __init__(self, core: TenantCore, face: F) -> None:
        super().__init__(core, face)
        self.features: handles.Features[F] = handles.Features(core, face)
        self.plans: handles.Plans[F] = handles.Plans(core, face)
        self.customers: handles.Customers[F] = handles.Customers(core, face)
        self.subscriptions: handles.Subscriptions[F] = handles.Subscriptions(core, face)
        self.usage: handles.Usage[F] = handles.Usage(core, face)
        self.entitlements: handles.Entitlements[F] = handles.Entitlements(core, face)
        self.invoices: handles.Invoices[F] = handles.Invoices(core, face)
        self.billing: handles.Billing[F] = handles.Billing(core, face)
        self.events: handles.Events[F] = handles.Events(core, face)
        self._now = core.engine.clock.now
        self._add = core.buffer.add
        self._cached = core.engine.checks.cached

    flush = flow(TenantCore.flush)

    def meter(
        self,
        customer: str,
        event: str,
        quantity: int | str | Decimal = 1,
        *,
        key: str | None = None,
        time: datetime | None = None,
        properties: Mapping[str, PropertyValue] | None = None,
        subscription: str | None = None,
    ) -> None:
        """Note that a customer used something, and return at once; the event is stored soon after.

        `event` is an event name (a metered feature's key, unless its meter names another);
        `customer` an id or external id; `quantity` an int, decimal string or Decimal; `key` the
        event's identity, so that sending it twice counts once; `time` when it happened.

        With a spool (the default beside a SQLite file) the event survives a killed process once
        this returns; without one, what was metered since the last flush is lost with the process.
        `flush()` waits until all is stored. A plain call on both faces.

        Raises Invalid for a quantity that is not an exact number, a bad name, key, time or
        property; Unavailable (`buffer_full`) when the buffer is full and configured to raise;
        Conflict (`engine_closed`) after close.
        """
        self._add(
            stamp_fast(event, customer, quantity, key, time, properties, subscription, self._now())
        )

    @overload
    def entitled(
        self: "Tenant[Blocking]", customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement: ...
    @overload
    def entitled(
        self: "Tenant[Awaited]", customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Awaitable[Entitlement]: ...
    def entitled(
        self, customer: str, feature: str, quantity: int | str | Decimal = 1
    ) -> Entitlement | Awaitable[Entitlement]:
        """Whether a customer may use `quantity` more of a feature now: microseconds once cached.

        `customer` is an id or an external id. A refusal is an answer with a `reason`; used
        includes what this process has metered so far. Raises NotFound for an unknown feature.
        """
        core = self._core
        if core.engine.closed:
            raise engine_closed()
        answer = self._cached(core.scope, customer, feature, quantity)
        if answer is None:
            read = partial(checking.check, core, customer, feature, quantity)
            return self._face.call(read, writes=False)  # type: ignore[no-any-return]  # a face decides what it is
        return answer if isinstance(self._face, Blocking) else _Ready(answer)


class _Ready(Awaitable[Entitlement]):
    """An awaitable that is done: a cached answer needs no thread."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Entitlement) -> None:
        self._answer = answer

    def __await__(self) -> Generator[None, None, Entitlement]:
        return self._answer
        yield  # makes this a generator, as `await` wants; never reached


BlockingTenant = Tenant[Blocking]
AsyncTenant = Tenant[Awaited]
