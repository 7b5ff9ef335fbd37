"""Every golden case of what is built comes out."""

from collections import Counter
from pathlib import Path

import pytest

from tests.cases.areas import AREAS
from tests.cases.runner import Case, failure, read

FOLDER = Path(__file__).parent
MODELS = {"flat", "per_unit", "graduated", "volume", "package", "stairstep"}


def is_built(case: Case) -> bool:
    return case.area in AREAS and case.given.get("model", "flat") in MODELS


CASES = [case for case in read(FOLDER) if is_built(case)]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_golden_case_comes_out(case: Case) -> None:
    assert failure(case) is None


def test_no_area_is_without_cases() -> None:
    assert Counter(case.area for case in CASES).keys() == AREAS.keys()


def test_every_case_has_an_id_of_its_own() -> None:
    assert [case for case, n in Counter(case.id for case in read(FOLDER)).items() if n > 1] == []


def test_what_is_not_known_is_never_passed_over() -> None:
    others = [case for case in read(FOLDER) if not is_built(case)]
    assert [case.id for case in others if "unknown" not in (failure(case) or "")] == []
