"""`usage import`: every row gets an answer, nothing counts twice, equal rows are two events."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

import ledger
from ledger import Feature, MeterConfig
from ledger.testing.clock import MovableClock
from ledger.types.zone import parse_instant
from tests.cli.conftest import Ran, Run

NOW = "2026-03-10T12:00:00Z"
AT = ("--at", NOW)
COUNTS = ("rows", "accepted", "duplicate", "conflict", "rejected", "unmatched")


@pytest.fixture
def empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with a customer and a feature that sums a property."""
    path = folder / "ledger.db"
    with ledger.open(
        f"sqlite:///{path}", clock=MovableClock(parse_instant(NOW)), meter=MeterConfig(spool=False)
    ) as engine:
        tenant = engine.tenant("default")
        tenant.features.create(Feature("calls", "metered"))
        tenant.customers.create(name="Ann", external_id="ann")
        tenant.customers.create(name="Bob", external_id="bob")
    return path


def counts(ran: Ran) -> tuple[int, ...]:
    data = json.loads(ran.out)
    return tuple(data[name] for name in COUNTS)


def total(path: Path, customer: str) -> Decimal:
    with ledger.open(
        f"sqlite:///{path}", clock=MovableClock(parse_instant(NOW)), meter=MeterConfig(spool=False)
    ) as engine:
        return engine.tenant("default").usage.total(customer, "calls")


CSV = "event,customer,time,quantity\n"
CALL = "calls,ann,2026-03-10T09:00:00Z,2\n"
CLOUD = {
    "specversion": "1.0", "id": "1", "source": "/api", "type": "calls", "subject": "ann",
    "time": "2026-03-10T09:00:00Z", "data": {"quantity": 2},
}  # fmt: skip  # an event reads best as one
NATIVE = {"event": "calls", "customer": "ann", "quantity": 2, "time": "2026-03-10T09:00:00Z"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.csv", CSV + CALL),
        ("u.csv", "\ufeff" + CSV + CALL),
        ("u.csv", (CSV + CALL).replace(",", ";")),
        ("u.tsv", (CSV + CALL).replace(",", "\t")),
        ("u.csv", (CSV + CALL).replace("\n", "\r\n")),
        ("u", CSV + CALL),
        ("u.jsonl", json.dumps(NATIVE) + "\n\n"),
        ("u.json", json.dumps([NATIVE], indent=2)),
        ("u.json", json.dumps(NATIVE, indent=2)),
        ("u", json.dumps(NATIVE)),
        ("u", json.dumps(NATIVE, indent=2)),
        ("u", json.dumps([NATIVE])),
        ("u.json", json.dumps([CLOUD])),
        ("u.json", json.dumps(CLOUD, indent=4)),
        ("u.jsonl", json.dumps(CLOUD)),
        ("u", "\ufeff" + json.dumps(CLOUD)),
    ],
)
def test_a_file_is_read_in_its_format(
    name: str, text: str, run: Run, empty: Path, folder: Path
) -> None:
    folder.joinpath(name).write_text(text, encoding="utf-8", newline="")
    assert counts(run("usage", "import", name, *AT, "--json")) == (1, 1, 0, 0, 0, 0)
    assert total(empty, "ann") == 2


def test_stdin_is_a_file(run: Run, empty: Path) -> None:
    ran = run("usage", "import", "-", *AT, "--json", stdin=(CSV + CALL).encode())
    assert counts(ran) == (1, 1, 0, 0, 0, 0)


def test_equal_rows_are_two_events_and_a_second_import_adds_none(
    run: Run, empty: Path, folder: Path
) -> None:
    folder.joinpath("u.csv").write_text(CSV + CALL * 3, encoding="utf-8")
    assert counts(run("usage", "import", "u.csv", *AT, "--json")) == (3, 3, 0, 0, 0, 0)
    assert counts(run("usage", "import", "u.csv", *AT, "--json")) == (3, 0, 3, 0, 0, 0)
    folder.joinpath("u.csv").write_text(CSV + CALL * 5, encoding="utf-8")
    assert counts(run("usage", "import", "u.csv", *AT, "--json")) == (5, 2, 3, 0, 0, 0)
    assert total(empty, "ann") == 10


def test_a_key_of_its_own_is_the_identity(run: Run, empty: Path, folder: Path) -> None:
    head = CSV.replace("\n", ",key\n")
    one, other = (f"calls,ann,2026-03-10T09:00:00Z,{n},k1\n" for n in (2, 3))
    folder.joinpath("u.csv").write_text(head + one + one + other, encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT, "--json")
    assert (ran.code, counts(ran)) == (1, (3, 1, 1, 1, 0, 0))
    assert json.loads(ran.out)["rejects"] == [
        {"line": 4, "outcome": "conflict", "reason": ANY_TEXT(json.loads(ran.out), 0)}
    ]


def ANY_TEXT(data: dict[str, list[dict[str, str]]], index: int) -> str:  # noqa: N802 - reads as a value
    return data["rejects"][index]["reason"]


def test_the_same_cloud_event_counts_once(run: Run, empty: Path, folder: Path) -> None:
    elsewhere = {**CLOUD, "source": "/other"}
    folder.joinpath("u.json").write_text(json.dumps([CLOUD, CLOUD, elsewhere]), encoding="utf-8")
    assert counts(run("usage", "import", "u.json", *AT, "--json")) == (3, 2, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",ann,2026-03-10T09:00:00Z,2", "it has no event"),
        ("calls,,2026-03-10T09:00:00Z,2", "it has no customer"),
        ("calls,ann,2026-03-10T09:00:00Z,many", "not a finite decimal number"),
        ("calls,ann,2026-03-10T09:00:00Z,NaN", "not a finite decimal number"),
        ("calls,ann,2026-03-10T09:00:00Z,1e30", "digits"),
        ("calls,ann,yesterday,2", "is not an ISO 8601 instant"),
        ("calls,ann,2026-03-11T09:00:00Z,2", "in_the_future"),
        ("calls,ann,2020-01-01T00:00:00Z,2", "too_late"),
        ("calls,ann,2026-03-10T09:00:00Z", "it has 3 fields where the header has 4"),
        ("calls,ann,2026-03-10T09:00:00Z,2,5", "it has 5 fields where the header has 4"),
        ("bad event!,ann,2026-03-10T09:00:00Z,2", "is not a key"),
        ('calls,"ann" x,2026-03-10T09:00:00Z,2', "not readable as CSV"),
        ("calls,\udcff,2026-03-10T09:00:00Z,2", "it is not UTF-8 text"),
        (f"calls,{'a' * 300},2026-03-10T09:00:00Z,2", "255"),
    ],
)
def test_a_bad_row_is_named_by_line_and_reason(
    row: str, reason: str, run: Run, empty: Path, folder: Path
) -> None:
    text = f"{CSV}{CALL}{row}\n{CALL}"
    folder.joinpath("u.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    ran = run("usage", "import", "u.csv", *AT, "--json", "--rejects", "rejected.jsonl")
    assert (ran.code, counts(ran)) == (1, (3, 2, 0, 0, 1, 0)), ran
    (reject,) = json.loads(ran.out)["rejects"]
    assert reject["line"] == 3
    assert reason in reject["reason"]
    kept = json.loads(folder.joinpath("rejected.jsonl").read_text(encoding="utf-8"))
    assert (kept["line"], kept["reason"]) == (3, reject["reason"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "it is a JSON list, not an object"),
        ('"calls"', "it is a JSON str, not an object"),
        ("{", "it is not JSON"),
        ('{"event": "calls", "customer": true}', "its customer is not text"),
        ('{"event": "calls", "customer": "ann", "quantity": NaN}', "not a finite decimal number"),
        ('{"event": "calls", "customer": "ann", "time": 1700000000}', "is not text such as"),
        ('{"event": "calls", "customer": "ann", "properties": [1]}', "not an object"),
        ('{"event": "calls", "customer": "\\ud800"}', "not valid text"),
        ("[" * 100_000, "it is not JSON"),
        ('{"specversion": "1.0", "type": "calls", "source": "/x"}', "the CloudEvent has no id"),
        ('{"specversion": "0.3", "id": "1", "type": "calls", "source": "/x"}', "version '0.3'"),
        (
            '{"specversion": "1.0", "id": "1", "type": "calls", "source": "/x"}',
            "it has no customer",
        ),
        (
            '{"specversion": "1.0", "id": "1", "type": "c", "source": "/x", "data": "text"}',
            "not a JSON object",
        ),
    ],
)
def test_a_bad_line_of_json_does_not_stop_the_others(
    line: str, reason: str, run: Run, empty: Path, folder: Path
) -> None:
    good = json.dumps(NATIVE)
    folder.joinpath("u.jsonl").write_text(f"{good}\n{line}\n{good}\n", encoding="utf-8")
    ran = run("usage", "import", "u.jsonl", *AT, "--json")
    assert (ran.code, counts(ran)) == (1, (3, 2, 0, 0, 1, 0)), ran
    (reject,) = json.loads(ran.out)["rejects"]
    assert reject["line"] == 2
    assert reason in reject["reason"]


def test_rejects_can_be_allowed(run: Run, empty: Path, folder: Path) -> None:
    folder.joinpath("u.csv").write_text(f"{CSV}{CALL}calls,ann,x,1\n", encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT, "--allow-rejects")
    assert ran.code == 0
    assert "line 3: rejected: 'x' is not an ISO 8601 instant" in ran.err


def test_many_rejects_are_summed_up(run: Run, empty: Path, folder: Path) -> None:
    folder.joinpath("u.csv").write_text(CSV + "calls,ann,x,1\n" * 25, encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT)
    assert ran.err.count("line ") == 10
    assert "and 15 more; --rejects FILE writes them all." in ran.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"event": "calls"', "is not JSON"),
        ('[{"event": "calls", "customer": "ann"}', "ends inside its JSON array"),
        ("[" + '{"event": "calls", "customer": "ann"} {]', "is not JSON"),
    ],
)
def test_a_broken_array_says_what_is_stored(
    text: str, reason: str, run: Run, empty: Path, folder: Path
) -> None:
    folder.joinpath("u.json").write_text(text, encoding="utf-8")
    ran = run("usage", "import", "u.json", *AT, "--json")
    assert (ran.code, ran.error["code"]) == (2, "bad_file")
    assert reason in str(ran.error["message"])


def test_columns_are_mapped(run: Run, empty: Path, folder: Path) -> None:
    text = "who,when,n,model,note\nann,2026-03-10 09:00:00.1234567,4,large,\n"
    folder.joinpath("u.csv").write_text(text, encoding="utf-8")
    mapping = (
        "--event", "calls", "--customer-column", "who", "--time-column", "when",
        "--quantity-column", "n", "--property", "model=model", "--property", "note=note",
        "--time-zone", "Europe/Berlin",
    )  # fmt: skip  # pairs
    assert counts(run("usage", "import", "u.csv", *mapping, *AT, "--json")) == (1, 1, 0, 0, 0, 0)
    ran = run("usage", "show", "ann", "calls", "--group-by", "model", "--window", "hour", *AT)
    assert ran.out.splitlines()[1].split() == [
        "2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z", "large", "4",
    ]  # fmt: skip  # a row


def test_a_path_reaches_into_objects(run: Run, empty: Path, folder: Path) -> None:
    row = {"user": {"id": 7}, "usage": {"n": 3}}
    folder.joinpath("u.jsonl").write_text(json.dumps(row), encoding="utf-8")
    mapping = ("--event", "calls", "--customer-column", "user.id", "--quantity-column", "usage.n")
    assert counts(run("usage", "import", "u.jsonl", *mapping, *AT, "--json")) == (1, 1, 0, 0, 0, 1)


def test_unmatched_events_are_told_of(run: Run, empty: Path, folder: Path) -> None:
    folder.joinpath("u.csv").write_text(CSV + CALL.replace("ann", "new"), encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT)
    assert ran.code == 0
    assert "count once their customer or feature is known" in ran.err


def test_what_is_long_past_needs_to_be_said(run: Run, empty: Path, folder: Path) -> None:
    folder.joinpath("u.csv").write_text(CSV + CALL.replace("2026", "2019"), encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT)
    assert ran.code == 1
    assert "--at" in ran.err
    assert run("usage", "import", "u.csv", "--as-of", "2019-04-01").code == 0


def test_lines_are_counted_through_quoted_line_breaks(run: Run, empty: Path, folder: Path) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["event", "customer", "note"])
    writer.writerow(["calls", "ann", "two\nlines"])
    writer.writerow(["", "ann", ""])
    folder.joinpath("u.csv").write_text(out.getvalue(), encoding="utf-8")
    ran = run("usage", "import", "u.csv", *AT, "--json")
    assert [each["line"] for each in json.loads(ran.out)["rejects"]] == [4]
