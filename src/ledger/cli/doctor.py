"""`ledger doctor`: what a person would look at first when something is wrong."""

from collections.abc import Iterator
from pathlib import Path

import typer

from ledger import LedgerError, SystemClock
from ledger.cli.failure import FAILED, OK
from ledger.cli.health import Check, Status, surroundings
from ledger.cli.invocation import Invocation, refuse_missing
from ledger.cli.output import Output
from ledger.cli.verb import verb
from ledger.cli.wording import count

group = typer.Typer()

_STYLES: dict[Status, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_SAID = {"sqlite", "file"}  # with what is around the database
_BEARABLE = {
    "role",
    "other_logins",
    "synchronous_commit",
    "months",
}  # it works, less safely or slower
_HINTS = {
    "schema": "ledger migrate brings it up to date.",
    "integrity_check": "The file is damaged: restore a backup, and check the disk.",
    "foreign_key_check": "Rows refer to rows that are gone: restore a backup.",
    "journal_mode": "WAL needs a local disk; network shares do not do.",
    "postgresql": "Upgrade the server: PostgreSQL 13 is the oldest that will do.",
    "server_encoding": "Make a database with ENCODING 'UTF8', and move into it.",
    "fsync": "A crash of the server may lose or damage what was stored: turn it on.",
    "synchronous_commit": "A crash of the server may lose what was stored last: turn it on.",
    "row_level_security": "Nothing but the program keeps tenants apart there: ALTER TABLE …"
    " ENABLE ROW LEVEL SECURITY, and FORCE.",
    "other_logins": "REVOKE CONNECT ON DATABASE … FROM PUBLIC, then GRANT it to those who should.",
    "months": "ledger migrate makes the tables for the months to come.",
}


@verb(group, "doctor", examples=["ledger doctor", "ledger doctor --json"])
def doctor(invocation: Invocation) -> int:
    """Look at Python, SQLite, time zones, clock, disk, database and spool; change nothing.

    The exit code is 1 when something fails.
    """
    found = list(checks(invocation))
    if invocation.out.json:
        invocation.out.data(found)
    else:
        _show(invocation.out, found)
    return FAILED if any(each.status == "fail" for each in found) else OK


def checks(invocation: Invocation) -> Iterator[Check]:
    """All checks, those that need nothing first."""
    settings = invocation.settings
    yield from surroundings(SystemClock().now(), settings.path)
    source = f"from {settings.file}" if settings.file else "no ledger.toml here"
    yield Check("settings", "ok", f"{settings.shown}, tenant {settings.tenant}, {source}")
    yield from _database(settings.database, settings.path)
    yield from _spool(settings.database)


def _database(url: str, path: Path | None) -> Iterator[Check]:
    from ledger import opening

    try:
        if path is not None:
            refuse_missing(path)
        found = opening.findings(url)
    except LedgerError as error:
        yield Check("database", "fail", error.message)
        return
    yield Check("database", "ok", "it answers")
    for each in found:
        if each.name in _SAID:
            continue
        bad: Status = "warn" if each.name in _BEARABLE else "fail"
        status: Status = "ok" if each.ok else bad
        hint = "" if each.ok else _HINTS.get(each.name, "")
        yield Check(each.name.replace("_", " "), status, each.detail, hint)


def _spool(url: str) -> Iterator[Check]:
    """The journals of processes: many are no harm while somebody writes them."""
    from ledger import opening

    folder = opening.spool_folder(url)
    if folder is None or not folder.is_dir():
        yield Check("spool", "ok", "no journals")
        return
    names = [each.suffix for each in folder.iterdir()]
    damaged = names.count(".corrupt")
    waiting = names.count(".spool") + names.count(".claimed")
    if damaged:
        yield Check(
            "spool",
            "warn",
            f"{count(damaged, 'damaged journal')} in {folder}",
            "What could be read of them was stored; keep the files until that is enough.",
        )
    elif waiting:
        yield Check(
            "spool",
            "warn",
            f"{count(waiting, 'journal')} in {folder}",
            "Fine while a program runs that meters; else any verb stores what they hold.",
        )
    else:
        yield Check("spool", "ok", f"no journals in {folder}")


def _show(out: Output, found: list[Check]) -> None:
    width = max(len(each.name) for each in found)
    for each in found:
        out.text(f"{each.status:<5}{each.name:<{width}}  {each.detail}", style=_STYLES[each.status])
        if each.hint:
            out.text(f"{'':<{width + 7}}{each.hint}")
    failed = sum(each.status == "fail" for each in found)
    out.say("All is well." if not failed else f"{count(failed, 'check')} failed.")
