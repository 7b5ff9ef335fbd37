"""Drives the awaited face as if it were the blocking one, so that one test speaks to both."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self, cast

from ledger.engine import handles
from ledger.engine.engine import AsyncEngine, Engine
from ledger.engine.face import AsyncListing, Handle


class Loop:
    """An event loop in a thread of its own; `run` waits for a coroutine there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, make: Callable[[], Any]) -> Any:
        async def awaited() -> Any:
            result = make()
            return await result if inspect.isawaitable(result) else result

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def driven(engine: AsyncEngine, loop: Loop) -> Engine:
    """The engine with every call awaited in `loop`. It has the blocking face's shape."""
    return cast("Engine", _Driven(engine, loop))


class _Driven:
    def __init__(self, awaited: object, loop: Loop) -> None:
        self._awaited, self._loop = awaited, loop

    def __getattr__(self, name: str) -> Any:
        found: Any = getattr(self._awaited, name)
        if issubclass(type(found), Handle):
            return _Driven(found, self._loop)
        return self._call(found) if callable(found) else found

    def _call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = self._loop.run(lambda: method(*args, **kwargs))
            if issubclass(type(result), AsyncListing):
                return _DrivenListing(result, self._loop)
            return _Driven(result, self._loop) if issubclass(type(result), Handle) else result

        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _DrivenListing:
    def __init__(self, listing: AsyncListing[Any], loop: Loop) -> None:
        self._listing, self._loop = listing, loop

    def page(self) -> Any:
        return self._loop.run(self._listing.page)

    def __iter__(self) -> Iterator[Any]:
        async def collected() -> list[Any]:
            return [item async for item in self._listing]

        return iter(self._loop.run(collected))


def declared() -> dict[str, list[str]]:
    """The classes of handles and the names of their verbs."""
    return {
        name: [verb for verb in dir(cast("object", handle)) if not verb.startswith("_")]
        for name, handle in vars(handles).items()
        if isinstance(handle, type) and issubclass(handle, Handle) and handle is not Handle
    }
