"""Ids: one type per entity, sorted by creation, checked where they are taken."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Lock, Thread
from typing import TypeGuard
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.types import ids
from ledger.types.errors import Invalid
from ledger.types.ids import INVOICE, PLAN, USAGE_EVENT, Kind, format_typeid, parse_typeid

Row = dict[str, str]


def vectors(name: str) -> list[Row]:
    rows: list[Row] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return rows


def by_name(row: Row) -> str:
    return row["name"]


def is_kind(value: object) -> TypeGuard[Kind[str]]:
    return isinstance(value, Kind)


KINDS = {name: kind for name, kind in vars(ids).items() if is_kind(kind)}
PREFIXES = {
    "PLAN": "pln", "FEATURE": "fea", "PRICE": "prc", "CUSTOMER": "cst", "SUBSCRIPTION": "sub",
    "USAGE_EVENT": "evt", "INVOICE": "inv", "LINE_ITEM": "ili", "CREDIT_NOTE": "crn",
    "COUPON": "cpn", "DISCOUNT": "dsc", "CREDIT": "crd", "ENTITLEMENT_GRANT": "grt",
    "TAX_RATE": "txr", "PAYMENT": "pay", "ATTEMPT": "att", "PAYMENT_METHOD": "pym",
    "REFUND": "rfd", "DISPUTE": "dsp", "WEBHOOK_ENDPOINT": "whe", "WEBHOOK_DELIVERY": "whd",
    "MESSAGE": "msg", "RUN": "run", "RESERVATION": "rsv", "API_KEY": "key", "AUDIT_ENTRY": "adt",
}  # fmt: skip


def test_every_entity_has_its_prefix() -> None:
    assert {name: kind.prefix for name, kind in KINDS.items()} == PREFIXES


@pytest.mark.parametrize("row", vectors("typeid_valid.json"), ids=by_name)
def test_a_valid_typeid_of_the_specification_reads_and_writes(row: Row) -> None:
    uuid = UUID(row["uuid"]).bytes
    assert parse_typeid(row["typeid"]) == (row["prefix"], uuid)
    assert format_typeid(row["prefix"], uuid) == row["typeid"]


@pytest.mark.parametrize("row", vectors("typeid_invalid.json"), ids=by_name)
def test_an_invalid_typeid_of_the_specification_is_refused(row: Row) -> None:
    with pytest.raises(Invalid) as refused:
        parse_typeid(row["typeid"])
    assert refused.value.code == "bad_typeid"


prefixes = st.text("abcxyz_", max_size=63).map(lambda text: text.strip("_"))
uuids = st.binary(min_size=16, max_size=16)


@given(prefixes, uuids)
def test_a_typeid_reads_back(prefix: str, uuid: bytes) -> None:
    assert parse_typeid(format_typeid(prefix, uuid)) == (prefix, uuid)


@given(uuids)
def test_a_suffix_is_the_uuid_in_base_32(uuid: bytes) -> None:
    number, digits = int.from_bytes(uuid), ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits = "0123456789abcdefghjkmnpqrstvwxyz"[digit] + digits
    assert format_typeid("", uuid) == digits


@given(uuids, uuids)
def test_ids_sort_as_their_bytes_do(a: bytes, b: bytes) -> None:
    assert (PLAN.from_bytes(a) < PLAN.from_bytes(b)) == (a < b)


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    try:
        prefix, uuid = parse_typeid(text)
    except Invalid:
        return
    assert format_typeid(prefix, uuid) == text


@pytest.mark.parametrize(
    ("prefix", "uuid"),
    [("Plan", b"0" * 16), ("a" * 64, b"0" * 16), ("_a", b"0" * 16), ("a1", b"0" * 16), ("a", b"0")],
)
def test_what_would_be_no_typeid_is_not_written(prefix: str, uuid: bytes) -> None:
    with pytest.raises(Invalid):
        format_typeid(prefix, uuid)


def test_a_new_id_is_a_version_7_uuid_behind_its_prefix() -> None:
    prefix, uuid = parse_typeid(PLAN.new())
    assert prefix == "pln"
    assert UUID(bytes=uuid).version == 7


def test_ids_grow_strictly_in_a_loop() -> None:
    made = [USAGE_EVENT.new() for _ in range(10_000)]
    assert all(before < after for before, after in pairwise(made))


def test_ids_grow_strictly_across_threads() -> None:
    made: list[str] = []
    lock, start = Lock(), Barrier(8)

    def make() -> None:
        start.wait()
        for _ in range(1_250):
            with lock:
                made.append(USAGE_EVENT.new())

    threads = [Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 10_000
    assert all(before < after for before, after in pairwise(made))


FORKED = """
import os
from ledger.types.ids import PLAN
PLAN.new()
reader, writer = os.pipe()
child = os.fork()
made = " ".join(PLAN.new() for _ in range(500))
if not child:
    os.write(writer, made.encode())
    os._exit(0)
os.waitpid(child, 0)
print(made, os.read(reader, 65536).decode())
"""


def test_a_forked_process_makes_ids_of_its_own() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", FORKED], check=True, capture_output=True, text=True, timeout=30
    )
    made = printed.stdout.split()
    assert len(made) == 1000
    assert len(set(made)) == 1000


def test_an_id_of_the_right_kind_passes() -> None:
    plan = PLAN.new()
    assert PLAN.check(plan) == plan
    assert PLAN.is_(plan)


@pytest.mark.parametrize(
    ("given_id", "sentence"),
    [
        (lambda: "inv_01h455vb4pex5vsknk084sn02q",
         "'inv_01h455vb4pex5vsknk084sn02q' is an invoice id where a plan id is wanted"),
        (lambda: "zzz_01h455vb4pex5vsknk084sn02q",
         "q' is no id of Ledger; it was given where a plan id is wanted"),
        (lambda: "pro", "'pro' is not an id; it was given where a plan id is wanted"),
        (lambda: "pln_8zzzzzzzzzzzzzzzzzzzzzzzzz",
         "'pln_8zzzzzzzzzzzzzzzzzzzzzzzzz' is not an id; it was given where a plan id is wanted"),
        (lambda: "pln_" + "0" * 10**6, "is not an id; it was given where a plan id is wanted"),
        (lambda: None, "a NoneType was given where a plan id is wanted"),
        (lambda: 7, "a int was given where a plan id is wanted"),
    ],
)  # fmt: skip
def test_a_wrong_id_is_refused_by_name(given_id: Callable[[], object], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        PLAN.check(given_id())
    assert refused.value.code == "wrong_id"
    assert refused.value.message.endswith(sentence)
    assert len(refused.value.message) < 150


def test_an_article_fits_its_entity() -> None:
    with pytest.raises(Invalid, match="where an invoice id is wanted"):
        INVOICE.check("x")
    with pytest.raises(Invalid, match="where a usage event id is wanted"):
        USAGE_EVENT.check("x")


@pytest.mark.parametrize("text", ["user_42", "pln", "pln_", "", "pln_01H455VB4PEX5VSKNK084SN02Q"])
def test_other_text_is_not_mistaken_for_an_id(text: str) -> None:
    assert not PLAN.is_(text)


def test_the_bytes_of_an_id_give_it_back() -> None:
    plan = PLAN.new()
    assert len(PLAN.uuid_bytes(plan)) == 16
    assert PLAN.from_bytes(PLAN.uuid_bytes(plan)) == plan


def test_the_bytes_of_another_kind_are_not_given() -> None:
    with pytest.raises(Invalid):
        PLAN.uuid_bytes(INVOICE.new())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  the point
