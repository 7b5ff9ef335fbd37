"""The rules of `tidy.py` catch what they are for, and nothing in the project breaks them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import tidy

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "ledger"
CODE = ("src", "tests", "tools")
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".csv", ".sql", ".html", ".css", ".js", ".yml", ""}

# Where a rule does not hold, and why. A path that ends in / is a folder.
EXACT_MONEY_NOT_IN: Mapping[str, str] = {
    "cli/": "it draws progress in fractions and joins paths",
}
CLOCK_IN: Mapping[str, str] = {
    "types/clock.py": "the one module that reads the clock",
    "cli/bench/measure.py": "it times calls, to the nanosecond, and nothing else",
}
SQL_IN: Mapping[str, str] = {
    "store/sql/": "the scope that builds every statement lives here",
}


@pytest.mark.parametrize(
    ("rule", "offender"),
    [
        (tidy.exact_money, "rate = 0.05"),
        (tidy.exact_money, "rate = 1e3"),
        (tidy.exact_money, "half = total / 2"),
        (tidy.exact_money, "total /= 2"),
        (tidy.exact_money, "cents = round(exact)"),
        (tidy.exact_money, "cents = float(exact)"),
        (tidy.no_clock, "at = datetime.now(UTC)"),
        (tidy.no_clock, "at = datetime.datetime.utcnow()"),
        (tidy.no_clock, "import datetime as dt\nat = dt.date.today()"),
        (tidy.no_clock, "from datetime import datetime as instant\nat = instant.now()"),
        (tidy.no_clock, "import time\nstarted = time.monotonic()"),
        (tidy.no_clock, "import time as t\nstarted = t.time_ns()"),
        (tidy.no_clock, "from time import perf_counter"),
        (tidy.no_clock, "clock: Callable[[], datetime] = datetime.now"),
        (tidy.no_raw_sql, "import sqlalchemy as sa\nrows = run(sa.select(plans))"),
        (tidy.no_raw_sql, "import sqlalchemy\nrows = run(sqlalchemy.text('select 1'))"),
        (tidy.no_raw_sql, "from sqlalchemy import select"),
        (tidy.no_raw_sql, "from sqlalchemy.sql import text as t"),
        (tidy.short_file, "x = 1\n" * (tidy.FILE_LINES_MAX + 1)),
        (tidy.short_functions, "def f():\n" + "    x = 1\n" * tidy.FUNCTION_LINES_MAX),
        (tidy.short_functions, "async def f():\n" + "    x = 1\n" * tidy.FUNCTION_LINES_MAX),
        (tidy.promise_first, ""),
        (tidy.promise_first, "import ast\n"),
        (tidy.reasons_beside, "import a  # noqa" + ": F401"),
        (tidy.reasons_beside, "f(1)  # type" + ": ignore[arg-type]"),
        (tidy.reasons_beside, "f(1)  # type" + ": ignore[arg-type]  # pyright" + ": ignore[a]"),
        (tidy.nothing_postponed, "# TO" + "DO: later"),
        (tidy.nothing_postponed, "FIX" + "ME"),
        (tidy.no_foreign_place, "see https://py" + "pi.org/project/x"),
        (tidy.no_foreign_place, "registry.npm" + "js.org"),
        (tidy.no_foreign_place, 'open("/ro' + 'ot/x")'),
        (tidy.no_foreign_place, "cd /ho" + "me/jane/ledger"),
    ],
)
def test_a_rule_catches_its_offender(rule: tidy.Rule, offender: str) -> None:
    assert list(rule(offender))


@pytest.mark.parametrize(
    ("rule", "innocent"),
    [
        (tidy.exact_money, "half = total // 2; exact = Fraction(total, 2)"),
        (tidy.exact_money, "if isinstance(amount, float): refuse(amount)"),
        (tidy.exact_money, "rate = Decimal('0.05')"),
        (tidy.exact_money, "due = Money.rounded(exact, 'USD')"),
        (tidy.no_clock, "at = work.now; later = clock.now(); day = at.date()"),
        (tidy.no_clock, "import time\ntime.sleep(1)"),
        (tidy.no_raw_sql, "import sqlalchemy as sa\nkey = sa.Column('key', sa.Text())"),
        (tidy.no_raw_sql, "rows = scope.select(plans)"),
        (tidy.short_file, "x = 1\n" * tidy.FILE_LINES_MAX),
        (tidy.short_functions, "def f():\n" + "    x = 1\n" * (tidy.FUNCTION_LINES_MAX - 1)),
        (tidy.promise_first, '"""What this module promises."""\n'),
        (tidy.reasons_beside, "import a  # noqa: F401 - a public name"),
        (tidy.reasons_beside, "f(1)  # type: ignore[arg-type]  # a caller without types"),
        (tidy.reasons_beside, "x = '# noqa" + ": F401'"),
        (tidy.nothing_postponed, "to do it later is a plan"),
        (tidy.no_foreign_place, "GET https://example.com/home/page and docs/work/x"),
    ],
)
def test_a_rule_lets_good_code_pass(rule: tidy.Rule, innocent: str) -> None:
    assert not list(rule(innocent))


def test_money_is_exact() -> None:
    _holds(tidy.exact_money, _package(EXACT_MONEY_NOT_IN))


def test_one_module_reads_the_clock() -> None:
    _holds(tidy.no_clock, _package(CLOCK_IN))


def test_statements_are_built_in_the_store() -> None:
    _holds(tidy.no_raw_sql, _package(SQL_IN))


def test_files_are_short() -> None:
    _holds(tidy.short_file, _code())


def test_functions_are_short() -> None:
    _holds(tidy.short_functions, _code())


def test_every_module_opens_with_its_promise() -> None:
    _holds(tidy.promise_first, _code())


def test_a_silenced_tool_has_a_reason_beside_it() -> None:
    _holds(tidy.reasons_beside, _code())


def test_nothing_is_left_for_later() -> None:
    _holds(tidy.nothing_postponed, _texts())


def test_the_project_names_no_registry_and_no_machine() -> None:
    _holds(tidy.no_foreign_place, _texts())


@pytest.mark.parametrize(
    ("rule", "exceptions"),
    [
        (tidy.exact_money, EXACT_MONEY_NOT_IN),
        (tidy.no_clock, CLOCK_IN),
        (tidy.no_raw_sql, SQL_IN),
    ],
)
def test_every_exception_is_still_needed(rule: tidy.Rule, exceptions: Mapping[str, str]) -> None:
    idle = [
        path
        for path in exceptions
        if not _offences(rule, (file for file in _package({}) if _is_in(file, {path})))
    ]
    assert not idle


def _holds(rule: tidy.Rule, files: Iterator[Path]) -> None:
    offences = _offences(rule, files)
    assert not offences, "\n".join(offences)


def _offences(rule: tidy.Rule, files: Iterator[Path]) -> list[str]:
    """`path:line: what` for every offence, in the order of the files."""
    return [
        f"{file.relative_to(ROOT)}:{offence.line}: {offence.what}"
        for file in files
        for offence in rule(file.read_text(encoding="utf-8"))
    ]


def _package(exceptions: Mapping[str, str]) -> Iterator[Path]:
    return (file for file in sorted(PACKAGE.rglob("*.py")) if not _is_in(file, set(exceptions)))


def _is_in(file: Path, paths: set[str]) -> bool:
    inside = file.relative_to(PACKAGE).as_posix()
    return any(inside == path or (path.endswith("/") and inside.startswith(path)) for path in paths)


def _code() -> Iterator[Path]:
    return (file for folder in CODE for file in sorted((ROOT / folder).rglob("*.py")))


def _texts() -> Iterator[Path]:
    """Every text of the project; what tools and Ledger itself make is not of it."""
    for entry in sorted(ROOT.iterdir()):
        if entry.name == ".git":  # a file, where a checkout is one of several of a repository
            continue
        if entry.is_file() and entry.suffix in TEXT:
            yield entry
        elif entry.is_dir() and (entry.name == ".ci" or not entry.name.startswith(".")):
            yield from (
                file
                for file in sorted(entry.rglob("*"))
                if file.is_file() and file.suffix in TEXT and "__pycache__" not in file.parts
            )
