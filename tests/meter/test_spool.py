"""The journal: what was written before a return is found again, a torn end and damage are not."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.meter.acceptance import stamp_fast
from ledger.meter.config import MeterConfig
from ledger.meter.flusher import Flusher
from ledger.meter.model import EventResult, Reading
from ledger.meter.spool import Segment, Spool
from ledger.meter.spool_file import MAGIC, RECORD_MAX, frame, read
from ledger.types import ids
from ledger.types.errors import Unavailable
from ledger.types.scope import Scope

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACME, OTHER = Scope("acme", "production"), Scope("other")
RICH = stamp_fast(
    "llm.request", "user_42", "-0.000000001", "é", NOW, {"a": 1, "b": True, "c": None, "d": "x"},
    ids.SUBSCRIPTION.new(), NOW,
)  # fmt: skip
Told = list[tuple[Scope, list[str]]]


def event(key: str) -> Reading:
    return stamp_fast("api_calls", "user_42", 1, key, None, None, None, NOW)


def record(reading: Reading, scope: Scope = ACME) -> bytes:
    return b"\x93" + b"".join(map(msgspec.msgpack.encode, (scope.tenant, scope.app, reading)))


def nothing(_: Scope, __: Sequence[Reading], ___: str) -> None:
    """Refuses no event."""


def abandoned(folder: Path, *readings: Reading) -> None:
    """Write a journal as a process does that is then gone: its files are closed, not deleted."""
    spool = Spool(folder)
    held: list[Segment] = []
    for reading in readings:
        spool.append(spool.prefix(ACME) + msgspec.msgpack.encode(reading), held)
    spool.close()


def replayed(folder: Path) -> Told:
    told: Told = []
    Spool(folder).replay(lambda scope, some: told.append((scope, [one.key for one in some])))
    return told


def test_a_reading_is_found_as_it_was() -> None:
    data = MAGIC + frame(record(RICH)) + frame(record(event("a"), OTHER))
    contents = read(data)
    assert contents.damage is None
    assert contents.records[0] == (ACME, RICH)
    assert [(scope, reading.key) for scope, reading in contents.records] == [
        (ACME, "é"),
        (OTHER, "a"),
    ]


def test_an_end_that_is_torn_at_any_byte_costs_only_what_was_not_complete() -> None:
    frames = [frame(record(event(str(i)))) for i in range(4)]
    ends = [len(MAGIC) + sum(map(len, frames[:i])) for i in range(5)]
    data = MAGIC + b"".join(frames)
    for cut in range(len(data) + 1):
        contents = read(data[:cut])
        complete = sum(end <= cut for end in ends) - 1
        assert [reading.key for _, reading in contents.records] == [
            str(i) for i in range(max(complete, 0))
        ]
        assert contents.damage is None


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_damage_is_never_read_as_an_event(place: int, flip: int) -> None:
    frames = [frame(record(event(str(i)))) for i in range(5)]
    data = bytearray(MAGIC + b"".join(frames))
    place %= len(data)
    data[place] ^= flip
    contents = read(bytes(data))
    before = sum(len(MAGIC) + sum(map(len, frames[: i + 1])) <= place for i in range(5))
    assert [reading.key for _, reading in contents.records] == [str(i) for i in range(before)]
    # A length that was damaged may point beyond the end, which looks like a torn one.
    is_in_length = any(
        0 <= place - len(MAGIC) - sum(map(len, frames[:i])) < 4 for i in range(len(frames))
    )
    assert contents.damage is not None or is_in_length


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        (b"", None),
        (MAGIC[:5], None),
        (b"ledger spool 2\n", "does not begin"),
        (MAGIC + (RECORD_MAX + 1).to_bytes(4, "little") + bytes(4), "says it has"),
        (MAGIC + frame(b"\x93\xa1a\xa1b"), "cannot be read"),
        (MAGIC + frame(b"\x93\xa0\xa1b\x90"), "cannot be read"),
        (MAGIC + bytes(40), "cannot be read"),
    ],
)
def test_what_is_no_journal_is_told(data: bytes, damage: str | None) -> None:
    contents = read(data)
    assert contents.records == []
    assert damage is None or damage in (contents.damage or "")
    assert (contents.damage is None) == (damage is None)


def test_what_a_process_left_is_stored_once_and_its_file_deleted(tmp_path: Path) -> None:
    abandoned(tmp_path, event("a"), event("b"))
    abandoned(tmp_path, event("c"))
    assert sorted(replayed(tmp_path)) == [(ACME, ["a", "b"]), (ACME, ["c"])]
    assert replayed(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_process_is_alive_is_left_alone(tmp_path: Path) -> None:
    spool, held = Spool(tmp_path), list[Segment]()
    spool.append(record(event("a")), held)
    assert replayed(tmp_path) == []
    spool.close()
    assert replayed(tmp_path) == [(ACME, ["a"])]


def test_what_cannot_be_stored_now_stays_for_another_time(tmp_path: Path) -> None:
    abandoned(tmp_path, event("a"))

    def fail(_: Scope, __: Sequence[Reading]) -> None:
        raise Unavailable("no answer", code="database_down")

    for _ in range(2):
        with pytest.raises(Unavailable):
            Spool(tmp_path).replay(fail)
    assert replayed(tmp_path) == [(ACME, ["a"])]


def test_a_damaged_file_is_stored_up_to_the_damage_and_kept_aside(tmp_path: Path) -> None:
    abandoned(tmp_path, *(event(str(i)) for i in range(3)))
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[len(MAGIC) + len(frame(record(event("0")))) + 20] ^= 1
    file.write_bytes(data)
    told: Told = []
    report = Spool(tmp_path).replay(lambda scope, some: told.append((scope, [o.key for o in some])))
    assert told == [(ACME, ["0"])]
    (aside,) = tmp_path.iterdir()
    assert (report.events, report.files, report.corrupt) == (1, 1, (aside,))
    assert aside.suffix == ".corrupt"
    assert aside.read_bytes() == bytes(data)
    assert replayed(tmp_path) == []


def test_a_left_over_journal_is_stored_by_tenant_in_batches(tmp_path: Path) -> None:
    spool, held = Spool(tmp_path), list[Segment]()
    for i in range(2_050):
        spool.append(record(event(str(i)), (ACME, OTHER)[i % 2]), held)
    spool.close()
    sizes = [(scope, len(keys)) for scope, keys in replayed(tmp_path)]
    assert sizes == [(ACME, 1000), (ACME, 25), (OTHER, 1000), (OTHER, 25)]


def test_a_file_lives_until_all_its_batches_are_stored(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_max=200)
    first, second = list[Segment](), list[Segment]()
    for i in range(4):
        spool.append(record(event(str(i))), first)
    spool.append(record(event("4")), second)
    assert len(list(tmp_path.iterdir())) == 2
    spool.release(first)
    (left,) = tmp_path.iterdir()
    assert [reading.key for _, reading in read(left.read_bytes()).records] == ["3", "4"]
    spool.release(second)
    # The file that is still written to is emptied, not deleted.
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [MAGIC]
    third = list[Segment]()
    spool.append(record(event("5")), third)
    spool.release(third)
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fsync", [False, True])
def test_an_event_is_in_the_journal_before_add_returns(tmp_path: Path, *, fsync: bool) -> None:
    stored: list[str] = []

    def store(_: Scope, __: str, ___: int, some: Sequence[Reading]) -> list[EventResult]:
        stored.extend(one.key for one in some)
        return [EventResult("accepted", one.id, one.key) for one in some]

    config = MeterConfig(flush_interval_s=3_600, batch_size=2)
    spool = Spool(tmp_path, fsync=fsync)
    flusher = Flusher(config, store, nothing, spool)
    flusher.buffer(ACME).add(event("a"))
    (file,) = tmp_path.iterdir()
    assert [reading.key for _, reading in read(file.read_bytes()).records] == ["a"]
    assert stored == []
    flusher.close()
    assert (stored, list(tmp_path.iterdir())) == (["a"], [])


def test_what_is_not_stored_when_the_engine_closes_is_stored_by_the_next(tmp_path: Path) -> None:
    def fail(*_: object) -> list[EventResult]:
        raise Unavailable("no answer", code="database_down")

    flusher = Flusher(MeterConfig(), fail, fail, Spool(tmp_path))
    flusher.buffer(ACME).add(event("a"))
    with pytest.raises(Unavailable):
        flusher.close(timeout_s=0.01)
    stored: list[str] = []

    def store(_: Scope, __: str, ___: int, some: Sequence[Reading]) -> list[EventResult]:
        stored.extend(one.key for one in some)
        return [EventResult("accepted", one.id, one.key) for one in some]

    following = Flusher(MeterConfig(), store, fail, Spool(tmp_path))
    assert following.replay().events == 1
    assert stored == ["a"]
    following.close()


def test_a_replayed_event_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    abandoned(tmp_path, event("a"), event("bad"), event("c"))
    stored, refused = list[str](), list[str]()

    def store(_: Scope, __: str, ___: int, some: Sequence[Reading]) -> list[EventResult]:
        keys = [one.key for one in some]
        if "bad" in keys:
            raise OverflowError(keys)
        stored.extend(keys)
        return []

    def refuse(_: Scope, some: Sequence[Reading], __: str) -> None:
        refused.extend(one.key for one in some)

    flusher = Flusher(MeterConfig(), store, refuse, Spool(tmp_path))
    flusher.replay()
    assert (stored, refused) == (["a", "c"], ["bad"])
    assert list(tmp_path.iterdir()) == []
    flusher.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file/spool") as refused:
        Spool(tmp_path / "file" / "spool")
    assert refused.value.code == "spool_unusable"


def test_a_folder_that_is_gone_refuses_the_event_and_later_takes_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    folder.rmdir()
    with pytest.raises(Unavailable) as refused:
        spool.append(record(event("a")), [])
    assert refused.value.code == "spool_full"
    folder.mkdir()
    spool.append(record(event("b")), [])
    spool.close()
    assert replayed(folder) == [(ACME, ["b"])]


def test_journals_are_for_their_owner_only(tmp_path: Path) -> None:
    abandoned(tmp_path, event("a"))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_a_file_whose_process_was_killed_at_its_birth_is_deleted_when_it_is_old(
    tmp_path: Path,
) -> None:
    old, young = tmp_path / "0123-000001.new", tmp_path / "4567-000001.new"
    for file in (old, young):
        file.touch()
    os.utime(old, (0, 0))
    assert Spool(tmp_path).replay(print).files == 0
    assert list(tmp_path.iterdir()) == [young]
