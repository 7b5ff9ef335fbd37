"""The hot path: what `meter()` and `entitled()` cost the program that calls them.

All subjects are measured in turn, round after round, in one process on SQLite files, with the
flusher at work beside them; among them are plain Python calls that say what is possible here.
"""

import subprocess
import sys
from array import array
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

import ledger
from ledger import Feature, Limit, MeterConfig, Plan, SystemClock, UsageEvent
from ledger.cli.bench.measure import Call, Timing, round_of, timing
from ledger.types.clock import monotonic

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

ROUNDS_MIN = 3
MISSES_MAX = 200
IMPORTS = 7
EMPTY = "an empty call"
CUSTOMER, EVENT = "customer_42", "api_calls"

_USAGE_BEFORE = 5_000
_SINCE = timedelta(days=20)
_AT_ONCE_S = 1e-9  # an answer that is too old as soon as it is there, so that each is a miss
_IMPORT = (
    "import time; t = time.perf_counter_ns(); import ledger; print(time.perf_counter_ns() - t)"
)


class Subject(NamedTuple):
    """Something that is measured; `rest` is done after each round, unmeasured."""

    name: str
    call: Call
    calls: int
    rest: Call = bool


def hot(calls: int, seconds: int, on_round: Callable[[int], None]) -> list[Timing]:
    """Measure for about so many seconds, at least three rounds of so many calls each."""
    with subjects(calls) as measured:
        for subject in measured:
            round_of(subject.call, -(-subject.calls // 10))  # the first calls fill caches
            subject.rest()
        rounds: dict[str, list[array[int]]] = {subject.name: [] for subject in measured}
        end, number = monotonic() + seconds, 0
        while number < ROUNDS_MIN or monotonic() < end:
            number += 1
            for subject in measured:
                rounds[subject.name].append(round_of(subject.call, subject.calls))
                subject.rest()
            on_round(number)
    found = [timing(name, took) for name, took in rounds.items()]
    empty = next(each.p50_ns for each in found if each.name == EMPTY)
    return [replace(each, times_empty=_tenths(each.p50_ns, empty)) for each in found]


def import_time() -> Timing:
    """What `import ledger` takes in a fresh interpreter."""
    took = array("q")
    for _ in range(IMPORTS):
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", _IMPORT], capture_output=True, check=True, text=True
        )
        took.append(int(done.stdout))
    return Timing(
        name="import ledger",
        calls=1,
        rounds=IMPORTS,
        p50_ns=int(median(took)),
        p99_ns=max(took),
        mean_ns=sum(took) // IMPORTS,
    )


@contextmanager
def subjects(calls: int) -> Generator[list[Subject]]:
    """All that is measured, on databases that are gone afterwards."""
    with TemporaryDirectory(prefix="ledger-bench-") as folder, ExitStack() as stack:
        where = Path(folder)

        def tenant(name: str, *, spool: bool = False, ttl_s: float = 30) -> "Tenant[Blocking]":
            config = MeterConfig(spool=where / f"{name}.spool" if spool else False)
            url = f"sqlite:///{where / name}"
            engine = ledger.open(url, meter=config, entitlement_cache_ttl_s=ttl_s)
            return stack.enter_context(engine).tenant("bench")

        plain = prepared(tenant("plain.db"))
        spooled = prepared(tenant("spooled.db", spool=True))
        checking = prepared(tenant("checking.db"))
        missing = prepared(tenant("missing.db", ttl_s=_AT_ONCE_S), used=_USAGE_BEFORE)
        yield [
            *_baselines(calls),
            Subject("meter(), no spool", _metering(plain), calls, plain.flush),
            Subject("meter(), spool", _metering(spooled), calls, spooled.flush),
            Subject("entitled(), cached", _asking(checking), calls),
            Subject("entitled(), miss", _asking(missing), min(calls, MISSES_MAX)),
        ]


def prepared(tenant: "Tenant[Blocking]", used: int = 1) -> "Tenant[Blocking]":
    """A tenant with a customer who has a limit, and has used some of it for some weeks."""
    now = SystemClock().now()
    tenant.features.create(Feature(EVENT, "metered"))
    limit = Limit(10**15)
    tenant.plans.create(Plan("pro", "Pro", "USD", entitlements={EVENT: limit}))
    customer = tenant.customers.create(name="Customer", external_id=CUSTOMER)
    tenant.subscriptions.create(customer=customer.id, plan="pro", start=(now - _SINCE).date())
    times = [now - _SINCE * index // used for index in range(used)]
    tenant.usage.record([UsageEvent(EVENT, CUSTOMER, time=time) for time in times])
    return tenant


def _metering(tenant: "Tenant[Blocking]") -> Call:
    return partial(tenant.meter, CUSTOMER, EVENT)


def _asking(tenant: "Tenant[Blocking]") -> Call:
    return partial(tenant.entitled, CUSTOMER, EVENT)


class _Nothing:
    def at_all(self, customer: str, event: str) -> None:
        """Do nothing, with as many arguments as `meter()` gets."""


def _baselines(calls: int) -> list[Subject]:
    known, kept = {(CUSTOMER, EVENT): 1}, list[int]()
    return [
        Subject(EMPTY, partial(_Nothing().at_all, CUSTOMER, EVENT), calls),
        Subject("dict.get()", partial(known.get, (CUSTOMER, EVENT)), calls),
        Subject("list.append()", partial(kept.append, 1), calls, kept.clear),
    ]


def _tenths(part: int, whole: int) -> float:
    return (10 * part // whole) / 10
