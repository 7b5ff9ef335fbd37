"""What was known at an instant is told later exactly as it was told then."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger
from ledger import Conflict, Feature, Invalid, Meter, MeterConfig, UsageEvent, UsageRow
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.plan.feature import Aggregation
from ledger.testing.clock import MovableClock

Acme = Tenant[Blocking]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
START, END = NEW_YEAR - 3 * DAY + timedelta(minutes=7), NEW_YEAR + 2 * DAY + timedelta(minutes=52)
CUSTOMERS = ("jane", "joe")


@pytest.fixture
def jane(acme: Acme) -> str:
    acme.features.create(Feature("calls", "metered"))
    return acme.customers.create(name="Jane", external_id="jane").id


def used(acme: Acme, as_of: datetime | None = None) -> Decimal:
    return acme.usage.total("jane", "calls", start=START, end=END, as_of=as_of)


def test_what_came_in_later_does_not_count(acme: Acme, jane: str, clock: MovableClock) -> None:
    acme.usage.record([UsageEvent("calls", "jane", 5), UsageEvent("calls", "jane", 2)])
    clock.advance(HOUR)
    acme.meter("jane", "calls", 100, time=NEW_YEAR)  # late, into the same hour
    acme.meter("jane", "calls", 1000)
    assert used(acme) == 1107
    assert used(acme, as_of=clock.now()) == 1107
    assert used(acme, as_of=NEW_YEAR + timedelta(minutes=59)) == 7
    assert used(acme, as_of=NEW_YEAR) == 7
    assert used(acme, as_of=NEW_YEAR - HOUR) == 0


def test_what_was_voided_later_still_counts(acme: Acme, jane: str, clock: MovableClock) -> None:
    acme.usage.record([UsageEvent("calls", "jane", 5, key="a"), UsageEvent("calls", "jane", 2)])
    acme.usage.record([UsageEvent("calls", "jane", 9, key="alone", time=NEW_YEAR - 5 * HOUR)])
    clock.advance(HOUR)
    acme.usage.void(["a", "alone"], reason="a test")
    clock.advance(HOUR)
    assert [used(acme, NEW_YEAR), used(acme, NEW_YEAR + HOUR), used(acme)] == [16, 2, 2]


def test_the_period_is_the_one_of_then(acme: Acme, jane: str, clock: MovableClock) -> None:
    acme.usage.record([UsageEvent("calls", "jane", 5)])
    clock.advance(40 * DAY)
    acme.usage.record([UsageEvent("calls", "jane", 1)])
    assert acme.usage.total("jane", "calls") == 1
    assert acme.usage.total("jane", "calls", as_of=NEW_YEAR + DAY) == 5


def test_an_event_that_waited_counts_from_when_it_came_in(
    acme: Acme, jane: str, clock: MovableClock
) -> None:
    acme.usage.record([UsageEvent("tokens", "jane", 5)])
    clock.advance(HOUR)
    acme.features.create(Feature("tokens", "metered"))
    assert acme.usage.total("jane", "tokens", as_of=NEW_YEAR) == 5


def test_a_feature_counts_as_it_does_today(acme: Acme, jane: str, clock: MovableClock) -> None:
    acme.usage.record([UsageEvent("calls", "jane", 5)])
    clock.advance(HOUR)
    acme.usage.record([UsageEvent("calls", "jane", 5)])
    acme.features.update("calls", meter=Meter("calls", "count"))
    acme.features.backfill("calls")
    assert [used(acme, NEW_YEAR), used(acme)] == [1, 2]


def test_what_is_not_known_yet_or_no_more_is_refused(
    acme: Acme, jane: str, clock: MovableClock
) -> None:
    with pytest.raises(Invalid) as ahead:
        used(acme, as_of=NEW_YEAR + HOUR)
    assert ahead.value.code == "as_of_in_the_future"
    with pytest.raises(Invalid) as naive:
        used(acme, as_of=datetime(2025, 1, 1))  # noqa: DTZ001 - on purpose
    assert naive.value.code == "naive_datetime"
    acme.usage.record([UsageEvent("calls", "jane", 5)])
    clock.advance(200 * DAY)
    acme.usage.expire(NEW_YEAR + DAY)
    assert used(acme, as_of=NEW_YEAR) == 5  # nothing was added since, so nothing is counted anew
    with pytest.raises(Conflict) as gone:
        used(acme, as_of=NEW_YEAR - HOUR)
    assert gone.value.code == "usage_expired"


METERS: dict[Aggregation, Meter] = {
    "sum": Meter("calls", property="size", dimensions=("kind",)),
    "count": Meter("calls", "count", where={"kind": "2"}),
    "max": Meter("calls", "max", property="size", dimensions=("kind",)),
    "last": Meter("calls", "last", property="size", dimensions=("kind",)),
    "unique": Meter("calls", "unique", property="size", dimensions=("kind",)),
    "weighted_sum": Meter("calls", "weighted_sum", property="size", dimensions=("kind",)),
}
# How many minutes before it comes in an event was, its value, its kind, whose it is.
SAID = st.tuples(
    st.one_of(st.integers(-4, 90), st.integers(0, 3 * 24 * 60)),
    st.integers(-3, 9),
    st.sampled_from([1, 2]),
    st.sampled_from(CUSTOMERS),
)
# Events that come in together, and which of all before them, if any, is voided then.
BATCHES = st.lists(
    st.tuples(st.lists(SAID, max_size=6), st.one_of(st.none(), st.integers(0, 30))),
    min_size=1,
    max_size=5,
)


def told(acme: Acme, as_of: datetime | None) -> list[list[UsageRow] | Decimal]:
    """All that can be asked about the usage of both."""
    ask = acme.usage.query
    return [
        *(acme.usage.total(who, "calls", START, END, as_of=as_of) for who in CUSTOMERS),
        ask(CUSTOMERS, "calls", START, END, as_of=as_of),
        ask(CUSTOMERS, "calls", START, END, "hour", as_of=as_of),
        ask(CUSTOMERS, "calls", START, END, "day", "kind", "Asia/Kolkata", as_of=as_of),
    ]


@settings(max_examples=25)
@given(BATCHES, st.sampled_from(sorted(METERS)), st.sampled_from([7, 60, 700]))
def test_what_was_told_then_is_told_as_of_then(
    batches: list[tuple[list[tuple[int, int, int, str]], int | None]],
    aggregation: Aggregation,
    minutes: int,
) -> None:
    clock = MovableClock(NEW_YEAR)
    with ledger.open("sqlite:///:memory:", clock=clock, meter=MeterConfig(spool=False)) as engine:
        acme = engine.tenant("acme")
        acme.features.create(Feature("calls", "metered", METERS[aggregation]))
        for name in CUSTOMERS:
            acme.customers.create(name=name, external_id=name)
        then: list[tuple[datetime, list[list[UsageRow] | Decimal]]] = []
        keys: list[str] = []
        for batch, voided in batches:
            now = clock.now()
            if voided is not None and keys:
                acme.usage.void(keys.pop(voided % len(keys)), reason="wrong")
            new = [f"{len(then)}-{number}" for number in range(len(batch))]
            keys += new
            acme.usage.record(
                [
                    UsageEvent(
                        "calls",
                        who,
                        key=key,
                        time=now - timedelta(minutes=ago),
                        properties={"size": size, "kind": kind},
                    )
                    for key, (ago, size, kind, who) in zip(new, batch, strict=True)
                ]
            )
            then.append((now, told(acme, None)))
            clock.advance(timedelta(minutes=minutes))
        for at, was in then:
            assert told(acme, at) == was
