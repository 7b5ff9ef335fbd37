"""Arguments > environment > ledger.toml > defaults, and a slip is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import Invalid
from ledger.cli.config import (
    Given,
    Settings,
    config_file,
    database_url,
    instant,
    resolve,
    sqlite_path,
)
from tests.cli.conftest import Run

EVERYWHERE = {
    "LEDGER_DATABASE_URL": "sqlite:///env.db",
    "LEDGER_TENANT": "env",
    "LEDGER_APP": "env",
}


def settings(given: Given, environment: dict[str, str], toml: str | None, folder: Path) -> Settings:
    if toml is not None:
        folder.joinpath("ledger.toml").write_text(toml, encoding="utf-8")
    return resolve(given, environment, config_file(given, environment, Path()))


FILE = 'database = "sqlite:///file.db"\ntenant = "file"\napp = "file"\n'
ARGUMENTS = Given(database="sqlite:///argument.db", tenant="argument", app="argument")


@pytest.mark.parametrize(
    ("given", "environment", "toml", "wanted"),
    [
        (ARGUMENTS, EVERYWHERE, FILE, "argument"),
        (Given(), EVERYWHERE, FILE, "env"),
        (Given(), {"LEDGER_TENANT": ""}, FILE, "file"),
        (Given(), {}, FILE, "file"),
    ],
)
def test_what_is_nearer_to_the_command_wins(
    given: Given, environment: dict[str, str], toml: str, wanted: str, folder: Path
) -> None:
    found = settings(given, environment, toml, folder)
    assert (found.database, found.tenant, found.app) == (f"sqlite:///{wanted}.db", wanted, wanted)


def test_nothing_is_required(folder: Path) -> None:
    assert settings(Given(), {}, None, folder) == Settings(
        "sqlite:///ledger.db", "default", "default"
    )


def test_ledger_database_url_comes_before_database_url(folder: Path) -> None:
    both = {"DATABASE_URL": "sqlite:///theirs.db", "LEDGER_DATABASE_URL": "sqlite:///ours.db"}
    assert settings(Given(), both, None, folder).database == "sqlite:///ours.db"
    del both["LEDGER_DATABASE_URL"]
    assert settings(Given(), both, None, folder).database == "sqlite:///theirs.db"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('databse = "x"', "'databse', which is not one of database, tenant, app; is 'database'"),
        ('zone = "UTC"', "'zone', which is not one of"),
        ("tenant = 5", "gives 'tenant' the value 5; it is text"),
        ('tenant = ""', "gives 'tenant' the value ''; it is text"),
        ("tenant = ", "cannot be read"),
        ("[ledger]\ntenant = 'x'", "'ledger', which is not one of"),
    ],
)
def test_a_file_that_says_something_else_is_refused(toml: str, said: str, folder: Path) -> None:
    with pytest.raises(Invalid, match=r"ledger\.toml") as caught:
        settings(Given(), {}, toml, folder)
    assert said in caught.value.message
    assert caught.value.code == "bad_config"


def test_a_file_that_was_named_must_be_there(folder: Path) -> None:
    with pytest.raises(Invalid, match=r"there is no file 'other\.toml'"):
        settings(Given(config=Path("other.toml")), {}, None, folder)


def test_a_relative_path_is_meant_from_where_the_file_is(folder: Path) -> None:
    there = folder / "there"
    there.mkdir()
    (there / "ledger.toml").write_text('database = "sqlite:///x.db"', encoding="utf-8")
    found = settings(Given(config=there / "ledger.toml"), {}, None, folder)
    assert found.path == there / "x.db"


@pytest.mark.parametrize(
    ("text", "url", "path"),
    [
        ("billing.db", "sqlite:///billing.db", Path("billing.db")),
        ("/var/billing.db", "sqlite:////var/billing.db", Path("/var/billing.db")),
        ("sqlite:///:memory:", "sqlite:///:memory:", None),
        ("postgresql://host/db", "postgresql://host/db", None),
    ],
)
def test_a_database_is_a_url_or_a_file(text: str, url: str, path: Path | None) -> None:
    assert database_url(text) == url
    assert sqlite_path(url) == path


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T09:00+01:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31 09:00:00Z", datetime(2026, 1, 31, 9, tzinfo=UTC)),
    ],
)
def test_an_instant_may_be_a_date(text: str, wanted: datetime) -> None:
    assert instant(text, "at") == wanted


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-01-31T09:00", "", "1700000000"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        instant(text, "at")
    assert caught.value.param == "at"


def test_options_stand_before_or_after_the_verb(
    run: Run, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEDGER_DATABASE_URL")
    before = run("--db", demo, "--json", "plans", "list")
    after = run("plans", "list", "--json", "--db", demo)
    assert before.code == 0
    assert before == after


def test_what_stands_after_the_verb_wins(run: Run, demo: Path) -> None:
    assert run("--tenant", "nobody", "plans", "list", "--tenant", "default", "--json").data
    assert run("--tenant", "default", "plans", "list", "--tenant", "nobody", "--json").data == []


def test_the_version_is_told(run: Run) -> None:
    ran = run("--version")
    assert ran.code == 0
    assert ran.out.startswith("ledger 0.")
