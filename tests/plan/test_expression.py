"""An expression over properties is exact, and can do nothing but compute."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.plan.expression import Expression, Value, check_expression, expression
from ledger.types.errors import Invalid
from ledger.types.exact import to_digits

ONE = Decimal(1)


def value(text: str, quantity: Decimal = ONE, **properties: Value) -> Decimal | None:
    return Expression(text).value(quantity, properties)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i + 4 * o", "172"),
        ("(i + o) * 0.1", "5.2"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.333333333"),
        ("2 / 3 * 3", "2"),
        ("-1 / 6", "-0.166666667"),
        ("1 / 1024 / 1024 / 1024", "0.000000001"),
        ("7 // 2 + 7 % 2 - -1", "5"),
        ("+i - 1_000", "-988"),
        ("1e3 + 0.5e-8", "1000.000000005"),
        ("0.0000000005", "0.000000001"),
        ("-0.0000000005", "-0.000000001"),
        ("quantity * i", "30"),
        ('property("input tokens") + 1', "8"),
        ("text + 1", "2.5"),
        ("min(i, o, 3) + max(i, o) + abs(-2)", "45"),
        ("ceil(i / 7) + floor(i / 7) + floor(-0.5)", "2"),
        ("round(2.5) + round(-2.5) + round(0.125, 2) + round(1250, -2)", "1300.13"),
        ("coalesce(nothing, absent, i, 1 / 0)", "12"),
        ("coalesce(absent + 1, 5)", "5"),
        ('4 if model == "large" else 1', "4"),
        ('4 if "small" == model or i > 100 else 1', "1"),
        ('1 if model != "small" and not (o < i) else 2', "1"),
        ("1 if cached else 2", "1"),
        ('1 if cached == "true" else 2', "1"),
        ("1 if cached == True and not cached == False else 2", "1"),
        ("1 if 1 < i <= 12 else 2", "1"),
        ("1 if text == 1.5 else 2", "1"),
        ('1 if i == "12" else 2', "1"),
        ("1 if model == model else 2", "1"),
        ("absent if i == 0 else 1", "1"),
        ("i and o", "40"),
        ("0x10", "16"),
    ],
)
def test_it_comes_to_what_it_says(text: str, expected: str) -> None:
    properties: dict[str, Value] = {
        "i": 12, "o": 40, "text": "1.5", "model": "large", "cached": True, "nothing": None,
        "input tokens": "7",
    }  # fmt: skip  # a list of names reads best as one
    assert Expression(text).value(Decimal("2.5"), properties) == Decimal(expected)


def test_a_property_that_is_not_there_leaves_the_event_out() -> None:
    assert value("a + 1") is None
    assert value("a + 1", a=None) is None
    assert value('property("a")') is None
    assert value("coalesce(a, b)") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("model + 1", "bad_decimal"),
        ("cached + 1", "bad_decimal"),
        ("deep + 1", "out_of_range"),
        ("big * big", "out_of_range"),
        ("big * big * big * big * big * big * big / 3", "out_of_range"),
        ("1 / (i - 12)", "division_by_zero"),
        ("i // 0", "division_by_zero"),
        ("i % 0", "division_by_zero"),
        ('"a" + i', "not_a_number"),
        ("i > 3", "not_a_number"),
        ("(i > 3) * 2", "not_a_number"),
        ("1 if model else 2", "not_a_number"),
        ("round(i, 19)", "not_a_number"),
        ("round(i, 1 / 2)", "not_a_number"),
    ],
)
def test_what_comes_to_no_number_is_refused_with_the_reason(text: str, code: str) -> None:
    properties: dict[str, Value] = {
        "i": 12, "model": "large", "cached": True, "big": 10**18 - 1, "deep": "0.0000000001",
    }  # fmt: skip  # a list of names reads best as one
    with pytest.raises(Invalid) as refused:
        Expression(text).value(ONE, properties)
    assert refused.value.code == code
    assert " " in refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        '1 if {} == "1" else 2',
        "1 if name == {} else 2",
        '1 if 1 / {} == "1" else 2',
        "round(1, {})",
    ],
)
def test_a_number_that_python_would_not_write_is_refused_all_the_same(text: str) -> None:
    eight = "(" + "*".join(["1e29"] * 8) + ")"
    huge = "*".join([eight] * 19)  # 4,408 digits
    with pytest.raises(Invalid) as refused:
        value(text.format(f"({huge})"), name=text)
    assert refused.value.code in {"out_of_range", "bad_decimal", "not_a_number"}


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "a +", "a; b", "a = 1", "(a := 1)", "a\n+ b", "1if a else 2", r'a == "\q"', "a\0",
        "a.b", "a[0]", "[a]", "(a, b)", "{a: 1}", "{a}", "f'{a}'", "lambda: a", "[x for x in a]",
        "a ** b", "a << 2", "a | b", "~a", "a @ b", "a in b", "a is b", "await a", "yield a", "*a",
        "min", "min()", "abs(1, 2)", "round(1, 2, 3)", "coalesce(a)", "min(*a)", "abs(value=a)",
        "quantity(1)", "(a)(1)", "a.b(1)", "__import__('os')", "eval('1')", "().__class__",
        "property(a)", "property(1)", "property('a', 'b')",
        "None", "True", "...", "1j", "b'a'", "'text'", "1e31", "1e-31", "1e999999999", "9" * 31,
        "(" * 100 + "a" + ")" * 100 + "(", "-" * 61 + "a", "+".join(["a"] * 62),
        "max(" + ",".join(["a"] * 300) + ")", "a" * 1_001,
    ],
)  # fmt: skip  # a list of texts reads best as one
def test_whatever_else_python_can_say_is_no_expression(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_expression(text, "meter.expression")
    assert refused.value.code == "bad_expression"
    assert refused.value.param == "meter.expression"


def test_what_is_no_text_is_no_expression() -> None:
    with pytest.raises(Invalid, match="not 12"):
        check_expression(12, "meter.expression")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a caller without types


def test_an_expression_is_made_once_for_its_text() -> None:
    assert expression("a + 1") is expression("a + 1")


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_arithmetic_is_that_of_fractions(a: int, b: int, c: int) -> None:
    exact = Fraction(a, c) + Fraction(b, 7) - Fraction(1, 8)
    assert value("a / c + b / 7 - 0.125", a=a, b=b, c=c) == to_digits(exact, 9)


@given(st.decimals(-(10**6), 10**6, places=9))
def test_a_literal_is_the_number_that_was_written(number: Decimal) -> None:
    assert value(f"{abs(number):f}") == abs(number)


def test_threads_do_not_see_each_others_events() -> None:
    one = Expression("a * 1000 + coalesce(b, a)")

    def sums(a: int) -> set[Decimal | None]:
        return {one.value(ONE, {"a": a}) for _ in range(300)}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sums, range(8))) == [{Decimal(a * 1001)} for a in range(8)]
