"""Features and plans are defined, changed and withdrawn; who bought keeps what was bought."""

from datetime import timedelta
from typing import Any

import pytest

from ledger.plan import operations as plans
from ledger.plan.feature import Feature
from ledger.plan.model import Plan
from ledger.plan.price import Price
from ledger.types.errors import Conflict, NotFound
from ledger.types.ids import CUSTOMER, FEATURE, PLAN
from ledger.types.money import USD
from tests.plan.desk import NEW_YEAR, Desk
from tests.plan.making import plan_of

CHEAP = [Price.flat(USD(1900))]
DEAR = [Price.flat(USD(4900)), Price.per_unit("api_calls", "0.05")]


@pytest.fixture
def calls(desk: Desk) -> Feature:
    return desk.do(plans.create_feature, Feature("api_calls", "metered", unit="call"))


@pytest.fixture
def pro(desk: Desk, calls: Feature) -> Plan:
    return desk.do(plans.create, plan_of(*DEAR))


def test_a_feature_is_found_by_key_and_by_id(desk: Desk, calls: Feature) -> None:
    assert calls.created_at == NEW_YEAR
    assert desk.do(plans.get_feature, "api_calls") == calls
    assert desk.do(plans.get_feature, calls.id) == calls
    assert desk.told() == ["FeatureCreated"]


def test_a_feature_that_was_archived_elsewhere_is_created_active(desk: Desk) -> None:
    gone = Feature("gone", "boolean", status="archived")
    assert desk.do(plans.create_feature, gone).status == "active"


def test_a_feature_key_is_taken_once(desk: Desk, calls: Feature) -> None:
    for again in (calls, Feature("api_calls", "boolean")):
        refused = desk.refusal(plans.create_feature, again)
        assert isinstance(refused, Conflict)
        assert refused.code == "feature_exists"


def test_a_feature_changes_its_name_and_not_its_meter(desk: Desk, calls: Feature) -> None:
    renamed = desk.do(plans.update_feature, "api_calls", name="Requests")
    assert (renamed.name, renamed.unit, renamed.meter) == ("Requests", "call", calls.meter)
    assert desk.do(plans.update_feature, "api_calls", unit="request").name == "Requests"
    tagged = desk.do(plans.update_feature, "api_calls", metadata={"team": "api"})
    assert desk.do(plans.get_feature, calls.id) == tagged
    assert desk.told() == ["FeatureCreated"] + ["FeatureUpdated"] * 3


def test_a_change_to_what_is_there_tells_nothing(desk: Desk, calls: Feature) -> None:
    assert desk.do(plans.update_feature, "api_calls", name=calls.name, metadata={}) == calls
    assert desk.told() == ["FeatureCreated"]


def test_an_archived_feature_is_refused_by_new_plans_only(desk: Desk, pro: Plan) -> None:
    desk.do(plans.archive_feature, "api_calls")
    assert desk.refusal(plans.archive_feature, "api_calls").code == "feature_archived"
    assert desk.do(plans.get, "pro") == pro
    refused = desk.refusal(plans.create, plan_of(*DEAR, key="max"))
    assert (refused.code, refused.param) == ("archived_feature", "prices[1].feature")


def test_features_are_listed_by_key_and_status(desk: Desk, calls: Feature) -> None:
    sso = desk.do(plans.create_feature, Feature("sso", "boolean"))
    desk.do(plans.archive_feature, "sso")
    assert [each.key for each in desk.do(plans.page_features)] == ["api_calls", "sso"]
    assert list(desk.do(plans.page_features, status="active")) == [calls]
    first = desk.do(plans.page_features, limit=1)
    rest = desk.do(plans.page_features, after=first.next_cursor)
    assert [each.id for each in (*first, *rest)] == [calls.id, sso.id]


def test_a_plan_is_on_sale_once_created_with_all_that_billing_needs(desk: Desk, pro: Plan) -> None:
    assert (pro.version, pro.status, pro.created_at) == (1, "active", NEW_YEAR)
    assert [price.billing for price in pro.prices] == ["in_advance", "in_arrears"]
    assert desk.do(plans.get, "pro") == desk.do(plans.get, pro.id, 1) == pro
    assert desk.told() == ["FeatureCreated", "PlanCreated"]


def test_a_plan_begins_with_version_1_wherever_it_comes_from(desk: Desk, pro: Plan) -> None:
    copy = Plan("copy", "Copy", "USD", prices=pro.prices, version=7, status="archived")
    created = desk.do(plans.create, copy)
    assert (created.version, created.status) == (1, "active")


def test_a_plan_key_is_taken_once(desk: Desk, pro: Plan) -> None:
    for again in (pro, plan_of()):
        refused = desk.refusal(plans.create, again)
        assert isinstance(refused, Conflict)
        assert refused.code == "plan_exists"


def test_a_plan_that_cannot_be_billed_is_not_stored(desk: Desk) -> None:
    refused = desk.refusal(plans.create, plan_of(*DEAR))
    assert (refused.code, refused.param) == ("unknown_feature", "prices[1].feature")
    assert isinstance(desk.refusal(plans.get, "pro"), NotFound)


def test_a_draft_goes_on_sale_when_it_is_published(desk: Desk) -> None:
    draft = desk.do(plans.create, plan_of(*CHEAP), draft=True)
    assert (draft.version, draft.status) == (1, "draft")
    published = desk.do(plans.publish, "pro")
    assert (published.version, published.status, published.prices) == (1, "active", draft.prices)
    assert desk.told() == ["PlanCreated", "PlanPublished"]


def test_a_new_version_takes_the_place_of_the_old_one_when_published(desk: Desk, pro: Plan) -> None:
    desk.now += timedelta(days=1)
    draft = desk.do(plans.update, "pro", plan_of(*CHEAP))
    assert (draft.id, draft.version, draft.status) == (pro.id, 2, "draft")
    assert draft.created_at == desk.now
    assert desk.do(plans.get, "pro") == pro
    again = desk.do(plans.update, "pro", plan_of(*CHEAP, trial_days=7))
    assert (again.version, again.trial_days) == (2, 7)
    published = desk.do(plans.publish, "pro")
    assert desk.do(plans.get, "pro") == published
    old, new = desk.do(plans.versions, "pro")
    assert (old.status, new.status) == ("archived", "active")
    assert old.prices == pro.prices
    assert desk.told()[2:] == ["PlanUpdated", "PlanUpdated", "PlanPublished"]


def test_a_plan_without_a_draft_has_nothing_to_publish(desk: Desk, pro: Plan) -> None:
    refused = desk.refusal(plans.publish, "pro")
    assert isinstance(refused, Conflict)
    assert refused.code == "plan_not_draft"
    assert desk.do(plans.get, "pro") == pro


def test_a_draft_whose_feature_was_archived_stays_a_draft(desk: Desk, pro: Plan) -> None:
    draft = desk.do(plans.update, "pro", plan_of(*DEAR, trial_days=7))
    desk.do(plans.archive_feature, "api_calls")
    assert desk.refusal(plans.publish, "pro").code == "archived_feature"
    assert desk.do(plans.versions, "pro") == [pro, draft]


def test_a_draft_keeps_the_key_of_its_plan(desk: Desk, pro: Plan) -> None:
    refused = desk.refusal(plans.update, pro.id, plan_of(key="max"))
    assert (refused.code, refused.param) == ("plan_key_fixed", "key")


def test_an_archived_plan_is_off_sale_until_a_new_version_is_published(
    desk: Desk, pro: Plan
) -> None:
    desk.do(plans.update, "pro", plan_of(*CHEAP))
    assert desk.do(plans.archive, "pro").status == "archived"
    assert {each.status for each in desk.do(plans.versions, "pro")} == {"archived"}
    assert desk.refusal(plans.archive, "pro").code == "plan_archived"
    assert desk.refusal(plans.publish, "pro").code == "plan_not_draft"
    desk.do(plans.update, "pro", plan_of(*CHEAP))
    assert desk.do(plans.publish, "pro").version == 3
    assert desk.told()[-4:] == ["PlanArchived", "PlanArchived", "PlanUpdated", "PlanPublished"]


def test_plans_are_listed_by_key_and_status(desk: Desk, pro: Plan) -> None:
    desk.do(plans.create, plan_of(key="max"), draft=True)
    desk.do(plans.update, "pro", plan_of(*CHEAP))
    assert [each.key for each in desk.do(plans.page)] == ["max", "pro"]
    assert list(desk.do(plans.page, status="active")) == [pro]


def test_an_id_of_something_else_is_refused_and_an_unknown_one_not_found(desk: Desk) -> None:
    for ref, code in ((CUSTOMER.new(), "wrong_id"), ("x", "not_found"), (PLAN.new(), "not_found")):
        for operation in (plans.get, plans.versions, plans.publish, plans.archive):
            assert desk.refusal(operation, ref).code.endswith(code)
    for ref, code in ((PLAN.new(), "wrong_id"), ("x", "not_found"), (FEATURE.new(), "not_found")):
        for operate in (plans.get_feature, plans.archive_feature, plans.update_feature):
            assert desk.refusal(operate, ref).code.endswith(code)
    assert isinstance(desk.refusal(plans.get, "pro", 7), NotFound)


def test_what_is_no_plan_or_feature_is_refused(desk: Desk) -> None:
    anything: Any = "what a caller without a type checker may pass"
    assert desk.refusal(plans.create, anything).code == "not_a_plan"
    assert desk.refusal(plans.create_feature, anything).code == "not_a_feature"
