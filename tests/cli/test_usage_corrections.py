"""Corrections on the command line: one verb for each, in words and in JSON."""

import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Feature, MeterConfig, UsageEvent
from ledger.testing.clock import MovableClock
from ledger.types import ids
from ledger.types.zone import parse_instant
from tests.cli.conftest import Ran, Run

NOW = "2026-03-10T12:00:00Z"
BEFORE = "2026-03-09T00:00:00.000001Z"
AT = ("--at", NOW)
Usage = Callable[..., Ran]


@pytest.fixture
def path(folder: Path) -> Path:
    """A database in which Ann used something, somebody unknown too, and something was refused."""
    return made(folder / "ledger.db")


def made(path: Path) -> Path:
    with ledger.open(
        f"sqlite:///{path}", clock=MovableClock(parse_instant(NOW)), meter=MeterConfig(spool=False)
    ) as engine:
        acme = engine.tenant("default")
        acme.features.create(Feature("calls", "metered"))
        acme.customers.create(name="Ann", external_id="ann")
        acme.customers.create(name="Bob", external_id="bob")
        acme.usage.record(
            [
                UsageEvent("calls", "ann", 5, "a", properties={"model": 'ü,"x"', "n": 3}),
                UsageEvent(
                    "calls", "ann", "0.5", "b", parse_instant("2026-03-09T00:00:00.000001Z")
                ),
                UsageEvent("calls", "nan", 7, "w"),
                UsageEvent("callz", "ann", 9, "v"),
                UsageEvent("calls", "ann", 6, "a"),
                UsageEvent("calls", "ann", 1, "l", parse_instant("2019-01-01T00:00:00Z")),
            ]
        )
    return path


@pytest.fixture
def usage(run: Run, path: Path) -> Usage:
    """`ledger usage …` on that database, at its time."""
    assert path.exists()
    return lambda *arguments: run("usage", *arguments, *AT)


def total(usage: Usage, customer: str = "ann") -> Decimal:
    rows = usage("show", customer, "calls", "--json").data
    return Decimal(rows[0]["quantity"])


def log(path: Path) -> list[tuple[str, Any]]:
    with ledger.open(f"sqlite:///{path}", meter=MeterConfig(spool=False)) as engine:
        entries = list(engine.tenant("default").events.list())
    return [
        (entry.type, json.loads(bytes(entry.payload))) for entry in entries if "Usage" in entry.type
    ]


def test_an_event_is_shown_by_its_key(usage: Usage) -> None:
    told = usage("get", "a").out
    for part in ("state     matched", "customer  ann", "quantity  5", 'property  model=ü,"x"'):
        assert part in told
    assert "waits: unknown_customer" in usage("get", "w").out
    assert usage("get", "a", "--json").data["key"] == "a"
    none = usage("get", "x")
    assert (none.code, none.err) == (4, "ledger: there is no usage event 'x'\n")


def test_events_are_voided(usage: Usage, path: Path) -> None:
    assert usage("void", "a", "b", "--reason", "a bug", "--actor", "ops").out == "2 events voided\n"
    assert total(usage) == 0
    told = usage("get", "a").out
    assert "state     voided" in told
    assert "reason    a bug" in told
    assert [(kind, said["reason"], said["actor"]) for kind, said in log(path)] == [
        ("UsageVoided", "a bug", "ops")
    ] * 2
    again = usage("void", "a", "--reason", "a bug", "--json")
    assert (again.code, again.error["code"]) == (5, "already_voided")
    assert usage("void", "w", "--reason", "a bug", "--json").data[0]["void_reason"] == "a bug"
    assert usage("void", "b").code == 2


def test_an_event_is_replaced_and_what_is_not_said_stays(usage: Usage, path: Path) -> None:
    told = usage("replace", "a", "--quantity", "8", "--property", "n=4", "--reason", "a typo")
    assert told.code == 0
    assert total(usage) == Decimal("8.5")
    after = usage("get", "a", "--json").data
    assert after["properties"] == {"model": 'ü,"x"', "n": "4"}
    assert after["time"] == NOW
    moved = usage("replace", "a", "--customer", "bob", "--reason", "a mix-up", "--json")
    assert moved.data["quantity"] == "8"
    assert (total(usage), total(usage, "bob")) == (Decimal("0.5"), Decimal(8))
    assert [kind for kind, _ in log(path)] == ["UsageReplaced"] * 2


def test_what_waits_is_listed_and_matched_under_its_right_name(usage: Usage) -> None:
    listed = usage("unmatched").out.splitlines()
    assert [line.split()[0] for line in listed] == ["KEY", "w", "v"]
    assert listed[1].endswith("customer")
    assert [each["key"] for each in usage("unmatched", "--customer", "nan", "--json").data] == ["w"]
    told = usage("retry", "unmatched", "--customer", "nan", "--as-customer", "ann")
    assert told.out.split() == ["matched", "1", "replaced", "1", "refused", "0"]
    told = usage("retry", "unmatched", "v", "--as-event", "calls", "--json")
    assert told.data == {"matched": 1, "replaced": 1, "refused": 0}
    assert total(usage) == Decimal("21.5")
    empty = usage("unmatched")
    assert (empty.out, empty.err) == (
        "", "No such usage waits: its customers and features are known.\n"
    )  # fmt: skip  # the message belongs to the screen
    assert usage("unmatched", "--json").data == []


def test_what_was_refused_is_listed_retried_and_given_up(usage: Usage, path: Path) -> None:
    taken, late = usage("rejected", "--json").data
    assert (taken["outcome"], late["outcome"]) == ("conflict", "rejected")
    assert [e["id"] for e in usage("rejected", "--code", "too_late", "--json").data] == [late["id"]]
    assert "too_late: the event is of 2019" in usage("rejected").out
    again = usage("retry", "rejected")
    assert again.code == 1
    assert again.out.split() == [
        "accepted",
        "0",
        "duplicate",
        "0",
        "conflict",
        "1",
        "rejected",
        "1",
    ]
    assert len(again.err.splitlines()) == 2
    told = usage("retry", "rejected", taken["id"], "--as-key", "a2", "--json")
    assert (told.code, told.data[0]["outcome"]) == (0, "accepted")
    assert usage("retry", "rejected", late["id"], "--as-time", NOW).code == 0
    assert total(usage) == Decimal("12.5")
    assert usage("rejected").err == "No such usage was refused.\n"
    assert [kind for kind, _ in log(path)] == ["RejectedUsageRetried"] * 2


def test_usage_is_given_up_when_it_is_said_which(usage: Usage, path: Path) -> None:
    why = ("--reason", "a test")
    nothing = usage("dismiss", "rejected", *why, "--json")
    assert (nothing.code, nothing.error["code"]) == (2, "nothing_chosen")
    assert usage("dismiss", "rejected", "--code", "too_late", *why).out == "1 event dismissed\n"
    assert usage("dismiss", "unmatched", "--event", "callz", *why, "--json").data == {
        "dismissed": 1
    }
    assert usage("dismiss", "unmatched", "w", *why).code == 0
    assert usage("dismiss", "rejected", "--all", *why, "--json").data == {"dismissed": 1}
    assert usage("dismiss", "rejected", "--all", *why, "--json").data == {"dismissed": 0}
    assert [kind for kind, _ in log(path)] == [
        "RejectedUsageDismissed", "UsageVoided", "UsageVoided", "RejectedUsageDismissed"
    ]  # fmt: skip  # in order


@pytest.mark.parametrize(
    "wrong",
    [
        ("retry", "rejected", "--customer", "ann"),
        ("retry", "unmatched", "--code", "too_late"),
        ("retry", "unmatched", "--as-key", "k"),
        ("dismiss", "unmatched", "--outcome", "conflict", "--reason", "x"),
    ],
)
def test_an_option_of_the_other_list_is_a_mistake(usage: Usage, wrong: tuple[str, ...]) -> None:
    told = usage(*wrong, "--json")
    assert (told.code, told.error["code"]) == (2, "bad_option")


@pytest.mark.parametrize("name", ["usage.jsonl", "usage.csv"])
def test_an_export_is_taken_back(usage: Usage, run: Run, folder: Path, name: str) -> None:
    usage("void", "b", "--reason", "a bug")
    assert usage("export", "--to", name).err == f"3 events written to {name}\n"
    assert sorted(each.name for each in folder.glob("usage*")) == [name]
    same = usage("import", name, "--json").data
    assert (same["duplicate"], same["rows"]) == (3, 3)
    other = ("--db", str(folder / "other.db"))
    run("init", *other)
    anew = run("usage", "import", name, *other, *AT, "--json").data
    assert (anew["accepted"], anew["unmatched"]) == (3, 3)
    for key in ("a", "w", "v"):
        mine, theirs = (
            usage("get", key, "--json").data,
            run("usage", "get", key, *other, "--json").data,
        )
        for field in ("event", "quantity", "time", "properties", "subscription"):
            assert theirs[field] == mine[field], (key, field)
        assert theirs["customer"] in {"ann", "nan"}


def test_each_list_is_exported_on_its_own(usage: Usage) -> None:
    def keys(*arguments: str) -> list[str]:
        return [json.loads(line)["key"] for line in usage("export", *arguments).out.splitlines()]

    assert keys() == keys("stored") == ["a", "b", "w", "v"]
    assert keys("unmatched") == ["w", "v"]
    assert keys("unmatched", "--customer", "nan") == ["w"]
    assert keys("rejected") == ["a", "l"]
    assert keys("rejected", "--outcome", "conflict") == ["a"]
    assert keys("--customer", "ann") == ["a", "b", "v"]
    assert keys("--start", "2026-03-10", "--event", "calls") == ["a", "w"]
    assert keys("--end", "2026-03-10") == ["b"]
    row = json.loads(usage("export", "rejected", "--code", "too_late").out)
    assert row["reason"].startswith("too_late: ")
    assert (row["quantity"], row["time"]) == ("1", "2019-01-01T00:00:00Z")


def test_an_export_as_csv_has_a_header_even_when_it_is_empty(usage: Usage, folder: Path) -> None:
    rows = list(csv.DictReader(usage("export", "unmatched", "--format", "csv").out.splitlines()))
    assert [row["unmatched"] for row in rows] == ["unknown_customer", "unknown_event"]
    none = usage("export", "--customer", "nobody", "--format", "csv")
    assert none.out.startswith("key,event,customer,time,quantity,subscription,properties,")
    told = usage("export", "--customer", "nobody", "--to", "none.jsonl", "--json").data
    assert told == {"events": 0, "file": "none.jsonl"}
    assert (folder / "none.jsonl").read_text() == ""


def test_an_export_that_fails_leaves_the_file_of_before(usage: Usage, folder: Path) -> None:
    kept = folder / "usage.jsonl"
    kept.write_text("mine\n")
    wrong = usage("export", "--start", "2026-03-12", "--end", "yesterday", "--to", "usage.jsonl")
    assert wrong.code == 2
    nowhere = usage("export", "--to", str(folder / "no" / "usage.jsonl"), "--json")
    assert (nowhere.code, nowhere.error["code"]) == (1, "os_error")
    assert kept.read_text() == "mine\n"


def test_a_subscription_survives_an_export(usage: Usage, folder: Path, path: Path) -> None:
    sub = ids.SUBSCRIPTION.new()
    with ledger.open(
        f"sqlite:///{path}", clock=MovableClock(parse_instant(NOW)), meter=MeterConfig(spool=False)
    ) as engine:
        named = UsageEvent("calls", "ann", 1, "s", subscription=sub)
        engine.tenant("default").usage.record([named])
    for name in ("s.csv", "s.jsonl"):
        usage("export", "--to", name)
        assert sub in (folder / name).read_text()
        again = usage("import", name, "--json").data
        assert (again["duplicate"], again["conflict"]) == (5, 0)
    folder.joinpath("plain.csv").write_text("event,customer,subscription\ncalls,ann,Pro\n")
    assert usage("import", "plain.csv", "--json").data["accepted"] == 1
