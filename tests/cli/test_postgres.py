"""The command line on PostgreSQL: settings, migrations, health; and a password is never shown."""

import json
from pathlib import Path

import pytest

from ledger import opening
from ledger.cli.config import Given, resolve
from tests.cli.conftest import Run
from tests.servers import OWNER, Cluster

pytestmark = pytest.mark.slow  # the fast loop has the contract, the schema and the fences

SECRET = "s3cr%40et"  # noqa: S105 - of nobody
PLAIN = "s3cr@et"


@pytest.fixture
def url(postgres: Cluster, worker_id: str) -> str:
    """The URL of a database with the schema, and of a login whose password is not asked for."""
    return postgres.database(f"ledger_{worker_id}").replace(":ledger@", f":{SECRET}@")


@pytest.fixture
def empty(postgres: Cluster, worker_id: str) -> str:
    """The URL of a database without a schema."""
    return postgres.create(f"ledger_cli_{worker_id}").replace(":ledger@", f":{SECRET}@")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql://u@h:5432/d"),
        ("postgres://u:p:q@h/d", "postgres://u@h/d"),
        ("postgresql://u:p@ss/w@rd@h/d?pool_size=3", "postgresql://u@h/d?pool_size=3"),
        ("postgresql://:p@h/d", "postgresql://@h/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?user=u"),
        ("postgresql://h/d?password=p&user=u&sslpassword=q", "postgresql://h/d?user=u"),
        ("mysql+x://u:p@h/d", "mysql+x://u@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/run/pg", "postgresql:///d?host=/run/pg"),
        ("postgresql://[::1]:5432/d", "postgresql://[::1]:5432/d"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert opening.without_password(url) == shown


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_database_url_is_understood(
    url: str, run: Run, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url.replace("postgresql:", f"{scheme}:"))
    assert run("customers", "list", "--json").data == []
    assert run("plans", "list", "--json").data == []


def test_a_folder_remembers_where_the_database_is_but_not_the_password(
    empty: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("init", "--db", empty, "--tenant", "acme")
    assert ran.code == 0
    written = folder.joinpath("ledger.toml").read_text(encoding="utf-8")
    assert f'database = "postgresql://{OWNER}@' in written
    assert "PGPASSWORD" in ran.err
    _no_secret(ran.out, ran.err, written)
    monkeypatch.setenv("PGPASSWORD", PLAIN)
    assert run("customers", "list", "--json").data == []


def test_init_says_as_json_where_the_database_is(empty: str, run: Run) -> None:
    ran = run("init", "--db", empty, "--json")
    assert ran.data["database"].startswith(f"postgresql://{OWNER}@")
    _no_secret(ran.out, ran.err)


def test_migrate_does_what_it_plans_once(empty: str, run: Run) -> None:
    planned = run("migrate", "--db", empty, "--plan", "--json").data
    assert planned["steps"]
    assert run("migrate", "--db", empty, "--json").data == {**planned, "applied": True}
    again = run("migrate", "--db", empty)
    assert "up to date" in again.err
    _no_secret(again.out, again.err)


def test_doctor_looks_at_the_server_and_the_fences(url: str, run: Run) -> None:
    ran = run("doctor", "--db", url, "--json")
    found = {each["name"]: each for each in json.loads(ran.out)}
    well = {"database", "schema", "postgresql", "server encoding", "role", "row level security"}
    assert {found[name]["status"] for name in well} == {"ok"}
    assert found["months"]["status"] == "ok"
    assert "disk" not in found
    # The server of these tests does not wait for its disk, which is what a doctor is to find.
    failing = {name for name, each in found.items() if each["status"] == "fail"}
    assert failing <= {"fsync"}
    assert ran.code == (1 if failing else 0)
    _no_secret(ran.out, ran.err)
    _no_secret(*run("doctor", "--db", url)[1:])


def test_doctor_says_what_does_not_keep_tenants_apart(
    postgres: Cluster, empty: str, run: Run
) -> None:
    superuser = postgres.superuser_url(empty.rpartition("/")[2])
    run("migrate", "--db", empty)
    postgres.execute(empty, "ALTER TABLE customers NO FORCE ROW LEVEL SECURITY")
    postgres.execute(empty, "REVOKE INSERT ON customers FROM ledger_app")
    ran = run("doctor", "--db", empty, "--json")
    found = {each["name"]: each for each in json.loads(ran.out)}
    assert found["row level security"]["status"] == "fail"
    assert found["row level security"]["detail"] == "customers"
    assert found["role"]["status"] == "warn"
    assert found["login"]["status"] == "ok"
    assert ran.code == 1
    as_superuser = json.loads(run("doctor", "--db", superuser, "--json").out)
    assert [each["status"] for each in as_superuser if each["name"] == "login"] == ["fail"]


def test_a_superuser_is_refused_with_the_reason(postgres: Cluster, run: Run, url: str) -> None:
    superuser = postgres.superuser_url(url.rpartition("/")[2])
    ran = run("customers", "list", "--db", superuser, "--json")
    assert ran.code == 3
    assert ran.error["code"] == "superuser_refused"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://jane:{SECRET}@127.0.0.1:1/ledger",
        f"postgresql://jane:{SECRET}@nowhere.invalid/ledger",
        f"postgresql://jane:{SECRET}@127.0.0.1:12x/ledger",
        f"postgresql://jane:{SECRET}%zz@127.0.0.1/ledger",
        f"postgresql://jane:{SECRET}@[::1/ledger",
        f"postgresql://jane:{SECRET}@[::1]x/ledger",
        f"postgresql://jane@127.0.0.1/ledger?password={SECRET}%zz",
        f"postgresql://jane@127.0.0.1/ledger?password={SECRET}&nonsense=1",
        f"postgresql://jane:{SECRET}@127.0.0.1/ledger?pool_size=many",
        f"postgresql://jane:{SECRET}@127.0.0.1/ledger?connect_timeout=1&port=1",
        f"mysql://jane:{SECRET}@127.0.0.1/ledger",
    ],
)
@pytest.mark.parametrize("verb", [("customers", "list"), ("doctor",), ("migrate",), ("init",)])
def test_a_password_is_never_told_whatever_goes_wrong(
    run: Run, url: str, verb: tuple[str, ...], folder: Path
) -> None:
    for options in ((), ("--json",)):
        ran = run(*verb, "--db", url, *options)
        assert ran.code in {1, 2, 6}
        _no_secret(ran.out, ran.err)
    assert not folder.joinpath("ledger.toml").exists()


def test_a_password_is_not_in_what_the_settings_show(folder: Path) -> None:
    settings = resolve(Given(database=f"postgresql://jane:{SECRET}@h/d"), {}, None)
    assert settings.shown == "postgresql://jane@h/d"
    assert SECRET in settings.database


def _no_secret(*texts: str) -> None:
    for text in texts:
        assert SECRET not in text
        assert PLAIN not in text
        assert "s3cr" not in text
