"""Runs the command line in this process, in a folder of its own, on a small demo database."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger.cli import main

EVENTS = 1_500


class Ran(NamedTuple):
    """What a run of `ledger` left: the exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str | None]:
        found: dict[str, str | None] = json.loads(self.err)
        return found


Run = Callable[..., Ran]


def run_ledger(*arguments: str | Path, stdin: bytes = b"") -> Ran:
    """Run `ledger` with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))),
        out,
        err,
    )
    try:
        code = main([str(each) for each in arguments])
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is empty, an environment that says nothing, a screen that is wide."""
    for name in list(os.environ):
        if name.startswith("LEDGER_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run() -> Run:
    return run_ledger


@pytest.fixture(scope="session")
def demo_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The demo's database, made once, and what the demo said."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    return path, run_ledger("demo", "--events", str(EVENTS), "--out", path)


@pytest.fixture
def demo(demo_made: tuple[Path, Ran], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo's database, which the environment names."""
    made, ran = demo_made
    assert ran.code == 0, ran
    path = folder / "demo.db"
    shutil.copy(made, path)
    monkeypatch.setenv("LEDGER_DATABASE_URL", f"sqlite:///{path}")
    return path
