"""Open an engine. The one module that knows all sides; it loads drivers when they are needed."""

import difflib
import logging
import re
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from ledger.types.clock import Clock
from ledger.types.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from ledger.engine.core import EngineCore
    from ledger.engine.engine import AsyncEngine, Engine
    from ledger.meter.config import MeterConfig
    from ledger.meter.spool import Spool
    from ledger.store.sql.database import Finding
    from ledger.store.sql.store import SqlStore

DEFAULT_URL = "sqlite:///ledger.db"

_POSTGRES = ("postgresql://", "postgres://")


class Options(TypedDict, total=False):
    """What may be said when an engine is opened."""

    meter: "MeterConfig"
    """How `meter()` buffers, and where its journal lies."""
    entitlement_cache_ttl_s: float
    """How many seconds a cached check may miss what other processes changed: 30."""
    entitlement_cache_max: int
    """How many customers are cached: 100,000."""
    clock: Clock
    """Where facts take their time from: the machine's clock."""
    logger: logging.Logger
    """Where warnings go: the logger `ledger`."""
    migrate: bool
    """False leaves the schema as it is; else it is brought up to date."""


def open(url: str = DEFAULT_URL, **options: Unpack[Options]) -> "Engine":
    """Open the billing engine on a database, creating or upgrading it as needed.

    Args:
        url: `sqlite:///billing.db` (a file; four slashes for an absolute path),
            `sqlite:///:memory:` (gone when closed) or `postgresql://user:password@host/database`
            (with `?pool_size=20` for more than 10 connections, `patience_s=60` to wait longer than
            15 seconds for a server that restarts, `lock_wait_s=5` to wait less than 30 for a lock,
            `answer_s=60` to wait less than 600 for the end of a statement).
        **options: `meter`, `entitlement_cache_ttl_s`, `entitlement_cache_max`, `clock`, `logger`,
            `migrate`; see `Options`.

    Returns:
        The engine; use it in a `with` block or call `close()`. What an earlier process had metered
        into the spool and could not store is stored now.

    Raises:
        Invalid: the URL or an option is not known (`unknown_database`, `unknown_option`).
        Unavailable: the database cannot be reached, or its driver is not installed
            (`driver_missing`).
        Denied: (`superuser_refused`) as this role nothing would keep tenants apart in PostgreSQL.
    """
    from ledger.engine.engine import Engine
    from ledger.engine.face import Blocking

    return Engine(_core(url, options), Blocking())


async def open_async(url: str = DEFAULT_URL, **options: Unpack[Options]) -> "AsyncEngine":
    """Open the billing engine for asyncio; see `open`. The same names, awaited.

    Transactions run in threads that the engine owns. `meter` stays a plain call, and
    `await entitled(…)` of a cached answer does not leave the loop.
    """
    import asyncio

    from ledger.engine.engine import AsyncEngine
    from ledger.engine.face import Awaited

    core = await asyncio.to_thread(_core, url, options)
    return AsyncEngine(core, Awaited(core.store.writers))


def pending(url: str) -> list[str]:
    """The names of the migrations that a database lacks, in the order in which they come.

    Raises Invalid for a URL that is not known, Unavailable when the database cannot be reached.
    """
    with closing(_store(url)[0]) as store:
        return store.pending()


def migrate(url: str) -> list[str]:
    """Bring a database's schema up to date; the names of the migrations that it lacked.

    Raises Conflict (`schema_too_new`) when a newer version of Ledger has used it, and as `pending`.
    """
    with closing(_store(url)[0]) as store:
        return store.migrate()


def findings(url: str) -> "list[Finding]":
    """A look at a whole database: what was found, and whether it is as it should be.

    Raises as `pending`.
    """
    with closing(_store(url)[0]) as store:
        return store.check()


def without_password(url: str) -> str:
    """A database's URL as it may be shown and kept: with the user, without the password."""
    url = re.sub(r"^(\w[\w+.-]*://[^:/@]*):.*@", r"\1@", url, flags=re.DOTALL)
    return re.sub(r"(?<=[?&])(?:ssl)?password=[^&]*(?:&|$)", "", url).rstrip("?&")


def spool_folder(url: str) -> Path | None:
    """Where what was metered is journalled unless another folder is named; None: nowhere."""
    path = url.removeprefix("sqlite:///")
    return None if path in {url, "", ":memory:"} else Path(f"{path}.spool")


def _core(url: str, options: Options) -> "EngineCore":
    from ledger.engine.core import EngineCore, Settings

    check_options(options)
    given: dict[str, Any] = dict(options)
    migrates = given.pop("migrate", True)
    settings = Settings(**given)
    store, folder = _store(url)
    try:
        store.admit()
        if migrates:
            store.migrate()
        return EngineCore(store, settings, _spool(settings.meter, folder))
    except BaseException:
        store.close()
        raise


def check_options(options: Mapping[str, object]) -> None:
    """Refuse an option that is not known, and say which one was meant.

    Raises Invalid (`unknown_option`).
    """
    for name in options:
        if name not in Options.__annotations__:
            near = difflib.get_close_matches(name, Options.__annotations__, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise Invalid(
                f"ledger.open has no option {name!r}{meant}", code="unknown_option", param=name
            )


def _store(url: str) -> "tuple[SqlStore, Path | None]":
    """The store of a URL, and the folder in which its spool lies unless another one is named."""
    from ledger.store.memory import open_memory
    from ledger.store.sqlite import open_sqlite

    if isinstance(url, str) and url.startswith(_POSTGRES):
        return _open_postgres(url), None
    scheme, separator, path = url.partition(":///") if isinstance(url, str) else ("", "", "")
    if scheme != "sqlite" or not separator or not path:
        shown = without_password(url) if isinstance(url, str) else url
        raise Invalid(
            f"{shown!r} is no database that Ledger knows; it opens sqlite:///billing.db (a file),"
            " sqlite:///:memory: and postgresql://user@host/database",
            code="unknown_database",
            param="url",
        )
    if path == ":memory:":
        return open_memory(), None
    return open_sqlite(path), spool_folder(url)


def _open_postgres(url: str) -> "SqlStore":
    try:
        from ledger.store.postgres import open_postgres
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"PostgreSQL needs the package {error.name}: pip install 'ledger-billing[postgres]'",
            code="driver_missing",
        ) from error
    return open_postgres(url)


def _spool(config: "MeterConfig", beside: Path | None) -> "Spool | None":
    """The journal of this process: where it was asked for, else beside the database file."""
    from ledger.meter.spool import Spool

    if config.spool is False or sys.platform == "win32":
        return None
    folder = beside if config.spool is None else Path(config.spool)
    return None if folder is None else Spool(folder, fsync=config.fsync)
