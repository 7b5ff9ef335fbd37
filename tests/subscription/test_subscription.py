"""What a subscription's facts say about any instant, and which moves they refuse."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.subscription.model import CancelAt, Subscription
from ledger.types.errors import Conflict, Invalid
from ledger.types.json import decode, encode
from ledger.types.period import Interval
from tests.subscription.making import at, subscription_of

NO_INSTANT = at("06-07").replace(tzinfo=None)
MICROSECOND = timedelta(microseconds=1)
anything: Any = "what a caller without a type checker may pass"

PLAIN = subscription_of("03-01")
TRIAL = subscription_of("03-01", trial_end="03-15")
ENDING = subscription_of("03-01", trial_end="03-15", end="05-01")
TRIED = subscription_of("03-01", trial_end="03-15", end="03-15")
GIVEN_UP = subscription_of("03-01", trial_end="03-15", end="03-10")
NEVER = subscription_of("03-01", end="02-10")


@pytest.mark.parametrize(
    ("subscription", "statuses"),
    [
        (PLAIN, {"02-28": "scheduled", "03-01": "active", "12-31": "active"}),
        (TRIAL, {"02-28": "scheduled", "03-01": "trialing", "03-15": "active"}),
        (ENDING, {"03-14": "trialing", "03-15": "active", "04-30": "active", "05-01": "canceled"}),
        (TRIED, {"03-14": "trialing", "03-15": "canceled"}),
        (GIVEN_UP, {"03-09": "trialing", "03-10": "canceled", "03-20": "canceled"}),
        (NEVER, {"02-09": "scheduled", "02-10": "canceled", "03-01": "canceled"}),
    ],
)
def test_the_status_follows_from_the_facts_and_a_date(
    subscription: Subscription, statuses: dict[str, str]
) -> None:
    assert {day: subscription.status_at(at(day)) for day in statuses} == statuses
    for day, status in statuses.items():
        assert replace(subscription, as_of=at(day)).status == status


def test_a_status_changes_at_an_instant_and_not_before() -> None:
    for day, before, after in (
        ("03-01", "scheduled", "trialing"),
        ("03-15", "trialing", "active"),
        ("05-01", "active", "canceled"),
    ):
        assert ENDING.status_at(at(day) - MICROSECOND) == before
        assert ENDING.status_at(at(day)) == after


@pytest.mark.parametrize(
    ("subscription", "day", "period"),
    [
        (PLAIN, "03-01", ("03-01", "04-01")),
        (PLAIN, "05-31 23:59", ("05-01", "06-01")),
        (TRIAL, "03-01", ("03-01", "03-15")),
        (TRIAL, "03-15", ("03-15", "04-15")),
        (subscription_of("01-31"), "02-28", ("02-28", "03-31")),
    ],
)
def test_the_billing_period_is_the_trial_first_and_then_the_plans(
    subscription: Subscription, day: str, period: tuple[str, str]
) -> None:
    found = subscription.period_at(at(day))
    assert (found.start, found.end) == (at(period[0]), at(period[1]))


def test_nothing_is_billed_before_the_trial_ends() -> None:
    assert PLAIN.billing_start == at("03-01")
    assert TRIAL.billing_start == at("03-15")
    assert TRIAL.schedule().start == at("03-15")
    assert TRIAL.schedule(Interval("day")).next_boundary(at("03-15")) == at("03-16")


NEW_YORK = subscription_of("03-01 05:00", zone="America/New_York")  # midnight there


@pytest.mark.parametrize(
    ("subscription", "cancel_at", "now", "end"),
    [
        (PLAIN, "now", "03-10 12:34", "03-10 12:34"),
        (PLAIN, "period_end", "03-10 12:34", "04-01"),
        (PLAIN, "period_end", "04-01", "05-01"),
        (PLAIN, date(2026, 6, 7), "03-10", "06-07"),
        (PLAIN, at("06-07 08:09"), "03-10", "06-07 08:09"),
        (PLAIN, "now", "02-10", "02-10"),
        (PLAIN, "period_end", "02-10", "02-10"),
        (TRIAL, "period_end", "03-10", "03-15"),
        (NEW_YORK, "period_end", "03-10", "04-01 04:00"),  # summer time has begun by then
        (NEW_YORK, date(2026, 3, 20), "03-10", "03-20 04:00"),
    ],
)
def test_a_cancellation_ends_where_it_says(
    subscription: Subscription, cancel_at: CancelAt, now: str, end: str
) -> None:
    canceled = subscription.cancel(at(now), subscription.end_at(cancel_at, at(now)))
    assert canceled.end == at(end)
    assert canceled.canceled_at == canceled.as_of == at(now)
    assert canceled.version == subscription.version + 1
    assert canceled.status_at(at(end)) == "canceled"


@pytest.mark.parametrize(
    ("cancel_at", "code"),
    [(anything, "bad_end"), (5, "bad_end"), (NO_INSTANT, "naive_datetime")],
)
def test_an_end_that_is_none_is_refused(cancel_at: CancelAt, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        PLAIN.end_at(cancel_at, at("03-10"))
    assert refused.value.code == code


def test_no_subscription_ends_in_the_past() -> None:
    with pytest.raises(Invalid) as refused:
        PLAIN.cancel(at("03-10"), at("03-10") - MICROSECOND)
    assert (refused.value.code, refused.value.param) == ("end_in_the_past", "at")


def test_a_cancellation_can_be_undone_until_it_takes_effect() -> None:
    before = ENDING.uncancel(at("05-01") - MICROSECOND)
    assert (before.end, before.canceled_at, before.version) == (None, None, 2)
    with pytest.raises(Conflict) as refused:
        ENDING.uncancel(at("05-01"))
    assert refused.value.code == "subscription_canceled"


@pytest.mark.parametrize("subscription", [PLAIN, TRIAL])
def test_what_was_not_canceled_has_nothing_to_undo(subscription: Subscription) -> None:
    with pytest.raises(Conflict) as refused:
        subscription.uncancel(at("03-10"))
    assert refused.value.code == "nothing_to_undo"


@pytest.mark.parametrize("subscription", [GIVEN_UP, TRIED, NEVER])
def test_the_end_is_final(subscription: Subscription) -> None:
    with pytest.raises(Conflict) as refused:
        subscription.uncancel(at("04-01"))
    assert refused.value.code == "subscription_canceled"
    with pytest.raises(Conflict) as refused:
        subscription.cancel(at("04-01"), at("05-01"))
    assert refused.value.code == "subscription_canceled"
    assert refused.value.facts["subscription"] == subscription.id


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("03-01", None), ("06-01", None), True),
        (("03-01", "06-01"), ("06-01", None), False),
        (("03-01", "06-02"), ("06-01", None), True),
        (("03-01", "05-01"), ("06-01", "07-01"), False),
        (("03-01", "03-01"), ("03-01", None), False),
        (("03-01", "02-01"), ("01-01", None), False),
    ],
)
def test_two_subscriptions_overlap_if_both_are_served_at_some_instant(
    one: tuple[str, str | None], other: tuple[str, str | None], *, together: bool
) -> None:
    a, b = subscription_of(one[0], end=one[1]), subscription_of(other[0], end=other[1])
    assert a.overlaps(b) is together
    assert b.overlaps(a) is together


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"trial_end": at("02-28")}, "bad_trial"), ({"attribution": anything}, "bad_attribution")],
)
def test_facts_that_contradict_each_other_are_refused(
    changes: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        replace(PLAIN, **changes)
    assert refused.value.code == code


def test_a_subscription_is_the_same_after_storage() -> None:
    assert decode(encode(ENDING), Subscription) == ENDING


ORDER = ["scheduled", "trialing", "active", "canceled"]
INSTANTS = st.integers(0, 365 * 24 * 3600).map(lambda s: at("01-01") + timedelta(seconds=s))


@given(INSTANTS, INSTANTS, INSTANTS, INSTANTS, INSTANTS)
def test_time_only_moves_a_status_forward(
    start: datetime, trial_end: datetime, end: datetime, sooner: datetime, later: datetime
) -> None:
    start, trial_end = sorted((start, trial_end))
    subscription = replace(PLAIN, start=start, trial_end=trial_end, end=end)
    sooner, later = sorted((sooner, later))
    before, after = subscription.status_at(sooner), subscription.status_at(later)
    assert ORDER.index(before) <= ORDER.index(after)
