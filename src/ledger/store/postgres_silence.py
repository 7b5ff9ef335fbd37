"""A connection that does not wait for ever for a server that is there and says nothing.

Keepalives find a machine that is gone. They do not find a server that hangs, or a pooler that lost
its own connection: whose machine goes on to acknowledge packets.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from ledger.store.postgres_faults import Unreachable
from ledger.types.clock import monotonic

R = TypeVar("R")


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives up, as if it had been cut, after so many seconds in which nothing comes or goes."""

    silence_max_s: int | None = None
    """None waits for ever: nobody knows how long a migration takes."""

    def wait(self, gen: PQGen[R], *args: Any, **options: Any) -> R:  # noqa: ANN401 - passed on as they are
        """Drive one exchange with the server to its end.

        Raises:
            OperationalError: the server stayed silent; the connection is closed.
        """
        if self.silence_max_s is not None:
            gen = self._watched(gen, self.silence_max_s)
        return super().wait(gen, *args, **options)

    def _watched(self, gen: PQGen[R], seconds: int) -> Generator[Any, Any, R]:
        """The same exchange; while nothing happens it is handed 0 every moment."""
        until: float | None = None
        try:
            state = next(gen)
            while True:
                ready = yield state
                if ready:
                    until = None
                elif until is None:
                    until = monotonic() + seconds
                elif monotonic() > until:
                    self.close()
                    raise psycopg.OperationalError(f"the server said nothing for {seconds} s")
                state = gen.send(ready)
        except StopIteration as end:
            value: R = end.value
            return value


def connect(conninfo: str, silence_max_s: int | None) -> ImpatientConnection:
    """A connection that begins no transaction by itself.

    Raises:
        Unreachable: it could not be made.
    """
    try:
        connection = ImpatientConnection.connect(
            conninfo,
            autocommit=True,  # every transaction is begun in words
            prepare_threshold=None,  # a pooler would run the statements that others prepared
        )
    except psycopg.OperationalError as error:
        said = str(error)
    else:
        connection.silence_max_s = silence_max_s
        return connection
    raise Unreachable(said)  # not from the driver's error, which carries the password
