"""Runs the examples in the README and the docs as tests: Python, and `ledger` on a console."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

FOLDER = "folder"
pytest_plugins = ["tests.fixtures"]


def _folder(namespace: dict[str, Any]) -> Path:
    """The folder that all console blocks of a page work in; it goes with the page."""
    if FOLDER not in namespace:
        namespace[FOLDER] = tempfile.TemporaryDirectory()
    return Path(namespace[FOLDER].name)


def _on_a_console(example: Example) -> str | None:
    """Run the lines that begin with `$`; below a line is what it prints, `…` for anything."""
    for command in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        lines = re.split(r"(?<!\\)\n", command.rstrip("\n"))
        if lines[0].startswith("make "):
            continue  # the two commands that set everything up; a clean checkout runs them
        heredoc = re.search(r"<<(\w+)$", lines[0])
        end = lines.index(heredoc[1]) + 1 if heredoc else 1
        said, printed = "\n".join(lines[:end]), "\n".join(lines[end:])
        problem = _compared(said, printed, _folder(example.namespace))
        if problem:
            return problem
    return None


def _compared(command: str, expected: str, folder: Path) -> str | None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
    )
    printed = " ".join((done.stdout + done.stderr).split())
    wanted = " ".join(expected.split())
    pattern = ".*?".join(re.escape(part.strip()) for part in wanted.split("…"))
    if done.returncode or (wanted and not re.fullmatch(rf"\s*{pattern}\s*", printed, re.DOTALL)):
        return f"$ {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
    return None


_PARSERS: list[Callable[[Document], Iterable[Region]]] = [
    PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
    CodeBlockParser(language="console", evaluator=_on_a_console),
]
_ON_A_SERVER = "docs/how-to/run-on-postgresql.md"


def _with_a_spool(namespace: dict[str, Any]) -> None:
    namespace["spool_folder"] = _folder(namespace) / "spool"


pytest_collect_file = (
    Sybil(
        parsers=_PARSERS,
        patterns=["*.md"],
        # The first two show shapes, not programs.
        excludes=["docs/decisions/*", "docs/reference/*", _ON_A_SERVER],
    )
    + Sybil(
        parsers=_PARSERS, patterns=[_ON_A_SERVER], setup=_with_a_spool, fixtures=["postgres_url"]
    )
).pytest()
