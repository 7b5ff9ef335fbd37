"""Preview: how long an invoice preview takes with few and with many events in its period.

The raw baseline adds the same number of events up in SQL, as a program without rollups would.
"""

from array import array
from functools import partial

import msgspec

from ledger import Plan, Price, SubscriptionId, Tier
from ledger.cli.bench.ingest import PRELOAD_BATCH, Progress
from ledger.cli.bench.measure import Call, Timing, round_of, timing
from ledger.cli.bench.place import EVENT, SINCE, Place, events, prepare, spread
from ledger.cli.bench.raw import HOUR_US, Raw, Rows
from ledger.types.clock import monotonic
from ledger.types.zone import micros

ROUNDS_MIN = 3
CALLS = 50
RAW_CALLS = 3


class PreviewRun(msgspec.Struct, frozen=True):
    """What a preview took with so many events in its period, and the sum in SQL.

    `times_raw` is the p50 of the preview as a multiple of that of the sum.
    """

    events: int
    preview: Timing
    raw: Timing
    times_raw: float


def preview(place: Place, count: int, seconds: int, progress: Progress) -> PreviewRun:
    """Store so many events of one customer in a billing period, then preview its invoice."""
    customer = f"customer_of_{count}"
    subscription = _subscribed(place, customer)
    with place.raw(ordered=True) as (raw, rows):
        _fill(place, customer, count, raw, rows, progress)
        hours = micros(place.clock.now() - SINCE) // HOUR_US, micros(place.clock.now()) // HOUR_US
        ours, its = list["array[int]"](), list["array[int]"]()
        call: Call = partial(place.tenant.invoices.preview, subscription)
        raw_call: Call = partial(raw.total, customer, hours[0], hours[1] + 1)
        round_of(call, 1)  # the first call fills caches
        round_of(raw_call, 1)
        end = monotonic() + seconds
        while len(ours) < ROUNDS_MIN or monotonic() < end:
            ours.append(round_of(call, CALLS))
            its.append(round_of(raw_call, RAW_CALLS))
            progress(0, f"Measuring with {count:,} events, round {len(ours)}")
    previews = timing(f"preview, {count:,} events", ours)
    sums = timing(f"sum in SQL, {count:,} events", its)
    times = 100 * previews.p50_ns // max(sums.p50_ns, 1)
    return PreviewRun(count, previews, sums, times / 100)


def _subscribed(place: Place, customer: str) -> SubscriptionId:
    """A subscription whose period is the month that began before the first event."""
    tenant = place.tenant
    place.clock.move_to(place.now - SINCE)
    if not tenant.features.list().page().items:
        prepare(tenant, [])
        tiers = [Tier(up_to=10_000, unit="0"), Tier(unit="0.05")]
        prices = [Price.graduated(EVENT, tiers)]
        tenant.plans.create(Plan("pro", "Pro", "USD", prices=prices))
    found = tenant.customers.create(name=customer, external_id=customer)
    start = (place.now - SINCE).date()
    return tenant.subscriptions.create(customer=found.id, plan="pro", start=start).id


def _fill(
    place: Place, customer: str, count: int, raw: Raw, rows: Rows, progress: Progress
) -> None:
    since, stored = place.now - SINCE, 0
    while stored < count:
        place.clock.move_to(spread(since, place.now, stored, count))
        customers = [customer] * min(_batch(count), count - stored)
        place.tenant.usage.record(events(customers, ordered=True))
        raw.insert(*rows.batch(customers, micros(place.clock.now())))
        stored += len(customers)
        progress(len(customers), f"Storing {count:,} events")
    place.clock.move_to(place.now)


def _batch(count: int) -> int:
    """Small enough that the events lie in all hours of the time."""
    return min(PRELOAD_BATCH, max(1, count // 480))
