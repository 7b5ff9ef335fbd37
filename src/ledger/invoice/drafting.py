"""Drafting: the lines of an invoice, from facts alone. Pure, but for the ids of the lines.

At a boundary a price in advance is due for the period that starts there, a price in arrears for the
one that ended there (SEMANTICS §9). What a price comes to in a period is always rated whole, and
what was billed for it before is taken off (§5), so whatever changed since an earlier invoice, late
usage above all, is the difference that the next one shows.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from ledger.invoice.boundaries import late_since
from ledger.invoice.model import LineItem, LineKind
from ledger.invoice.wording import Used, fee_text, late_usage_text, licensed_text, usage_text
from ledger.plan.conversion import Conversion
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.plan.price import Billing, Price
from ledger.rating.derivation import Derivation, Proration
from ledger.rating.line import derive
from ledger.rating.recurring import Part, part_due
from ledger.subscription.model import Subscription
from ledger.types.errors import Broken
from ledger.types.exact import CONTEXT, Ratio, fraction, ratio
from ledger.types.ids import LINE_ITEM, PriceId
from ledger.types.money import Money
from ledger.types.period import Period

ChainKey = tuple[PriceId, datetime]
"""A chain of billed steps of one subscription: a price, and the start of the period it pays for."""


def chain_of(line: LineItem) -> ChainKey:
    """The chain that a line is a step of."""
    return line.price, line.service_period.start


NeedKey = tuple[str, Period, Period | None]


class Need(msgspec.Struct, frozen=True):
    """A quantity that drafting wants to know: the usage of a metered feature in a period.

    `whole` is what an average is over, if that is more than the period (SEMANTICS §4).
    """

    feature: Feature
    period: Period
    whole: Period | None = None

    @property
    def key(self) -> NeedKey:
        """What tells it from other needs."""
        return self.feature.key, self.period, self.whole


class Billed(msgspec.Struct, frozen=True):
    """What a chain of steps comes to: how many there are, and what they billed in minor units."""

    steps: int = 0
    quantity: Decimal = Decimal(0)
    amount: int = 0

    def and_then(self, quantity: Decimal, amount: int, *, steps: int = 1) -> "Billed":
        """The chain with more billed."""
        together = CONTEXT.add(self.quantity, quantity)
        return Billed(self.steps + steps, together, self.amount + amount)


class Charge(msgspec.Struct, frozen=True):
    """A price that is due for a period. `late`: it was billed at an earlier boundary already."""

    price: Price
    feature: Feature | None
    part: Part
    late: bool = False

    @property
    def key(self) -> ChainKey:
        """The chain that its line goes on."""
        return self.price.id, self.part.period.start

    @property
    def need(self) -> Need | None:
        """The usage to read for it, if it prices usage."""
        feature = self.feature
        if feature is None or not prices_usage(self.price, feature):
            return None
        part = self.part
        is_part = feature.is_average and part.period != part.anchored
        return Need(feature, part.period, part.anchored if is_part else None)

    @property
    def conversion(self) -> Conversion | None:
        """From the unit that is metered to the one that is priced, if that is another."""
        return None if self.feature is None or self.need is None else self.feature.conversion

    @property
    def proration(self) -> Proration | None:
        """The part of its anchored period that is paid for; None for all of it, and for usage."""
        return self.part.proration if self.need is None else None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the lines of an invoice follow from.

    `charges` are what is due at `boundary`; `billed` is what their chains come to; `usage` answers
    what they `need`, as of `now`.
    """

    subscription: Subscription
    plan: Plan
    boundary: datetime
    now: datetime
    charges: tuple[Charge, ...]
    billed: Mapping[ChainKey, Billed]
    usage: Mapping[NeedKey, Decimal]


def charges_due(
    subscription: Subscription,
    plan: Plan,
    features: Mapping[str, Feature],
    boundary: datetime,
    closed: Iterable[datetime] = (),
) -> tuple[Charge, ...]:
    """What is due at a boundary, in the order of the plan, then what may be left of earlier ones.

    Args:
        subscription: what is billed.
        plan: the version that it has.
        features: those that the plan prices, by key.
        boundary: the instant that is billed at.
        closed: earlier boundaries whose invoices are final, or were not needed: if more is due for
            them now than was billed then, most often because usage came in late, it is added.
    """
    since = late_since(subscription, boundary)
    late = (
        replace(charge, late=True)
        for each in closed
        for charge in _charges_at(subscription, plan, features, each)
        if since <= charge.part.period.start
    )
    return (*_charges_at(subscription, plan, features, boundary), *late)


def needs(charges: Iterable[Charge]) -> list[Need]:
    """The quantities to read for charges, each once."""
    found = {need.key: need for charge in charges if (need := charge.need)}
    return list(found.values())


def draft_lines(facts: Facts) -> tuple[LineItem, ...]:
    """The lines of an invoice, in the order of its charges.

    A total below zero does not exist: where it would, what is credited stays in its chain until
    later usage makes up for it (SEMANTICS §5, §9).
    """
    lines = tuple(line for charge in facts.charges if (line := _line(charge, facts)))
    if sum(line.amount.amount for line in lines) < 0:
        return tuple(line for line in lines if not line.amount.is_negative)
    return lines


def prices_usage(price: Price, feature: Feature | None) -> bool:
    """Whether a price is for what was used in a period; a flat one never is."""
    return price.is_by_quantity and feature is not None and feature.kind == "metered"


def billing_moment(price: Price, feature: Feature | None) -> Billing:
    """When a price is billed. Usage is known in arrears only."""
    if prices_usage(price, feature):
        return "in_arrears"
    return price.billing or "in_advance"


def _charges_at(
    subscription: Subscription, plan: Plan, features: Mapping[str, Feature], boundary: datetime
) -> Iterator[Charge]:
    for price in plan.prices_in(subscription.currency):
        feature = _feature_of(price, plan, features)
        schedule = subscription.schedule(plan.interval_of(price))
        moment = billing_moment(price, feature)
        part = part_due(schedule, moment, boundary, subscription.end)
        if part is not None:
            yield Charge(price, feature, part)


def _feature_of(price: Price, plan: Plan, features: Mapping[str, Feature]) -> Feature | None:
    if price.feature is None:
        return None
    if price.feature not in features:
        raise Broken(
            f"plan {plan.key!r} prices the feature {price.feature!r}, which does not exist",
            code="feature_missing",
        )
    return features[price.feature]


def _line(charge: Charge, facts: Facts) -> LineItem | None:
    """The line of a charge, if there is anything to say."""
    share = charge.proration
    if share is not None and not share.part:
        return None  # it ended on the day on which it began: no day of it is paid for
    before, quantity = facts.billed.get(charge.key, Billed()), _quantity(charge, facts)
    derivation = derive(
        charge.price,
        facts.plan.id,
        facts.plan.version,
        quantity,
        proration=share,
        billed_before=before.amount,
        usage_as_of=facts.now if charge.need else None,
        conversion=charge.conversion,
        averaged_over=charge.need.whole if charge.need else None,
    )
    if charge.late and derivation.amount <= 0:
        return None  # what was billed too much stays in the chain until it is used up
    if not quantity and not derivation.amount:
        return None
    return _written(charge, facts, derivation, before.quantity)


def _quantity(charge: Charge, facts: Facts) -> Decimal:
    """How much of a price there is in all: usage, a quantity of the subscription, or once."""
    if need := charge.need:
        return facts.usage[need.key]
    if charge.feature is None or not charge.price.is_by_quantity:
        return Decimal(1)
    return facts.subscription.quantities.get(charge.feature.key, Decimal(0))


def _written(charge: Charge, facts: Facts, derivation: Derivation, before: Decimal) -> LineItem:
    """The line as it is stored: for the usage that was not billed `before`."""
    price, feature, period = charge.price, charge.feature, charge.part.period
    kind: LineKind = "recurring"
    quantity = derivation.quantity
    used = Used(CONTEXT.subtract(quantity, before), _converted(derivation, before))
    if feature is None or not price.is_by_quantity:
        text = fee_text(facts.plan, price, feature, period, rest=charge.late)
    elif not charge.need:
        text = licensed_text(price, feature, quantity, period, rest=charge.late)
    elif not charge.late:
        kind, quantity, text = "usage", used.quantity, usage_text(price, feature, used, period)
    else:
        kind, quantity = "late_usage", used.quantity
        text = late_usage_text(price, feature, used, period)
    return LineItem(
        id=LINE_ITEM.new(),
        kind=kind,
        description=text,
        subscription=facts.subscription.id,
        price=price.id,
        feature=price.feature,
        unit="" if feature is None else feature.unit,
        service_period=period,
        quantity=quantity,
        amount=Money(derivation.amount, facts.subscription.currency),
        derivation=derivation,
        converted=used.converted if charge.need else None,
    )


def _converted(derivation: Derivation, before: Decimal) -> Ratio | None:
    """What the quantity comes to in the priced unit, less what that was `before`."""
    conversion = derivation.conversion
    if conversion is None:
        return None
    return ratio(fraction(derivation.counted) - fraction(conversion.convert(before)))
