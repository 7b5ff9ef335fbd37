"""Runs the examples in the README and the docs as tests: Python, and `ledger` on a console."""

import os
import re
import subprocess
import sys
import tempfile
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

FOLDER = "folder"


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


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
        CodeBlockParser(language="console", evaluator=_on_a_console),
    ],
    patterns=["*.md"],
    excludes=["docs/decisions/*", "docs/reference/*"],  # they show shapes, not programs
).pytest()
