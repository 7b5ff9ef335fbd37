"""Whoever comes at the same time: one gets it, the others are told, and nothing is done twice."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import TypeVar

import pytest

from ledger import USD, Conflict, Feature, LedgerError, Limit, Plan, Price, UsageEvent
from ledger.engine.engine import Engine
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.meter.model import EventResult
from ledger.testing.clock import MovableClock
from ledger.types.ids import SubscriptionId
from tests.engine.conftest import NEW_YEAR

R = TypeVar("R")
RIVALS = 4
PLAN = Plan(
    "pro", "Pro", "USD", prices=[Price.flat(USD(4900)), Price.per_unit("calls", "1")],
    entitlements={"calls": Limit(1_000)},
)  # fmt: skip


@pytest.fixture
def acme(engine: Engine) -> Tenant[Blocking]:
    acme = engine.tenant("acme", app="test")
    acme.features.create(Feature("calls", "metered"))
    acme.plans.create(PLAN)
    acme.customers.create(name="Jane", external_id="jane")
    return acme


def _race(attempt: Callable[[int], R], rivals: int = RIVALS) -> tuple[list[R], list[LedgerError]]:
    """What came of an attempt that so many made at once: answers and refusals."""
    ready, answers, refusals = Barrier(rivals), list[R](), list[LedgerError]()
    other = list[BaseException]()

    def run(number: int) -> None:
        ready.wait()
        try:
            answers.append(attempt(number))
        except LedgerError as refusal:
            refusals.append(refusal)
        except BaseException as error:  # noqa: BLE001  told to the test's own thread below
            other.append(error)

    threads = [Thread(target=run, args=(number,)) for number in range(rivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not other, other
    assert all(isinstance(refusal, Conflict) for refusal in refusals), refusals
    return answers, refusals


def test_a_key_is_given_to_one(acme: Tenant[Blocking]) -> None:
    attempts: list[Callable[[int], object]] = [
        lambda _: acme.customers.create(name="Joe", external_id="joe"),
        lambda _: acme.features.create(Feature("seats", "licensed")),
        lambda _: acme.plans.create(Plan("basic", "Basic", "USD")),
    ]
    for attempt in attempts:
        answers, refusals = _race(attempt)
        assert len(answers) == 1
        assert len(refusals) == RIVALS - 1


def test_one_subscription_prices_a_feature(acme: Tenant[Blocking]) -> None:
    answers, refusals = _race(lambda _: acme.subscriptions.create("jane", "pro").id)
    assert len(answers) == 1
    assert {refusal.code for refusal in refusals} == {"feature_already_priced"}


def test_a_boundary_is_invoiced_once_whoever_bills_it(
    acme: Tenant[Blocking], clock: MovableClock
) -> None:
    sub = acme.subscriptions.create("jane", "pro")
    answers, refusals = _race(lambda _: acme.invoices.generate(sub.id))
    assert len(answers) == 1
    assert {refusal.code for refusal in refusals} <= {"nothing_due", "boundary_made"}
    clock.move_to(NEW_YEAR.replace(month=4, day=2))
    runs, refusals = _race(lambda _: acme.billing.run())
    assert not refusals
    assert sum(run.generated for run in runs) == 3
    invoices = list(acme.invoices.list())
    assert len({invoice.boundary for invoice in invoices}) == len(invoices) == 4


def test_numbers_have_no_gaps_whoever_finalizes(acme: Tenant[Blocking]) -> None:
    subs = list[SubscriptionId]()
    for number in range(6):
        acme.customers.create(name="J", external_id=f"j{number}")
        subs.append(acme.subscriptions.create(f"j{number}", "pro").id)
    answers, refusals = _race(lambda number: acme.invoices.generate(subs[number]).number, 6)
    assert not refusals
    assert sorted(str(number) for number in answers) == [f"INV-{n:06}" for n in range(1, 7)]


def test_an_event_counts_once_however_many_send_it(acme: Tenant[Blocking]) -> None:
    for size in (1, 40):
        events = [UsageEvent("calls", "jane", 1, key=f"{size}.{n}") for n in range(size)]

        def send(_: int, events: list[UsageEvent] = events) -> list[EventResult]:
            return acme.usage.record(events)

        answers, _ = _race(send)
        outcomes = [result.outcome for results in answers for result in results]
        assert outcomes.count("accepted") == size
        assert outcomes.count("duplicate") == (RIVALS - 1) * size
    assert acme.usage.total("jane", "calls") == 41


def test_facts_are_numbered_in_one_line(acme: Tenant[Blocking]) -> None:
    _race(lambda number: acme.customers.create(name="J", external_id=f"new{number}"))
    sequences = [entry.sequence for entry in acme.events.list()]
    assert sequences == list(range(1, len(sequences) + 1))
