"""Failure: which exit code says what, and one clear sentence for every error."""

import os
import sys
import traceback
from dataclasses import dataclass

import typer

from ledger.types import json
from ledger.types.errors import Conflict, Denied, Invalid, LedgerError, NotFound, Unavailable

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
NOT_FOUND = 4
CONFLICT = 5
UNAVAILABLE = 6
INTERRUPTED = 130

MEANINGS = {
    OK: "done",
    FAILED: "not everything worked, or Ledger itself is at fault",
    USAGE: "the command or a value is wrong",
    REFUSED: "a limit, or a lack of permission, says no",
    NOT_FOUND: "there is no such thing in this tenant and app",
    CONFLICT: "the thing is in a state that does not allow it",
    UNAVAILABLE: "the database or something else that is needed does not answer",
    INTERRUPTED: "interrupted with Ctrl-C",
}
_CODES: tuple[tuple[type[LedgerError], int], ...] = (
    (Invalid, USAGE),
    (Denied, REFUSED),
    (NotFound, NOT_FOUND),
    (Conflict, CONFLICT),
    (Unavailable, UNAVAILABLE),
)


class ReaderLeft(Exception):  # noqa: N818 - it is no error of ours
    """Whoever read stdout has gone, such as `head`; typer would call that a failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, for a person and for a program."""

    exit_code: int
    code: str
    message: str
    param: str | None = None
    hint: str | None = None

    def show(self, *, as_json: bool) -> int:
        """Write it to stderr, and return the exit code. Help that was shown says it all."""
        if not self.message:
            return self.exit_code
        if as_json:
            said = {"code": self.code, "message": self.message, "param": self.param}
            text = json.encode(said).decode()
        else:
            hint = f"\n{self.hint}" if self.hint else ""
            text = f"ledger: {self.message}{hint}"
        sys.stderr.write(f"{text}\n")
        return self.exit_code


def failure_of(error: Exception) -> Failure:
    """What an error says; the traceback as well when `LEDGER_DEBUG` is set."""
    if os.environ.get("LEDGER_DEBUG"):
        traceback.print_exception(error)
    match error:
        case LedgerError():
            code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
            return Failure(code, error.code, error.message, error.param)
        case typer.TyperException():
            return _usage(error)
        case OSError():
            where = f" {error.filename!r}" if error.filename else ""
            return Failure(FAILED, "os_error", f"{error.strerror or error}{where}".lower())
        case _:
            return Failure(
                FAILED,
                "unexpected",
                f"unexpected {type(error).__name__}: {error}",
                hint="This is a defect of Ledger. LEDGER_DEBUG=1 shows the traceback.",
            )


def _usage(error: typer.TyperException) -> Failure:
    """A command line that cannot be understood. Typer's own errors know where they arose."""
    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, typer.Context) else "ledger"
    param = getattr(getattr(error, "param", None), "name", None)
    return Failure(
        error.exit_code,
        "usage",
        _clause(error.format_message()),
        param=param if isinstance(param, str) else None,
        hint=f"Try: {path} --help",
    )


def _clause(sentence: str) -> str:
    """A sentence of somebody else's in the manner of ours: no capital, no full stop."""
    words = sentence.strip().rstrip(".")
    return words[:1].lower() + words[1:]
