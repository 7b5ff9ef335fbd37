"""Whatever is recorded, voided and replaced, in whatever order: rollups are what is left."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.meter import operations as usage
from ledger.meter.aggregation import aggregate
from ledger.meter.model import UsageEvent
from ledger.meter.operations import quantity_in, record
from ledger.meter.retrying import Names, retry_page
from ledger.meter.usage import raw
from ledger.plan.feature import AGGREGATIONS, Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types.ids import CustomerId
from ledger.types.period import Period
from ledger.types.zone import micros
from tests.meter.books import NOW, Books

START, END = NOW - timedelta(hours=4), NOW - timedelta(hours=1)
CUSTOMERS = ("jane", "joe", "nobody")  # the last one becomes known, or her usage somebody else's
KEYS = [f"k{n}" for n in range(8)]

Verb = Literal["record", "again", "void", "replace", "rename", "become known"]
VERBS: list[Verb] = [
    "record", "record", "record", "record", "again", "void", "void", "replace", "replace", "rename",
    "become known",
]  # fmt: skip  # how often each is drawn


class Step(NamedTuple):
    """Something that is done with a key: it is sent (again), voided, replaced; or names change."""

    verb: Verb
    key: str
    customer: str
    time: datetime
    quantity: Decimal
    model: str

    @property
    def event(self) -> UsageEvent:
        return UsageEvent(
            "calls", self.customer, self.quantity, self.key, self.time, {"model": self.model}
        )


minutes = st.integers(0, 3 * 60 - 1).map(lambda minute: START + timedelta(minutes=minute))
few = st.sampled_from([START + timedelta(minutes=n) for n in (0, 14, 15, 59, 60, 61)])
steps = st.builds(
    Step,
    st.sampled_from(
        ("record",) * 4 + ("again", "void", "void", "replace", "replace", "rename", "become known")
    ),
    st.sampled_from(KEYS),
    st.sampled_from(CUSTOMERS),
    few | minutes,
    st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-3)),
    st.sampled_from("ab"),
)


class Expected:
    """What plain Python makes of the steps: the events that count, in order of arrival."""

    def __init__(self) -> None:
        self.counting: list[UsageEvent] = []
        self.first: dict[str, UsageEvent] = {}
        self.is_known = False

    def of(self, key: str) -> UsageEvent | None:
        """The event that counts, or waits, under a key."""
        return next((event for event in self.counting if event.key == key), None)

    def drop(self, key: str) -> None:
        self.counting = [event for event in self.counting if event.key != key]

    def waiting(self) -> list[UsageEvent]:
        if self.is_known:
            return []
        return [event for event in self.counting if event.customer == "nobody"]


@settings(max_examples=80, deadline=None)
@given(sequence=st.lists(st.lists(steps, min_size=1, max_size=4), max_size=14))
def test_usage_is_what_is_left_after_any_corrections(
    new_books: Callable[[], Books], sequence: Sequence[Sequence[Step]]
) -> None:
    books = new_books()
    customers = {name: books.customer(name).id for name in CUSTOMERS[:2]}
    features = [
        books.feature(f"calls_{number}", meter)
        for number, meter in enumerate(
            [
                *(
                    Meter("calls", aggregation, dimensions=("model",))
                    for aggregation in AGGREGATIONS
                ),
                Meter("calls", "weighted_sum", dimensions=("model",), level="change", per="hour"),
                Meter("calls", "unique", property="model"),
                Meter("calls", "sum", where={"model": "a"}),
            ]
        )
    ]
    expected = Expected()
    for several in sequence:
        for step in several:
            do(books, expected, step, customers)
    for name, customer in customers.items():
        for feature in features:
            compare(books, feature, customer, [e for e in expected.counting if e.customer == name])


def do(books: Books, expected: Expected, step: Step, customers: dict[str, CustomerId]) -> None:
    """Do a step, in the books and in plain Python, and see that both answer the same."""
    there, known = expected.of(step.key), step.key in expected.first
    match step.verb:
        case "record":
            (result,) = books.run(lambda work: record(work, [step.event]))
            if not known:
                expected.first[step.key] = step.event
                expected.counting.append(step.event)
            assert result.outcome == ("accepted" if not known else result.outcome)
            assert not known or result.outcome in {"duplicate", "conflict"}
        case "again" if known:
            (result,) = books.run(lambda work: record(work, [expected.first[step.key]]))
            assert result.outcome == "duplicate"
        case "void" if there is not None:
            books.run(lambda work: usage.void(work, step.key, reason="wrong"))
            expected.drop(step.key)
        case "replace" if known:
            new = books.run(lambda work: usage.replace(work, step.key, step.event, reason="wrong"))
            assert new.key == step.key
            if there != step.event:
                expected.drop(step.key)
                expected.counting.append(step.event)
            expected.first[step.key] = step.event
        case "rename":
            names = Names(customer="joe")
            books.run(lambda work: retry_page(work, None, names=names, reason="wrong"))
            for event in expected.waiting():
                moved = UsageEvent(
                    "calls", "joe", event.quantity, event.key, event.time, event.properties
                )
                expected.drop(event.key or "")
                expected.counting.append(moved)
                expected.first[event.key or ""] = moved
        case "become known" if not expected.is_known:
            customers["nobody"] = books.customer("nobody").id
            matched = expected.waiting()
            expected.is_known = True
            expected.counting = [e for e in expected.counting if e not in matched] + matched
        case _:
            pass


def compare(
    books: Books, feature: Feature, customer: CustomerId, events: Sequence[UsageEvent]
) -> None:
    """Rollups are what the events come to by definition, and what the raw events say."""
    meter = feature.meter
    assert meter is not None
    wanted = [e for e in events if e.properties["model"] == meter.where.get("model", "a")]
    counting = wanted if meter.where else events
    pairs = [
        (event.time or NOW, str(event.properties["model"]) if meter.property else event.quantity)
        for event in counting
    ]
    values = [(time, value if isinstance(value, str) else Decimal(value)) for time, value in pairs]

    def read(work: SqlWork) -> tuple[Decimal, int]:
        stored = list(raw(work, customer, feature, micros(START), micros(END)))
        return quantity_in(work, customer, feature, Period(START, END)), len(stored)

    quantity, stored = books.run(read)
    come_to = aggregate(
        meter.aggregation, values, START, END, level=meter.level, per=meter.per
    ).quantity
    assert (quantity, stored) == (come_to, len(counting))
