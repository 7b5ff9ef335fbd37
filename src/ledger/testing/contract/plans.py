"""Features and plans: keys, versions, and which of them is on sale."""

from dataclasses import replace

from ledger.plan.feature import Feature
from ledger.testing.contract import things
from ledger.testing.contract.store import Held, Store, pages, refused
from ledger.types import ids
from ledger.types.errors import Conflict, NotFound


class FeatureContract:
    """What a `FeatureRepository` promises."""

    def test_a_feature_is_found_by_id_and_by_key(self, store: Store) -> None:
        acme, feature = Held(store), things.feature()
        acme.features.add(feature)
        assert acme.features.get(feature.id) == feature
        assert acme.features.get(feature.key) == feature

    def test_a_feature_that_is_not_there_is_not_found(self, store: Store) -> None:
        acme = Held(store)
        for ref in ("nothing", ids.FEATURE.new()):
            with refused(NotFound, "feature_not_found"):
                acme.features.get(ref)
        with refused(NotFound, "feature_not_found"):
            acme.features.save(things.feature())

    def test_a_key_belongs_to_one_feature(self, store: Store) -> None:
        acme = Held(store)
        acme.features.add(things.feature())
        with refused(Conflict, "feature_exists"):
            acme.features.add(things.feature())

    def test_a_saved_feature_replaces_the_one_before(self, store: Store) -> None:
        acme, feature = Held(store), things.feature()
        acme.features.add(feature)
        changed = replace(feature, name="Calls", status="archived")
        acme.features.save(changed)
        assert acme.features.get("api_calls") == changed

    def test_of_many_keys_those_that_exist_are_found(self, store: Store) -> None:
        acme, one, two = Held(store), things.feature("one"), things.feature("two")
        acme.features.add(one)
        acme.features.add(two)
        keys = ["two", *(f"none_{number}" for number in range(2_000)), "one"]
        assert acme.features.find(keys) == {"one": one, "two": two}
        assert acme.features.find([]) == {}

    def test_features_are_listed_by_key_in_pages(self, store: Store) -> None:
        acme = Held(store)
        for key in ("b", "d", "a", "e", "c"):
            acme.features.add(things.feature(key))
        found = pages(lambda after: acme.features.page(after, 2))
        assert [[feature.key for feature in page] for page in found] == [
            ["a", "b"],
            ["c", "d"],
            ["e"],
        ]
        whole = acme.features.page(None, 5)
        assert whole.next_cursor is None

    def test_features_of_one_status_are_listed(self, store: Store) -> None:
        acme = Held(store)
        gone = replace(things.feature("gone"), status="archived")
        acme.features.add(gone)
        acme.features.add(things.feature())
        found = acme.features.page(None, 10, status="archived")
        assert found.items == (gone,)

    def test_the_features_that_read_an_event_are_found(self, store: Store) -> None:
        acme = Held(store)
        tokens, calls = things.feature("tokens", "request"), things.feature("calls", "request")
        archived = replace(things.feature("old", "request"), status="archived")
        others = [things.feature("other"), Feature(key="request", kind="boolean")]
        for feature in (tokens, calls, archived, *others):
            acme.features.add(feature)
        found = acme.features.metering(["request", "unheard"])
        assert {feature.key for feature in found} == {"tokens", "calls", "old"}
        assert acme.features.metering([]) == []


class PlanContract:
    """What a `PlanRepository` promises."""

    def test_a_plan_is_found_by_id_and_by_key(self, store: Store) -> None:
        acme, plan = Held(store), things.plan()
        acme.plans.add(plan)
        for ref in (plan.id, "pro"):
            assert acme.plans.get(ref) == plan
            assert acme.plans.get(ref, 1) == plan
            assert acme.plans.latest(ref) == plan
            assert acme.plans.versions(ref) == [plan]

    def test_a_plan_that_is_not_there_is_not_found(self, store: Store) -> None:
        acme = Held(store)
        acme.plans.add(things.plan())
        with refused(NotFound, "plan_not_found"):
            acme.plans.get("pro", 2)
        for ref in ("nothing", ids.PLAN.new()):
            with refused(NotFound, "plan_not_found"):
                acme.plans.get(ref)
            with refused(NotFound, "plan_not_found"):
                acme.plans.latest(ref)
            with refused(NotFound, "plan_not_found"):
                acme.plans.versions(ref)
        with refused(NotFound, "plan_not_found"):
            acme.plans.save(things.plan("other"))

    def test_a_key_belongs_to_one_plan(self, store: Store) -> None:
        acme, plan = Held(store), things.plan()
        acme.plans.add(plan)
        with refused(Conflict, "plan_exists"):
            acme.plans.add(things.plan())
        with refused(Conflict, "plan_exists"):
            acme.plans.add(replace(plan, name="again"))

    def test_a_version_is_stored_once(self, store: Store) -> None:
        acme, plan = Held(store), things.plan()
        draft = replace(plan, version=2, status="draft")
        acme.plans.add(plan)
        acme.plans.add(draft)
        with refused(Conflict, "plan_exists"):
            acme.plans.add(draft)

    def test_the_active_version_is_shown_before_newer_drafts(self, store: Store) -> None:
        acme, plan = Held(store), things.plan()
        draft = replace(plan, version=2, status="draft", name="Next")
        acme.plans.add(plan)
        acme.plans.add(draft)
        assert acme.plans.get("pro") == plan
        assert acme.plans.latest("pro") == draft
        assert acme.plans.versions("pro") == [plan, draft]

    def test_without_an_active_version_the_latest_is_shown(self, store: Store) -> None:
        acme, plan = Held(store), replace(things.plan(), status="archived")
        later = replace(plan, version=2)
        acme.plans.add(plan)
        acme.plans.add(later)
        assert acme.plans.get(plan.id) == later

    def test_at_most_one_version_is_active(self, store: Store) -> None:
        acme, plan = Held(store), things.plan()
        draft = replace(plan, version=2, status="draft")
        acme.plans.add(plan)
        acme.plans.add(draft)
        with refused(Conflict, "plan_published"):
            acme.plans.save(replace(draft, status="active"))
        acme.plans.save(replace(plan, status="archived"))
        acme.plans.save(replace(draft, status="active"))
        assert acme.plans.get("pro").version == 2

    def test_plans_are_listed_by_key_each_as_it_is_shown(self, store: Store) -> None:
        acme = Held(store)
        for key in ("b", "c", "a"):
            plan = things.plan(key)
            draft = replace(plan, version=2, status="draft")
            acme.plans.add(plan)
            acme.plans.add(draft)
        found = pages(lambda after: acme.plans.page(after, 2))
        assert [[(plan.key, plan.version) for plan in page] for page in found] == [
            [("a", 1), ("b", 1)],
            [("c", 1)],
        ]
        assert not acme.plans.page(None, 10, status="draft").items
        assert len(acme.plans.page(None, 10, status="active")) == 3
