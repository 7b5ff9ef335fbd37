"""Usage that waits or was refused is retried, as it is or as it should have been, or given up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from ledger.event.catalogue import fact_of
from ledger.event.model import Event
from ledger.meter import operations as usage
from ledger.meter.events import RejectedUsageDismissed, RejectedUsageRetried
from ledger.meter.model import RejectedEvent, Retry, StoredEvent, UsageEvent
from ledger.meter.operations import record, total
from ledger.meter.rebuilding import rebuild
from ledger.meter.retrying import Names, retry_keys, retry_page
from ledger.plan.feature import Feature, Meter
from ledger.store.sql.work import SqlWork
from ledger.types.errors import Conflict, Invalid, LedgerError, NotFound
from ledger.types.ids import USAGE_EVENT
from tests.meter.books import NOW, Books

DAY = timedelta(days=1)


def call(key: str, quantity: int = 1, **more: Any) -> UsageEvent:
    said: dict[str, Any] = {"event": "calls", "customer": "jane", **more}
    return UsageEvent(quantity=quantity, key=key, **said)


@pytest.fixture
def kept(books: Books) -> Books:
    """Books with Jane and a feature that sums `calls`."""
    books.customer("jane")
    books.feature("calls")
    return books


def sent(books: Books, *events: UsageEvent) -> list[str]:
    return [result.outcome for result in books.run(lambda work: record(work, events))]


def used(books: Books, customer: str = "jane", feature: str = "calls") -> int:
    return int(books.run(lambda work: total(work, customer, feature)))


def waiting(books: Books) -> list[str]:
    return [event.key for event in books.run(lambda work: work.usage.unmatched(None, 99))]


def refused(books: Books) -> list[RejectedEvent]:
    return list(books.run(lambda work: work.usage.rejected(None, 99)))


def retried(books: Books, *names: str | None, **filters: Any) -> Retry:
    return books.run(
        lambda work: retry_page(work, None, names=Names(*names), reason="misspelt", **filters)
    ).retry


def refusal(books: Books, work: Callable[[SqlWork], object]) -> LedgerError:
    with pytest.raises(LedgerError) as raised:
        books.run(work)
    return raised.value


def facts(books: Books) -> list[Event]:
    return [fact_of(entry) for entry in books.run(lambda work: work.events.page(None, 100))]


def test_events_under_a_wrong_name_count_under_the_right_one(kept: Books) -> None:
    sent(kept, call("a", 1, customer="jnae"), call("b", 2, event="clals"), call("c", customer="x"))
    assert retried(kept, "jane", customer="jnae") == Retry(1, 1, 0)
    assert used(kept) == 1
    assert retried(kept, None, "calls", event="clals") == Retry(1, 1, 0)
    assert used(kept) == 3
    assert waiting(kept) == ["c"]
    assert [fact.type for fact in facts(kept)] == ["UsageReplaced"] * 2
    assert sent(kept, call("a", 1), call("a", 1, customer="jnae")) == ["duplicate", "conflict"]


def test_a_new_name_may_be_unknown_as_well(kept: Books) -> None:
    sent(kept, call("a", 4, customer="jnae"))
    assert retried(kept, "joe") == Retry(0, 1, 0)
    assert retried(kept, "joe") == Retry(0, 0, 0)  # it says so already
    assert waiting(kept) == ["a"]
    kept.customer("joe")
    assert used(kept, "joe") == 4


def test_an_event_that_nobody_could_count_is_not_renamed(kept: Books) -> None:
    kept.feature("tokens", Meter("llm", property="tokens"))
    bad = call("bad", event="lml", properties={"tokens": "many"})
    sent(kept, call("good", event="lml", properties={"tokens": 5}), bad)
    assert retried(kept, None, "llm", event="lml") == Retry(1, 1, 1)
    assert waiting(kept) == ["bad"]
    assert used(kept, feature="tokens") == 5


def test_what_was_missed_is_matched(kept: Books) -> None:
    """Where many write at once an event may come in just while its customer becomes known."""
    sent(kept, call("a", 4, customer="joe"), call("b", 2, event="late"), call("c", customer="who"))
    sent(kept, call("d", customer="joe", event="later"))
    joe = kept.customer("another name")
    late = Feature("late", "metered")

    def unseen(work: SqlWork) -> None:
        work.customers.save(structs.replace(joe, external_id="joe", version=joe.version + 1))
        work.features.add(late)

    kept.run(unseen)
    part = kept.run(lambda work: retry_page(work, None))
    assert part.retry == Retry(matched=2)
    assert part.customers == {joe.id, kept.run(lambda work: work.customers.get("jane").id)}
    assert (used(kept, "joe"), used(kept, "jane", "late")) == (4, 2)
    assert waiting(kept) == ["c", "d"]
    left = {e.key: e.unmatched for e in kept.run(lambda work: work.usage.unmatched(None, 9))}
    assert left == {"c": "unknown_customer", "d": "unknown_event"}
    assert kept.run(lambda work: retry_page(work, None)).retry == Retry()
    assert facts(kept) == []  # nothing was corrected


def test_single_events_are_retried_by_key(kept: Books) -> None:
    sent(kept, call("a", 1, customer="jnae"), call("b", 2, customer="jnae"), call("good", 4))
    names = Names("jane")
    part = kept.run(lambda work: retry_keys(work, ["b"], names=names, actor="ops"))
    assert part.retry == Retry(1, 1, 0)
    assert (used(kept), waiting(kept)) == (6, ["a"])
    (fact,) = facts(kept)
    assert (getattr(fact, "reason", ""), getattr(fact, "actor", "")) == (
        "recorded as of customer jane",
        "ops",
    )
    known = refusal(kept, lambda work: retry_keys(work, ["good"]))
    assert (type(known), known.code) == (Conflict, "not_waiting")


def test_waiting_events_are_given_up_with_a_reason(kept: Books) -> None:
    sent(kept, call("a", customer="test"), call("b", customer="test"), call("good"))
    given = kept.run(lambda work: usage.dismiss_unmatched(work, "a", reason="a test"))
    assert [(event.key, event.void_reason) for event in given] == [("a", "a test")]
    assert waiting(kept) == ["b"]
    assert [fact.type for fact in facts(kept)] == ["UsageVoided"]
    known = refusal(kept, lambda work: usage.dismiss_unmatched(work, ["b", "good"], reason="x"))
    assert (type(known), known.code) == (Conflict, "not_waiting")
    assert waiting(kept) == ["b"]


def again(books: Books, *entries: RejectedEvent, **changes: Any) -> list[tuple[str, str | None]]:
    given = [entry.id for entry in entries]
    results = books.run(lambda work: usage.retry_rejected(work, given, **changes))
    return [(result.outcome, (result.reason or "").partition(":")[0] or None) for result in results]


def test_a_refused_event_is_recorded_when_it_fits(kept: Books) -> None:
    assert sent(kept, call("a", 3, time=NOW + DAY)) == ["rejected"]
    (entry,) = refused(kept)
    assert again(kept, entry) == [("rejected", "in_the_future")]
    assert refused(kept) == [entry]
    assert facts(kept) == []
    kept.now = NOW + DAY
    assert again(kept, entry, actor="ops") == [("accepted", None)]
    assert refused(kept) == []
    assert used(kept) == 3
    stored = kept.run(lambda work: usage.get(work, "a"))
    assert (stored.id, stored.time) == (entry.id, NOW + DAY)
    (fact,) = facts(kept)
    assert isinstance(fact, RejectedUsageRetried)
    assert (fact.refused.refusal, fact.entity_id, fact.actor) == (entry.reason, entry.id, "ops")
    assert sent(kept, call("a", 3, time=NOW + DAY), call("a", 3)) == ["duplicate"] * 2


def test_a_refused_event_is_recorded_with_what_it_should_have_said(kept: Books) -> None:
    kept.feature("tokens", Meter("llm"))
    kept.customer("joe")
    sent(
        kept,
        call("late", 1, time=NOW - 400 * DAY),
        call("odd", 2, event="tokens"),
        call("late too", 4, time=NOW - 400 * DAY),
    )
    late, odd, late_too = refused(kept)
    assert again(kept, late, late_too, as_time=NOW) == [("accepted", None)] * 2
    assert again(kept, odd, as_event="llm", as_customer="joe") == [("accepted", None)]
    assert refused(kept) == []
    assert (used(kept), used(kept, "joe", "tokens")) == (5, 2)


def test_a_refused_event_may_have_to_wait_after_all(kept: Books) -> None:
    sent(kept, call("a", customer="joe", time=NOW + DAY))
    assert again(kept, *refused(kept), as_time=NOW) == [("accepted", None)]
    assert (refused(kept), waiting(kept)) == ([], ["a"])


def test_another_event_under_a_taken_key_needs_a_key_of_its_own(kept: Books) -> None:
    assert sent(kept, call("a", 1), call("a", 5)) == ["accepted", "conflict"]
    (entry,) = refused(kept)
    assert again(kept, entry) == [("conflict", "conflict")]
    assert again(kept, entry, as_key="a2") == [("accepted", None)]
    assert (used(kept), refused(kept)) == (6, [])
    assert kept.run(lambda work: usage.get(work, "a2")).id == entry.id


def test_what_was_stored_meanwhile_leaves_the_list(kept: Books) -> None:
    sent(kept, call("a", 3, time=NOW + DAY))
    kept.now = NOW + DAY
    assert sent(kept, call("a", 3, time=NOW + DAY)) == ["accepted"]
    assert again(kept, *refused(kept)) == [("duplicate", None)]
    assert (used(kept), refused(kept)) == (3, [])


def uncountable(kept: Books) -> RejectedEvent:
    """An event that is stored, and that a feature which was filled later cannot count."""
    sent(kept, call("a", 3, properties={"tokens": "many"}))
    tokens = kept.feature("tokens", Meter("calls", property="tokens"))
    kept.run(lambda work: rebuild(work, tokens, (0, 10**6)))
    (entry,) = refused(kept)
    assert entry.reason.startswith("bad_decimal")
    return entry


def test_a_stored_event_that_could_not_be_counted_is_counted_again(kept: Books) -> None:
    entry = uncountable(kept)
    assert again(kept, entry) == [("rejected", "bad_decimal")]
    assert [left.id for left in refused(kept)] == [entry.id]
    tokens = kept.run(lambda work: work.features.get("tokens"))

    def mend(work: SqlWork) -> None:
        work.features.save(replace(tokens, meter=Meter("calls")))

    kept.run(mend)
    assert again(kept, entry) == [("accepted", None)]
    assert (used(kept), used(kept, feature="tokens"), refused(kept)) == (3, 3, [])


def test_a_stored_event_that_could_not_be_counted_is_replaced(kept: Books) -> None:
    entry = uncountable(kept)
    wrong = refusal(kept, lambda work: usage.retry_rejected(work, entry.id, as_key="b"))
    assert wrong.code == "other_key"
    assert again(kept, entry, as_time=NOW + DAY) == [("rejected", "in_the_future")]
    mended = call("a", 3, properties={"tokens": 7})
    kept.run(lambda work: usage.replace(work, "a", mended, reason="a typo"))
    assert (used(kept), used(kept, feature="tokens"), refused(kept)) == (3, 7, [])


def test_a_stored_event_is_not_stored_twice_by_a_retry(kept: Books) -> None:
    kept.customer("joe")
    kept.feature("ok", Meter("fine"))
    entry = uncountable(kept)
    assert again(kept, entry, as_event="fine", as_customer="joe") == [("accepted", None)]
    assert (used(kept), used(kept, "joe", "ok"), refused(kept)) == (0, 3, [])
    assert [fact.type for fact in facts(kept)] == ["UsageReplaced", "RejectedUsageRetried"]


def test_a_voided_event_is_nothing_that_could_not_be_counted(kept: Books) -> None:
    uncountable(kept)
    kept.run(lambda work: usage.void(work, "a", reason="a typo"))
    assert refused(kept) == []


def test_what_was_given_up_is_not_listed_again_by_a_correction_beside_it(kept: Books) -> None:
    sent(kept, call("b", 1))
    entry = uncountable(kept)
    kept.run(lambda work: usage.dismiss_rejected(work, entry.id, reason="fine without"))
    kept.run(lambda work: usage.void(work, "b", reason="a bug"))
    assert (used(kept), refused(kept)) == (3, [])


def test_refused_events_are_given_up_with_a_reason(kept: Books) -> None:
    sent(kept, call("a", 3, time=NOW + DAY, properties={"n": 1}), call("b", time=NOW + DAY))
    first, second = refused(kept)
    given = kept.run(lambda work: usage.dismiss_rejected(work, first.id, reason="a test"))
    assert given == [first]
    assert refused(kept) == [second]
    (fact,) = facts(kept)
    assert isinstance(fact, RejectedUsageDismissed)
    said = fact.refused
    assert (said.key, int(said.quantity), said.time) == ("a", 3, NOW + DAY)
    assert said.properties == {"n": 1}
    assert (fact.reason, fact.actor) == ("a test", None)


@pytest.mark.parametrize("operation", [usage.retry_rejected, usage.dismiss_rejected])
def test_only_refused_events_are_retried_or_given_up(
    kept: Books, operation: Callable[..., object]
) -> None:
    sent(kept, call("a", time=NOW + DAY), call("b", time=NOW + DAY))
    some = [entry.id for entry in refused(kept)]
    for wrong, kind, code in (
        ([some[0], USAGE_EVENT.new()], NotFound, "rejected_usage_event_not_found"),
        (["a"], Invalid, "wrong_id"),
        ([USAGE_EVENT.new()] * 10_001, Invalid, "too_many_events"),
    ):
        found = refusal(kept, lambda work, wrong=wrong: operation(work, wrong, reason="x"))  # type: ignore[misc]  # the default binds the loop's value
        assert (type(found), found.code) == (kind, code)
    assert len(refused(kept)) == 2


def test_several_events_cannot_have_one_key(kept: Books) -> None:
    sent(kept, call("a", time=NOW + DAY), call("b", time=NOW + DAY))
    ids = [entry.id for entry in refused(kept)]
    wrong = refusal(kept, lambda work: usage.retry_rejected(work, ids, as_key="c"))
    assert wrong.code == "one_key_for_several"


def test_a_change_that_says_nothing_is_refused(kept: Books) -> None:
    sent(kept, call("a", time=NOW + DAY))
    (entry,) = refused(kept)
    wrong = refusal(kept, lambda work: usage.retry_rejected(work, entry.id, as_event="no name"))
    assert wrong.code == "bad_key"
    wrong = refusal(kept, lambda work: usage.retry_rejected(work, entry.id, as_customer=""))
    assert wrong.code == "bad_customer"


def test_lists_are_filtered(kept: Books) -> None:
    sent(kept, call("a", time=NOW + DAY), call("b"), call("b", 2), call("c", customer="joe"))
    page = usage.rejected_page

    def keys(**filters: Any) -> list[str | None]:
        return [e.event.key for e in kept.run(lambda work: page(work, **filters))]

    assert keys(outcome="conflict") == keys(code="conflict") == ["b"]
    assert keys(code="in_the_future") == ["a"]
    found: list[StoredEvent] = list(
        kept.run(lambda work: usage.unmatched_page(work, customer="joe", event="calls"))
    )
    assert [event.key for event in found] == ["c"]
