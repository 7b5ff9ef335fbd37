"""`init`, `migrate` and `doctor`: a project begins, is kept up to date, and can be looked at."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.cli import health
from tests.cli.conftest import Run


def test_init_makes_settings_and_a_database_that_the_next_verb_uses(run: Run, folder: Path) -> None:
    ran = run("init", "--db", "billing.db", "--tenant", "acme", "--app", "test")
    assert ran.code == 0
    assert folder.joinpath("ledger.toml").read_text(encoding="utf-8") == (
        'database = "sqlite:///billing.db"\ntenant = "acme"\napp = "test"\n'
    )
    assert folder.joinpath("billing.db").is_file()
    assert "Next:" in ran.err
    assert run("doctor").code == 0
    assert "tenant acme" in run("doctor").out
    assert run("plans", "list", "--json").data == []


def test_init_says_as_json_what_it_made(run: Run, folder: Path) -> None:
    assert run("init", "--json").data == {
        "app": "default", "config": "ledger.toml", "database": "sqlite:///ledger.db", "new": True,
        "tenant": "default",
    }  # fmt: skip  # facts


def test_init_replaces_settings_only_by_force_and_never_a_database(
    run: Run, demo: Path, folder: Path
) -> None:
    folder.joinpath("ledger.toml").write_text("tenant = 'x'\n", encoding="utf-8")
    assert run("init").code == 5
    assert folder.joinpath("ledger.toml").read_text(encoding="utf-8") == "tenant = 'x'\n"
    assert run("init", "--force").code == 0
    assert run("plans", "list", "--json").data


def test_a_name_that_is_none_leaves_no_settings(run: Run, folder: Path) -> None:
    assert run("init", "--tenant", "a b").code == 2
    assert not folder.joinpath("ledger.toml").exists()


def test_init_elsewhere_puts_the_database_beside_the_settings(run: Run, folder: Path) -> None:
    folder.joinpath("there").mkdir()
    assert run("init", "--config", "there/ledger.toml").code == 0
    assert folder.joinpath("there/ledger.db").is_file()
    assert run("doctor", "--config", "there/ledger.toml").code == 0


def test_migrate_does_what_it_plans_once(run: Run, folder: Path) -> None:
    sqlite3.connect("ledger.db").close()
    folder.joinpath("ledger.db").touch()
    planned = json.loads(run("migrate", "--plan", "--json").out)
    assert planned["applied"] is False
    assert planned["steps"]
    assert json.loads(run("migrate", "--plan", "--json").out) == planned
    done = json.loads(run("migrate", "--json").out)
    assert (done["applied"], done["steps"]) == (True, planned["steps"])
    assert json.loads(run("migrate", "--json").out)["steps"] == []
    assert "up to date" in run("migrate").err


def test_doctor_names_what_is_wrong_with_a_database(run: Run, demo: Path) -> None:
    assert run("doctor").code == 0
    with demo.open("r+b") as file:
        file.seek(5 * 4096 + 100)
        file.write(b"\xff" * 4096)
    ran = run("doctor", "--json")
    assert ran.code == 1
    assert any(each["status"] == "fail" for each in json.loads(ran.out))


def test_doctor_without_a_database_says_how_to_make_one(run: Run, folder: Path) -> None:
    ran = run("doctor")
    assert ran.code == 1
    assert "ledger init makes one" in ran.out
    assert not folder.joinpath("ledger.db").exists()


@pytest.mark.parametrize(
    ("file", "status"), [(None, "ok"), ("a.spool", "warn"), ("a.corrupt", "warn")]
)
def test_doctor_counts_journals(file: str | None, status: str, run: Run, demo: Path) -> None:
    spool = Path(f"{demo}.spool")
    spool.mkdir()
    if file:
        spool.joinpath(file).write_bytes(b"")
    found = {each["name"]: each["status"] for each in json.loads(run("doctor", "--json").out)}
    assert found["spool"] == status
    assert not file or spool.joinpath(file).exists()


NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "fail"),
        (datetime(2026, 1, 1, tzinfo=UTC), "warn"),
        (datetime(9000, 1, 1, tzinfo=UTC), "ok"),
    ],
)
def test_a_clock_that_went_back_is_noticed(now: datetime, status: str, folder: Path) -> None:
    path = folder / "x.db"
    path.touch()
    assert health.clock(now, path).status == status
    assert health.clock(NOW, None).status == "ok"


def test_disk_zones_and_sqlite_are_looked_at(folder: Path) -> None:
    names = [check.name for check in health.surroundings(NOW, folder / "x.db")]
    assert names == ["python", "sqlite", "time zones", "clock", "disk"]
