"""When a subscription is billed."""

from itertools import islice

import pytest

from ledger import USD
from ledger.invoice.boundaries import boundaries_after, late_since, next_boundary
from ledger.plan.price import Price
from ledger.types.money import EUR
from tests.invoice.making import at, plan_of, subscribed

FEE = Price.flat(USD(4900))
USAGE = Price.per_unit("api_calls", 1, interval="month")


@pytest.mark.parametrize(
    ("interval", "start", "anchor", "expected"),
    [
        ("month", "2026-01-01", None, ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("month", "2026-01-31", None, ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("month", "2026-01-10", 31, ["2026-01-10", "2026-01-31", "2026-02-28"]),
        ("quarter", "2026-01-10", 1, ["2026-01-10", "2026-04-01", "2026-07-01"]),
        ("2 weeks", "2026-01-01", None, ["2026-01-01", "2026-01-15", "2026-01-29"]),
        ("year", "2024-02-29", None, ["2024-02-29", "2025-02-28", "2026-02-28"]),
    ],
)
def test_a_subscription_is_billed_at_its_start_and_every_boundary(
    interval: str, start: str, anchor: int | None, expected: list[str]
) -> None:
    plan = plan_of(FEE, interval=interval)
    coming = boundaries_after(subscribed(plan, start, anchor=anchor), plan)
    assert list(islice(coming, 3)) == [at(each) for each in expected]


def test_the_boundaries_of_every_price_count() -> None:
    plan = plan_of(
        Price.per_unit("api_calls", 1, interval="2 months"),
        Price.per_unit("seats", 1, interval="3 months"),
        interval="6 months",
    )
    coming = islice(boundaries_after(subscribed(plan, "2026-01-01"), plan), 5)
    assert [instant.month for instant in coming] == [1, 3, 4, 5, 7]


def test_usage_may_be_billed_more_often_than_the_plan() -> None:
    plan = plan_of(FEE, USAGE, interval="year")
    coming = islice(boundaries_after(subscribed(plan, "2026-01-31"), plan), 3)
    assert list(coming) == [at("2026-01-31"), at("2026-02-28"), at("2026-03-31")]


def test_billing_starts_when_the_trial_ends() -> None:
    plan = plan_of(FEE)
    trial = subscribed(plan, "2026-01-17", trial_end="2026-01-31")
    coming = islice(boundaries_after(trial, plan), 2)
    assert list(coming) == [at("2026-01-31"), at("2026-02-28")]


def test_the_end_is_the_last_boundary() -> None:
    plan = plan_of(FEE)
    ended = subscribed(plan, "2026-01-01", end="2026-02-10")
    expected = [at("2026-01-01"), at("2026-02-01"), at("2026-02-10")]
    assert list(boundaries_after(ended, plan)) == expected
    assert next_boundary(ended, plan, at("2026-02-10")) is None


@pytest.mark.parametrize("end", ["2026-01-20", "2026-01-31"])
def test_what_ended_before_its_billing_start_is_never_billed(end: str) -> None:
    plan = plan_of(FEE)
    trial = subscribed(plan, "2026-01-17", trial_end="2026-01-31", end=end)
    assert next_boundary(trial, plan) is None


def test_a_plan_without_prices_in_the_currency_bills_nothing() -> None:
    plan = plan_of()
    assert next_boundary(subscribed(plan, "2026-01-01"), plan) is None
    foreign = plan_of(Price.flat(EUR(4900)))
    assert next_boundary(subscribed(foreign, "2026-01-01"), foreign) is None


def test_boundaries_fall_at_local_midnight() -> None:
    plan, zone = plan_of(FEE), "America/New_York"
    coming = islice(boundaries_after(subscribed(plan, "2026-02-15", zone=zone), plan), 3)
    assert list(coming) == [
        at("2026-02-15T05:00"),
        at("2026-03-15T04:00"),  # daylight saving time began on 8 March
        at("2026-04-15T04:00"),
    ]


@pytest.mark.parametrize(
    ("boundary", "since"),
    [
        ("2026-01-10", "2026-01-10"),
        ("2026-02-01", "2026-01-10"),
        ("2026-04-01", "2026-01-10"),
        ("2026-05-01", "2026-01-10"),
        ("2026-06-01", "2026-02-01"),
        ("2026-06-12", "2026-03-01"),
    ],
)
def test_late_usage_goes_back_three_periods(boundary: str, since: str) -> None:
    subscription = subscribed(plan_of(FEE), "2026-01-10", anchor=1)
    assert late_since(subscription, at(boundary)) == at(since)
