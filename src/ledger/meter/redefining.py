"""Redefining: a feature counts something else from now on, if that goes with what it counted."""

from collections.abc import Iterator

from ledger.meter.ports import UsageWork
from ledger.plan import operations as plan_operations
from ledger.plan.feature import Feature, Meter
from ledger.plan.model import Plan
from ledger.types.errors import Conflict, Invalid

_PAGE = 100


def update_feature(
    work: UsageWork,
    ref: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    metadata: dict[str, str] | None = None,
    meter: Meter | None = None,
    force: bool = False,
) -> Feature:
    """Change what a feature is called, or what it counts; None leaves a field as it is.

    Another `meter` counts from now on: usage that was counted before stays what it came to, until
    `features.backfill` counts it anew. It adds up as the one before did, unless nothing was counted
    yet. Where a plan prices the feature it needs `force`: from now on people are billed for
    something else than they subscribed to.

    Raises:
        Invalid: (`bad_text`, `bad_metadata`, `wrong_id`, `not_metered`) a value that cannot be.
        Conflict: a meter that adds up in another way (`aggregation_fixed`), or of a feature that a
            plan prices (`feature_priced`).
        NotFound: there is no such feature.
    """
    feature = plan_operations.get_feature(work, ref)
    if meter is not None and meter != feature.meter:
        _check(work, feature, meter)
        if not force:
            refuse_priced(work, feature, "another meter bills them for something else")
    return plan_operations.update_feature(
        work, ref, name=name, unit=unit, metadata=metadata, meter=meter
    )


def refuse_priced(work: UsageWork, feature: Feature, why: str) -> None:
    """Refuse what changes bills, if any version of a plan prices the feature.

    Raises:
        Conflict: (`feature_priced`).
    """
    for plan in _plans(work):
        if any(price.feature == feature.key for price in plan.prices):
            raise Conflict(
                f"plan {plan.key!r} prices feature {feature.key!r}, so people pay for it: {why};"
                " force=True says that this is meant",
                code="feature_priced",
                feature=feature.key,
                plan=plan.key,
            )


def _check(work: UsageWork, feature: Feature, meter: Meter) -> None:
    if not isinstance(meter, Meter):
        raise Invalid(
            f"a meter is a Meter(event=…), not a {type(meter).__name__}",
            code="not_a_meter",
            param="meter",
        )
    before = feature.meter
    if before is None:
        raise Invalid(
            f"feature {feature.key} is {feature.kind}; only a metered feature has a meter",
            code="not_metered",
            param="meter",
        )
    work.usage.alone()  # so that nobody adds the first of it meanwhile
    if _adds_up(before) != _adds_up(meter) and work.usage.has_rollups(feature.id):
        raise Conflict(
            f"feature {feature.key!r} has usage that was added up as {_named(before)}, which does"
            f" not go on as {_named(meter)}; create another feature and fill it from the stored"
            " events",
            code="aggregation_fixed",
            feature=feature.key,
        )


def _adds_up(meter: Meter) -> tuple[str, str, str | None]:
    """How values are added up; a count adds ones."""
    kind = "sum" if meter.aggregation == "count" else meter.aggregation
    return kind, meter.level, meter.per


def _named(meter: Meter) -> str:
    if meter.aggregation != "weighted_sum":
        return meter.aggregation
    return f"{meter.aggregation} ({meter.level} per {meter.per or 'period'})"


def _plans(work: UsageWork) -> Iterator[Plan]:
    """Every version of every plan."""
    after: str | None = None
    while True:
        page = work.plans.page(after, _PAGE)
        for plan in page.items:
            yield from work.plans.versions(plan.id)
        after = page.next_cursor
        if after is None:
            return
