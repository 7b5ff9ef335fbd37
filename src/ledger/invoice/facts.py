"""Reading: what an invoice at a boundary is drafted from, as of the transaction's now."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from ledger.invoice.boundaries import late_since
from ledger.invoice.drafting import Billed, ChainKey, Facts, chain_of, charges_due, needs
from ledger.invoice.model import BilledStep, BoundaryRecord, Invoice
from ledger.invoice.ports import InvoiceWork
from ledger.invoice.usage import quantity_of
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.subscription.model import Subscription
from ledger.types.ids import InvoiceId, SubscriptionId

_PAGE = 100


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What all invoices of a subscription have in common, and how far they have come.

    `features` are those that the plan prices; `records` the boundaries that were made; `drafts`
    are in the order of their boundaries.
    """

    subscription: Subscription
    plan: Plan
    features: dict[str, Feature]
    records: tuple[BoundaryRecord, ...]
    drafts: tuple[Invoice, ...]

    @property
    def last(self) -> datetime | None:
        """The latest boundary that was made."""
        return max((record.boundary for record in self.records), default=None)

    def record_of(self, boundary: datetime) -> BoundaryRecord | None:
        """What came of a boundary, if it was made."""
        return next((each for each in self.records if each.boundary == boundary), None)

    def drafts_before(self, boundary: datetime) -> tuple[Invoice, ...]:
        """The drafts at earlier boundaries."""
        return tuple(draft for draft in self.drafts if draft.boundary < boundary)


def account_of(work: InvoiceWork, subscription: Subscription) -> Account:
    """The account of a subscription."""
    plan = work.plans.get(subscription.plan, subscription.plan_version)
    priced = {price.feature for price in plan.prices_in(subscription.currency)}
    drafts = sorted(_drafts(work, subscription.id), key=lambda draft: draft.boundary)
    return Account(
        subscription=subscription,
        plan=plan,
        features=work.features.find(sorted(key for key in priced if key is not None)),
        records=tuple(work.invoices.boundaries(subscription.id)),
        drafts=tuple(drafts),
    )


def facts_at(work: InvoiceWork, account: Account, boundary: datetime) -> Facts:
    """All that the lines at a boundary follow from, usage as of now included."""
    subscription = account.subscription
    since = late_since(subscription, boundary)
    # As far back as the lines of any invoice that is asked about: `closed` wants all of its steps.
    steps = work.invoices.billed(subscription.id, late_since(subscription, since))
    earlier = (each for each in account.records if since <= each.boundary < boundary)
    charges = charges_due(
        subscription, account.plan, account.features, boundary, closed(earlier, steps)
    )
    return Facts(
        subscription=subscription,
        plan=account.plan,
        boundary=boundary,
        now=work.now,
        charges=charges,
        billed=_with_drafts(chains(steps), account.drafts_before(boundary)),
        usage={need.key: quantity_of(work, subscription, need) for need in needs(charges)},
    )


def chains(steps: Iterable[BilledStep]) -> dict[ChainKey, Billed]:
    """What each chain comes to."""
    billed: dict[ChainKey, Billed] = {}
    for step in steps:
        key = step.price, step.period_start
        billed[key] = billed.get(key, Billed()).and_then(step.quantity, step.amount)
    return billed


def closed(records: Iterable[BoundaryRecord], steps: Iterable[BilledStep]) -> list[datetime]:
    """The boundaries that are settled: an invoice of theirs is final, or none was needed.

    A draft has no steps yet, and those of a void invoice were reversed: what either bills is not
    to be billed by another invoice.
    """
    by_invoice: dict[InvoiceId, list[BilledStep]] = {}
    for step in steps:
        by_invoice.setdefault(step.invoice, []).append(step)
    return [
        record.boundary
        for record in records
        if record.invoice is None or _stands(by_invoice.get(record.invoice, []))
    ]


def _stands(steps: list[BilledStep]) -> bool:
    return any(billed.quantity or billed.amount for billed in chains(steps).values())


def _with_drafts(
    billed: dict[ChainKey, Billed], drafts: Iterable[Invoice]
) -> dict[ChainKey, Billed]:
    """The chains as if earlier drafts were final, so that late usage is not shown on two drafts."""
    for draft in drafts:
        for line in draft.lines:
            before = billed.get(chain_of(line), Billed())
            billed[chain_of(line)] = before.and_then(line.quantity, line.amount.amount, steps=0)
    return billed


def _drafts(work: InvoiceWork, subscription: SubscriptionId) -> Iterator[Invoice]:
    after: str | None = None
    while True:
        page = work.invoices.page(after, _PAGE, subscription=subscription, status="draft")
        yield from page
        after = page.next_cursor
        if after is None:
            return
