"""Questions about usage get the period, the windows and the groups that were meant."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.customer.model import Customer
from ledger.meter.model import UsageEvent, UsageRow
from ledger.meter.operations import query, record, total
from ledger.plan.feature import Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types.errors import Invalid, NotFound
from tests.meter.books import NOW, Books

DAY = timedelta(days=1)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def use(books: Books, *said: tuple[datetime, int], **more: Any) -> None:
    events = [UsageEvent("calls", "jane", value, None, time, **more) for time, value in said]
    results = books.run(lambda work: record(work, events))
    assert {result.outcome for result in results} == {"accepted"}


def asked(books: Books, *args: Any, **more: Any) -> list[UsageRow]:
    return books.run(lambda work: query(work, *args, **more))


def used(books: Books, *args: Any, **more: Any) -> Decimal:
    return books.run(lambda work: total(work, "jane", "calls", *args, **more))


@pytest.fixture
def jane(books: Books) -> Customer:
    books.feature("calls", Meter("calls", dimensions=("region",)))
    return books.customer("jane", "Asia/Kathmandu")  # 5:45 ahead of UTC


def test_without_a_subscription_it_is_the_customers_calendar_month(
    books: Books, jane: Customer
) -> None:
    begins = MAY - timedelta(hours=5, minutes=45)
    use(books, (begins - timedelta(seconds=1), 1), (begins, 10), (NOW, 100))
    assert used(books) == 110


def test_with_a_subscription_it_is_the_current_billing_period(books: Books, jane: Customer) -> None:
    use(books, (NOW - 12 * DAY, 1), (NOW - 9 * DAY, 10), (NOW - DAY, 100))
    books.subscription(jane, NOW - 2 * DAY)
    assert used(books) == 100
    # The oldest that serves now decides; one that ended does not.
    books.subscription(jane, NOW - 40 * DAY, end=NOW - 3 * DAY)
    assert used(books) == 100
    books.subscription(jane, NOW - 41 * DAY)  # renews on the 9th
    assert used(books) == 110
    assert used(books, NOW - 13 * DAY) == 111
    assert used(books, None, NOW - 11 * DAY) == 0


def test_during_a_trial_it_is_the_trial(books: Books, jane: Customer) -> None:
    use(books, (NOW - 15 * DAY, 1), (NOW - 13 * DAY, 10))
    books.subscription(jane, NOW - 14 * DAY, trial_end=NOW + DAY)
    assert used(books) == 10


def test_a_total_has_a_customer_a_metered_feature_and_a_period(
    books: Books, jane: Customer
) -> None:
    books.run(lambda work: work.features.add(Feature("sso", "boolean")))
    for customer, feature in (("joe", "calls"), ("jane", "emails")):
        with pytest.raises(NotFound):
            books.run(lambda work, c=customer, f=feature: total(work, c, f))  # type: ignore[misc]  # the defaults bind the loop's values
    for start, end, feature, code in (
        (None, None, "sso", "not_metered"),
        (NOW, NOW - DAY, "calls", "bad_period"),
        (NOW.replace(tzinfo=None), NOW, "calls", "naive_datetime"),
    ):

        def ask(
            work: SqlWork,
            start: datetime | None = start,
            end: datetime | None = end,
            feature: str = feature,
        ) -> Decimal:
            return total(work, "jane", feature, start, end)

        with pytest.raises(Invalid) as refused:
            books.run(ask)
        assert refused.value.code == code


def test_a_subscription_has_the_events_that_name_it(books: Books, jane: Customer) -> None:
    subscription = books.subscription(jane, NOW - 2 * DAY)
    use(books, (NOW, 1))
    use(books, (NOW, 10), subscription=subscription.id)
    assert used(books) == 11
    assert used(books, subscription=subscription.id) == 10


def test_days_begin_in_the_customers_zone_or_in_the_one_that_was_asked_for(
    books: Books, jane: Customer
) -> None:
    start = datetime(2026, 5, 18, tzinfo=UTC)
    use(books, (start, 1), (start + timedelta(hours=18, minutes=15), 10))
    there = asked(books, "jane", "calls", start, start + DAY, "day")
    assert [(int(row.quantity), row.end - row.start) for row in there] == [
        (1, timedelta(hours=18, minutes=15)),
        (10, timedelta(hours=5, minutes=45)),
    ]
    here = asked(books, "jane", "calls", start, start + 2 * DAY, "day", time_zone="UTC")
    assert [row.quantity for row in here] == [11, 0]


def test_a_window_without_usage_is_a_row_with_nothing(books: Books, jane: Customer) -> None:
    use(books, (NOW, 3))
    rows = asked(books, "jane", "calls", MAY, NOW + DAY, "month", time_zone="UTC")
    assert [(row.start, row.end, int(row.quantity)) for row in rows] == [(MAY, NOW + DAY, 3)]
    empty = asked(books, "jane", "calls", MAY, MAY + timedelta(hours=3), "hour")
    assert [row.quantity for row in empty] == [0, 0, 0, 0]
    assert asked(books, "jane", "calls", MAY, MAY, "hour") == []


def test_usage_is_grouped_by_any_property(books: Books, jane: Customer) -> None:
    use(books, (NOW, 1), properties={"region": "eu", "model": "a"})
    use(books, (NOW, 2), properties={"region": "eu", "model": True})
    use(books, (NOW - DAY, 4))
    for names, expected in (
        ("region", {("",): 4, ("eu",): 3}),
        (["model"], {("",): 4, ("a",): 1, ("true",): 2}),
        (["model", "region"], {("", ""): 4, ("a", "eu"): 1, ("true", "eu"): 2}),
    ):
        rows = asked(books, "jane", "calls", group_by=names)
        assert {tuple(row.group.values()): int(row.quantity) for row in rows} == expected
    days = asked(books, "jane", "calls", NOW - DAY, NOW + DAY, "day", ["region"])
    assert [(row.group, int(row.quantity)) for row in days] == [
        ({"region": ""}, 4),
        ({"region": "eu"}, 3),
    ]


def test_several_customers_have_rows_of_their_own(books: Books, jane: Customer) -> None:
    books.customer("joe")
    use(books, (NOW, 5))
    rows = asked(books, ["joe", "jane"], "calls", group_by="region")
    assert [(row.group, int(row.quantity)) for row in rows] == [
        ({"customer": "jane", "region": ""}, 5)
    ]
    rows = asked(books, ["joe", "jane"], "calls")
    assert [(row.group, int(row.quantity)) for row in rows] == [
        ({"customer": "joe"}, 0),
        ({"customer": "jane"}, 5),
    ]


def test_a_level_goes_on_through_windows_without_events(books: Books) -> None:
    books.feature("seats", Meter("seats", "last", dimensions=("team",)))
    books.customer("jane")
    events = [
        UsageEvent("seats", "jane", value, None, MAY + days * DAY, {"team": team})
        for days, value, team in ((0, 7, "a"), (2, 9, "b"), (3, 4, "a"))
    ]
    books.run(lambda work: record(work, events))
    rows = asked(books, "jane", "seats", MAY + DAY, MAY + 5 * DAY, "day")
    assert [row.quantity for row in rows] == [7, 9, 4, 4]
    teams = asked(books, "jane", "seats", MAY + DAY, MAY + 5 * DAY, "day", "team")
    assert [(row.start.day, row.group["team"], int(row.quantity)) for row in teams] == [
        (2, "a", 7),
        (3, "a", 7),
        (3, "b", 9),
        (4, "a", 4),
        (4, "b", 9),
        (5, "a", 4),
        (5, "b", 9),
    ]
    with pytest.raises(Invalid, match="region") as refused:
        asked(books, "jane", "seats", group_by="region")
    assert refused.value.code == "bad_group_by"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"window": "week"}, "unknown_window"),
        ({"window": "hour", "start": MAY - 3000 * DAY, "end": MAY}, "too_many_windows"),
        ({"group_by": [f"p{i}" for i in range(9)]}, "bad_group_by"),
        ({"group_by": ["a", "a"]}, "bad_group_by"),
        ({"customer": ["jane"], "group_by": "customer"}, "bad_group_by"),
        ({"customer": ["jane"] * 1001}, "bad_group_by"),
        ({"time_zone": "Mars/Olympus", "window": "day"}, "unknown_time_zone"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    books: Books, jane: Customer, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        asked(books, **{"customer": "jane", "feature": "calls"} | more)
    assert refused.value.code == code
