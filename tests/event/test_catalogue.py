"""The catalogue knows every fact that can be in the log, and reads it back."""

import re

import pytest
from msgspec.structs import replace

from ledger.customer import operations as customers
from ledger.event import operations as event
from ledger.event.catalogue import catalogue, fact_of
from ledger.event.model import Event
from ledger.plan import operations as plans
from ledger.plan.events import FeatureArchived, FeatureCreated, PlanCreated
from ledger.plan.feature import Feature
from ledger.subscription import operations as subscriptions
from ledger.types.errors import Broken
from ledger.types.json import encode
from tests.plan.desk import NEW_YEAR, Desk
from tests.plan.making import plan_of


def test_every_fact_is_listed_under_the_name_that_the_log_keeps() -> None:
    listed = catalogue()
    assert listed["PlanCreated"] is PlanCreated
    assert {"FeatureArchived", "CustomerUpdated", "SubscriptionUncanceled"} <= listed.keys()
    assert list(listed) == sorted(listed)


@pytest.mark.parametrize(("name", "fact"), catalogue().items())
def test_a_fact_is_named_in_the_past_tense_and_says_what_it_means(
    name: str, fact: type[Event]
) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+ed", name)
    assert fact.__doc__


def test_every_entry_of_the_log_reads_back_as_the_fact_that_was_told(desk: Desk) -> None:
    sso = desk.do(plans.create_feature, Feature("sso", "boolean"))
    gone = desk.do(plans.archive_feature, "sso")
    jane = desk.do(customers.create, "Jane")
    plan = desk.do(plans.create, plan_of())
    sub = desk.do(subscriptions.create, jane.id, "pro")
    entries = list(desk.do(event.page))
    facts = [fact_of(entry) for entry in entries]
    assert facts[:2] == [FeatureCreated(sso), FeatureArchived(gone)]
    assert [fact.entity_id for fact in facts] == [sso.id, sso.id, jane.id, plan.id, sub.id]
    for entry, fact in zip(entries, facts, strict=True):
        assert (entry.type, entry.entity_id, entry.version) == (
            fact.type,
            fact.entity_id,
            fact.version,
        )
        assert entry.at == NEW_YEAR
        assert encode(fact) == bytes(entry.payload)


def test_the_log_is_read_in_pages_in_the_order_of_what_happened(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.do(customers.create, name)
    first = desk.do(event.page, limit=2)
    rest = desk.do(event.page, after=first.next_cursor, limit=2)
    assert [entry.sequence for entry in (*first, *rest)] == [1, 2, 3]
    assert rest.next_cursor is None


def test_what_did_not_happen_is_not_in_the_log(desk: Desk) -> None:
    desk.do(customers.create, "Jane", external_id="user_42")
    desk.refusal(customers.create, "Joe", external_id="user_42")
    assert desk.told() == ["CustomerCreated"]


def test_an_entry_that_nothing_here_knows_is_broken(desk: Desk) -> None:
    desk.do(customers.create, "Jane")
    entry = replace(desk.do(event.page).items[0], type="CustomerVanished")
    with pytest.raises(Broken) as refused:
        fact_of(entry)
    assert refused.value.code == "unknown_event_type"
