"""A case in, what is wrong with it out. What is computed comes from Ledger alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ledger.types.errors import LedgerError
from tests.cases.areas import AREAS
from tests.cases.matching import Json, matches
from tests.cases.translation import Given, Result, UnknownError


class Case(NamedTuple):
    """One question (`given`) to an area, and what its answer must hold."""

    id: str
    area: str
    given: Given
    expected: Json


def read(folder: Path) -> Iterator[Case]:
    """The cases of a folder's `*.json` files, in the order of their names."""
    for path in sorted(folder.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            # At the top of an input, null says the same as absent.
            given = {key: value for key, value in case["input"].items() if value is not None}
            yield Case(case["id"], case["area"], given, case["expected"])


def failure(case: Case) -> str | None:
    """What is wrong with the answer to a case: nothing, it is unknown here, or another one."""
    try:
        got = _answer(case)
    except UnknownError as unknown:
        return str(unknown)
    except Exception as defect:  # noqa: BLE001 - one defect must not hide the other cases
        return f"expected {_text(case.expected)}, got {type(defect).__name__}: {defect}"
    if matches(case.expected, got):
        return None
    return f"expected {_text(case.expected)}, got {_text(got)}"


def _answer(case: Case) -> Result:
    if case.area not in AREAS:
        raise UnknownError("area", case.area)
    try:
        return AREAS[case.area](case.given)
    except LedgerError as refusal:
        return {"error": True, "code": refusal.code, "message": refusal.message}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
