"""Check what a customer may do, from the store alone. The cache has to say the same."""

from decimal import Decimal

from ledger.entitlement.check import requested_quantity, terms_of
from ledger.entitlement.model import Entitlement, EntitlementFacts, Holding
from ledger.entitlement.ports import EntitlementWork
from ledger.entitlement.standing import Counter, Standing
from ledger.meter.usage import total_in
from ledger.plan.model import Included
from ledger.plan.naming import check_ref
from ledger.subscription.model import Subscription
from ledger.types import ids


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


def look_up(work: EntitlementWork, customer: str, feature: str) -> Standing:
    """Where a customer stands with a feature by what is stored now.

    Raises:
        Invalid: (`wrong_id`) a ref is the id of something else.
        NotFound: there is no such feature.
    """
    facts = read_facts(work, customer, feature)
    terms, meter = terms_of(facts), facts.feature.meter
    if facts.customer is None or terms.period is None or meter is None:
        return Standing(facts.refs, terms, None, None, facts.at)
    period, names = terms.period.period, terms.names
    usage = total_in(work, facts.customer, facts.feature, period, names)
    counter = Counter(meter, facts.refs, period, names)
    return Standing(facts.refs, terms, counter, usage, facts.at)


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
