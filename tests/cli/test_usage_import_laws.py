"""Laws of `usage import`: order does not matter, and a stream is read as if it were whole."""

import io
import json
import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import EventResult, UsageEvent
from ledger.cli.usage_import.importing import Account, Import, Refusal
from ledger.cli.usage_import.mapping import RowMapping
from ledger.cli.usage_import.rows import BadRow, Row, read

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["calls", "other"]),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["2026-03-10T09:00:00Z", "2026-03-10 09:00:00", "2026-03-09T10:00+01:00"]),
        st.sampled_from(["1", "1.0", "2", "0.5"]),
    ),
    max_size=30,
)


class Shelf:
    """Keeps events by key, as a store does: what is there already is a duplicate."""

    def __init__(self) -> None:
        self.kept: dict[str, UsageEvent] = {}

    def record(self, events: list[UsageEvent]) -> list[EventResult]:
        return [self._record(event) for event in events]

    def _record(self, event: UsageEvent) -> EventResult:
        assert event.key is not None
        known = self.kept.setdefault(event.key, event)
        if known is event:
            return EventResult("accepted", None, event.key)
        same = (known.event, known.customer, known.quantity, known.time)
        assert same == (event.event, event.customer, event.quantity, event.time)
        return EventResult("duplicate", None, event.key)

    def take(self, rows: list[Row | BadRow]) -> Account:
        def refused(refusal: Refusal) -> None:
            raise AssertionError(refusal)

        work = Import(
            mapping=RowMapping(),
            record=lambda events: self.record(list(events)),
            refuse=refused,
            stored=lambda _: None,
            batch_size=7,
            is_table=True,
        )
        return work.run(rows)


@settings(max_examples=60)
@given(ROWS, st.randoms(use_true_random=False))
def test_any_order_of_the_same_rows_is_the_same_file(
    rows: list[tuple[str, str, str, str]], shuffler: random.Random
) -> None:
    shelf = Shelf()
    names = ("event", "customer", "time", "quantity")
    taken: list[Row | BadRow] = [
        Row(number, dict(zip(names, row, strict=True))) for number, row in enumerate(rows, start=2)
    ]
    assert shelf.take(taken).accepted == len(rows)
    shuffler.shuffle(taken)
    again = shelf.take(taken)
    assert (again.accepted, again.duplicate) == (0, len(rows))
    wanted = sum((Decimal(row[3]) for row in rows), Decimal(0))
    assert sum((Decimal(event.quantity) for event in shelf.kept.values()), Decimal(0)) == wanted


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), max_size=8))
def test_an_array_is_read_as_json_reads_it(objects: list[dict[str, str]]) -> None:
    for indent in (None, 2):
        text = json.dumps(objects, indent=indent, ensure_ascii=False).encode("utf-8", "replace")
        rows = list(read(_Drops(text), "json"))
        assert [row.values for row in rows if isinstance(row, Row)] == json.loads(text)
        if indent and objects:
            first = rows[0]
            assert first.line == 2


class _Drops(io.BytesIO):
    """A stream that gives a few bytes at a time, wherever characters begin or end."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))
