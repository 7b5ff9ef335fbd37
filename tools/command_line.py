"""The help of every verb, as a terminal of 100 columns without colors shows it."""

import os
import subprocess
import sys
from collections.abc import Iterator

_ENVIRONMENT = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
_NEXT = "\f"
# One program shows them all: starting one for each takes longer than everything else here.
_SHOW = """
import contextlib, click, typer
from ledger.cli.app import app
root = app if isinstance(app, click.Command) else typer.main.get_command(app)
def show(command, path):
    print("\\f" + " ".join(path))
    with contextlib.suppress(SystemExit):
        root.main([*path[1:], "--help"], prog_name="ledger")
    for name, below in getattr(command, "commands", {}).items():
        show(below, [*path, name])
show(root, ["ledger"])
"""


def helps() -> Iterator[tuple[str, str]]:
    """Each command, in the order of the help, and its help."""
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **_ENVIRONMENT},
    )
    for part in shown.stdout.split(_NEXT)[1:]:
        command, _, text = part.partition("\n")
        yield command, "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
