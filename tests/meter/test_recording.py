"""Recording answers for each event, counts each one once, and loses none without a trace."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.meter.acceptance import stamp
from ledger.meter.model import EventResult, UsageEvent
from ledger.meter.operations import (
    record,
    record_readings,
    refuse,
    rejected_page,
    total,
    unmatched_page,
)
from ledger.meter.rebuilding import rebuild
from ledger.meter.rollup import HOUR_US
from ledger.plan.feature import Meter
from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.period import Interval
from ledger.types.zone import micros
from tests.meter.books import NOW, Books

MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def event(**said: Any) -> UsageEvent:  # some of the events are wrong on purpose
    plain: dict[str, Any] = {"event": "calls", "customer": "jane"}
    return UsageEvent(**plain | said)


def recorded(books: Books, *events: UsageEvent) -> list[EventResult]:
    return books.run(lambda work: record(work, events))


def outcomes(books: Books, *events: UsageEvent) -> list[str]:
    return [result.outcome for result in recorded(books, *events)]


def used(books: Books, feature: str = "calls", customer: str = "jane") -> Decimal:
    beginning = datetime(2020, 1, 1, tzinfo=UTC)
    return books.run(
        lambda work: total(work, customer, feature, beginning, NOW + timedelta(days=365))
    )


@pytest.fixture
def ready(books: Books) -> Books:
    books.customer("jane")
    books.feature("calls")
    return books


def test_each_event_is_answered_in_order(ready: Books) -> None:
    first = event(key="a")
    results = recorded(
        ready,
        first,
        first,
        event(key="a", quantity=2),
        event(time=NOW + 6 * MINUTE),
        event(quantity=1.5, key="b"),
        event(event="unheard_of"),
        event(customer="joe"),
        event(customer="joe", event="unheard_of"),
        event(quantity="0.25"),
    )
    assert [(result.outcome, result.unmatched) for result in results] == [
        ("accepted", None),
        ("duplicate", None),
        ("conflict", None),
        ("rejected", None),
        ("rejected", None),
        ("accepted", "unknown_event"),
        ("accepted", "unknown_customer"),
        ("accepted", "unknown_customer"),
        ("accepted", None),
    ]
    assert [result.key for result in results][:3] == ["a", "a", "a"]
    assert (results[4].id, results[4].key) == (None, "b")
    assert used(ready) == Decimal("1.25")


def test_what_was_stored_before_is_a_duplicate_or_a_conflict(ready: Books) -> None:
    said = event(key="a", properties={"model": "m"})
    assert outcomes(ready, said) == ["accepted"]
    ready.now += MINUTE
    assert outcomes(ready, said, event(key="a"), event(key="b")) == [
        "duplicate",
        "conflict",
        "accepted",
    ]
    assert used(ready) == 2
    (kept,) = ready.run(rejected_page)
    assert (kept.outcome, kept.event.key, kept.at) == ("conflict", "a", ready.now)
    assert "'a'" in kept.reason


def test_a_batch_that_is_sent_again_adds_nothing(ready: Books) -> None:
    readings = [stamp(event(quantity=i), NOW) for i in range(1, 8)]

    def store(batch: int) -> list[str]:
        results = ready.run(lambda work: record_readings(work, readings, "w", batch))
        return [result.outcome for result in results]

    assert store(1) == ["accepted"] * 7
    assert store(2) == ["duplicate"] * 7
    assert used(ready) == 28


def test_a_writer_is_marked_with_the_transaction_that_stored_its_batch(ready: Books) -> None:
    readings = [stamp(event(), NOW)]
    for batch, marked in ((0, 0), (3, 3), (0, 3), (5, 5)):
        ready.run(lambda work, batch=batch: record_readings(work, readings, "w", batch))  # type: ignore[misc]  # the default binds the loop's value
        assert ready.run(lambda work: work.usage.marked("w")) == marked


def test_the_customer_may_be_named_by_id_or_external_id(books: Books) -> None:
    jane = books.customer("jane")
    books.feature("calls")
    by_id, by_name = event(customer=jane.id, key="a"), event(key="a")
    assert outcomes(books, by_id) == ["accepted"]
    assert outcomes(books, by_name, by_id) == ["duplicate", "duplicate"]


def test_an_event_is_the_same_before_and_after_its_customer_is_known(books: Books) -> None:
    books.feature("calls")
    assert outcomes(books, event(key="a")) == ["accepted"]
    jane = books.customer("jane")
    again = (event(key="a"), event(key="a", customer=jane.id), event(key="a", quantity=2))
    assert outcomes(books, *again) == ["duplicate", "duplicate", "conflict"]
    assert used(books) == 1


def test_the_same_key_of_another_tenant_is_another_event(ready: Books, new_books: Any) -> None:
    other = new_books()
    assert outcomes(ready, event(key="a")) == ["accepted"]
    assert outcomes(other, event(key="a", quantity=7)) == ["accepted"]


@pytest.mark.parametrize(
    ("ahead", "outcome"), [(5 * MINUTE, "accepted"), (5 * MINUTE + MICROSECOND, "rejected")]
)
def test_an_event_is_at_most_five_minutes_ahead(
    ready: Books, ahead: timedelta, outcome: str
) -> None:
    (result,) = recorded(ready, event(time=NOW + ahead))
    assert result.outcome == outcome
    assert result.reason is None or result.reason.startswith("in_the_future: ")


# Three calendar months before May are February; Kathmandu is 5:45 ahead of UTC.
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
THERE = FEBRUARY - timedelta(hours=5, minutes=45)


@pytest.mark.parametrize(
    ("customer", "bound"), [("jane", FEBRUARY), ("tenzing", THERE), ("nobody", FEBRUARY)]
)
def test_without_a_subscription_three_calendar_months_back_are_taken(
    ready: Books, customer: str, bound: datetime
) -> None:
    ready.customer("tenzing", "Asia/Kathmandu")
    on_time, late = recorded(
        ready,
        event(customer=customer, time=bound),
        event(customer=customer, time=bound - MICROSECOND),
    )
    assert (on_time.outcome, late.outcome) == ("accepted", "rejected")
    assert late.reason is not None
    assert late.reason.startswith("too_late: ")
    assert bound.isoformat()[:16] in late.reason
    (kept,) = ready.run(rejected_page)
    assert (kept.id, kept.event.time) == (late.id, bound - MICROSECOND)


def test_a_subscription_says_how_far_back_three_periods_are(books: Books) -> None:
    jane = books.customer("jane")
    books.feature("calls")
    books.subscription(jane, NOW - timedelta(days=400), Interval("day"), end=NOW - MINUTE)
    bound = NOW.replace(hour=0) - timedelta(days=3)
    assert outcomes(books, event(time=bound), event(time=bound - MICROSECOND)) == [
        "accepted",
        "rejected",
    ]
    # The subscription that reaches back furthest decides.
    books.subscription(jane, datetime(2025, 3, 1, tzinfo=UTC), Interval("year"))
    assert outcomes(books, event(time=bound - MICROSECOND)) == ["accepted"]
    assert outcomes(books, event(time=datetime(2023, 3, 1, tzinfo=UTC))) == ["accepted"]


def test_how_late_is_too_late_can_be_set(ready: Books) -> None:
    said = [event(time=FEBRUARY - MICROSECOND), event(time=datetime(2025, 5, 1, tzinfo=UTC))]
    results = ready.run(lambda work: record(work, said, late_periods=12))
    assert [result.outcome for result in results] == ["accepted", "accepted"]


def test_a_feature_that_counts_another_event_is_not_an_event(books: Books) -> None:
    books.customer("jane")
    books.feature("tokens", Meter("llm.request", property="tokens"))
    (result,) = recorded(books, event(event="tokens"))
    assert result.outcome == "rejected"
    assert result.reason is not None
    assert result.reason.startswith("reads_another_event: ")
    assert "llm.request" in result.reason
    # Unless some feature counts events of that name.
    books.feature("all_tokens", Meter("tokens"))
    assert outcomes(books, event(event="tokens")) == ["accepted"]


def test_an_event_that_a_feature_cannot_count_is_rejected_by_name(books: Books) -> None:
    books.customer("jane")
    books.feature("tokens", Meter("calls", property="tokens"))
    books.feature("calls")
    (bad, lacking) = recorded(books, event(properties={"tokens": "many"}), event())
    assert (bad.outcome, lacking.outcome) == ("rejected", "accepted")
    assert bad.reason is not None
    assert "tokens" in bad.reason
    assert [used(books, key) for key in ("calls", "tokens")] == [1, 0]


def test_an_event_counts_for_every_feature_that_reads_it(books: Books) -> None:
    books.customer("jane")
    books.feature("requests", Meter("llm", "count"))
    books.feature("tokens", Meter("llm", property="tokens"))
    books.feature("big", Meter("llm", "max", "tokens", where={"model": "big"}))
    recorded(
        books,
        event(event="llm", properties={"tokens": 10, "model": "big"}),
        event(event="llm", properties={"tokens": "5.5", "model": "small"}),
        event(event="llm", properties={"model": "big"}),
    )
    assert [used(books, key) for key in ("requests", "tokens", "big")] == [3, Decimal("15.5"), 10]


def test_an_event_waits_until_its_customer_and_then_its_feature_is_known(books: Books) -> None:
    recorded(books, event(quantity=4), event(quantity=5, event="other"))
    assert _waiting(books) == [("jane", "unknown_customer")] * 2
    jane = books.customer("jane")
    assert _waiting(books) == [(jane.id, "unknown_event")] * 2
    books.feature("calls")
    assert _waiting(books) == [(jane.id, "unknown_event")]
    assert used(books) == 4
    recorded(books, event(quantity=6))
    assert used(books) == 10


def _waiting(books: Books) -> list[tuple[str, str | None]]:
    return [(one.customer, one.unmatched) for one in books.run(unmatched_page)]


def test_unmatched_events_are_listed_by_what_they_wait_for(books: Books) -> None:
    books.customer("jane")
    books.feature("calls")
    recorded(books, event(event="other"), event(customer="joe"))

    def listed(reason: Any) -> list[str]:
        page = books.run(lambda work: unmatched_page(work, reason=reason))
        return [one.event for one in page]

    assert listed("unknown_event") == ["other"]
    assert listed("unknown_customer") == ["calls"]


def test_a_new_feature_counts_from_now_on_and_what_was_before_once_it_is_rebuilt(
    ready: Books,
) -> None:
    recorded(
        ready,
        event(quantity=3, properties={"size": 7}),
        event(quantity=4, properties={"size": "big"}),
        event(quantity=9, customer="joe"),
    )
    sizes = ready.feature("sizes", Meter("calls", property="size"))
    assert [used(ready, key) for key in ("calls", "sizes")] == [7, 0]
    hour = micros(NOW) // HOUR_US
    assert ready.run(lambda work: rebuild(work, sizes, (hour - 1, hour + 1))) == 2
    assert [used(ready, key) for key in ("calls", "sizes")] == [7, 7]
    # The event whose size is no number stays counted, and the list says what it does not count for.
    (kept,) = ready.run(rejected_page)
    assert "sizes" in kept.reason
    ready.customer("joe")
    assert used(ready, customer="joe") == 9
    recorded(ready, event(properties={"size": 1}))
    assert used(ready, "sizes") == 8


def test_what_the_flusher_cannot_store_is_kept_with_the_reason(ready: Books) -> None:
    reading = stamp(event(key="a", properties={"x": 1}), NOW)
    for _ in range(2):
        ready.run(lambda work: refuse(work, [reading], "not_stored: no"))
    (kept,) = ready.run(rejected_page)
    assert (kept.id, kept.outcome, kept.reason) == (reading.id, "rejected", "not_stored: no")
    assert outcomes(ready, kept.event) == ["accepted"]


def test_a_call_records_at_most_ten_thousand_events(ready: Books) -> None:
    with pytest.raises(Invalid) as refused:
        recorded(ready, *[event()] * 10_001)
    assert refused.value.code == "too_many_events"
    assert recorded(ready) == []


def test_an_hour_that_would_overflow_is_refused_and_changes_nothing(ready: Books) -> None:
    huge = event(quantity=10**18 - 1)
    assert outcomes(ready, *[huge] * 9) == ["accepted"] * 9
    with pytest.raises(Invalid) as refused:
        recorded(ready, huge)
    assert refused.value.code == "usage_out_of_range"
    assert used(ready) == 9 * (10**18 - 1)


def test_a_duplicate_without_a_key_of_its_own_tells_which_event_it_repeats(ready: Books) -> None:
    reading = stamp(event(), NOW)
    keyed = stamp(event(key="a"), NOW)
    readings = [reading, reading, keyed, keyed]
    results = ready.run(lambda work: record_readings(work, readings))
    assert [result.id for result in results] == [reading.id, reading.id, keyed.id, None]
    assert ids.USAGE_EVENT.is_(reading.key)
