"""Subscribe customers to plans, and end it again."""

from collections.abc import Mapping
from datetime import date, datetime

from ledger.customer import operations as customers
from ledger.customer.model import Customer
from ledger.plan.naming import check_ref
from ledger.plan.price import Number
from ledger.subscription.attribution import check_priced_once
from ledger.subscription.events import (
    SubscriptionCanceled,
    SubscriptionCreated,
    SubscriptionUncanceled,
)
from ledger.subscription.model import Attribution, CancelAt, Subscription, SubscriptionStatus
from ledger.subscription.ports import SubscriptionWork
from ledger.subscription.terms import subscribed
from ledger.types import ids
from ledger.types.errors import Conflict
from ledger.types.ids import SubscriptionId
from ledger.types.page import Page


def create(
    work: SubscriptionWork,
    customer: str,
    plan: str,
    *,
    start: date | datetime | None = None,
    trial_days: int | None = None,
    anchor: int | date | datetime | None = None,
    quantities: Mapping[str, Number] | None = None,
    currency: str | None = None,
    plan_version: int | None = None,
    attribution: Attribution = "customer",
    metadata: Mapping[str, str] | None = None,
) -> Subscription:
    """Subscribe a customer to a plan, pinned to its version, zone and currency.

    Args:
        work: the transaction.
        customer: an id or external id.
        plan: an id or key.
        start: an instant, or a date for its local midnight, up to 5 years before or after now,
            which is the default. Before its start a subscription is scheduled.
        trial_days: local days before billing starts, at the same local time; the plan's if None.
        anchor: what boundaries are counted from: a day of the month, a date or an instant; the
            local date on which billing starts if None.
        quantities: how much of which licensed feature; one of each that is not named.
        currency: the customer's if None and the plan is sold in it, else the plan's.
        plan_version: the version that must be on sale, to be sure of the prices.
        attribution: `customer` if the customer's usage counts here unless it names another
            subscription, `named` if only usage events that name this one do.
        metadata: at most 50 texts of yours.

    Raises:
        NotFound: there is no such customer or plan.
        Conflict: the customer is archived (`customer_archived`), the plan a draft or archived
            (`plan_not_on_sale`), or another subscription prices the same usage at some instant
            (`feature_already_priced`).
        Invalid: a term that cannot be; `code` and `param` say which.
    """
    buyer = _buyer(work, customer)
    version = work.plans.get(check_ref(plan, ids.PLAN), plan_version)
    subscription = subscribed(
        buyer,
        version,
        work.features.find(sorted(version.feature_keys())),
        work.now,
        start=start,
        trial_days=trial_days,
        anchor=anchor,
        quantities=quantities or {},
        currency=currency,
        attribution=attribution,
        metadata=metadata or {},
    )
    check_priced_once(work, subscription)
    work.subscriptions.add(subscription)
    work.events.add(SubscriptionCreated(subscription))
    return subscription


def get(work: SubscriptionWork, id: SubscriptionId) -> Subscription:
    """The subscription with this id, as it is now.

    Raises:
        Invalid: (`wrong_id`) the id of something else.
        NotFound: there is none.
    """
    return work.subscriptions.get(ids.SUBSCRIPTION.check(id))


def page(
    work: SubscriptionWork,
    *,
    after: str | None = None,
    limit: int = 100,
    customer: str | None = None,
    status: SubscriptionStatus | None = None,
) -> Page[Subscription]:
    """Subscriptions, oldest first; those of one customer, or those in one status now.

    Raises:
        NotFound: there is no such customer.
    """
    whose = None if customer is None else customers.get(work, customer).id
    return work.subscriptions.page(after, limit, customer=whose, status=status)


def cancel(
    work: SubscriptionWork, id: SubscriptionId, *, at: CancelAt = "period_end"
) -> Subscription:
    """Set the end of a subscription, without credit; a later call may set it anew.

    Args:
        work: the transaction.
        id: the subscription's.
        at: `period_end` (the end of the billing period or trial that holds now), `now`, the date
            of the first day not served, or the first instant that is not.

    Raises:
        Conflict: it has ended (`subscription_canceled`), or the later end would have another
            subscription price the same usage (`feature_already_priced`).
        Invalid: (`bad_end`, `end_in_the_past`, `wrong_id`).
        NotFound: there is no such subscription.
    """
    subscription = _locked(work, id)
    canceled = subscription.cancel(work.now, subscription.end_at(at, work.now))
    check_priced_once(work, canceled)
    work.subscriptions.save(canceled)
    work.events.add(SubscriptionCanceled(canceled))
    return canceled


def uncancel(work: SubscriptionWork, id: SubscriptionId) -> Subscription:
    """Undo a cancellation that has not taken effect.

    Raises:
        Conflict: it has ended (`subscription_canceled`), was not canceled (`nothing_to_undo`), or
            another subscription has taken its place (`feature_already_priced`).
        Invalid: (`wrong_id`) the id of something else.
        NotFound: there is no such subscription.
    """
    uncanceled = _locked(work, id).uncancel(work.now)
    check_priced_once(work, uncanceled)
    work.subscriptions.save(uncanceled)
    work.events.add(SubscriptionUncanceled(uncanceled))
    return uncanceled


def refuse_live(work: SubscriptionWork, customer: Customer) -> None:
    """Refuse what must not happen to a customer whose subscriptions have not all ended.

    Archiving is such a thing; it cannot ask itself, because a customer knows of no subscription.

    Raises:
        Conflict: (`customer_subscribed`) a subscription has not ended.
    """
    work.customers.lock(customer.id)
    for subscription in work.subscriptions.of([customer.id]):
        if subscription.status_at(work.now) != "canceled":
            raise Conflict(
                f"customer {customer.id} has subscription {subscription.id}, which is"
                f" {subscription.status_at(work.now)}; it has to end first",
                code="customer_subscribed",
                customer=customer.id,
                subscription=subscription.id,
            )


def _buyer(work: SubscriptionWork, ref: str) -> Customer:
    work.customers.lock(customers.get(work, ref).id)
    return customers.get(work, ref)  # again: it may have changed until the lock was ours


def _locked(work: SubscriptionWork, id: SubscriptionId) -> Subscription:
    work.customers.lock(get(work, id).customer)
    return get(work, id)  # again: it may have changed until the lock was ours
