"""Define what is sold: features, and plans in versions."""

from dataclasses import replace

from ledger.plan.events import (
    FeatureArchived,
    FeatureCreated,
    FeatureUpdated,
    PlanArchived,
    PlanCreated,
    PlanPublished,
    PlanUpdated,
)
from ledger.plan.feature import Feature, FeatureStatus, Meter
from ledger.plan.model import Plan, PlanStatus
from ledger.plan.naming import check_ref
from ledger.plan.ports import PlanWork
from ledger.plan.validation import sellable
from ledger.types import ids
from ledger.types.errors import Conflict, Invalid
from ledger.types.page import Page


def create_feature(work: PlanWork, feature: Feature) -> Feature:
    """Store a feature, active from now on.

    Raises:
        Conflict: (`feature_exists`) the key is taken, if only by an archived feature.
    """
    created = replace(_checked(feature), status="active", created_at=work.now)
    work.features.add(created)
    work.events.add(FeatureCreated(created))
    return created


def get_feature(work: PlanWork, ref: str) -> Feature:
    """The feature with this id or key.

    Raises:
        Invalid: (`wrong_id`) the id of something else.
        NotFound: there is none.
    """
    return work.features.get(check_ref(ref, ids.FEATURE))


def update_feature(
    work: PlanWork,
    ref: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    metadata: dict[str, str] | None = None,
    meter: Meter | None = None,
) -> Feature:
    """Change a feature; None leaves a field as it is.

    The kind stays. Whether another meter fits what was counted before is for others to say.

    Raises:
        Invalid: (`bad_text`, `bad_metadata`, `wrong_id`) a value that cannot be.
        NotFound: there is no such feature.
    """
    feature = get_feature(work, ref)
    updated = replace(
        feature,
        name=feature.name if name is None else name,
        unit=feature.unit if unit is None else unit,
        metadata=feature.metadata if metadata is None else metadata,
        meter=feature.meter if meter is None else meter,
    )
    if updated != feature:
        work.features.save(updated)
        work.events.add(FeatureUpdated(updated))
    return updated


def archive_feature(work: PlanWork, ref: str) -> Feature:
    """Close a feature for new plan versions; plans that have it, and their usage, go on.

    Raises:
        Conflict: (`feature_archived`) it is archived already.
        NotFound: there is no such feature.
    """
    archived = get_feature(work, ref).archived()
    work.features.save(archived)
    work.events.add(FeatureArchived(archived))
    return archived


def page_features(
    work: PlanWork,
    *,
    after: str | None = None,
    limit: int = 100,
    status: FeatureStatus | None = None,
) -> Page[Feature]:
    """Features by key, all or those of one status."""
    return work.features.page(after, limit, status=status)


def create(work: PlanWork, plan: Plan, *, draft: bool = False) -> Plan:
    """Store version 1 of a plan: on sale from now on, or as a draft to be published later.

    Prices that do not say when they are billed get their moment: metered ones in arrears, others
    in advance.

    Raises:
        Conflict: (`plan_exists`) the key is taken.
        Invalid: the plan cannot be sold; `param` names the field at fault.
    """
    created = replace(
        _sellable(work, plan),
        version=1,
        status="draft" if draft else "active",
        created_at=work.now,
    )
    work.plans.add(created)
    work.events.add(PlanCreated(created))
    return created


def get(work: PlanWork, ref: str, version: int | None = None) -> Plan:
    """A plan by id or key: this version, else the one on sale, else the latest.

    Raises:
        Invalid: (`wrong_id`) the id of something else.
        NotFound: there is none.
    """
    return work.plans.get(check_ref(ref, ids.PLAN), version)


def update(work: PlanWork, ref: str, plan: Plan) -> Plan:
    """Write `plan` as the plan's draft: in place of one that there is, else as a new version.

    Nobody who subscribed sees a difference; publishing puts the draft on sale.

    Raises:
        Invalid: the draft has another key (`plan_key_fixed`), or cannot be sold.
        NotFound: there is no such plan.
    """
    latest = work.plans.latest(check_ref(ref, ids.PLAN))
    draft = latest.next_version(work.now, _sellable(work, plan))
    if latest.status == "draft":
        work.plans.save(draft)
    else:
        work.plans.add(draft)
    work.events.add(PlanUpdated(draft))
    return draft


def publish(work: PlanWork, ref: str) -> Plan:
    """Put a plan's draft on sale in place of the version that is.

    Raises:
        Conflict: (`plan_not_draft`) there is no draft.
        Invalid: the draft can no longer be sold, since a feature was archived.
        NotFound: there is no such plan.
    """
    published = _sellable(work, work.plans.latest(check_ref(ref, ids.PLAN)).published())
    on_sale = work.plans.get(published.id)
    if on_sale.status == "active":
        work.plans.save(on_sale.archived())  # first: no two versions are on sale at once
    work.plans.save(published)
    work.events.add(PlanPublished(published))
    return published


def archive(work: PlanWork, ref: str) -> Plan:
    """Take a plan off sale, drafts included; subscriptions to it go on.

    Raises:
        Conflict: (`plan_archived`) it is archived already.
        NotFound: there is no such plan.
    """
    versions = work.plans.versions(check_ref(ref, ids.PLAN))
    archived = [each.archived() for each in versions if each.status != "archived"]
    if not archived:
        raise Conflict(
            f"plan {versions[-1].key!r} is already archived",
            code="plan_archived",
            plan=versions[-1].key,
        )
    for plan in archived:
        work.plans.save(plan)
        work.events.add(PlanArchived(plan))
    return archived[-1]


def versions(work: PlanWork, ref: str) -> list[Plan]:
    """All versions of a plan, oldest first.

    Raises:
        NotFound: there is no such plan.
    """
    return work.plans.versions(check_ref(ref, ids.PLAN))


def page(
    work: PlanWork,
    *,
    after: str | None = None,
    limit: int = 100,
    status: PlanStatus | None = None,
) -> Page[Plan]:
    """Plans by key, each in the version that `get` returns; all or those of one status."""
    return work.plans.page(after, limit, status=status)


def _sellable(work: PlanWork, plan: Plan) -> Plan:
    if not isinstance(plan, Plan):
        raise Invalid(
            f"a plan is a Plan(key=…, name=…, currency=…), not a {type(plan).__name__}",
            code="not_a_plan",
            param="plan",
        )
    return sellable(plan, work.features.find(sorted(plan.feature_keys())))


def _checked(feature: Feature) -> Feature:
    if not isinstance(feature, Feature):
        raise Invalid(
            f"a feature is a Feature(key=…, kind=…), not a {type(feature).__name__}",
            code="not_a_feature",
            param="feature",
        )
    return feature
