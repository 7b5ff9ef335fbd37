"""A feature says what is counted, and refuses what cannot be."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.plan.conversion import Conversion
from ledger.plan.feature import Feature, Meter
from ledger.types.errors import Conflict, Invalid
from ledger.types.ids import CUSTOMER
from ledger.types.json import decode, encode

anything: Any = 5


def test_a_metered_feature_sums_the_events_of_its_own_key() -> None:
    assert Feature("api_calls", "metered").meter == Meter("api_calls", "sum")
    assert Feature("sso", "boolean").meter is None
    assert Feature("seats", "licensed").meter is None


def test_a_feature_without_a_name_is_called_by_its_key() -> None:
    assert Feature("api_calls", "metered").name == "api calls"
    assert Feature("api_calls", "metered", name="Calls").name == "Calls"


@pytest.mark.parametrize(
    ("make", "code", "param"),
    [
        (lambda: Feature("", "boolean"), "bad_key", "key"),
        (lambda: Feature("x" * 129, "boolean"), "bad_key", "key"),
        (lambda: Feature("two words", "boolean"), "bad_key", "key"),
        (lambda: Feature("-x", "boolean"), "bad_key", "key"),
        (lambda: Feature("é", "boolean"), "bad_key", "key"),
        (lambda: Feature("٣", "boolean"), "bad_key", "key"),
        (lambda: Feature("x\n", "boolean"), "bad_key", "key"),
        (lambda: Feature(anything, "boolean"), "bad_key", "key"),
        (lambda: Feature(CUSTOMER.new(), "boolean"), "bad_key", "key"),
        (lambda: Feature("x", anything), "unknown_feature_kind", "kind"),
        (lambda: Feature("x", "licensed", Meter("x")), "meter_on_unmetered_feature", "meter"),
        (lambda: Feature("x", "boolean", unit="u" * 65), "bad_text", "unit"),
        (lambda: Feature("x", "boolean", name=" "), "bad_text", "name"),
        (lambda: Feature("x", "boolean", name="\ud800"), "bad_text", "name"),
        (lambda: Feature("x", "boolean", metadata=anything), "bad_metadata", "metadata"),
        (lambda: Feature("x", "boolean", metadata={"a": anything}), "bad_text", "metadata[a]"),
        (lambda: Meter("two words"), "bad_key", "meter.event"),
        (lambda: Meter("x", anything), "unknown_aggregation", "meter.aggregation"),
        (lambda: Meter("x", "count", "bytes"), "count_reads_no_property", "meter.property"),
        (lambda: Meter("x", property=""), "bad_text", "meter.property"),
        (lambda: Meter("x", where={"a": anything}), "bad_text", "meter.where[a]"),
        (lambda: Meter("x", where={str(n): "" for n in range(21)}), "meter_too_large", "meter"),
        (lambda: Meter("x", dimensions=tuple("abcdefghi")), "meter_too_large", "meter"),
        (lambda: Meter("x", dimensions=(anything,)), "bad_text", "meter.dimensions[0]"),
        (lambda: Meter("x", expression="a +"), "bad_expression", "meter.expression"),
        (lambda: Meter("x", expression=anything), "bad_expression", "meter.expression"),
        (lambda: Meter("x", "count", expression="a"), "count_reads_no_property", "meter.property"),
        (
            lambda: Meter("x", "sum", "a", expression="a"),
            "property_and_expression",
            "meter.expression",
        ),
        (lambda: Meter("x", "weighted_sum", level=anything), "unknown_level", "meter.level"),
        (lambda: Meter("x", "weighted_sum", per=anything), "unknown_level", "meter.level"),
        (lambda: Meter("x", level="change"), "level_without_weight", "meter.aggregation"),
        (lambda: Meter("x", "last", per="day"), "level_without_weight", "meter.aggregation"),
        (
            lambda: Feature("x", "boolean", conversion=Conversion("divide", 2)),
            "conversion_on_unmetered_feature",
            "conversion",
        ),
    ],
)
def test_a_part_that_cannot_be_is_named(make: Callable[[], object], code: str, param: str) -> None:
    with pytest.raises(Invalid) as refused:
        make()
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_feature_is_archived_once() -> None:
    archived = Feature("sso", "boolean").archived()
    assert archived.status == "archived"
    with pytest.raises(Conflict) as refused:
        archived.archived()
    assert refused.value.code == "feature_archived"


def test_a_feature_is_the_same_after_storage() -> None:
    meter = Meter("llm.request", "max", "tokens", {"model": "large"}, ("model", "region"))
    feature = Feature("tokens", "metered", meter, "token", "Tokens", {"team": "llm"})
    assert decode(encode(feature), Feature) == feature
    level = Meter("disk", "weighted_sum", expression="gb / 2", level="change", per="hour")
    conversion = Conversion("divide", "0.5", "half_up", -2, "pair")
    feature = Feature("disk", "metered", level, conversion=conversion)
    assert decode(encode(feature), Feature) == feature
