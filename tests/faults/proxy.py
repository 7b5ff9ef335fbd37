"""A proxy in front of PostgreSQL that cuts connections where it hurts most.

It looks for words in what the client sends: a statement that fits into one packet is seen whole.
"""

import select
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Where = Literal["before", "after", "late", "held", "silent"]
"""What becomes of the statement when the connection is cut.

`before`: the server never gets it, and sees the connection end. `after`: the server answered, the
client does not hear it. `late`: the client is cut off at once, the server gets it a second later.
`held`: the server neither gets it nor sees the connection end, until `let_go`. `silent`: nobody
gets anything any more, and nobody sees the connection end.
"""

COMMIT = "COMMIT\0"
"""The statement, and not `READ COMMITTED`."""

LATE_S = 1.0
_CHUNK = 65_536


class _Cut:
    """When to cut, how often, and what to do just then."""

    def __init__(
        self, where: Where, word: bytes, times: int, then: Callable[[], object] | None
    ) -> None:
        self.where, self.word, self.times, self.then = where, word, times, then


class Proxy:
    """Passes on what clients and the server at `port` say, until it is told to cut."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._lock = Lock()
        self._cut: _Cut | None = None
        self._open: set[socket.socket] = set()
        self._held: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.cuts = 0
        self.admit()

    def url(self, url: str, **settings: object) -> str:
        """The same database through the proxy."""
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        query = "&".join(f"{name}={value}" for name, value in settings.items())
        return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.port}", query=query))

    def cut(
        self,
        where: Where,
        word: str,
        times: int = 1,
        then: Callable[[], object] | None = None,
    ) -> None:
        """Cut the next connections that say `word`, and do something before the client sees it."""
        with self._lock:
            self._cut = _Cut(where, word.encode(), times, then)

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for one in tuple(self._open):
            _end(one)

    def refuse(self) -> None:
        """Let nobody in any more."""
        if self._listener is not None:
            _end(self._listener)
            self._listener = None

    def admit(self) -> None:
        """Let everybody in again, at the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        Thread(target=self._accept, args=(listener,), daemon=True).start()

    def let_go(self) -> None:
        """End the connections that were held."""
        while self._held:
            _end(self._held.pop())

    def close(self) -> None:
        """Refuse, cut and let go."""
        self.refuse()
        self.cut_all()
        self.let_go()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._server))
        except OSError:
            _end(client)
            return
        both = {client, server}
        self._open |= both
        try:
            with suppress(OSError, ValueError):  # it was ended elsewhere
                self._pass_on(client, server)
        finally:
            self._open -= both
            for one in both.difference(self._held):
                _end(one)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            for one in select.select([client, server], [], [])[0]:
                said = one.recv(_CHUNK)
                if not said:
                    return
                if one is server:
                    client.sendall(said)
                elif (cut := self._due(said)) is not None:
                    self._cut_off(cut, said, client, server)
                    return
                else:
                    server.sendall(said)

    def _due(self, said: bytes) -> _Cut | None:
        with self._lock:
            cut = self._cut
            if cut is None or cut.word not in said or not cut.times:
                return None
            cut.times -= 1
            self.cuts += 1
            return cut

    def _cut_off(
        self, cut: _Cut, said: bytes, client: socket.socket, server: socket.socket
    ) -> None:
        if cut.where in {"held", "silent"}:
            self._held.append(server)
        if cut.where == "silent":
            self._held.append(client)
        if cut.where == "after":
            _ask(server, said)
        if cut.then is not None:
            cut.then()
        if cut.where == "silent":
            return
        _end(client)
        if cut.where == "late":
            time.sleep(LATE_S)
            _ask(server, said)


@contextmanager
def proxy(url: str) -> Generator[Proxy]:
    """A proxy in front of the server of a database."""
    made = Proxy(urlsplit(url).port or 5432)
    try:
        yield made
    finally:
        made.close()


def _ask(server: socket.socket, said: bytes) -> None:
    """Pass on what the client said and wait for the answer; to rows on their way there is none."""
    server.sendall(said)
    server.settimeout(LATE_S)
    with suppress(TimeoutError):
        server.recv(_CHUNK)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
