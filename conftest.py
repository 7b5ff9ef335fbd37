"""Runs the examples in the README and the docs as tests: Python, and `ledger` on a console."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from doctest import ELLIPSIS
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from sybil import Example, Sybil
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.region import Region

from tests.servers import server

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


def _as_an_administrator(example: Example) -> None:
    """Run the statements of a block as the superuser of a server that was made for the page."""
    admin = example.namespace["postgres_page"]
    with psycopg.connect(admin, autocommit=True) as connection:
        for statement in example.parsed.split(";\n"):
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def administrated() -> Iterator[str]:
    """A server that waits for its disk, as those of the docs do: the URL of its superuser."""
    with server(durable=True) as made:
        yield made.admin


@pytest.fixture
def postgres_page(administrated: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server for a page on PostgreSQL; the environment says the URL that the page made."""
    at = urlsplit(administrated)
    url = at._replace(netloc=f"ledger:a%20secret@{at.hostname}:{at.port}", path="/ledger")
    monkeypatch.setenv("DATABASE_URL", url.geturl())
    return administrated


POSTGRES_PAGES = ["docs/how-to/run-on-postgresql.md"]
PARSERS: list[Callable[[Document], Iterable[Region]]] = [
    PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
    CodeBlockParser(language="console", evaluator=_on_a_console),
]
_PAGES = Sybil(
    parsers=PARSERS,
    patterns=["*.md"],
    # Decisions and the reference show shapes, not programs.
    excludes=["docs/decisions/*", "docs/reference/*", *POSTGRES_PAGES],
)
_POSTGRES_PAGES = Sybil(
    parsers=[*PARSERS, CodeBlockParser(language="sql", evaluator=_as_an_administrator)],
    patterns=POSTGRES_PAGES,
    fixtures=["postgres_page"],
)
pytest_collect_file = (_PAGES + _POSTGRES_PAGES).pytest()
