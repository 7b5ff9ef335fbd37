"""The syntax of expressions: a text becomes a tree of the few parts there are, or is refused. Pure.

Whatever is not named here does not exist: no attribute, no index, no power, no call of anything
else. What is left costs no more to evaluate than its length says.
"""

import ast
import warnings
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

from ledger.types.errors import Invalid, shown
from ledger.types.exact import parse_decimal

LENGTH_MAX = 1_000
PARTS_MAX = 500
DEPTH_MAX = 60

OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.UAdd, ast.Not,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip  # a list of names reads best as one
PARTS = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant,
)  # fmt: skip  # the same
ARGUMENTS = {
    "min": (1, PARTS_MAX), "max": (1, PARTS_MAX), "abs": (1, 1), "ceil": (1, 1), "floor": (1, 1),
    "round": (1, 2), "coalesce": (2, PARTS_MAX), "property": (1, 1),
}  # fmt: skip  # the same
"""The functions, and how many values each takes at least and at most."""

_SILENT = (ast.expr_context, ast.boolop)
_LITERAL_DIGITS = 30


def read(text: object, param: str) -> ast.expr:
    """The tree of an expression, its numbers exact.

    Raises:
        Invalid: (`bad_expression`) it is none; the sentence says what is wrong with it.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > LENGTH_MAX:
        raise _bad(f"it is text of 1 to {LENGTH_MAX:,} characters, not {shown(text)}", param)
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
        case ast.Name(id=name) if name in ARGUMENTS:
            raise _bad(f"{name} is a function; a property is property({name!r})", param)
        case ast.operator() | ast.unaryop() | ast.cmpop() if type(part) in OPERATORS:
            pass
        case _ if isinstance(part, (*PARTS, *_SILENT)):
            pass
        case _:
            what = ast.unparse(part) if isinstance(part, ast.expr) else type(part).__name__
            raise _bad(f"{shown(what)} cannot be used in it", param)


def _check_call(call: ast.Call, param: str) -> None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name not in ARGUMENTS or call.keywords:
        known = ", ".join(sorted(ARGUMENTS))
        raise _bad(f"{shown(ast.unparse(call))} calls none of its functions: {known}", param)
    least, most = ARGUMENTS[name]
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
            number = Fraction(exact)
            return number.numerator if number.denominator == 1 else number
    raise _bad(f"{shown(written)} is no number of at most {_LITERAL_DIGITS} digits", param)


def _bad(what: str, param: str) -> Invalid:
    return Invalid(f"an expression over properties: {what}", code="bad_expression", param=param)
