"""Expressions: a meter's value, computed from the properties of an event, exactly. Pure.

    input_tokens + 4 * output_tokens
    ceil(coalesce(bytes, 0) / 1024) if region == "eu" else 0

The language is a small part of Python's, read by Python's own parser and run by `simpleeval`, which
walks the tree and has no way to reach anything that it is not given (ADR 0011). Numbers are ints
and fractions: `0.1` is a tenth, and `/` loses nothing. There are

- properties by name, `quantity` for that of the event, and `property("any name")`;
- `+ - * / // %`, comparisons, `and or not`, `a if condition else b`, and texts to compare with;
- `min max abs ceil floor`, `round(x, digits)` (a half away from zero), and `coalesce(a, b, …)`, the
  first of them that is there.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from math import ceil, floor
from typing import Any, TypeVar

from ledger.plan.expression_tree import PARTS, read
from ledger.types.errors import Invalid, shown
from ledger.types.exact import decimal_text, half_away, to_digits
from ledger.types.quantity import FRACTION_DIGITS, INTEGER_DIGITS
from ledger.types.quantity import quantity as exact_quantity

DIGITS_MAX = 18
"""How far `round` goes, to either side of the point."""

_QUANTITY = "quantity"
_WRITTEN_BITS = 2_000  # some 600 digits; Python itself may refuse to write more than 640

Number = int | Fraction
Value = str | int | bool | None
T = TypeVar("T")


class Expression:
    """A text that was found good, ready to be evaluated from any thread.

    Raises:
        Invalid: (`bad_expression`) it is none; the sentence says what is wrong with it.
    """

    def __init__(self, text: str, param: str = "expression") -> None:
        self.text = text
        self._tree = read(text, param)
        # Idle evaluators: each thread takes one, and one has the names of one event at a time.
        self._idle: list[_Evaluator] = []

    def value(self, quantity: Decimal, properties: Mapping[str, Value]) -> Decimal | None:
        """What the expression comes to for an event, to 9 decimals, a half away from zero.

        None if it names a property that the event does not have.

        Raises:
            Invalid: a property or the result is no number of a quantity's size (`bad_decimal`,
                `out_of_range`, `not_a_number`), or it divides by zero (`division_by_zero`).
        """
        try:
            evaluator = self._idle.pop()
        except IndexError:  # to look first whether there is one would let another thread take it
            evaluator = _Evaluator()
        try:
            found = _number(evaluator.evaluate(self._tree, quantity, properties))
        except _MissingError:
            return None
        except ZeroDivisionError:
            raise Invalid(
                f"the expression {self.text!r} divides by zero", code="division_by_zero"
            ) from None
        finally:
            self._idle.append(evaluator)
        # What is too large is refused as the int that it is next to: fractions may be long.
        is_whole = type(found) is int or abs(found) >= 10**INTEGER_DIGITS
        rounded = int(found) if is_whole else to_digits(found, FRACTION_DIGITS)
        return exact_quantity(rounded, what="value of the expression")


@lru_cache(maxsize=1024)
def expression(text: str) -> Expression:
    """The expression, made once for each text.

    Raises:
        Invalid: as `Expression`.
    """
    return Expression(text)


def check_expression(text: str, param: str) -> None:
    """Whether a text is an expression. Cheap when it was looked at before: meters are read often.

    Raises:
        Invalid: (`bad_expression`) it is none; the sentence says what is wrong with it.
    """
    if not isinstance(text, str):
        Expression(text, param)
    try:
        expression(text)
    except Invalid as error:
        raise Invalid(error.message, code=error.code, param=param) from None


class _MissingError(Exception):
    """The event does not have a property."""


class _Given:
    """A property that is a text, or true or false: what it counts as, its place decides."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: str | int) -> None:
        self.name, self.value = name, value

    def __bool__(self) -> bool:
        if isinstance(self.value, bool):
            return self.value
        raise _no_number(f"the property {self.name!r} is a text, and no condition")

    @property
    def number(self) -> Number:
        what = f"property {self.name!r}"
        return _simple(Fraction(exact_quantity(self.value, what=what)))


class _Names:
    """The properties of the event that is evaluated, by name."""

    __slots__ = ("properties", "quantity")

    def __init__(self) -> None:
        self.quantity: Number = 0
        self.properties: Mapping[str, Value] = {}

    def __getitem__(self, name: str) -> object:
        return self.quantity if name == _QUANTITY else self.property(name)

    def property(self, name: str) -> object:
        value = self.properties.get(name)
        if type(value) is int:
            return value
        if value is None:
            raise _MissingError
        return _Given(name, value)


class _Evaluator:
    """A `simpleeval` that has our operators and functions, and no other kinds of nodes."""

    def __init__(self) -> None:
        library: Any = import_module("simpleeval")  # with the first expression, not with `ledger`
        self._names = _Names()
        functions = {**_FUNCTIONS, "property": self._names.property}
        made = library.SimpleEval(_OPERATORS, functions, self._names)
        self._call: Callable[[ast.Call], object] = made.nodes[ast.Call]
        made.nodes = {part: made.nodes[part] for part in PARTS} | {ast.Call: self._called}
        self._eval: Callable[[str, ast.AST], object] = made.eval
        self._part: Callable[[ast.AST], object] = made._eval  # noqa: SLF001 - there is no other way to be lazy

    def evaluate(
        self, tree: ast.expr, quantity: Decimal, properties: Mapping[str, Value]
    ) -> object:
        """What a tree comes to for an event."""
        whole = int(quantity)
        self._names.quantity = whole if whole == quantity else Fraction(quantity)
        self._names.properties = properties
        return self._eval("", tree)

    def _called(self, call: ast.Call) -> object:
        """A call; of coalesce only as many arguments as it needs are evaluated."""
        if not isinstance(call.func, ast.Name) or call.func.id != "coalesce":
            return self._call(call)
        return _first(call.args, self._part)


def _first(parts: Sequence[ast.expr], evaluate: Callable[[ast.AST], T]) -> T:
    for part in parts[:-1]:
        with suppress(_MissingError):
            return evaluate(part)
    return evaluate(parts[-1])


def _number(value: object) -> Number:
    if type(value) is int or type(value) is Fraction:
        return value
    if isinstance(value, _Given):
        return value.number
    what = "a condition" if isinstance(value, bool) else f"the text {value!r}"
    raise _no_number(f"{what} is no number; write `a if condition else b` to choose one")


def _equal(a: object, b: object) -> bool:
    """Whether two are the same: as texts if one of them was written as one, else as numbers."""
    if isinstance(a, str | bool) or isinstance(b, str | bool):
        return _text(a) == _text(b)
    if isinstance(a, _Given) and isinstance(b, _Given):
        return _text(a) == _text(b)
    return _number(a) == _number(b)


def _text(value: object) -> str:
    if isinstance(value, _Given):
        return _text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _written(_number(value))


def _written(number: Number) -> str:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _WRITTEN_BITS:
        raise Invalid(
            "a number too long to be written is compared with a text", code="out_of_range"
        )
    return decimal_text(number)


def _rounded(value: Number, digits: Number) -> Number:
    if type(digits) is not int or abs(digits) > DIGITS_MAX:
        raise _no_number(f"round takes -{DIGITS_MAX} to {DIGITS_MAX} digits, not {shown(digits)}")
    scale = Fraction(10) ** digits
    return _simple(Fraction(half_away(Fraction(value) * scale)) * Fraction(1, scale))


def _simple(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value


def _no_number(message: str) -> Invalid:
    return Invalid(message, code="not_a_number")


def _of_one(compute: Callable[[Number], object]) -> Callable[[object], object]:
    def computed(value: object) -> object:
        return compute(_number(value))

    return computed


def _of_two(compute: Callable[[Number, Number], object]) -> Callable[[object, object], object]:
    def computed(a: object, b: object) -> object:
        return compute(_number(a), _number(b))

    return computed


def _of_all(compute: Callable[[list[Number]], Number]) -> Callable[..., object]:
    def computed(*values: object) -> object:
        return compute([_number(value) for value in values])

    return computed


def _different(a: object, b: object) -> bool:
    return not _equal(a, b)


def _round(value: object, digits: object = 0) -> Number:
    return _rounded(_number(value), _number(digits))


_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: _of_two(lambda a, b: a + b),
    ast.Sub: _of_two(lambda a, b: a - b),
    ast.Mult: _of_two(lambda a, b: a * b),
    ast.Div: _of_two(lambda a, b: _simple(Fraction(a, b))),
    ast.FloorDiv: _of_two(lambda a, b: a // b),
    ast.Mod: _of_two(lambda a, b: a % b),
    ast.USub: _of_one(operator.neg),
    ast.UAdd: _of_one(operator.pos),
    ast.Not: operator.not_,
    ast.Lt: _of_two(operator.lt),
    ast.LtE: _of_two(operator.le),
    ast.Gt: _of_two(operator.gt),
    ast.GtE: _of_two(operator.ge),
    ast.Eq: _equal,
    ast.NotEq: _different,
}
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "min": _of_all(min),
    "max": _of_all(max),
    "abs": _of_one(abs),
    "ceil": _of_one(ceil),
    "floor": _of_one(floor),
    "round": _round,
}
