"""The way in and out of the command line: what was said goes in, an exit code comes out."""

import contextlib
import os
import sys
from collections.abc import Sequence

import typer

from ledger.cli.failure import INTERRUPTED, ReaderLeft, failure_of

BROKEN_PIPE = 141  # what a shell says of a program that its reader left


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, `sys.argv` when None is given, and return its exit code.

    Errors come out as one sentence on stderr, never as a traceback.
    """
    said = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(said)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (ReaderLeft, BrokenPipeError):
        _let_go_of_stdout()
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the outermost place; `failure_of` shows it all
        return failure_of(error).show(as_json="--json" in said)
    if code == INTERRUPTED:
        sys.stderr.write("interrupted\n")
    return code


def _run(arguments: Sequence[str]) -> int:
    from ledger.cli.app import app

    code = app(args=list(arguments), prog_name="ledger", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _let_go_of_stdout() -> None:
    """Whoever read us has gone; the interpreter must not fail again when it flushes at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
