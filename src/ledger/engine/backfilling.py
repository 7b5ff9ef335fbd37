"""Filling a feature from stored events, an hour at a time, so that nobody waits for long."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from ledger.engine.core import TenantCore
from ledger.engine.ports import Work
from ledger.meter.events import FeatureBackfilled
from ledger.meter.matching import match_feature
from ledger.meter.rebuilding import rebuild
from ledger.meter.redefining import refuse_priced, update_feature
from ledger.meter.rollup import HOUR_US
from ledger.plan import operations as plan
from ledger.plan.feature import Feature, Meter
from ledger.types.errors import Conflict, Invalid
from ledger.types.zone import from_micros, micros, utc

Progress = Callable[[int, int], None]
"""Told hours done and hours in all."""

_AHEAD = 2  # hours: this one, and the next, in which an event may lie that is a little ahead


class Backfill(msgspec.Struct, frozen=True):
    """What was counted anew: the time, to the hour, and how many events that feature reads."""

    feature: str
    start: datetime
    end: datetime
    events: int


def create(core: TenantCore, feature: Feature) -> Feature:
    """Store a feature, active from now on; usage events that waited for it are counted.

    They wait when no feature reads them. Events that another feature reads already count from now
    on; `features.backfill` counts those that were stored before.

    Raises:
        Conflict: (`feature_exists`) the key is taken, if only by an archived feature.
    """
    created = core.run(lambda work: plan.create_feature(work, feature), writes=True)
    _match(core, created)
    return created


def update(
    core: TenantCore,
    ref: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    metadata: dict[str, str] | None = None,
    meter: Meter | None = None,
    force: bool = False,
) -> Feature:
    """As `update_feature` says; events that waited for the new meter are counted."""
    change = partial(
        update_feature,
        ref=ref,
        name=name,
        unit=unit,
        metadata=metadata,
        meter=meter,
        force=force,
    )
    updated = core.run(change, writes=True)
    if meter is not None:
        _match(core, updated)
    return updated


def backfill(
    core: TenantCore,
    ref: str,
    start: datetime | None = None,
    end: datetime | None = None,
    on_progress: Progress | None = None,
    *,
    force: bool = False,
) -> Backfill:
    """Count a metered feature anew from the stored events of a time, as its meter is now.

    By default of all time that events are stored of. It goes by the hour, each exact by itself and
    in a transaction of its own, while events come in; interrupted, the hours before are done, and
    the same call does the rest. `on_progress` is called with the hours that are done and all there
    are. Where a plan prices the feature it needs `force`: what the last three periods then come to
    above what was billed is on the next invoice, as late usage is.

    Raises:
        NotFound: there is no such feature.
        Invalid: it is not metered (`not_metered`), a time without a zone (`naive_datetime`), or
            an end before the start (`bad_period`).
        Conflict: a plan prices it (`feature_priced`), events of that time were removed
            (`usage_expired`), or its meter was changed meanwhile (`feature_changed`).
    """
    feature = core.run(partial(_fillable, ref, force), writes=False)
    _match(core, feature)
    hours = core.run(partial(_hours, start, end), writes=False)
    first, last = hours
    events, hour = 0, first
    while hour < last:
        read, hour = core.run(partial(_count, feature, hour, last), writes=True)
        core.engine.checks.refused(core.scope)
        events += read
        if on_progress is not None:
            on_progress(hour - first, last - first)
    done = Backfill(feature.key, _at(first), _at(last), events)
    core.run(lambda work: work.events.add(_fact(feature, done)), writes=True)
    return done


def _match(core: TenantCore, feature: Feature) -> None:
    """Count what waited, some at a time."""
    while core.run(lambda work: match_feature(work, feature), writes=True):
        core.engine.checks.refused(core.scope)


def _fillable(ref: str, force: bool, work: Work) -> Feature:  # noqa: FBT001 - said by the caller
    feature = plan.get_feature(work, ref)
    if feature.meter is None:
        raise Invalid(
            f"feature {feature.key} is {feature.kind}; only a metered feature has usage",
            code="not_metered",
            param="feature",
        )
    if not force:
        refuse_priced(work, feature, "what was billed is rated again on the next invoice")
    return feature


def _hours(start: datetime | None, end: datetime | None, work: Work) -> tuple[int, int]:
    last = micros(work.now) // HOUR_US + _AHEAD if end is None else -(-micros(utc(end)) // HOUR_US)
    if start is None:
        oldest, expired = work.usage.oldest_hour(), work.usage.expired_before()
        first = min(last if oldest is None else oldest, last)
        return (first if expired is None else min(max(first, expired), last)), last
    first = micros(utc(start)) // HOUR_US
    if first > last:
        raise Invalid(
            f"the time ends at {_at(last).isoformat()}, before it starts", code="bad_period"
        )
    return first, last


def _count(feature: Feature, first: int, last: int, work: Work) -> tuple[int, int]:
    """Count up to and with the next hour that has events; how many, and where to go on."""
    if work.features.get(feature.id).meter != feature.meter:
        raise Conflict(
            f"the meter of {feature.key} was changed while its usage was counted anew; the hours"
            f" before {_at(first).isoformat()} are counted as it was; say backfill again",
            code="feature_changed",
            feature=feature.key,
        )
    hour = work.usage.oldest_hour(first)
    until = last if hour is None else min(hour + 1, last)
    return rebuild(work, feature, (first, until)), until


def _fact(feature: Feature, done: Backfill) -> FeatureBackfilled:
    return FeatureBackfilled(feature, done.start, done.end, done.events)


def _at(hour: int) -> datetime:
    return from_micros(hour * HOUR_US)
