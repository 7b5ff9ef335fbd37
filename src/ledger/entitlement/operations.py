"""Check what a customer may do, from the store alone. The cache has to say the same."""

from collections.abc import Iterable
from decimal import Decimal

from ledger.entitlement.check import requested_quantity, terms_of
from ledger.entitlement.model import Entitlement, EntitlementFacts, Holding
from ledger.entitlement.ports import EntitlementWork
from ledger.entitlement.standing import (
    MEMBERS_MAX,
    Counter,
    LevelCounter,
    MemberCounter,
    Standing,
)
from ledger.meter.model import Quarter, Reading
from ledger.meter.uniques import distinct_in, some_in
from ledger.meter.usage import total_in
from ledger.meter.weighing import weighted_in
from ledger.plan.feature import Feature
from ledger.plan.model import Included
from ledger.plan.naming import check_ref
from ledger.subscription.model import Subscription
from ledger.types import ids
from ledger.types.ids import CustomerId
from ledger.types.period import Period


def check(
    work: EntitlementWork, customer: str, feature: str, quantity: int | str | Decimal = 1
) -> Entitlement:
    """Whether a customer may use `quantity` more of a feature now, read from the store.

    Args:
        work: the transaction.
        customer: an id or external id; one that is not known has no subscription.
        feature: a key or id.
        quantity: how much more is wanted, 0 or more; of a licensed feature how much in all.

    Returns the answer: a refusal has a `reason` and is no error. Source: SEMANTICS §7.

    Raises:
        Invalid: the quantity is negative (`bad_quantity`) or no exact number, or a ref is the id of
            something else (`wrong_id`).
        NotFound: there is no such feature.
    """
    requested = requested_quantity(quantity)
    standing = look_up(work, customer, feature)
    return standing.ruling(standing.usage).on(requested)


def look_up(
    work: EntitlementWork, customer: str, feature: str, waiting: Iterable[Reading] = ()
) -> Standing:
    """Where a customer stands with a feature by what is stored now, and by what waits to be.

    `waiting` are readings of anybody that arrived later than all that is stored.

    Raises:
        Invalid: (`wrong_id`) a ref is the id of something else.
        NotFound: there is no such feature.
    """
    facts = read_facts(work, customer, feature)
    terms, meter = terms_of(facts), facts.feature.meter
    if facts.customer is None or terms.period is None or meter is None:
        return Standing(facts.refs, terms, None, None, facts.at)
    period, names = terms.period.period, terms.names
    counting = meter, facts.refs, period, names
    of = work, facts.customer, facts.feature
    match meter.aggregation:
        case "unique":
            counter = MemberCounter(*counting)
            usage: Quarter | None = _members(*of, period, names, counter, waiting)
            return Standing(facts.refs, terms, counter, usage, facts.at)
        case "weighted_sum":
            weigher = LevelCounter(*counting)
            pending = weigher.moments(waiting)
            usage = Quarter(1, weighted_in(*of, period, names, pending=pending))
            return Standing(facts.refs, terms, weigher, usage, facts.at)
        case _:
            adder = Counter(*counting)
            usage = adder.after(total_in(*of, period, names), waiting)
            return Standing(facts.refs, terms, adder, usage, facts.at)


def _members(
    work: EntitlementWork,
    customer: CustomerId,
    feature: Feature,
    period: Period,
    names: frozenset[str],
    counter: MemberCounter,
    waiting: Iterable[Reading],
) -> Quarter:
    """How many different values there are; the counter is told them, as far as they are few."""
    of = work, customer, feature, period.start, period.end, names
    pending = counter.members(waiting)
    known = some_in(*of, MEMBERS_MAX)
    if known is not None:
        known |= pending
        counter.start_from(known, is_complete=True)
        return Quarter(1, Decimal(len(known)))
    counter.start_from(pending, is_complete=False)
    return Quarter(1, Decimal(distinct_in(*of, pending)))


def read_facts(work: EntitlementWork, customer: str, feature: str) -> EntitlementFacts:
    """All that a decision about a customer and a feature needs, but usage.

    Raises:
        Invalid: (`wrong_id`) a ref is the id of something else.
        NotFound: there is no such feature.
    """
    found = work.features.get(check_ref(feature, ids.FEATURE))
    known = work.customers.find(check_ref(customer, ids.CUSTOMER))
    if known is None:
        return EntitlementFacts(None, (customer,), found, (), work.now, "UTC")
    plans: dict[tuple[str, int], Included] = {}
    holdings = tuple(
        Holding(subscription, _included(work, subscription, found.key, plans))
        for subscription in work.subscriptions.of([known.id])
    )
    return EntitlementFacts(known.id, known.refs, found, holdings, work.now, known.time_zone)


def _included(
    work: EntitlementWork,
    subscription: Subscription,
    feature: str,
    plans: dict[tuple[str, int], Included],
) -> Included:
    """What a subscription includes of a feature; each plan version is read once, if it matters."""
    if subscription.status_at(work.now) not in {"trialing", "active"}:
        return False  # what is not live grants nothing, so that its plan would not be looked at
    version = subscription.plan, subscription.plan_version
    if version not in plans:
        plans[version] = work.plans.get(*version).included(feature)
    return plans[version]
