"""What happened, in order, and what is due, longest first."""

import json
from datetime import timedelta
from threading import Barrier, Thread

from ledger.testing.contract import things
from ledger.testing.contract.store import (
    ACME,
    NOW,
    OTHER_APP,
    OTHER_TENANT,
    Held,
    Store,
    Work,
    pages,
)
from ledger.types import ids

DAY = timedelta(days=1)


class EventLogContract:
    """What an `EventLog` promises."""

    def test_facts_are_kept_with_all_that_is_known_of_them(self, store: Store) -> None:
        acme = Held(store)
        acme.events.add(things.Noted("invoice ü"))
        (entry,) = acme.events.page(None, 10).items
        assert (entry.sequence, entry.at, entry.version) == (1, NOW, 1)
        assert (entry.type, entry.entity_id) == ("Noted", "invoice ü")
        assert json.loads(bytes(entry.payload)) == {"type": "Noted", "what": "invoice ü"}
        assert ids.MESSAGE.is_(entry.id)

    def test_facts_are_listed_in_the_order_in_which_they_were_added(self, store: Store) -> None:
        acme = Held(store)
        for first in range(0, 9, 3):
            _note(acme, *range(first, first + 3))
        found = pages(lambda after: acme.events.page(after, 4))
        assert [[int(entry.entity_id) for entry in page] for page in found] == [
            [0, 1, 2, 3],
            [4, 5, 6, 7],
            [8],
        ]
        sequences = [entry.sequence for page in found for entry in page]
        assert sequences == sorted(set(sequences))

    def test_the_log_goes_on_where_a_reader_stopped(self, store: Store) -> None:
        acme = Held(store)
        _note(acme, 0, 1, 2)
        cursor = acme.events.page(None, 2).next_cursor
        acme.events.add(things.Noted("3"))
        later = acme.events.page(cursor, 10)
        assert [entry.entity_id for entry in later] == ["2", "3"]

    def test_a_transaction_remembers_what_it_added(self, store: Store) -> None:
        def add(work: Work) -> list[object]:
            work.events.add(things.Noted("a"))
            work.events.add(things.Noted("b"))
            return list(work.events.added)

        acme = Held(store)
        assert acme.write(add) == [things.Noted("a"), things.Noted("b")]
        assert acme.read(lambda work: list(work.events.added)) == []


class DueContract:
    """What a `DueRepository` and `Store.due` promise."""

    def test_a_date_is_kept_until_it_is_changed_or_taken_away(self, store: Store) -> None:
        acme = Held(store)
        assert acme.due.get("billing", "sub_1") is None
        for at in (NOW, NOW + DAY, NOW - 400 * 365 * DAY, NOW.replace(microsecond=1)):
            acme.due.put("billing", "sub_1", at)
            assert acme.due.get("billing", "sub_1") == at
            assert acme.due.get("finalize", "sub_1") is None
        for _ in range(2):
            acme.due.put("billing", "sub_1", None)
            assert acme.due.get("billing", "sub_1") is None

    def test_what_is_due_is_listed_longest_due_first(self, store: Store) -> None:
        acme = Held(store)
        dates = {"c": NOW, "a": NOW - DAY, "d": NOW + DAY, "b": NOW - DAY}
        for thing, at in dates.items():
            acme.due.put("billing", thing, at)
        acme.due.put("finalize", "x", NOW)
        assert acme.due.list("billing", NOW, 10) == ["a", "b", "c"]
        assert acme.due.list("billing", NOW, 2) == ["a", "b"]
        assert acme.due.list("billing", NOW - 2 * DAY, 10) == []
        assert store.due("billing", NOW, 10) == [(ACME, "a"), (ACME, "b"), (ACME, "c")]

    def test_what_is_due_anywhere_is_found_across_scopes(self, store: Store) -> None:
        Held(store).due.put("billing", "later", NOW)
        Held(store, OTHER_TENANT).due.put("billing", "first", NOW - DAY)
        assert store.due("billing", NOW, 10) == [(OTHER_TENANT, "first"), (ACME, "later")]
        assert store.due("billing", NOW, 1) == [(OTHER_TENANT, "first")]
        assert store.due("finalize", NOW, 10) == []

    def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(self, store: Store) -> None:
        acme, later = Held(store), NOW + DAY
        assert acme.due.claim("billing", "a", NOW, later)
        assert not acme.due.claim("billing", "b", NOW, later + DAY)
        assert acme.due.claim("other", "b", NOW, later)
        assert Held(store, OTHER_TENANT).due.claim("billing", "b", NOW, later)
        assert acme.due.claim("billing", "a", NOW, later + DAY)  # renewed
        assert not acme.due.claim("billing", "b", later, later + DAY)
        assert acme.due.claim("billing", "b", later + DAY, later + 2 * DAY)  # it had run out
        acme.due.give_back("billing", "a")
        assert not acme.due.claim("billing", "a", later + DAY, later + 2 * DAY)
        acme.due.give_back("billing", "b")
        assert acme.due.claim("billing", "a", later + DAY, later + 2 * DAY)

    def test_of_racing_claims_one_wins(self, store: Store) -> None:
        acme, barrier, won = Held(store), Barrier(4), list[str]()

        def race(holder: str) -> None:
            barrier.wait()
            if acme.due.claim("billing", holder, NOW, NOW + DAY):
                won.append(holder)

        threads = [Thread(target=race, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1

    def test_the_scopes_that_were_written_to_are_listed_by_name(self, store: Store) -> None:
        assert store.scopes() == []
        for scope in (OTHER_TENANT, ACME, OTHER_APP):
            Held(store, scope).due.put("billing", "x", NOW)
        assert store.scopes() == [ACME, OTHER_APP, OTHER_TENANT]
        assert store.scopes(None, 2) == [ACME, OTHER_APP]
        assert store.scopes(OTHER_APP) == [OTHER_TENANT]

    def test_upkeep_takes_nothing_away(self, store: Store) -> None:
        acme = Held(store)
        acme.features.add(things.feature())
        for _ in range(2):
            assert all(" " in sentence for sentence in store.keep_up(NOW))
        assert acme.features.get("api_calls").key == "api_calls"


def _note(acme: Held, *numbers: int) -> None:
    def work(work: Work) -> None:
        for number in numbers:
            work.events.add(things.Noted(str(number)))

    acme.write(work)
