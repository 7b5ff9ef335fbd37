"""Decisions: limits, reasons, periods, and for how long they hold."""

from datetime import datetime, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.entitlement.check import (
    FOREVER,
    decide,
    requested_quantity,
    rule,
    terms_of,
    usage_period,
)
from ledger.entitlement.model import Entitlement, EntitlementFacts, Reason, Source
from ledger.plan.feature import Aggregation, Feature
from ledger.plan.model import Included, Limit, LimitPer
from ledger.subscription.model import Subscription
from ledger.types.errors import Invalid
from tests.entitlement.making import (
    CALLS,
    SEATS,
    SSO,
    at,
    facts_of,
    metered,
    subscription_of,
)

HARD = [Source(Decimal(100))]
SOFT = [Source(Decimal(100), "soft")]
FREE = [Source(None)]
QUANTITIES = st.decimals(0, 10**18 - 1, allow_nan=False, allow_infinity=False, places=9)
SOURCES = st.lists(
    st.builds(Source, st.none() | QUANTITIES, st.sampled_from(["hard", "soft"])), min_size=1
)


def answer(facts: EntitlementFacts, used: int = 0, requested: int = 1) -> Entitlement:
    return rule(terms_of(facts), Decimal(used), facts.at).on(requested)


@pytest.mark.parametrize(
    ("sources", "aggregation", "used", "requested", "allowed"),
    [
        (HARD, "sum", 99, 1, True),
        (HARD, "sum", 99, 2, False),
        (HARD, "sum", 100, 0, True),
        (HARD, "sum", 101, 0, False),
        (HARD, "count", 99, 1, True),
        (HARD, "count", 99, 2, False),
        (HARD, "last", 60, 40, True),
        (HARD, "last", 60, 41, False),
        (HARD, "max", 99, 100, True),
        (HARD, "max", 99, 101, False),
        (HARD, "max", 100, 1, True),
        (HARD, "max", 101, 1, False),
        (SOFT, "sum", 500, 500, True),
        (SOFT, "max", 500, 500, True),
        (FREE, "sum", 10**17, 10**17, True),
        ([*HARD, *FREE], "sum", 500, 500, True),
        ([*HARD, *SOFT], "sum", 199, 1, True),
        ([*HARD, *SOFT], "sum", 199, 2, False),
        ([*SOFT, *SOFT], "sum", 199, 2, True),
        ([Source(Decimal(0))], "sum", 0, 1, False),
        ([], "sum", 0, 0, False),
    ],
)
def test_a_quantity_is_allowed_if_it_fits(
    sources: list[Source], aggregation: Aggregation, used: int, requested: int, allowed: bool
) -> None:
    assert decide(sources, Decimal(used), requested, aggregation).allowed is allowed


def test_a_refusal_says_how_much_there_is() -> None:
    refused = decide([*HARD, *SOFT], Decimal("140.50"), 60)
    assert refused == Entitlement(
        allowed=False,
        reason="limit_exceeded",
        limit=Decimal(200),
        used=Decimal("140.5"),
        remaining=Decimal("59.5"),
        enforcement="hard",
    )
    assert not refused


def test_a_soft_limit_allows_and_reports_what_is_beyond_it() -> None:
    allowed = decide(SOFT, Decimal("150.25"), 1)
    assert allowed
    assert allowed.limit == 100
    assert allowed.remaining == 0
    assert allowed.overage == Decimal("50.25")
    assert allowed.enforcement == "soft"
    assert allowed.reason is None


def test_without_limit_there_is_nothing_left_to_tell_but_what_was_used() -> None:
    allowed = decide(FREE, Decimal(7), 1)
    assert allowed.limit is allowed.remaining is None
    assert allowed.used == 7
    assert allowed.overage == 0


def test_numbers_are_told_without_trailing_zeros() -> None:
    told = decide([Source(Decimal("0.50")), Source(Decimal("1.50"))], Decimal("1.0"), 1)
    assert [str(told.limit), str(told.used), str(told.remaining)] == ["2", "1", "1"]


def test_the_callers_decimal_context_changes_nothing() -> None:
    with localcontext() as context:
        context.prec = 1
        told = decide([Source(Decimal("123456789.123456789"))], Decimal("0.000000001"), 5)
    assert told.remaining == Decimal("123456789.123456788")


@given(SOURCES, QUANTITIES, QUANTITIES, st.sampled_from(["sum", "max"]))
def test_a_decision_is_what_its_definition_says(
    sources: list[Source], used: Decimal, requested: Decimal, aggregation: Aggregation
) -> None:
    told = decide(sources, used, requested, aggregation)
    limits = [source.limit for source in sources if source.limit is not None]
    is_free = len(limits) < len(sources) or all(s.enforcement == "soft" for s in sources)
    with localcontext() as exact:
        exact.prec = 100
        after = max(used, requested) if aggregation == "max" else used + requested
        assert told.allowed is (is_free or after <= sum(limits))
        if told.remaining is not None:
            assert told.remaining == max(sum(limits) - used, 0)
    assert told.reason == (None if told.allowed else "limit_exceeded")


@given(SOURCES, QUANTITIES, QUANTITIES, QUANTITIES)
def test_what_is_less_than_what_is_allowed_is_allowed(
    sources: list[Source], used: Decimal, one: Decimal, other: Decimal
) -> None:
    less, more = sorted([one, other])
    assert decide(sources, used, less).allowed >= decide(sources, used, more).allowed


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (-1, "bad_quantity"),
        ("-0.000000001", "bad_quantity"),
        (0.5, "float_refused"),
        (True, "bad_decimal"),
        ("NaN", "bad_decimal"),
        (10**18, "out_of_range"),
    ],
)
def test_a_quantity_that_cannot_be_wanted_is_invalid(bad: int, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        requested_quantity(bad)
    assert refused.value.code == code


ACTIVE = subscription_of("01-01")
TRIALING = subscription_of("01-01", trial_end="12-01")
SCHEDULED = subscription_of("12-01")
CANCELED = subscription_of("01-01", end="05-01")
RAN_OUT = subscription_of("01-01", trial_end="01-15", end="01-15")
LEFT_IN_TRIAL = subscription_of("01-01", trial_end="01-15", end="01-10")
RAN_OUT_LATER = subscription_of("01-01", trial_end="05-15", end="05-15")


@pytest.mark.parametrize(
    ("holdings", "reason"),
    [
        ([], "no_subscription"),
        ([(ACTIVE, True)], None),
        ([(TRIALING, True)], None),
        ([(CANCELED, True), (ACTIVE, True)], None),
        ([(ACTIVE, False)], "feature_not_included"),
        ([(ACTIVE, False), (RAN_OUT, True)], "feature_not_included"),
        ([(ACTIVE, False), (TRIALING, True)], None),
        ([(RAN_OUT, True)], "trial_expired"),
        ([(RAN_OUT, False)], "trial_expired"),
        ([(RAN_OUT, True), (SCHEDULED, True)], "trial_expired"),
        ([(CANCELED, True), (RAN_OUT_LATER, True)], "trial_expired"),
        ([(RAN_OUT, True), (CANCELED, True)], "subscription_inactive"),
        ([(LEFT_IN_TRIAL, True)], "subscription_inactive"),
        ([(CANCELED, True)], "subscription_inactive"),
        ([(SCHEDULED, True)], "subscription_inactive"),
    ],
)
@pytest.mark.parametrize("feature", [CALLS, SSO, SEATS])
def test_the_first_reason_that_applies_is_told(
    holdings: list[tuple[Subscription, Included]], reason: Reason | None, feature: Feature
) -> None:
    told = answer(facts_of(*holdings, now="06-01", feature=feature), requested=0)
    assert told.reason == reason
    assert told.allowed is (reason is None)


@pytest.mark.parametrize("quantity", [0, 1, 10**17])
def test_a_switch_that_is_on_is_on_for_any_quantity(quantity: int) -> None:
    told = answer(facts_of((ACTIVE, True), now="06-01", feature=SSO), requested=quantity)
    assert told.allowed
    assert told.limit is None


@pytest.mark.parametrize(("wanted", "allowed"), [(0, True), (8, True), (9, False)])
def test_seats_are_those_of_all_live_subscriptions_that_include_them(
    wanted: int, allowed: bool
) -> None:
    five, three = subscription_of(quantities={"seats": 5}), subscription_of(quantities={"seats": 3})
    ended = subscription_of(quantities={"seats": 50}, end="05-01")
    other = subscription_of(quantities={"seats": 50})
    holdings = (five, True), (ended, True), (three, True), (other, False)
    told = answer(facts_of(*holdings, now="06-01", feature=SEATS), requested=wanted)
    assert told.allowed is allowed
    assert told.limit == 8
    assert told.used == 0
    assert told.enforcement == "hard"
    assert told.resets_at is None


def test_a_subscription_without_seats_has_none() -> None:
    facts = facts_of((subscription_of(), True), now="06-01", feature=SEATS)
    assert answer(facts).reason == "limit_exceeded"


def test_limits_per_the_same_add_up() -> None:
    facts = facts_of((ACTIVE, Limit(100)), (TRIALING, Limit(250)), now="06-01")
    assert answer(facts).limit == 350


def test_the_oldest_says_per_what_and_other_limits_add_nothing() -> None:
    facts = facts_of(
        (CANCELED, Limit(1)),
        (ACTIVE, Limit(10, per="day")),
        (subscription_of(), Limit(1_000)),
        (subscription_of(), Limit(5, per="day", enforcement="soft")),
        now="06-01",
    )
    assert answer(facts).limit == 15
    assert answer(facts).enforcement == "hard"
    assert answer(facts).resets_at == at("06-02")


def test_unlimited_wins_whatever_it_is_per() -> None:
    facts = facts_of((ACTIVE, Limit(10, per="day")), (subscription_of(), True), now="06-01")
    assert answer(facts, used=50).allowed
    assert answer(facts).limit is None


TOKYO = "Asia/Tokyo"


@pytest.mark.parametrize(
    ("subscription", "per", "now", "start", "end"),
    [
        (subscription_of("01-10"), "billing_period", "03-15", "03-10", "04-10"),
        (subscription_of("01-10"), "month", "03-15", "03-01", "04-01"),
        (subscription_of("01-10"), "month", "01-15", "01-10", "02-01"),
        (subscription_of("01-10 08:00"), "day", "01-10 09:00", "01-10 08:00", "01-11"),
        (subscription_of("01-10 08:00"), "day", "01-11 00:00", "01-11", "01-12"),
        (subscription_of("01-10", interval="year"), "month", "03-15", "03-01", "04-01"),
        (subscription_of("01-10", interval="week"), "month", "03-15", "03-01", "04-01"),
        (subscription_of("01-10", zone=TOKYO), "day", "03-15 16:00", "03-15 15:00", "03-16 15:00"),
        (
            subscription_of("01-10", zone=TOKYO),
            "month",
            "03-31 16:00",
            "03-31 15:00",
            "04-30 15:00",
        ),
        (
            subscription_of("01-10", zone="America/New_York"),
            "day",
            "03-08 12:00",
            "03-08 05:00",
            "03-09 04:00",
        ),
    ],
)
def test_usage_counts_in_the_window_that_the_limit_is_per(
    subscription: Subscription, per: LimitPer, now: str, start: str, end: str
) -> None:
    window = usage_period(facts_of((subscription, Limit(1, per=per)), now=now))
    assert window is not None
    assert (window.period.start, window.period.end) == (at(start), at(end))
    assert window.resets_at == at(end)


@pytest.mark.parametrize("per", ["billing_period", "day", "month", "lifetime"])
def test_in_a_trial_the_window_is_the_trial(per: LimitPer) -> None:
    trial = subscription_of("01-10 08:00", trial_end="02-09 08:00")
    for now in ("01-10 08:00", "01-20", "02-09 07:59"):
        window = usage_period(facts_of((trial, Limit(1, per=per)), now=now))
        assert window is not None
        assert (window.period.start, window.period.end) == (trial.start, trial.trial_end)
        assert window.resets_at == trial.trial_end


@pytest.mark.parametrize(
    ("per", "end"), [("billing_period", "03-09"), ("day", "02-10"), ("month", "03-01")]
)
def test_after_a_trial_the_window_begins_anew(per: LimitPer, end: str) -> None:
    trial = subscription_of("01-10 08:00", trial_end="02-09 08:00")
    window = usage_period(facts_of((trial, Limit(1, per=per)), now="02-09 09:00"))
    assert window is not None
    assert (window.period.start, window.period.end) == (trial.trial_end, at(end))


def test_a_lifetime_holds_all_since_the_start_and_never_resets() -> None:
    trial = subscription_of("01-10 08:00", trial_end="02-09 08:00")
    window = usage_period(facts_of((trial, Limit(1, per="lifetime")), now="12-24"))
    assert window is not None
    assert (window.period.start, window.period.end) == (trial.start, FOREVER)
    assert window.resets_at is None


def test_the_window_is_that_of_the_oldest_that_includes_the_feature() -> None:
    facts = facts_of(
        (subscription_of("01-01", end="02-01"), Limit(1)),
        (subscription_of("01-05"), False),
        (subscription_of("01-20"), Limit(1)),
        (subscription_of("01-25"), Limit(1)),
        now="03-15",
    )
    window = usage_period(facts)
    assert window is not None
    assert (window.period.start, window.period.end) == (at("02-20"), at("03-20"))


@pytest.mark.parametrize("feature", [SSO, SEATS])
def test_only_metered_features_have_a_window(feature: Feature) -> None:
    assert usage_period(facts_of((ACTIVE, True), now="06-01", feature=feature)) is None


def test_usage_that_names_no_subscription_counts_unless_all_want_to_be_named() -> None:
    customer, named = subscription_of(), subscription_of(attribution="named")
    ended = subscription_of(end="05-01")
    both = facts_of((customer, Limit(1)), (named, Limit(1)), (ended, Limit(1)), now="06-01")
    assert terms_of(both).names == {"", customer.id, named.id}
    assert terms_of(facts_of((named, Limit(1)), now="06-01")).names == {named.id}


@pytest.mark.parametrize("aggregation", ["count", "sum", "max", "last"])
def test_terms_carry_the_aggregation_of_the_meter(aggregation: Aggregation) -> None:
    facts = facts_of((ACTIVE, Limit(1)), now="06-01", feature=metered(aggregation))
    assert terms_of(facts).aggregation == aggregation


HOURS = st.integers(0, 24 * 100).map(lambda hours: at("01-01") + timedelta(hours=hours))
LIMITS = st.sampled_from([True, False]) | st.builds(
    Limit, st.integers(0, 5), st.sampled_from(["billing_period", "day", "month", "lifetime"])
)


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    start = draw(HOURS)
    trial = draw(st.none() | st.integers(0, 40).map(timedelta))
    length = draw(st.none() | st.integers(0, 60).map(timedelta))
    made = subscription_of(f"{start:%m-%d %H:%M}", zone=draw(st.sampled_from(["UTC", TOKYO])))
    trial_end = None if trial is None else start + trial
    end = None if length is None else start + length
    return Subscription(
        id=made.id,
        customer=made.customer,
        plan=made.plan,
        plan_version=1,
        currency="USD",
        time_zone=made.time_zone,
        start=start,
        trial_end=trial_end,
        anchor=made.anchor,
        interval=made.interval,
        end=end,
        created_at=start,
        as_of=start,
    )


@given(st.lists(st.tuples(subscriptions(), LIMITS), max_size=3), HOURS, HOURS)
def test_terms_hold_exactly_as_long_as_they_say(
    holdings: list[tuple[Subscription, Included]], now: datetime, other: datetime
) -> None:
    terms = terms_of(facts_of(*holdings, now=now))
    assert terms.since <= now < terms.until
    if terms.since <= other < terms.until:
        assert terms_of(facts_of(*holdings, now=other)) == terms
