"""A transaction pooler for tests: many clients share few connections, a transaction each time.

It speaks as much of PostgreSQL's protocol as this takes, and keeps nothing in order behind anybody:
whatever a transaction leaves on a connection, the next client gets. Like PgBouncer with
`pool_mode = transaction` and no `server_reset_query`.
"""

import asyncio
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_CANCEL, _SSL, _GSS = 80877102, 80877103, 80877104
_VERSION: Final = 196608
_STARTS_AN_ANSWER: Final = {b"Q", b"S", b"F"}  # each of these ends in one ReadyForQuery

Message = tuple[bytes, bytes]


class _Server:
    """A connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.greeting: list[Message] = []
        """What it said of itself when it was opened."""


class Pooler:
    """Where clients connect instead of to the server at `admin`."""

    def __init__(self, admin: str, servers: int) -> None:
        at = urlsplit(admin)
        self._host, self._server_port = at.hostname or "127.0.0.1", at.port or 5432
        self._servers = servers
        self._idle: dict[tuple[str, str], asyncio.Queue[_Server]] = {}
        self.port = 0
        self.clients = 0
        self.handed_out = 0
        self.prepared: list[str] = []
        """The names of statements that clients prepared: each would meet somebody else's."""

    def url(self, url: str) -> str:
        """The URL of a database by way of here."""
        at = urlsplit(url)
        return at._replace(netloc=f"{at.username}@127.0.0.1:{self.port}").geturl()

    async def serve(self, ready: threading.Event, until: asyncio.Event) -> None:
        """Take clients until the event."""
        listening = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await until.wait()
        listening.close()
        for idle in self._idle.values():
            while not idle.empty():
                idle.get_nowait().writer.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            names = await _greeted(reader, writer)
            if names is not None:
                self.clients += 1
                await _Client(self, reader, writer, names).serve()
        writer.close()

    async def take(self, names: tuple[str, str]) -> _Server:
        """A connection as this user to this database that nobody is in a transaction on."""
        if names not in self._idle:
            self._idle[names] = asyncio.Queue()
            for _ in range(self._servers):
                self.give(names, await self.open(names))
        self.handed_out += 1
        return await self._idle[names].get()

    def give(self, names: tuple[str, str], server: _Server) -> None:
        """Give it back: it goes behind all others, so that a client hardly gets it again."""
        self._idle[names].put_nowait(server)

    async def open(self, names: tuple[str, str]) -> _Server:
        """Open another connection; the server trusts whoever asks."""
        server = _Server(*await asyncio.open_connection(self._host, self._server_port))
        user, database = (name.encode() for name in names)
        body = struct.pack("!i", _VERSION) + b"user\0%s\0database\0%s\0\0" % (user, database)
        server.writer.write(struct.pack("!i", len(body) + 4) + body)
        while not server.greeting or server.greeting[-1][0] != b"Z":
            server.greeting.append(await _message(server.reader))
            assert server.greeting[-1][0] != b"E", server.greeting[-1]
        return server


class _Client:
    """A client, and the connection that it has while it is in a transaction."""

    def __init__(
        self,
        pooler: Pooler,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        names: tuple[str, str],
    ) -> None:
        self._pooler, self._reader, self._writer = pooler, reader, writer
        self._names = names
        self._server: _Server | None = None
        self._answers_due = 0
        self._answering: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Pass on what the client says, each transaction to whatever connection is free."""
        server = await self._pooler.take(self._names)
        self._pooler.give(self._names, server)
        for message in server.greeting:
            self._writer.write(_packed(message))
        try:
            while (message := await _message(self._reader))[0] != b"X":
                await self._pass_on(message)
        finally:
            await self._leave()

    async def _pass_on(self, message: Message) -> None:
        kind, body = message
        name = body.split(b"\0", 1)[0]
        if kind == b"P" and name:
            self._pooler.prepared.append(name.decode())
        if self._server is None:
            self._server = await self._pooler.take(self._names)
            self._answering = asyncio.create_task(self._answer(self._server))
        if kind in _STARTS_AN_ANSWER:
            self._answers_due += 1
        self._server.writer.write(_packed(message))
        await self._server.writer.drain()

    async def _answer(self, server: _Server) -> None:
        """Pass on what the server says, until it is in no transaction any more."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await _message(server.reader)
                if kind == b"Z":
                    self._answers_due -= 1
                if kind == b"Z" and body == b"I" and not self._answers_due:
                    self._server = None
                    self._pooler.give(self._names, server)
                self._writer.write(_packed((kind, body)))
                if self._server is None:
                    return
                await self._writer.drain()
        self._writer.close()  # the server has gone

    async def _leave(self) -> None:
        """A client that goes in the middle of a transaction takes its connection along."""
        if self._server is not None and self._answering is not None:
            self._answering.cancel()
            self._server.writer.close()
            self._pooler.give(self._names, await self._pooler.open(self._names))


async def _greeted(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, str] | None:
    """As whom a client wants to connect to what; None when it wants something else."""
    while True:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        body = await reader.readexactly(length - 4)
        (wanted,) = struct.unpack("!i", body[:4])
        if wanted in {_SSL, _GSS}:
            writer.write(b"N")
        elif wanted == _CANCEL:
            return None
        else:
            words = body[4:].decode().split("\0")
            said = dict(zip(words[::2], words[1::2], strict=False))
            return said["user"], said["database"]


async def _message(reader: asyncio.StreamReader) -> Message:
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], await reader.readexactly(length - 4)


def _packed(message: Message) -> bytes:
    kind, body = message
    return kind + struct.pack("!i", len(body) + 4) + body


@contextmanager
def pooler(admin: str, servers: int) -> Generator[Pooler]:
    """A pooler in front of the server at `admin`, with so many connections for each database."""
    made, ready, loop = Pooler(admin, servers), threading.Event(), asyncio.new_event_loop()
    until = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(made.serve(ready, until),))
    thread.start()
    assert ready.wait(20)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(until.set)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
