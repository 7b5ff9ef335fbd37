"""Whether a transaction did commit whose answer was lost: it left a row, or it did not commit.

The number of a transaction (`pg_xact_status`) cannot tell, although it is made for this: a server
that crashed gives the numbers out again that it had not written down, so it may answer for somebody
else's transaction. A row of the transaction's own is there exactly when the transaction is, after a
crash and on a standby that took over as well.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import psycopg

from ledger.store.postgres_faults import fault
from ledger.store.sql.again import Again
from ledger.types.errors import Unavailable

TABLE: Final = "commits"

_FORGOTTEN_AT_ONCE: Final = 100
# Longer than any transaction lasts, so that nobody who asks comes too late.
SWEEP: Final = "DELETE FROM commits WHERE at < extract(epoch FROM now() - interval '7 days')"
_log = logging.getLogger(__name__)

Connect = Callable[[], psycopg.Connection[Any]]


class Commits:
    """The tokens of this process: one for each transaction that writes."""

    def __init__(self) -> None:
        self._heard_of = deque[str]()

    def begin(self) -> tuple[str, str]:
        """A token, and the statements that leave it with the transaction that runs them."""
        token = secrets.token_hex(16)
        words = _leave(token)
        if len(self._heard_of) >= _FORGOTTEN_AT_ONCE:
            # Now and then many at once. What is lost with a transaction is swept up by its age.
            words = f"{self._forget()}; {words}"
        return token, words

    def heard_of(self, token: str) -> None:
        """The answer came: nobody will ask."""
        self._heard_of.append(token)

    def _forget(self) -> str:
        tokens = list[str]()
        while self._heard_of and len(tokens) < _FORGOTTEN_AT_ONCE:
            try:
                tokens.append(_bytes(self._heard_of.popleft()))
            except IndexError:  # another thread was faster
                break
        return f"DELETE FROM commits WHERE token IN ({', '.join(tokens)})" if tokens else "SELECT"  # noqa: S608 - random numbers of our own


def has_committed(token: str, connect: Connect, as_role: str, place: str, patience_s: int) -> bool:
    """Whether the transaction of a token did commit; it may still be about to.

    Args:
        token: what it left.
        connect: makes a connection: one of a pool might not come while all others wait like this.
        as_role: the statement that takes on the role that may look, or nothing.
        place: which database it is, in words.
        patience_s: for how long the server may be away.

    Raises:
        Unavailable: (`commit_unknown`) the server does not come back to say.
    """
    again = Again(patience_s)
    while True:
        try:
            found = _is_there(token, connect, as_role, patience_s)
        except psycopg.Error as error:
            if again.after(fault(error)):
                continue
            raise Unavailable(
                f"the connection to {place} was lost while a transaction was to commit, so it is"
                " not known whether it did; usage events with a key can be sent again, everything"
                " else look up first",
                code="commit_unknown",
            ) from error
        _log.info(
            "the answer to a commit on %s was lost; it had %s",
            place, "committed" if found else "not committed, and is done again",
        )  # fmt: skip
        return found


def _is_there(token: str, connect: Connect, as_role: str, patience_s: int) -> bool:
    """Whether the token is there, once the transaction that left it is over.

    An insert of the same key waits for that. It is rolled back whatever comes of it, so that asking
    twice gets the same answer.
    """
    words = [
        f"BEGIN; SET LOCAL lock_timeout = '{max(patience_s, 1)}s'",
        *([as_role] if as_role else []),
        f"{_leave(token)} ON CONFLICT DO NOTHING RETURNING 1",
    ]
    with closing(connect()) as connection:
        cursor = connection.execute("; ".join(words).encode())
        while cursor.nextset():
            pass
        is_new = cursor.fetchone() is not None
        connection.execute("ROLLBACK")
        return not is_new


def _leave(token: str) -> str:
    return f"INSERT INTO commits (token) VALUES ({_bytes(token)})"  # noqa: S608 - as above


def _bytes(token: str) -> str:
    return f"'\\x{token}'"
