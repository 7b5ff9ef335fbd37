"""A billing run: makes every invoice that is due, oldest first, and finalizes what waited."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import msgspec

from ledger.engine.core import TenantCore
from ledger.engine.face import FLUSH_S
from ledger.engine.ports import Work
from ledger.invoice import operations as invoice
from ledger.invoice.model import Invoice
from ledger.invoice.ports import DueKind
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid, LedgerError
from ledger.types.ids import InvoiceId, RunId, SubscriptionId
from ledger.types.money import Money
from ledger.types.zone import utc

BATCH = 100
GRACE = timedelta(hours=1)


class BillingFailure(msgspec.Struct, frozen=True):
    """A subscription or draft that could not be billed; the others were."""

    id: str
    code: str
    message: str


class BillingRun(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a run: what it made, finalized, and could not do.

    `generated` counts drafts and invoices made, `finalized` those that got a number, `totals`
    what was finalized per currency.
    """

    id: RunId
    at: datetime
    started_at: datetime
    finished_at: datetime
    generated: int
    finalized: int
    totals: tuple[Money, ...]
    failures: tuple[BillingFailure, ...]


def run(
    core: TenantCore,
    at: datetime | None = None,
    on_progress: Callable[[int], None] | None = None,
    *,
    grace: timedelta = GRACE,
) -> BillingRun:
    """Make all invoices that are due at `at` (now when None) and finalize drafts past their grace.

    `on_progress` is called with the number of invoices worked on so far. A subscription that
    fails is listed with its reason, and the others go on. Running again adds nothing.

    Raises Invalid when `at` lies ahead of the clock.
    """
    started = core.engine.clock.now()
    at = started if at is None else utc(at)
    if at > started:
        raise Invalid(
            f"a billing run bills up to now ({started.isoformat()}), not up to {at.isoformat()}",
            code="run_in_the_future",
            param="at",
        )
    core.flush(FLUSH_S)
    tally = _Tally(on_progress)
    for draft in _due(core, "finalize", at, tally):  # first, so that boundaries stay in order
        with tally.attempt(draft):
            tally.count(core.run(_finalizing(draft), writes=True))
    for subscription in _due(core, "billing", at, tally):
        with tally.attempt(subscription):
            tally.count(core.run(_generating(subscription, grace), writes=True), new=True)
    return tally.record(at, started, core.engine.clock.now())


def _due(core: TenantCore, kind: DueKind, at: datetime, tally: "_Tally") -> Iterator[str]:
    """What is due, longest due first, until nothing is left but what failed in this run."""
    while True:
        listing = partial(_listing, kind, at, BATCH + len(tally.failures))
        fresh = [due for due in core.run(listing, writes=False) if due not in tally.failures]
        if not fresh:
            return
        yield from fresh


def _listing(kind: DueKind, at: datetime, limit: int, work: Work) -> list[str]:
    return work.due.list(kind, at, limit)


def _finalizing(draft: str) -> Callable[[Work], Invoice]:
    return lambda work: invoice.finalize(work, InvoiceId(draft))


def _generating(subscription: str, grace: timedelta) -> Callable[[Work], Invoice | None]:
    """Make the subscription's oldest boundary. One that bills nothing is only noted as made."""

    def generating(work: Work) -> Invoice | None:
        try:
            return invoice.generate(work, SubscriptionId(subscription), grace=grace)
        except Conflict as conflict:
            if conflict.code != "nothing_due":
                raise
            return None

    return generating


class _Tally:
    """Counts what a run does, and keeps what failed beside the rest."""

    def __init__(self, on_progress: Callable[[int], None] | None) -> None:
        self.failures: dict[str, BillingFailure] = {}
        self._on_progress = on_progress
        self._worked = self._generated = self._finalized = 0
        self._totals: dict[str, Money] = {}

    @contextmanager
    def attempt(self, id: str) -> Generator[None]:
        """Work on one thing; an error is noted, and the run goes on."""
        try:
            yield
        except LedgerError as error:
            self.failures[id] = BillingFailure(id, error.code, error.message)
        self._worked += 1
        if self._on_progress is not None:
            self._on_progress(self._worked)

    def count(self, invoice: Invoice | None, *, new: bool = False) -> None:
        """Count an invoice that was made or finalized."""
        if invoice is None:
            return
        self._generated += new
        if invoice.number is not None:
            self._finalized += 1
            zero = Money.zero(invoice.currency)
            total = self._totals.get(invoice.currency, zero)
            self._totals[invoice.currency] = total.add(invoice.total)

    def record(self, at: datetime, started: datetime, finished: datetime) -> BillingRun:
        """What the run did."""
        return BillingRun(
            id=ids.RUN.new(),
            at=at,
            started_at=started,
            finished_at=finished,
            generated=self._generated,
            finalized=self._finalized,
            totals=tuple(self._totals[currency] for currency in sorted(self._totals)),
            failures=tuple(self.failures.values()),
        )
