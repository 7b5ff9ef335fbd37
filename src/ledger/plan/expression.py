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
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from math import ceil, floor
from typing import Any, TypeVar

from ledger.types.errors import Invalid, shown
from ledger.types.exact import decimal_text, half_away, parse_decimal, to_digits
from ledger.types.quantity import FRACTION_DIGITS, INTEGER_DIGITS
from ledger.types.quantity import quantity as exact_quantity

LENGTH_MAX = 1_000
PARTS_MAX = 500
DEPTH_MAX = 60
DIGITS_MAX = 18
"""How far `round` goes, to either side of the point."""

_LITERAL_DIGITS = 30
_QUANTITY = "quantity"

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
        self._tree = _read(text, param)
        # Idle evaluators: each thread takes one, and one has the names of one event at a time.
        self._idle: list[_Evaluator] = []

    def value(self, quantity: Decimal, properties: Mapping[str, Value]) -> Decimal | None:
        """What the expression comes to for an event, to 9 decimals, a half away from zero.

        None if it names a property that the event does not have.

        Raises:
            Invalid: a property or the result is no number of a quantity's size (`bad_decimal`,
                `out_of_range`, `not_a_number`), or it divides by zero (`division_by_zero`).
        """
        evaluator = self._idle.pop() if self._idle else _Evaluator()
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


def check_expression(text: object, param: str) -> str:
    """The text of an expression.

    Raises:
        Invalid: (`bad_expression`) it is none.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LENGTH_MAX:
        raise _bad(f"it is text of 1 to {LENGTH_MAX:,} characters, not {shown(text)}", param)
    try:
        expression(text)
    except Invalid as error:
        raise Invalid(error.message, code=error.code, param=param) from None
    return text


# --- Reading it ------------------------------------------------------------------------------------

_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: lambda a, b: _number(a) + _number(b),
    ast.Sub: lambda a, b: _number(a) - _number(b),
    ast.Mult: lambda a, b: _number(a) * _number(b),
    ast.Div: lambda a, b: _simple(Fraction(_number(a), _number(b))),
    ast.FloorDiv: lambda a, b: _number(a) // _number(b),
    ast.Mod: lambda a, b: _number(a) % _number(b),
    ast.USub: lambda a: -_number(a),
    ast.UAdd: lambda a: +_number(a),
    ast.Not: operator.not_,
    ast.Lt: lambda a, b: _number(a) < _number(b),
    ast.LtE: lambda a, b: _number(a) <= _number(b),
    ast.Gt: lambda a, b: _number(a) > _number(b),
    ast.GtE: lambda a, b: _number(a) >= _number(b),
    ast.Eq: lambda a, b: _equal(a, b),
    ast.NotEq: lambda a, b: not _equal(a, b),
}
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "min": lambda *values: min(_number(value) for value in values),
    "max": lambda *values: max(_number(value) for value in values),
    "abs": lambda value: abs(_number(value)),
    "ceil": lambda value: ceil(_number(value)),
    "floor": lambda value: floor(_number(value)),
    "round": lambda value, digits=0: _rounded(_number(value), _number(digits)),
}
_ARGUMENTS = {
    "min": (1, PARTS_MAX), "max": (1, PARTS_MAX), "abs": (1, 1), "ceil": (1, 1), "floor": (1, 1),
    "round": (1, 2), "coalesce": (2, PARTS_MAX), "property": (1, 1),
}  # fmt: skip  # a table reads best as one
_PARTS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant)
_SILENT = (ast.expr_context, ast.boolop)


def _read(text: str, param: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only wonders about is no expression here
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning) as error:
        why = error.msg if isinstance(error, SyntaxError) else "it cannot be read"
        raise _bad(f"{shown(text)} is none: {why}", param) from None
    parts = list(_walk(tree, 1))
    if len(parts) > PARTS_MAX or max(depth for _, depth in parts) > DEPTH_MAX:
        raise _bad(f"it has at most {PARTS_MAX} parts, {DEPTH_MAX} within each other", param)
    called = {id(part.func) for part, _ in parts if isinstance(part, ast.Call)}
    for part, _ in parts:
        if id(part) not in called:
            _check(part, text, param)
    if isinstance(tree, ast.Constant) and type(tree.value) not in {int, Fraction}:
        raise _bad(f"{shown(text)} comes to no number", param)
    return tree


def _walk(node: ast.AST, depth: int) -> Iterator[tuple[ast.AST, int]]:
    """All parts of a tree, each with how deep it lies; what lies too deep is not looked into."""
    yield node, depth
    if depth <= DEPTH_MAX:
        for part in ast.iter_child_nodes(node):
            yield from _walk(part, depth + 1)


def _check(part: ast.AST, text: str, param: str) -> None:
    match part:
        case ast.Call():
            _check_call(part, param)
        case ast.Constant():
            part.value = _literal(part, text, param)
        case ast.Name(id=name) if name in _ARGUMENTS:
            raise _bad(f"{name} is a function; a property is property({name!r})", param)
        case ast.operator() | ast.unaryop() | ast.cmpop() if type(part) in _OPERATORS:
            pass
        case _ if isinstance(part, _PARTS) or isinstance(part, _SILENT):
            pass
        case _:
            what = ast.unparse(part) if isinstance(part, ast.expr) else type(part).__name__
            raise _bad(f"{shown(what)} cannot be used in it", param)


def _check_call(call: ast.Call, param: str) -> None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in _ARGUMENTS or call.keywords:
        known = ", ".join(sorted(_ARGUMENTS))
        raise _bad(f"{shown(ast.unparse(call))} calls none of its functions: {known}", param)
    least, most = _ARGUMENTS[name]
    if not least <= len(call.args) <= most:
        raise _bad(f"{name} does not take {len(call.args)} values", param)
    if name == "property":
        (argument,) = call.args
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise _bad('property takes a name in quotes: property("input tokens")', param)


def _literal(constant: ast.Constant, text: str, param: str) -> Any:  # noqa: ANN401 - a constant's value has no other type
    """The value as it was written: the parser has made a binary float of 0.1, and it is a tenth."""
    value = constant.value
    if isinstance(value, str | bool):
        return value
    written = ast.get_source_segment(text.strip(), constant)
    if isinstance(value, int | float) and not isinstance(value, bool) and written is not None:
        with suppress(Invalid):
            exact = parse_decimal(
                written.replace("_", "") if isinstance(value, float) else value,
                what="number",
                integer_digits=_LITERAL_DIGITS,
                fraction_digits=_LITERAL_DIGITS,
            )
            return _simple(Fraction(exact))
    raise _bad(f"{shown(written)} is no number of at most {_LITERAL_DIGITS} digits", param)


def _bad(what: str, param: str) -> Invalid:
    return Invalid(f"an expression over properties: {what}", code="bad_expression", param=param)


# --- Running it ------------------------------------------------------------------------------------


class _MissingError(Exception):
    """The event does not have a property."""


class _Given:
    """A property that is a text, or true or false: what it counts as, its place decides."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: str | bool) -> None:
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
        made.nodes = {part: made.nodes[part] for part in _PARTS} | {ast.Call: self._called}
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
    return value if isinstance(value, str) else decimal_text(_number(value))


def _rounded(value: Number, digits: Number) -> Number:
    if type(digits) is not int or abs(digits) > DIGITS_MAX:
        raise _no_number(f"round takes -{DIGITS_MAX} to {DIGITS_MAX} digits, not {digits}")
    scale = Fraction(10) ** digits
    return _simple(Fraction(half_away(Fraction(value) * scale)) * Fraction(1, scale))


def _simple(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value


def _no_number(message: str) -> Invalid:
    return Invalid(message, code="not_a_number")
