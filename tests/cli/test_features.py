"""Features on the command line: made from options, and listed in words."""

from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _database(run: Run) -> None:
    assert run("init").code == 0


@pytest.mark.parametrize(
    ("options", "words", "meter"),
    [
        ([], "sum of calls", {"event": "calls", "aggregation": "sum"}),
        (
            ["--event", "llm.request", "--property", "tokens", "--where", "model=large"],
            "sum of tokens of llm.request where model=large",
            {"event": "llm.request", "property": "tokens", "where": {"model": "large"}},
        ),
        (
            ["--aggregation", "unique", "--property", "user", "--dimension", "region"],
            "unique of user of calls by region",
            {"aggregation": "unique", "dimensions": ["region"]},
        ),
        (
            ["--aggregation", "weighted_sum", "--per", "hour", "--level", "change"],
            "weighted_sum per hour of changes of a level of calls",
            {"aggregation": "weighted_sum", "per": "hour", "level": "change"},
        ),
        (
            ["--aggregation", "weighted_sum", "--property", "gb", "--level", "change"],
            "weighted_sum of gb by changes of a level of calls",
            {"property": "gb", "per": None, "level": "change"},
        ),
        (
            ["--expression", "input + 4 * output"],
            "sum of (input + 4 * output) of calls",
            {"expression": "input + 4 * output"},
        ),
        (
            ["--divide-by", "1000", "--rounding", "up", "--priced-unit", "thousand calls"],
            "sum of calls, priced in thousand calls ÷ 1000, rounded up",
            {"event": "calls"},
        ),
        (["--multiply-by", "0.5", "--digits", "2"], "sum of calls, priced × 0.5", {}),
        (
            ["--multiply-by", "0.5", "--digits", "-2", "--rounding", "half_up"],
            "sum of calls, priced × 0.5, rounded half_up to -2 digits",
            {},
        ),
        (["--kind", "boolean", "--name", "API", "--unit", "key"], "", None),
    ],
)
def test_a_feature_is_what_the_options_say(
    run: Run, options: list[str], words: str, meter: dict[str, Any] | None
) -> None:
    made = run("features", "create", "calls", *options)
    assert (made.code, made.err) == (0, "")
    assert made.out == (f"calls is created: {words}.\n" if words else "calls is created.\n")
    (listed,) = run("features", "list", "--json").data
    assert words in run("features", "list").out
    if meter is None:
        assert (listed["kind"], listed["meter"]) == ("boolean", None)
    else:
        assert {name: listed["meter"][name] for name in meter} == meter


def test_a_row_has_the_beginning_of_a_long_expression(run: Run) -> None:
    long = " + ".join(["tokens"] * 20)
    assert f"sum of ({long}) of" in run("features", "create", "work", "--expression", long).out
    listed = run("features", "list").out
    assert f"sum of ({long[:59]}…) of work" in listed
    assert run("features", "list", "--json").data[0]["meter"]["expression"] == long


def test_a_conversion_is_kept_with_its_feature(run: Run) -> None:
    made = run("features", "create", "calls", "--divide-by", "1000", "--rounding", "up", "--json")
    assert made.data["conversion"] == {
        "operation": "divide", "factor": "1000", "rounding": "up", "digits": 0, "unit": "unit",
    }  # fmt: skip  # an object reads best as one


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--expression", "input +"], "bad_expression"),
        (["--expression", "a", "--property", "b"], "property_and_expression"),
        (["--aggregation", "count", "--property", "b"], "count_reads_no_property"),
        (["--per", "hour"], "level_without_weight"),
        (["--divide-by", "10", "--multiply-by", "10"], "bad_conversion"),
        (["--rounding", "up"], "bad_conversion"),
        (["--divide-by", "0"], "bad_conversion"),
        (["--where", "model"], "bad_pair"),
        (["--kind", "licensed", "--event", "e"], "meter_on_unmetered_feature"),
        (["--kind", "licensed", "--divide-by", "2"], "conversion_on_unmetered_feature"),
    ],
)
def test_options_that_make_no_sense_are_refused(run: Run, options: list[str], code: str) -> None:
    made = run("features", "create", "calls", *options, "--json")
    assert made.code != 0
    assert made.error["code"] == code
    assert run("features", "list", "--json").data == []


def test_usage_is_counted_by_what_was_made(run: Run, folder: Path) -> None:
    assert run("features", "create", "work", "--expression", "input + 4 * output").code == 0
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as engine:
        engine.tenant("default").customers.create(name="Ann", external_id="ann")
    for event in (["input=100", "output=25"], ["input=1", "output=0.5"], ["input=7"]):
        given = [part for each in event for part in ("--property", each)]
        assert run("usage", "record", "ann", "work", *given).code == 0
    refused = run(
        "usage", "record", "ann", "work", "--property", "input=x", "--property", "output="
    )
    assert refused.code != 0
    assert "bad_decimal" in refused.out
    (shown,) = run("usage", "show", "ann", "work", "--json").data
    assert shown["quantity"] == "203"
