"""The spool: a journal on disk that keeps what `meter()` returned for, until it is stored.

A process writes to files of its own in a shared folder and holds a lock on each, so a file whose
lock can be had belongs to a process that is gone; another one claims it and stores what it holds.
A write before the return survives a killed process; with `fsync` it also survives a power cut.
"""

import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock

import msgspec

from ledger.meter.file_lock import is_same_file, let_go, lock, lock_new, sync_folder
from ledger.meter.model import Reading
from ledger.meter.spool_file import MAGIC, Contents, frame, read, system_write
from ledger.types.clock import SystemClock
from ledger.types.errors import Invalid, Unavailable
from ledger.types.scope import Scope
from ledger.types.zone import micros

SEGMENT_MAX = 8 * 2**20
"""Bytes after which a new file is begun."""

REPLAY_BATCH = 1_000

_UNBORN = ".new"
_UNBORN_MAX_US = 60 * 1_000_000
_TUPLE_OF_3 = b"\x93"  # how msgpack begins a list of three
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger(__name__)


class Replayed(msgspec.Struct, frozen=True):
    """What was found of processes that are gone: events, files, and files that are damaged."""

    events: int = 0
    files: int = 0
    corrupt: tuple[Path, ...] = ()


class Segment:
    """A file of the journal, and how many batches still need it."""

    __slots__ = ("batches", "fd", "is_full", "path", "size")

    def __init__(self, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self.size = len(MAGIC)
        self.batches = 0
        self.is_full = False


class Spool:
    """The journal of this process, in a folder that all processes of a database share.

    Raises:
        Invalid: (`spool_not_supported`) this system has no file locks of the kind it needs.
        Unavailable: (`spool_unusable`) the folder cannot be made.
    """

    def __init__(
        self, folder: Path, *, fsync: bool = False, segment_max: int = SEGMENT_MAX
    ) -> None:
        if sys.platform == "win32":
            raise Invalid(
                "the spool needs POSIX file locks, which Windows lacks; open with"
                " MeterConfig(spool=False)",
                code="spool_not_supported",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"the spool folder {folder} cannot be made: {error}", code="spool_unusable"
            ) from error
        self.folder = folder
        self._write = system_write()
        self._fsync, self._segment_max = fsync, segment_max
        self._segments: set[Segment] = set()
        self.after_fork()

    def after_fork(self) -> None:
        """Start a journal of its own: a forked child must not write to its parent's."""
        self._lock = RLock()
        for segment in self._segments:
            os.close(segment.fd)  # never unlocked: the lock is the parent's too
        self._segments = set()
        self._current: Segment | None = None
        self._name, self._count = secrets.token_hex(8), 0

    def prefix(self, scope: Scope) -> bytes:
        """How every record of a scope begins; a reading as msgpack follows."""
        return _TUPLE_OF_3 + _encode(scope.tenant) + _encode(scope.app)

    def append(self, record: bytes, held: list[Segment]) -> None:
        """Write a record, and note in `held` that its batch needs the segment.

        Raises:
            Unavailable: (`spool_full`) it could not be written; nothing of it stays.
        """
        framed = frame(record)
        with self._lock:
            segment = self._current or self._begin()
            try:
                self._write(segment.fd, framed)
                if self._fsync:
                    os.fsync(segment.fd)
            except OSError as error:
                self._take_back(segment)
                raise _full(self.folder, error) from error
            segment.size += len(framed)
            if not held or held[-1] is not segment:
                held.append(segment)
                segment.batches += 1
            if segment.size >= self._segment_max:
                segment.is_full, self._current = True, None

    def release(self, held: Sequence[Segment]) -> None:
        """A batch is stored: let go of the files that no other batch needs."""
        with self._lock:
            for segment in held:
                segment.batches -= 1
                if segment.batches == 0 and segment in self._segments:
                    self._empty(segment)

    def orphans(self) -> Iterator["Orphan"]:
        """The files of processes that are gone, each claimed by the caller until it is closed."""
        for path in sorted(self.folder.iterdir()):
            if path.suffix == _UNBORN:
                self._drop_unborn(path)
            if path.suffix in {".spool", ".claimed"} and (claimed := self._claim(path)):
                yield claimed

    def replay(self, store: Callable[[Scope, Sequence[Reading]], object]) -> Replayed:
        """Store what processes that are gone had left, in batches, then delete their files.

        A damaged file is stored up to the damage and kept under a name that ends in `.corrupt`.
        If `store` raises, the rest stays for another time.

        Raises:
            Unavailable: (`spool_unusable`) the folder or a file cannot be read.
        """
        try:
            return self._replay(store)
        except OSError as error:
            raise Unavailable(
                f"the spool in {self.folder} cannot be read: {error}", code="spool_unusable"
            ) from error

    def _replay(self, store: Callable[[Scope, Sequence[Reading]], object]) -> Replayed:
        events, files, corrupt = 0, 0, list[Path]()
        for orphan in self.orphans():
            try:
                contents = orphan.read()
                for scope, readings in _batches(contents.records):
                    store(scope, readings)
                aside = orphan.done(contents)
            finally:
                orphan.close()
            events, files = events + len(contents.records), files + 1
            if aside is not None:
                corrupt.append(aside)
        if events or corrupt:
            _log.info("stored %d events of %d journals that were left over", events, files)
        return Replayed(events, files, tuple(corrupt))

    def close(self) -> None:
        """Delete what is stored and let go of the rest, which the next process will store."""
        with self._lock:
            for segment in tuple(self._segments):
                if segment.batches == 0:
                    segment.path.unlink(missing_ok=True)
                let_go(segment.fd)
            self._segments, self._current = set(), None

    def _begin(self) -> Segment:
        self._count += 1
        path = self.folder.joinpath(f"{self._name}-{self._count:06}.spool")
        # Locked before it has a name that others look for.
        unborn = path.with_suffix(_UNBORN)
        fd = -1
        try:
            fd = os.open(unborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            lock_new(fd)
            self._write(fd, MAGIC)
            unborn.rename(path)
            if self._fsync:
                sync_folder(self.folder)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                unborn.unlink(missing_ok=True)
            raise _full(self.folder, error) from error
        self._current = Segment(path, fd)
        self._segments.add(self._current)
        return self._current

    def _take_back(self, segment: Segment) -> None:
        try:
            os.ftruncate(segment.fd, segment.size)
        except OSError:
            # Half a record may stay, so it has to stay the last one of its file.
            segment.is_full, self._current = True, None

    def _empty(self, segment: Segment) -> None:
        if segment.is_full:
            self._segments.remove(segment)
            segment.path.unlink(missing_ok=True)
            let_go(segment.fd)
        else:
            os.ftruncate(segment.fd, len(MAGIC))
            segment.size = len(MAGIC)

    def _drop_unborn(self, path: Path) -> None:
        """Delete a file whose process was killed before it could write to it."""
        with suppress(OSError):
            # One that is younger may be about to be locked.
            if micros(SystemClock().now()) - path.stat().st_mtime_ns // 1_000 > _UNBORN_MAX_US:
                path.unlink()

    def _claim(self, path: Path) -> "Orphan | None":
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.error("journal %s is left alone: %s", path, error)
            return None
        if not lock(fd) or not is_same_file(path, fd):
            os.close(fd)
            return None
        with self._lock:  # a worker's thread claims beside others
            self._count += 1
            claimed = self.folder.joinpath(f"{self._name}-{self._count:06}.claimed")
        path.rename(claimed)
        return Orphan(claimed, fd)


class Orphan:
    """A journal file whose process is gone, held by this one."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path, self._fd = path, fd

    def read(self) -> Contents:
        """What it holds, up to a torn end or damage."""
        with self.path.open("rb") as file:
            return read(file.read())

    def done(self, contents: Contents) -> Path | None:
        """Delete it, for all of it is stored; if it is damaged keep it aside and say where."""
        if contents.damage is None:
            self.path.unlink()
            return None
        aside = self.path.with_suffix(".corrupt")
        self.path.rename(aside)
        _log.error("journal %s is damaged: %s", aside, contents.damage)
        return aside

    def close(self) -> None:
        """Let go of the file; if it is still there, others may claim it."""
        let_go(self._fd)


def _batches(
    records: Iterable[tuple[Scope, Reading]],
) -> Iterator[tuple[Scope, list[Reading]]]:
    """The readings by scope, in order, a batch at a time."""
    by_scope: dict[Scope, list[Reading]] = {}
    for scope, reading in records:
        by_scope.setdefault(scope, []).append(reading)
    for scope, readings in by_scope.items():
        for start in range(0, len(readings), REPLAY_BATCH):
            yield scope, readings[start : start + REPLAY_BATCH]


def _full(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"the journal in {folder} cannot be written ({error.strerror or error}); the event is not"
        " counted",
        code="spool_full",
    )
