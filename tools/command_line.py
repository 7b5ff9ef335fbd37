"""The help of every verb, as a terminal of 100 columns without colors shows it."""

import os
import subprocess
import sys
from collections.abc import Iterator

_ENVIRONMENT = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
_LIST = """
import click, typer
from ledger.cli.app import app
root = app if isinstance(app, click.Command) else typer.main.get_command(app)
def walk(command, path):
    print(' '.join(path))
    for name, below in getattr(command, 'commands', {}).items():
        walk(below, [*path, name])
walk(root, ['ledger'])
"""


def helps() -> Iterator[tuple[str, str]]:
    """Each command, in the order of the help, and its help."""
    for command in _run("-c", _LIST).splitlines():
        text = _run("-m", "ledger", *command.split()[1:], "--help")
        yield command, "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **_ENVIRONMENT},
    )
    return done.stdout
