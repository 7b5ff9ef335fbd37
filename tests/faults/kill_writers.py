"""Kill processes that write, by the hundred: what they acknowledged is stored, and once.

    python -m tests.faults.kill_writers --count 1000
    python -m tests.faults.kill_writers --count 1000 --postgres
    python -m tests.faults.kill_writers --count 1000 --url postgresql://ledger:…@host/empty_database

Several processes at once record batches and meter with a spool, and note each key once the call had
returned. Each lives for a fraction of a second before it is killed with -9, some while they still
open the database and store what the dead before them had left.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

import ledger
from ledger import Feature, UsageEvent
from ledger.engine.engine import Engine
from tests.faults.counting import (
    left_over,
    miscounted,
    progress,
    quantity_of,
    said_in,
    stored_in,
)
from tests.servers import Cluster, server

FEATURE, CUSTOMERS = "api_calls", ("user_0", "user_1", "user_2")
AT_ONCE = 4
# Small and quick, so that kills fall into every part of a transaction.
RECORDED, METERED, FLUSH_INTERVAL_S = 15, 30, 0.02
LIFE_MIN_S, LIFE_MAX_S = 0.02, 0.6
ENOUGH_MAX_S = 120


class Report(msgspec.Struct, frozen=True):
    """What came of it. `unheard` events are stored, their process was killed before it said so."""

    kills: int
    said: int
    stored: int
    unheard: int
    lost: int
    twice: int
    wrong: tuple[str, ...]
    seconds: int

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, changed, left over or miscounted."""
        return not self.wrong

    def __str__(self) -> str:
        verdict = "good" if self.is_good else "NOT GOOD: " + "; ".join(self.wrong[:10])
        return f"""\
killed {self.kills} processes, {AT_ONCE} at a time, in {self.seconds} s
{self.said} events were acknowledged, {self.stored} are stored, {self.unheard} of them were not \
acknowledged yet
lost {self.lost}, stored twice {self.twice}
{verdict}"""


def run(folder: Path, url: str, kills: int, seed: int, *, raw_url: str | None = None) -> Report:
    """Write and kill in an empty folder and database, then count.

    `raw_url` is for counting, as a role that no row is hidden from.
    """
    chance, started = random.Random(seed), time.monotonic()
    for name in ("said", "complaints"):
        (folder / name).mkdir()
    with _opened(url, folder) as engine:  # which also loads all that the forked ones will need
        acme = engine.tenant("acme")
        acme.features.create(Feature(key=FEATURE, kind="metered"))
        for ref in CUSTOMERS:
            acme.customers.create(name=ref, external_id=ref)
        acme.usage.total(CUSTOMERS[0], FEATURE)
    _kill_many(folder, url, kills, chance)
    return _counted(folder, url, raw_url or url, kills, int(time.monotonic() - started))


def _kill_many(folder: Path, url: str, kills: int, chance: random.Random) -> None:
    """Keep several processes writing; the one whose time has come is killed, and another born."""
    living: dict[int, tuple[float, int]] = {}
    born = done = 0
    while done < kills:
        while len(living) < AT_ONCE and born < kills:
            child = _born(folder, url, born)
            life = chance.uniform(LIFE_MIN_S, LIFE_MAX_S)
            living[child] = (time.monotonic() + life, born)
            born += 1
        child = min(living, key=lambda one: living[one][0])
        at, number = living.pop(child)
        time.sleep(max(0, at - time.monotonic()))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            complaint = (folder / "complaints" / str(number)).read_text()
            raise RuntimeError(f"writer {number} ended by itself: {complaint}")
        done += 1
        progress(done, kills, "kills")


def _born(folder: Path, url: str, number: int) -> int:
    """A forked process that writes until it is killed: importing would take most of its life."""
    child = os.fork()
    if child:
        return child
    try:
        _write(folder, url, number)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent tells
        (folder / "complaints" / str(number)).write_text(traceback.format_exc())
    finally:
        os._exit(1)


def _write(folder: Path, url: str, number: int) -> None:
    """Record and meter by turns, and note each key when its call has returned."""
    random.seed(number)  # else all would pause alike
    said = os.open(folder / "said" / str(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(*keys: str) -> None:
        os.write(said, "".join(f"{key}\n" for key in keys).encode())

    until = time.monotonic() + ENOUGH_MAX_S
    with _opened(url, folder) as engine:
        acme, n = engine.tenant("acme"), 0
        while time.monotonic() < until:
            keys = [f"{number}-record-{n}-{i}" for i in range(RECORDED)]
            acme.usage.record([_event(key) for key in keys])
            note(*keys)
            for i in range(METERED):
                event = _event(key := f"{number}-meter-{n}-{i}")
                acme.meter(event.customer, event.event, event.quantity, key=key)
                note(key)
            n += 1


def _event(key: str) -> UsageEvent:
    quantity = quantity_of(key)
    return UsageEvent(FEATURE, CUSTOMERS[quantity % len(CUSTOMERS)], quantity, key=key)


def _opened(url: str, folder: Path) -> Engine:
    config = ledger.MeterConfig(
        batch_size=METERED, flush_interval_s=FLUSH_INTERVAL_S, spool=folder / "spool"
    )
    return ledger.open(url, meter=config)


def _counted(folder: Path, url: str, raw_url: str, kills: int, seconds: int) -> Report:
    with _opened(url, folder):
        pass  # which stores what the last ones had left
    stored, said = stored_in(raw_url), said_in(folder / "said")
    lost, twice = stored.missing(said), stored.twice
    wrong = [f"lost {key}" for key in lost] + [f"twice {key}" for key in twice]
    wrong += [f"changed {key}" for key in stored.changed()]
    wrong += [f"without a key {customer}" for customer in stored.keyless]
    wrong += [f"left over {name}" for name in left_over(folder / "spool")]
    with _opened(url, folder) as engine:
        wrong += miscounted(engine, stored, CUSTOMERS, FEATURE)
    unheard = len(stored.keys.keys() - set(said))
    return Report(
        kills, len(said), stored.events, unheard, len(lost), len(twice), tuple(wrong), seconds
    )


@contextmanager
def own_server() -> Generator[tuple[str, str]]:
    """A PostgreSQL server of its own: the URL for writing, and the one for counting."""
    with server(durable=True) as made:
        cluster = Cluster(made.admin)
        yield cluster.create("ledger_writers"), cluster.superuser_url("ledger_writers")


def main() -> int:
    """Run from the command line; 0 if all was good."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_writers")
    parser.add_argument("--count", type=int, default=1_000, help="how many to kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--postgres", action="store_true", help="on a server of its own")
    parser.add_argument("--url", help="an empty database; else a SQLite file")
    parser.add_argument("--raw-url", help="the same database, as a role that sees all rows")
    parser.add_argument("folder", nargs="?", type=Path, help="an empty folder to keep")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.folder or Path(temporary)
        if said.postgres:
            with own_server() as (url, raw_url):
                report = run(folder, url, said.count, said.seed, raw_url=raw_url)
        else:
            url = said.url or f"sqlite:///{folder / 'billing.db'}"
            report = run(folder, url, said.count, said.seed, raw_url=said.raw_url)
    print(report)
    print(f"seed {said.seed}")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
