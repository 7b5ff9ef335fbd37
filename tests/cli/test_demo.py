"""The demo: it holds together, it is the same again, and it leaves something to play with."""

import json
import shlex
import sqlite3
from pathlib import Path

import pytest

from ledger.cli.demo.command import MARK, is_demo
from ledger.cli.demo.people import PEOPLE
from ledger.cli.demo.play import START
from ledger.cli.demo.reconcile import FeatureBalance
from ledger.cli.demo.usage import Traffic, events_by_day
from tests.cli.conftest import EVENTS, Ran, Run, run_ledger


def test_the_demo_tells_its_story(demo_made: tuple[Path, Ran]) -> None:
    _, ran = demo_made
    assert ran.code == 0
    for part in (
        "INVOICE INV-", "Bill to", "Amount due", "explained", "used in", "rounded",
        "refused: bluebird may not use requests (limit_exceeded)",
        "Accepted = stored = rated = invoiced", "Try next",
    ):  # fmt: skip  # a list of words
        assert part in ran.out
    assert "does not hold" not in ran.out


def test_the_commands_to_try_next_work(demo_made: tuple[Path, Ran], demo: Path) -> None:
    commands = [line for line in demo_made[1].out.splitlines() if line.startswith("  ledger --db")]
    assert len(commands) == 9
    for command in commands:
        ran = run_ledger(*shlex.split(command)[1:])
        assert ran.code == (3 if " check " in command else 0), (command, ran)
        assert ran.out


@pytest.mark.slow
def test_the_same_seed_makes_the_same_year(folder: Path) -> None:
    facts: list[dict[str, object]] = []
    for seed, name in ((7, "one.db"), (7, "two.db"), (8, "three.db")):
        ran = run_ledger("demo", "--events", "300", "--seed", str(seed), "--out", name, "--json")
        data = json.loads(ran.out)
        assert (ran.code, ran.err) == (0, "")
        facts.append({key: data[key] for key in ("billed", "balance", "invoices", "events")})
    assert facts[0] == facts[1]
    assert facts[0] != facts[2]


def test_it_counts_what_it_was_asked_for(demo: Path) -> None:
    connection = sqlite3.connect(demo)
    events = connection.execute("SELECT count(*) FROM usage_events").fetchone()[0]
    connection.close()
    assert events >= EVENTS


def test_only_a_demo_is_replaced(run: Run, folder: Path) -> None:
    other = folder / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = other.read_bytes()
    ran = run("demo", "--out", other, "--events", "100")
    assert ran.code == 5
    assert other.read_bytes() == before
    assert not is_demo(other)


def test_a_demo_is_known_by_its_mark(demo: Path) -> None:
    assert is_demo(demo)
    connection = sqlite3.connect(demo)
    assert connection.execute("PRAGMA application_id").fetchone()[0] == MARK
    connection.close()


@pytest.mark.parametrize(
    ("rated", "invoiced", "running", "holds"),
    [("10", "6", "3", True), ("9", "6", "3", False), ("10", "7", "3", False)],
)
def test_the_books_do_not_hold_when_something_is_lost(
    rated: str, invoiced: str, running: str, holds: bool
) -> None:
    from decimal import Decimal

    found = FeatureBalance(
        "x", Decimal(10), Decimal(rated), Decimal(invoiced), Decimal(running), Decimal(1)
    )
    assert found.holds is holds


@pytest.mark.parametrize("total", [0, 1, 365, 200_000])
def test_every_event_has_its_day(total: int) -> None:
    from datetime import timedelta

    days = [START.date() + timedelta(days=number) for number in range(365)]
    spread = events_by_day(total, days)
    assert sum(spread) == total
    assert min(spread) >= 0


def test_usage_of_a_day_is_in_that_day_and_in_order() -> None:
    day = START.date()
    used = Traffic(seed=1).of(day, PEOPLE, 500)
    times = [each.time for each in used if each.time]
    assert len(times) == 500
    assert times == sorted(times)
    assert {time.date() for time in times} == {day}
    assert used == Traffic(seed=1).of(day, PEOPLE, 500)


def test_people_have_names_of_their_own() -> None:
    assert len({person.slug for person in PEOPLE}) == len(PEOPLE) >= 24
    assert len({person.zone for person in PEOPLE}) >= 20
