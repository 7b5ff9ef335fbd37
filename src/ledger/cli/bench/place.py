"""Where something is measured: an engine on a database of its own, and the raw tables beside it."""

import resource
import sqlite3
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import ledger
from ledger import Feature, MeterConfig, SystemClock, UsageEvent
from ledger.cli.bench.raw import PostgresRaw, Raw, Rows, SqliteRaw
from ledger.testing.clock import MovableClock

if TYPE_CHECKING:
    from ledger.engine.face import Blocking
    from ledger.engine.tenant import Tenant

Keys = Literal["ordered", "random"]

EVENT = "api_calls"
SINCE = timedelta(days=20)
"""The time that preloaded events are spread over."""

_POSTGRES = ("postgres://", "postgresql://")


class Place:
    """A tenant of its own in a database, a clock, and where the raw tables go.

    The clock starts 20 days ago. Preloaded events move it on to the present, so that each is taken
    in at its own time, as if the program had run for so long.
    """

    def __init__(
        self, tenant: "Tenant[Blocking]", clock: MovableClock, url: str, folder: Path
    ) -> None:
        self.tenant, self.clock = tenant, clock
        self.url, self.folder = url, folder
        self.now = clock.now() + SINCE

    @property
    def is_postgres(self) -> bool:
        """Whether it is a server's database and no file."""
        return self.url.startswith(_POSTGRES)

    def disk_bytes(self) -> int:
        """What the database takes on disk: with its log, after what can be tidied away was."""
        if self.is_postgres:
            return _postgres_bytes(self.url)
        file = Path(self.url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))

    def server(self) -> str:
        """The database and its version."""
        if not self.is_postgres:
            return f"SQLite {sqlite3.sqlite_version}"
        import psycopg

        with psycopg.connect(self.url) as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"

    @contextmanager
    def raw(self, *, ordered: bool) -> Generator[tuple[Raw, Rows]]:
        """Empty copies of the tables that usage goes to, and a maker of rows for them."""
        sample = self.folder / f"sample-{uuid4().hex}.db"
        with ledger.open(f"sqlite:///{sample}", meter=MeterConfig(spool=False)) as engine:
            tenant = engine.tenant("sample")
            prepare(tenant, ["customer"])
            tenant.usage.record(events(["customer"], ordered=ordered))
        rows = Rows(sample, ordered=ordered)
        raw: Raw = (
            PostgresRaw(self.url, rows)
            if self.is_postgres
            else SqliteRaw(sample, self.folder / f"raw-{uuid4().hex}.db", rows)
        )
        try:
            yield raw, rows
        finally:
            raw.close()


@contextmanager
def place(postgres: str | None, folder: Path | None) -> Generator[Place]:
    """A SQLite file that is gone afterwards, or a new tenant in the database of a server."""
    clock = MovableClock(SystemClock().now() - SINCE)
    with TemporaryDirectory(prefix="ledger-bench-", dir=folder) as made:
        url = postgres or f"sqlite:///{Path(made) / 'bench.db'}"
        with ledger.open(url, clock=clock, meter=MeterConfig(spool=False)) as engine:
            tenant = engine.tenant(f"bench-{uuid4().hex[:12]}")
            yield Place(tenant, clock, url, Path(made))


def prepare(tenant: "Tenant[Blocking]", customers: Sequence[str]) -> None:
    """A metered feature, and customers of these names who use it."""
    tenant.features.create(Feature(EVENT, "metered"))
    for name in customers:
        tenant.customers.create(name=name, external_id=name)


def events(customers: Sequence[str], *, ordered: bool) -> list[UsageEvent]:
    """An event for each of these customers, with a property: keys that are made, or UUIDs."""
    return [
        UsageEvent(
            EVENT,
            customer,
            1 + number % 7,
            key=None if ordered else str(uuid4()),
            properties={"model": "large"},
        )
        for number, customer in enumerate(customers)
    ]


def named(count: int) -> list[str]:
    """Names for so many customers."""
    return [f"customer_{number:05}" for number in range(count)]


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def spread(since: datetime, until: datetime, part: int, whole: int) -> datetime:
    """The instant that lies `part` of `whole` between two."""
    return since + (until - since) * part // whole


def _postgres_bytes(url: str) -> int:
    import psycopg

    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'bench%'"
        ).fetchone()
        return int(found[0]) if found else 0
