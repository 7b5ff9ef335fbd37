"""A disk that is full under a PostgreSQL server: what was acknowledged stays, and it goes on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

import ledger
from ledger import Feature, MeterConfig, UsageEvent
from ledger.engine.face import Blocking
from ledger.engine.tenant import Tenant
from ledger.types.errors import Unavailable
from tests.faults.counting import miscounted, stored_in
from tests.servers import Cluster, server

pytestmark = pytest.mark.slow

MANY, WIDE = 400, {"text": "x" * 800}
FULL = {"disk_full", "database_lost", "database_unreachable", "commit_unknown"}
NAME = "ledger_full"


class Full(NamedTuple):
    """A database with little room, what makes more, and what callers may be told till then."""

    url: str
    raw_url: str
    make_room: Callable[[], object]
    codes: set[str]


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextmanager
def _small_disk(megabytes: int) -> Generator[Path]:
    """A disk in memory, where this user may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-disk-"))
    try:
        _mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder))
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


def _may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    try:
        with _small_disk(1):
            return True
    except subprocess.CalledProcessError:
        return False


def _data_is_full(stack: ExitStack) -> Full:
    """The tables have a small disk of their own."""
    made, disk = stack.enter_context(server(durable=True)), stack.enter_context(_small_disk(22))
    place = disk / "tables"
    place.mkdir()
    shutil.chown(place, made.folder.owner())
    with psycopg.connect(made.admin, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
    cluster = Cluster(made.admin)
    cluster.create(NAME)
    with psycopg.connect(made.admin, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {NAME} SET TABLESPACE small".encode())

    def make_room() -> None:
        _mount("-o", "remount,size=256m", str(disk))

    return Full(cluster.url(NAME), cluster.superuser_url(NAME), make_room, {"disk_full"})


def _all_is_full(stack: ExitStack) -> Full:
    """Everything is on a small disk, the log too, without which a server cannot even run."""
    disk = stack.enter_context(_small_disk(400))
    made = stack.enter_context(server(durable=True, parent=disk))
    cluster = Cluster(made.admin)
    url = cluster.create(NAME)
    room = shutil.disk_usage(disk).free
    with (disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, room - 14 * 2**20)

    def make_room() -> None:
        (disk / "ballast").unlink()
        made.kill()  # what is left of it
        made.start()

    return Full(url, cluster.superuser_url(NAME), make_room, FULL)


def _simulated(stack: ExitStack) -> Full:
    """What a full disk looks like, for users who may not mount one."""
    cluster = Cluster(stack.enter_context(server()).admin)
    url = cluster.create(NAME)
    ledger.open(url).close()
    full = (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT count(*) FROM usage_keys) > 2000 THEN"
        " RAISE 'no space left on device' USING ERRCODE = '53100'; END IF; RETURN NULL; END $$;"
        " CREATE TRIGGER full_disk AFTER INSERT ON usage_keys EXECUTE FUNCTION full_disk()"
    )
    cluster.execute(url, full)

    def make_room() -> None:
        cluster.execute(url, "DROP FUNCTION full_disk CASCADE")

    return Full(url, cluster.superuser_url(NAME), make_room, {"disk_full"})


@pytest.fixture(params=[_data_is_full, _all_is_full] if _may_mount() else [_simulated])
def full(request: pytest.FixtureRequest) -> Iterator[Full]:
    make: Callable[[ExitStack], Full] = request.param
    with ExitStack() as stack:
        yield make(stack)


def batch(number: int) -> list[UsageEvent]:
    keys = [f"{number}-{n}" for n in range(MANY)]
    return [UsageEvent("api_calls", "user_42", 1, key=key, properties={**WIDE}) for key in keys]


def filled(acme: Tenant[Blocking], codes: set[str]) -> int:
    """Record until the disk is full; how many batches were acknowledged."""
    for number in range(1_000):
        try:
            acme.usage.record(batch(number))
        except Unavailable as refused:
            if refused.code not in codes:
                raise
            return number
    raise AssertionError("the disk was never full")


def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(full: Full) -> None:
    config = MeterConfig(batch_size=MANY, flush_interval_s=0.1)
    with ledger.open(f"{full.url}?patience_s=1", meter=config) as engine:
        acme = engine.tenant("acme")
        acme.features.create(Feature(key="api_calls", kind="metered"))
        acme.customers.create(name="Jane", external_id="user_42")
        recorded = filled(acme, full.codes)
        assert recorded
        for event in batch(recorded + 1):
            acme.meter(event.customer, event.event, 1, key=event.key, properties=WIDE)
        with pytest.raises(Unavailable, match="the last attempt failed") as late:
            acme.flush(timeout_s=3)
        assert late.value.code == "timed_out"
        full.make_room()
        again = acme.usage.record(batch(recorded))
        unknown = {"accepted", "duplicate"} if "commit_unknown" in full.codes else {"accepted"}
        assert {result.outcome for result in again} <= unknown
        acme.flush(timeout_s=60)
        stored = stored_in(full.raw_url)
        assert (
            stored.missing(event.key or "" for n in range(recorded + 2) for event in batch(n)) == ()
        )
        assert (stored.events, stored.twice) == ((recorded + 2) * MANY, ())
        assert miscounted(engine, stored, ["user_42"], "api_calls") == ()
