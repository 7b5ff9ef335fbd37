"""What a store says, and keeps, when the disk, the file or the folder is not as it should be."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import DBAPIError

from ledger.store.sql.migrations import steps
from ledger.store.sql.store import SqlStore
from ledger.store.sqlite import SqliteFile, open_sqlite
from ledger.testing.contract import things
from ledger.testing.contract.store import NOW, Held
from ledger.types.errors import Broken, Conflict, LedgerError, Unavailable

LARGE = {f"part_{number}": "x" * 1_000 for number in range(20)}
DISK = "2m"

MakeRoom = Callable[[], None]


@contextmanager
def _small_disk(folder: Path) -> Generator[MakeRoom]:
    """A disk of 2 MB, where this user may mount one."""
    _mount("-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder))
    try:
        yield lambda: _mount("-o", "remount,size=64m", str(folder))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _may_mount(folder: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    try:
        with _small_disk(folder):
            return True
    except subprocess.CalledProcessError:
        return False


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[SqlStore, MakeRoom]]:
    """A store that has room for little, and what makes room for more."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if _may_mount(disk):
        with _small_disk(disk) as make_room:
            store = open_sqlite(disk / "ledger.db")
            store.migrate()
            yield store, make_room
            store.close()
        return
    store = open_sqlite(disk / "ledger.db")
    store.migrate()
    _limit(store, 100)
    yield store, lambda: _limit(store, 100_000)
    store.close()


def _limit(store: SqlStore, pages: int) -> None:
    """What a full disk looks like to SQLite, for users who may not mount one."""
    assert isinstance(store.database, SqliteFile)
    with store.database.writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(
    full: tuple[SqlStore, MakeRoom],
) -> None:
    store, make_room = full
    acme, kept = Held(store), list[str]()

    def fill() -> None:
        while len(kept) < 2_000:
            customer = things.customer(f"user_{len(kept)}")
            acme.customers.add(replace(customer, metadata=LARGE))
            kept.append(customer.id)

    with pytest.raises(Unavailable, match=r"disk of the database .*ledger\.db is full") as refused:
        fill()
    assert refused.value.code == "disk_full"
    assert kept
    assert acme.customers.resolve(kept) == dict(zip(kept, kept, strict=True))
    with pytest.raises(Unavailable, match="full"):
        acme.events.add(things.Noted("x" * 5_000_000))
    make_room()
    acme.customers.add(replace(things.customer("late"), metadata=LARGE))
    assert len(acme.customers.page(None, 5_000)) == len(kept) + 1
    assert [finding for finding in store.check() if not finding.ok] == []


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000, encoding="utf-8")
    with pytest.raises(Unavailable, match="not a database") as refused:
        open_sqlite(path)
    assert refused.value.code == "not_a_database"
    assert path.read_text(encoding="utf-8").startswith("Dear diary")


def test_a_damaged_database_says_so(file: SqlStore, path: Path) -> None:
    acme = Held(file)
    for number in range(50):
        acme.customers.add(things.customer(f"user_{number}"))
    file.close()
    whole = path.read_bytes()
    page = 4_096
    path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))
    with pytest.raises(Broken, match="damaged") as refused:
        open_sqlite(path)
    assert refused.value.code == "database_damaged"


def test_a_folder_that_is_not_there_is_named_as_the_cause(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="its folder exists") as refused:
        open_sqlite(tmp_path / "nowhere" / "ledger.db")
    assert refused.value.code == "database_unreachable"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be opened"):
        open_sqlite(tmp_path)


def test_a_database_that_may_not_be_written_says_so(file: SqlStore) -> None:
    assert isinstance(file.database, SqliteFile)
    with file.database.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    acme = Held(file)
    with pytest.raises(Unavailable, match="cannot be written to") as refused:
        acme.customers.add(things.customer())
    assert refused.value.code == "database_read_only"
    assert len(acme.customers.page(None, 10)) == 0


def test_a_finalized_invoice_is_frozen_for_everybody(file: SqlStore, path: Path) -> None:
    acme = Held(file)
    subscription = acme.write(things.subscribed)
    acme.invoices.add(things.invoice(subscription).finalized("INV-1", NOW))
    connection = sqlite3.connect(path)
    for statement in (
        "UPDATE invoices SET document = replace(document, '4900', '4901')",
        "UPDATE invoices SET number = 'INV-2'",
        "UPDATE invoices SET number = NULL",
        "UPDATE invoices SET scope_id = 7",
        "DELETE FROM invoices",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="a finalized invoice"):
            connection.execute(statement)
    connection.execute("UPDATE invoices SET status = 'paid'")
    connection.close()


def test_a_row_that_refers_to_nothing_is_not_stored(file: SqlStore) -> None:
    acme = Held(file)
    homeless = things.subscription(things.customer(), things.plan())
    with pytest.raises(Broken, match="refers to something") as refused:
        acme.subscriptions.add(homeless)
    assert refused.value.code == "dangling_reference"
    acme.customers.add(things.customer())


def test_a_closed_store_says_so(file: SqlStore) -> None:
    file.close()
    with pytest.raises(Conflict, match="the store is closed"):
        Held(file).customers.page(None, 10)


def test_what_the_driver_says_is_the_cause_and_no_value_is_shown(file: SqlStore) -> None:
    secret = things.customer("secret_name")
    acme = Held(file)
    acme.customers.add(secret)
    with pytest.raises(LedgerError) as refused:
        acme.write(lambda work: work.customers.add(replace(secret, external_id="other")))
    cause = refused.value.__cause__
    assert isinstance(cause, DBAPIError)
    assert "jane@example.com" not in str(cause)
    assert "other" not in str(cause)


def test_the_check_of_a_healthy_store_finds_nothing_wrong(file: SqlStore, memory: SqlStore) -> None:
    for store in (file, memory):
        assert [finding for finding in store.check() if not finding.ok] == []
    findings = {finding.name: finding.detail for finding in file.check()}
    assert findings["journal_mode"] == "wal"
    newest = steps("sqlite")[-1].version
    assert findings["schema"] == f"version {newest} of {newest}"


def test_the_check_tells_what_is_wrong(path: Path) -> None:
    store = open_sqlite(path)
    wrong = [finding.name for finding in store.check() if not finding.ok]
    assert wrong == ["schema"]
    store.close()
