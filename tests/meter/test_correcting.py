"""Usage events are voided and replaced by key: then usage is as if the old one had never come."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.event.catalogue import fact_of
from ledger.event.model import Event
from ledger.meter import operations as usage
from ledger.meter.acceptance import digest
from ledger.meter.events import UsageReplaced, UsageVoided
from ledger.meter.model import Claim, StoredEvent, UsageEvent
from ledger.meter.operations import record, total
from ledger.meter.rebuilding import rebuild
from ledger.meter.usage import Piece, raw
from ledger.plan.feature import Aggregation, Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types.errors import Conflict, Invalid, LedgerError, NotFound
from ledger.types.zone import micros
from tests.meter.books import NOW, Books

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def call(key: str | None = None, quantity: int = 1, **more: Any) -> UsageEvent:
    said: dict[str, Any] = {"event": "calls", "customer": "jane", **more}
    return UsageEvent(quantity=quantity, key=key, **said)


@pytest.fixture
def kept(books: Books) -> Books:
    """Books with Jane, four features that read `calls`, and three calls of hers."""
    books.customer("jane")
    books.feature("calls")
    for aggregation in ("count", "max", "last"):
        books.feature(f"calls_{aggregation}", Meter("calls", aggregation))
    books.run(
        lambda work: record(
            work,
            [call("a", 5, time=NOW), call("b", 9, time=NOW), call("c", 2, time=NOW - HOUR)],
        )
    )
    return books


def used(books: Books) -> list[int]:
    """What Jane used: sum, count, greatest, last."""

    def read(work: SqlWork) -> list[int]:
        keys = ("calls", "calls_count", "calls_max", "calls_last")
        return [int(total(work, "jane", key)) for key in keys]

    return books.run(read)


def void(books: Books, *keys: str, reason: str = "a bug") -> list[StoredEvent]:
    return books.run(lambda work: usage.void(work, keys, reason=reason, actor="ops"))


def refusal(books: Books, work: Callable[[SqlWork], object]) -> LedgerError:
    with pytest.raises(LedgerError) as refused:
        books.run(work)
    assert " " in refused.value.message
    return refused.value


def facts(books: Books) -> list[Event]:
    return [fact_of(entry) for entry in books.run(lambda work: work.events.page(None, 100))]


def test_a_voided_event_counts_nowhere(kept: Books) -> None:
    assert used(kept) == [16, 3, 9, 9]
    void(kept, "b")
    assert used(kept) == [7, 2, 5, 5]
    void(kept, "a", "c")
    assert used(kept) == [0, 0, 0, 0]


def test_a_voided_event_says_when_and_why(kept: Books) -> None:
    kept.now += HOUR
    (voided,) = void(kept, "a")
    assert (voided.voided_at, voided.void_reason, voided.state) == (kept.now, "a bug", "voided")
    assert kept.run(lambda work: usage.get(work, "a")) == voided
    assert facts(kept) == [UsageVoided(voided, "a bug", "ops")]
    assert facts(kept)[0].entity_id == voided.id


def test_an_event_is_voided_once(kept: Books) -> None:
    void(kept, "a")
    again = refusal(kept, lambda work: usage.void(work, "a", reason="again"))
    assert (again.code, again.status) == ("already_voided", 409)
    assert used(kept) == [11, 2, 9, 9]


def test_all_are_voided_or_none(kept: Books) -> None:
    unknown = refusal(kept, lambda work: usage.void(work, ["a", "x"], reason="a bug"))
    assert (type(unknown), unknown.code) == (NotFound, "usage_event_not_found")
    assert used(kept) == [16, 3, 9, 9]
    assert facts(kept) == []
    assert void(kept, "a", "a", "b", "a")[1].key == "b"
    assert void(kept) == []


def test_a_voided_event_that_is_sent_again_is_a_duplicate(kept: Books) -> None:
    void(kept, "b")
    again = [call("b", 9, time=NOW), call("b", 8, time=NOW)]
    results = kept.run(lambda work: record(work, again))
    assert [result.outcome for result in results] == ["duplicate", "conflict"]
    assert used(kept) == [7, 2, 5, 5]


def test_an_event_without_a_key_of_its_own_is_voided_by_its_id(kept: Books) -> None:
    (result,) = kept.run(lambda work: record(work, [call(None, 100)]))
    assert used(kept)[0] == 116
    assert result.key is not None
    void(kept, result.key)
    assert used(kept)[0] == 16


@pytest.mark.parametrize("reason", ["", "  ", "x" * 256, None])
def test_a_correction_has_a_reason(kept: Books, reason: str) -> None:
    none = refusal(kept, lambda work: usage.void(work, "a", reason=reason))
    assert (type(none), none.code) == (Invalid, "bad_text")
    assert used(kept) == [16, 3, 9, 9]


def test_what_is_too_late_for_recording_is_too_late_for_correcting(kept: Books) -> None:
    kept.now = NOW.replace(month=8, day=31)
    void(kept, "a")
    kept.now = NOW.replace(month=9, day=1)
    late = refusal(kept, lambda work: usage.void(work, "b", reason="a bug"))
    assert (type(late), late.code) == (Conflict, "too_late")
    new = call(quantity=1, time=kept.now)
    late = refusal(kept, lambda work: usage.replace(work, "b", new, reason="a bug"))
    assert (type(late), late.code) == (Conflict, "too_late")


def test_a_replacement_counts_instead(kept: Books) -> None:
    new = kept.run(lambda work: usage.replace(work, "b", call(quantity=3), reason="a typo"))
    assert used(kept) == [10, 3, 5, 3]  # the last to have arrived at that instant
    assert (new.key, new.time, new.quantity) == ("b", NOW, Decimal(3))
    assert kept.run(lambda work: usage.get(work, "b")) == new
    (fact,) = facts(kept)
    assert isinstance(fact, UsageReplaced)
    assert (fact.usage, fact.before.quantity, fact.before.state) == (new, Decimal(9), "voided")
    assert fact.before.id != new.id


def test_a_replacement_may_be_of_another_time_customer_and_event(kept: Books) -> None:
    kept.customer("joe")
    kept.feature("tokens")
    other = UsageEvent("tokens", "joe", 7, "b", NOW - 3 * HOUR)
    kept.run(lambda work: usage.replace(work, "b", other, reason="a mix-up"))
    assert used(kept) == [7, 2, 5, 5]
    assert kept.run(lambda work: total(work, "joe", "tokens")) == 7
    assert kept.run(lambda work: usage.get(work, "b")).time == NOW - 3 * HOUR


def test_a_replacement_is_found_when_it_is_sent_again(kept: Books) -> None:
    new = call("b", 3, time=NOW - DAY)
    kept.run(lambda work: usage.replace(work, "b", new, reason="a typo"))
    sent = [new, call("b", 9, time=NOW)]
    results = kept.run(lambda work: record(work, sent))
    assert [result.outcome for result in results] == ["duplicate", "conflict"]
    assert used(kept)[:2] == [10, 3]


def test_replacing_an_event_by_what_it_says_changes_nothing(kept: Books) -> None:
    before = kept.run(lambda work: usage.get(work, "b"))
    new = call("b", 3)
    once = kept.run(lambda work: usage.replace(work, "b", new, reason="a typo"))
    twice = kept.run(lambda work: usage.replace(work, "b", new, reason="a typo"))
    assert once == twice != before
    assert len(facts(kept)) == 1


def test_a_voided_event_can_come_back_as_a_replacement(kept: Books) -> None:
    void(kept, "b")
    new = kept.run(lambda work: usage.replace(work, "b", call("b", 9), reason="it was right"))
    assert used(kept) == [16, 3, 9, 9]
    assert kept.run(lambda work: usage.get(work, "b")) == new
    assert [fact.type for fact in facts(kept)] == ["UsageVoided", "UsageReplaced"]
    void(kept, "b")
    assert used(kept) == [7, 2, 5, 5]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (call("other", 1), "other_key"),
        (call("b", time=NOW - 200 * DAY), "too_late"),
        (call("b", time=NOW + DAY), "in_the_future"),
        (call("b", quantity=10**19), "out_of_range"),
        (call("b", event="calls_max"), "reads_another_event"),
        ("no event", "not_a_usage_event"),
    ],
)
def test_a_replacement_that_could_not_be_recorded_is_refused(
    kept: Books, new: UsageEvent, code: str
) -> None:
    wrong = refusal(kept, lambda work: usage.replace(work, "b", new, reason="a typo"))
    assert (type(wrong), wrong.code) == (Invalid, code)
    assert used(kept) == [16, 3, 9, 9]


def test_an_unknown_key_is_not_found(kept: Books) -> None:
    looked = refusal(kept, lambda work: usage.get(work, "x"))
    replaced = refusal(kept, lambda work: usage.replace(work, "x", call(), reason="a typo"))
    assert looked.code == replaced.code == "usage_event_not_found"


def test_an_event_that_waits_is_voided_and_counts_for_nobody(kept: Books) -> None:
    kept.run(lambda work: record(work, [call("w", customer="joe"), call("v", customer="joe")]))
    void(kept, "w")
    assert [event.key for event in kept.run(lambda work: work.usage.unmatched(None, 9))] == ["v"]
    kept.customer("joe")
    assert kept.run(lambda work: total(work, "joe", "calls")) == 1


def test_an_event_that_waits_is_replaced_and_counts(kept: Books) -> None:
    kept.run(lambda work: record(work, [call("w", 4, customer="jnae")]))
    new = kept.run(lambda work: usage.replace(work, "w", call("w", 4), reason="misspelt"))
    assert new.state == "matched"
    assert used(kept)[0] == 20
    assert not kept.run(lambda work: work.usage.unmatched(None, 9)).items
    kept.run(
        lambda work: usage.replace(work, "w", call("w", 4, customer="joe"), reason="somebody else")
    )
    assert used(kept)[0] == 16
    assert [event.key for event in kept.run(lambda work: work.usage.unmatched(None, 9))] == ["w"]


@pytest.mark.parametrize("aggregation", ["sum", "unique", "weighted_sum"])
def test_a_feature_that_came_later_is_not_filled_by_a_correction(
    kept: Books, aggregation: Aggregation
) -> None:
    late = kept.feature("late", Meter("calls", aggregation))
    void(kept, "b")
    kept.run(lambda work: usage.replace(work, "a", call(quantity=4), reason="a typo"))
    kept.run(lambda work: record(work, [call("d", 1, time=NOW - HOUR)]))
    counts = kept.run(lambda work: [len(list(raw_of(work, late))), int(counted(work, late))])
    assert counts == [3, 2]  # a, c and d are stored; it has counted a and d
    kept.run(lambda work: rebuild(work, late, (0, 10**6)))
    assert kept.run(lambda work: counted(work, late)) == 3
    void(kept, "c")
    assert kept.run(lambda work: counted(work, late)) == 2


def raw_of(work: SqlWork, feature: Feature) -> Iterator[Piece]:
    jane = work.customers.get("jane").id
    return raw(work, jane, feature, micros(NOW - DAY), micros(NOW + DAY))


def counted(work: SqlWork, feature: Feature) -> int:
    """How many events a feature has counted; of different values, how many of these."""
    jane, hours = work.customers.get("jane").id, (0, 10**6)
    rollups = work.usage.rollups(jane, feature.id, *hours)
    members = list(work.usage.members(jane, feature.id, *hours))
    return len(members) + sum(q.count for one in rollups for q in one.quarters if q is not None)


def test_an_archived_feature_is_counted_anew_too(kept: Books) -> None:
    kept.run(lambda work: work.features.save(work.features.get("calls").archived()))
    void(kept, "b")
    assert used(kept)[0] == 7


def test_dimensions_and_subscriptions_are_counted_anew(kept: Books) -> None:
    by_model = kept.feature("by_model", Meter("calls", dimensions=("model",)))
    kept.run(lambda work: rebuild(work, by_model, (0, 10**6)))
    sent = [call(f"m{n}", n, properties={"model": "ab"[n % 2]}) for n in range(1, 5)]
    kept.run(lambda work: record(work, sent))
    void(kept, "m2")
    rows = kept.run(lambda work: usage.query(work, "jane", "by_model", group_by="model"))
    assert {row.group["model"]: int(row.quantity) for row in rows} == {"": 16, "a": 4, "b": 4}


def test_many_events_of_many_hours_are_voided_at_once(kept: Books) -> None:
    sent = [call(f"n{n}", n, time=NOW - n * HOUR // 4) for n in range(1, 400)]
    kept.run(lambda work: record(work, sent))
    void(kept, *(f"n{n}" for n in range(1, 400) if n % 7))
    assert used(kept)[:2] == [16 + sum(range(0, 400, 7)), 3 + 57]


def test_a_key_that_was_claimed_before_times_were_kept_is_corrected_too(kept: Books) -> None:
    def forget_time(work: SqlWork) -> None:
        stored = work.usage.claim({digest("b"): Claim(b"?", NOW)})
        work.usage.reclaim({key: Claim(claim.content, None) for key, claim in stored.items()})

    kept.run(forget_time)
    void(kept, "b")
    assert used(kept) == [7, 2, 5, 5]


def test_an_event_whose_time_is_said_later_is_the_same_event(books: Books) -> None:
    books.customer("jane")
    books.feature("calls")
    books.run(lambda work: record(work, [call("k", 2)]))
    books.now += HOUR
    stored = books.run(lambda work: usage.get(work, "k"))
    said = [
        call("k", 2, time=stored.time),
        call("k", 2, time=stored.time + HOUR // 60),
        call("k", 2),
    ]
    results = books.run(lambda work: record(work, said))
    assert [result.outcome for result in results] == ["duplicate", "conflict", "duplicate"]


def test_events_are_listed_by_who_and_when(kept: Books) -> None:
    void(kept, "a")

    def keys(**filters: Any) -> list[str]:
        return [event.key for event in kept.run(lambda work: usage.page(work, **filters))]

    jane = kept.run(lambda work: work.customers.get("jane").id)
    assert keys() == keys(customer="jane") == keys(customer=jane) == ["b", "c"]
    assert keys(state="voided") == ["a"]
    assert keys(start=NOW) == ["b"]
    assert keys(end=NOW) == ["c"]
    assert keys(event="tokens") == keys(customer="nobody") == []
