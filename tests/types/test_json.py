"""JSON: exact numbers both ways, equal bytes for equal things."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from ledger.types.errors import Invalid
from ledger.types.exact import Ratio
from ledger.types.json import decode, encode
from ledger.types.money import USD, Money


class Line(msgspec.Struct, frozen=True):
    amount: Money
    quantity: Decimal
    at: datetime


LINE = Line(USD(5), Decimal("0.1"), datetime(2025, 1, 31, tzinfo=UTC))


def test_a_model_goes_there_and_back() -> None:
    data = encode(LINE)
    assert data == (
        b'{"amount":{"amount":5,"currency":"USD"},"quantity":"0.1","at":"2025-01-31T00:00:00Z"}'
    )
    assert decode(data, Line) == LINE
    assert decode(data.decode(), Line) == LINE


def test_a_number_with_a_point_never_becomes_a_float() -> None:
    assert decode(b'{"a":0.1,"b":1}', dict[str, object]) == {"a": Decimal("0.1"), "b": 1}
    assert decode(b"0.1", Decimal) == Decimal("0.1")


def test_a_fraction_is_written_to_its_last_digit_or_as_a_fraction() -> None:
    numbers: list[Ratio] = [Fraction(5, 2), Fraction(1, 3), Decimal("0.1")]
    assert encode(numbers) == b'["2.5","1/3","0.1"]'
    assert decode(encode(numbers), list[Ratio]) == numbers
    assert [type(one) for one in decode(b'["2.5","1/3"]', list[Ratio])] == [Decimal, Fraction]


def test_the_order_of_keys_does_not_matter() -> None:
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1}) == b'{"a":2,"b":1}'


@pytest.mark.parametrize("value", [object(), {"a": [object()]}])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as refused:
        encode(value)
    assert refused.value.code == "not_json"


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"amount":1}', b"\xff", b'"x"'])
def test_what_cannot_be_read_says_why(data: bytes) -> None:
    with pytest.raises(Invalid, match="this JSON cannot be read: ") as refused:
        decode(data, Line)
    assert refused.value.code == "bad_json"


def test_a_types_own_check_raises_its_own_error() -> None:
    with pytest.raises(Invalid) as refused:
        decode(b'{"amount":1,"currency":"ABC"}', Money)
    assert refused.value.code == "unknown_currency"
