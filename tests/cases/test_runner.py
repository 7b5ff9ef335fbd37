"""The runner tells a wrong answer from a right one, and never keeps quiet."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cases.__main__ import main
from tests.cases.matching import Json, matches
from tests.cases.runner import Case, failure

SIX_CENTS: dict[str, Any] = {
    "id": "mine-1",
    "area": "price",
    "input": {
        "model": "per_unit",
        "currency": "USD",
        "params": {"unit": "0.6"},
        "quantity": "10",
        "included": None,
    },
    "expected": {"exact": "6.00", "amount": 6},
}


def written(folder: Path, *cases: dict[str, Any]) -> str:
    (folder / "mine.json").write_text(json.dumps(cases), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
        ("12", "12.0"),
        ("-0.5", "-.50"),
        ("1e3", "1000"),
        ("53,99 €", "53,99\u00a0€"),
        ("1\u202f234,56 €", "1 234,56\u00a0€"),
        (None, None),
        (True, True),
    ],
)
def test_an_answer_matches_by_subset_and_value(expected: Json, got: Json) -> None:
    assert matches(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"a": 1}, {}),
        ({"a": None}, {}),
        ({"a": 1}, {"a": 2}),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ([], {}),
        (1, True),
        (True, 1),
        (0, False),
        (1, "1"),
        ("1", 1),
        (1, 1.0),
        ("12", "12.1"),
        ("12", "twelve"),
        ("ab", "a b"),
        (None, False),
    ],
)
def test_another_answer_does_not_match(expected: Json, got: Json) -> None:
    assert not matches(expected, got)


def test_cases_that_come_out_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([written(tmp_path, SIX_CENTS)]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"


def test_a_wrong_answer_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**SIX_CENTS, "id": "mine-2", "expected": {"amount": 7}}
    assert main([written(tmp_path, SIX_CENTS, wrong)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith('mine-2: expected {"amount": 7}, got {"exact": "6", "amount": 6')
    assert last == "1 passed, 1 failed"


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"area": "astrology"}, "mine-1: unknown area 'astrology'"),
        (
            {"input": {**SIX_CENTS["input"], "model": "lottery"}},
            "mine-1: unknown model 'lottery'",
        ),
        ({"area": "astrology", "expected": {"error": True}}, "mine-1: unknown area 'astrology'"),
    ],
)
def test_what_is_unknown_fails(
    change: dict[str, Any], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([written(tmp_path, {**SIX_CENTS, **change})]) == 1
    assert capsys.readouterr().out.splitlines() == [reported, "0 passed, 1 failed"]


@pytest.mark.parametrize("quantity", ["NaN", True, 1.5, "ten"])
def test_an_error_is_an_answer(quantity: object) -> None:
    given = {**SIX_CENTS["input"], "quantity": quantity}
    given.pop("included")
    assert failure(Case("mine-1", "price", given, {"error": True})) is None
    refused = failure(Case("mine-1", "price", given, {"amount": 6}))
    assert refused is not None
    assert '"error": true' in refused


def test_an_error_that_does_not_come_is_reported() -> None:
    given = {key: value for key, value in SIX_CENTS["input"].items() if value is not None}
    assert failure(Case("mine-1", "price", given, {"error": True})) is not None


def test_a_defect_is_no_error_of_ledger() -> None:
    assert "KeyError" in (failure(Case("mine-1", "price", {}, {"error": True})) or "")


def test_only_the_areas_asked_for_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other: dict[str, Any] = {"id": "x", "area": "astrology", "input": {}, "expected": {}}
    folder = written(tmp_path, SIX_CENTS, other)
    assert main([folder, "--area", "price", "--area", "proration"]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"
    assert main([folder, "--area", "price", "--area", "astrology"]) == 1


def test_an_area_that_does_not_exist_exits_1(tmp_path: Path) -> None:
    assert main([written(tmp_path, SIX_CENTS), "--area", "price", "--area", "prices"]) == 1


def test_a_folder_without_cases_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"


def test_the_command_explains_itself() -> None:
    command = [sys.executable, "-m", "tests.cases", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--area" in done.stdout
