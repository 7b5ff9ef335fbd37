"""The house rules that a linter cannot say, as functions from source text to offences. Pure."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from typing import NamedTuple

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

_CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {
        "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns",
        "clock_gettime", "clock_gettime_ns", "gmtime", "localtime", "ctime",
    },
}  # fmt: skip  # a list of names reads best as one
_STATEMENTS = {"select", "text"}
_PROMISES_OF_WORK = re.compile(r"\b(?:T[O]DO|F[I]XME|H[A]CK)\b")  # this line does not offend itself
_REGISTRIES = re.compile(
    r"\b(?:py(?:pi)\.org|(?:test\.)?pythonhosted\.|registry\.(?:npmjs|yarnpkg)\.|npmjs\.com"
    r"|crates\.io|proxy\.golang\.|deb\.debian\.)"
)
_PLACES = re.compile(r"(?<![\w.:/-])(?:/(?:root|home|Users|work)/\w|[A-Z]:\\Users\\)")
_SILENCER = re.compile(
    r"#\s*(?:noqa\b(?::\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?"
    r"|type:\s*ignore(?:\[[^\]]*\])?|pyright:\s*ignore(?:\[[^\]]*\])?)"
)


class Offence(NamedTuple):
    """One place that breaks a rule: its line, counted from 1, and what is wrong there."""

    line: int
    what: str


Rule = Callable[[str], Iterator[Offence]]


def exact_money(source: str) -> Iterator[Offence]:
    """Money is int, Decimal or Fraction: no float literal, no `float(`, no `round(`, no `/`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield Offence(node.lineno, f"the float literal {value!r}")
            case ast.Call(func=ast.Name(id="float" | "round" as name)):
                yield Offence(node.lineno, f"a call of {name}()")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield Offence(node.lineno, "a division with /, where Fraction(a, b) or // is exact")
            case _:
                pass


def no_clock(source: str) -> Iterator[Offence]:
    """Nothing asks the machine what time it is; a reference without a call asks later."""
    tree = ast.parse(source)
    named = _aliases(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=attr):
                if attr in _CLOCKS.get(named.get(owner, owner), ()):
                    yield Offence(node.lineno, f"{owner}.{attr} reads the clock")
            case ast.ImportFrom(module="time", names=names):
                for alias in names:
                    if alias.name in _CLOCKS["time"]:
                        yield Offence(node.lineno, f"time.{alias.name} reads the clock")
            case _:
                pass


def no_raw_sql(source: str) -> Iterator[Offence]:
    """A statement built by hand can forget its tenant; only the store's scope builds them."""
    tree = ast.parse(source)
    named = _aliases(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr):
                if attr in _STATEMENTS and named.get(owner, owner) == "sqlalchemy":
                    yield Offence(node.lineno, f"a raw {owner}.{attr}")
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] == "sqlalchemy":
                    for alias in names:
                        if alias.name in _STATEMENTS:
                            yield Offence(node.lineno, f"a raw {alias.name} from {module}")
            case _:
                pass


def short_file(source: str) -> Iterator[Offence]:
    """A file that needs scrolling for minutes holds two things."""
    lines = len(source.splitlines())
    if lines > FILE_LINES_MAX:
        yield Offence(lines, f"{lines} lines, where {FILE_LINES_MAX} are the most")


def short_functions(source: str) -> Iterator[Offence]:
    """A function fits on a screen, its docstring included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield Offence(
                    node.lineno,
                    f"{node.name} has {lines} lines, where {FUNCTION_LINES_MAX} are the most",
                )


def promise_first(source: str) -> Iterator[Offence]:
    """A module opens with its promise."""
    if not ast.get_docstring(ast.parse(source)):
        yield Offence(1, "no docstring opens the module")


def reasons_beside(source: str) -> Iterator[Offence]:
    """Whoever silences a tool says why on the same line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            rest, silencers = _SILENCER.subn("", token.string)
            if silencers and not re.search(r"[^\W\d_]{2}", rest):
                yield Offence(token.start[0], f"{token.string!r} gives no reason")


def nothing_postponed(text: str) -> Iterator[Offence]:
    """What is to be done is an issue, not a comment."""
    yield from _matches(_PROMISES_OF_WORK, text, "a note to do it later")


def no_foreign_place(text: str) -> Iterator[Offence]:
    """The project runs anywhere: it names no package registry and nobody's folders."""
    yield from _matches(_REGISTRIES, text, "the host of a package registry")
    yield from _matches(_PLACES, text, "a path of somebody's machine")


def _matches(pattern: re.Pattern[str], text: str, what: str) -> Iterator[Offence]:
    for number, line in enumerate(text.splitlines(), start=1):
        for found in pattern.finditer(line):
            yield Offence(number, f"{what}: {found[0]!r}")


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What `import … as …` and `from … import … as …` call things here → the last part there."""
    return {
        alias.asname: alias.name.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
