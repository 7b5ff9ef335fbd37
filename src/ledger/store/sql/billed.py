"""At which boundaries was billed, how much, and under which numbers, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from ledger.invoice.model import BilledStep, BoundaryRecord
from ledger.store.sql.connection import Repository
from ledger.store.sql.schema import (
    METADATA,
    ScopedColumns,
    integer,
    primary_key,
    references,
    text,
    text_or_null,
)
from ledger.store.sql.statement import Entry, by, scoped
from ledger.types.errors import NotFound
from ledger.types.ids import InvoiceId, PriceId, SubscriptionId
from ledger.types.quantity import join, split
from ledger.types.zone import from_micros, instant_text, micros


class BoundaryColumns(ScopedColumns):
    """A boundary that was made. A void invoice keeps its boundary, so a row never goes away."""

    subscription = text()
    boundary = integer()
    kind = text()
    invoice = text_or_null()


class BilledStepColumns(ScopedColumns):
    """A step in the chain of what was billed for a price in a period."""

    subscription = text()
    price = text()
    period_start = integer()
    step = integer()
    whole = integer()
    billionths = integer()
    amount = integer()
    invoice = text()
    usage_as_of = integer()


class NumberSeriesColumns(ScopedColumns):
    """The last number that was given in a series."""

    series = text()
    last = integer()


invoice_boundaries: Final = sa.Table(
    "invoice_boundaries",
    METADATA,
    BoundaryColumns,
    primary_key("subscription", "boundary", "kind"),
    references("subscriptions", ("subscription",), ("id",)),
    references("invoices", ("invoice",), ("id",)),
    sqlite_strict=True,
)
billed_steps: Final = sa.Table(
    "billed_steps",
    METADATA,
    BilledStepColumns,
    primary_key("subscription", "price", "period_start", "step"),
    references("subscriptions", ("subscription",), ("id",)),
    references("invoices", ("invoice",), ("id",)),
    sqlite_strict=True,
)
number_series: Final = sa.Table(
    "number_series",
    METADATA,
    NumberSeriesColumns,
    primary_key("series"),
    sqlite_strict=True,
)

_b, _s, _n = invoice_boundaries.c, billed_steps.c, number_series.c
_NEW_BOUNDARY = Entry(invoice_boundaries)
_BOUNDARIES = scoped(
    sa.select(_b.boundary, _b.kind, _b.invoice)
    .where(by(_b.subscription))
    .order_by(_b.boundary, _b.kind)
)
_MOVE = scoped(invoice_boundaries.update().where(by(_b.subscription), by(_b.boundary), by(_b.kind)))
_NEW_STEP = Entry(billed_steps)
_STEPS = scoped(
    sa.select(
        _s.price,
        _s.period_start,
        _s.step,
        _s.whole,
        _s.billionths,
        _s.amount,
        _s.invoice,
        _s.usage_as_of,
    )
    .where(by(_s.subscription), _s.period_start >= sa.bindparam("since", type_=_s.step.type))
    .order_by(_s.price, _s.period_start, _s.step)
)
_COUNT_ON = Entry(number_series, lambda _new: {"last": _n.last + 1})
_LAST = scoped(sa.select(_n.last).where(by(_n.series)))


class SqlBilled(Repository):
    """The part of an `InvoiceRepository` that keeps anything from being billed twice."""

    def next_number(self, series: str) -> int:
        """The next number of a series, from 1; taken back when the transaction fails."""
        self._scope.insert(_COUNT_ON, {"series": series, "last": 1})
        row = self._scope.one(_LAST, by_series=series)
        return 1 if row is None else row[0]

    def boundaries(self, subscription: SubscriptionId) -> list[BoundaryRecord]:
        """The boundaries made of a subscription, oldest first."""
        rows = self._scope.rows(_BOUNDARIES, by_subscription=subscription)
        return [
            msgspec.convert(
                {
                    "subscription": subscription,
                    "boundary": from_micros(boundary),
                    "kind": kind,
                    "invoice": invoice,
                },
                BoundaryRecord,
            )
            for boundary, kind, invoice in rows
        ]

    def add_boundary(self, record: BoundaryRecord) -> None:
        """Note that a boundary is made."""
        self._scope.insert(_NEW_BOUNDARY, {**_key(record), "invoice": record.invoice})

    def move_boundary(self, record: BoundaryRecord) -> None:
        """Point a boundary that was made at another invoice."""
        where = {f"by_{column}": value for column, value in _key(record).items()}
        if not self._scope.execute(_MOVE, {"invoice": record.invoice}, **where):
            at = instant_text(record.boundary)
            raise NotFound("boundary", f"{record.subscription} at {at}")

    def billed(self, subscription: SubscriptionId, since: datetime) -> list[BilledStep]:
        """The chains of the periods that start at `since` or later, in order of step."""
        rows = self._scope.rows(_STEPS, by_subscription=subscription, since=micros(since))
        return [
            BilledStep(
                subscription=subscription,
                price=PriceId(price),
                period_start=from_micros(period_start),
                step=step,
                quantity=join(whole, billionths),
                amount=amount,
                invoice=InvoiceId(invoice),
                usage_as_of=from_micros(as_of),
            )
            for price, period_start, step, whole, billionths, amount, invoice, as_of in rows
        ]

    def add_billed(self, steps: Sequence[BilledStep]) -> None:
        """Append steps."""
        for step in steps:
            whole, billionths = split(step.quantity)
            self._scope.insert(
                _NEW_STEP,
                {
                    "subscription": step.subscription,
                    "price": step.price,
                    "period_start": micros(step.period_start),
                    "step": step.step,
                    "whole": whole,
                    "billionths": billionths,
                    "amount": step.amount,
                    "invoice": step.invoice,
                    "usage_as_of": micros(step.usage_as_of),
                },
            )


def _key(record: BoundaryRecord) -> dict[str, str | int]:
    return {
        "subscription": record.subscription,
        "boundary": micros(record.boundary),
        "kind": record.kind,
    }
