"""Two faces of one blocking core: the same names, called or awaited.

A handle lists its methods once, as `create = op(plan.create)`. On a `Blocking` handle the method
returns the result, on an `Awaited` one an awaitable of it; both type checkers see which.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    overload,
)

from ledger.engine.ports import Work
from ledger.types.errors import Conflict
from ledger.types.page import Page

if TYPE_CHECKING:
    from ledger.engine.core import TenantCore

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
READERS = 4
FLUSH_S = 30


class Face(Protocol):
    """How a blocking call is offered to the user."""

    def call(self, work: Callable[[], R], *, writes: bool) -> Any:  # noqa: ANN401 - R, or Awaitable[R]
        """The result of `work`, or an awaitable of it."""
        ...

    def pages(self, fetch: "Fetch[T]", filters: dict[str, Any]) -> Any:  # noqa: ANN401 - a listing
        """A lazy list of what `fetch` returns page by page."""
        ...

    def close(self) -> None:
        """Stop whatever runs the calls."""
        ...


Fetch = Callable[..., Page[T]]


class Blocking:
    """The face whose methods return results. Work runs in the caller's thread."""

    def call(self, work: Callable[[], R], *, writes: bool) -> R:  # noqa: ARG002 - every face has it
        """The result of `work`."""
        return work()

    def pages(self, fetch: Fetch[T], filters: dict[str, Any]) -> "Listing[T]":
        """A list that fetches its pages while it is iterated."""
        return Listing(fetch, filters)

    def close(self) -> None:
        """Nothing runs here."""


class Awaited:
    """The face whose methods return awaitables. Work runs in threads that the engine owns.

    Writes have threads of their own, as many as the store lets write at once, so that those that
    wait their turn do not take the readers'. A cancelled await does not cancel the transaction: it
    commits or fails as if somebody had waited.
    """

    def __init__(self, writers: int) -> None:
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="ledger-writer")
        readers = max(writers, READERS)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="ledger-reader")

    def call(self, work: Callable[[], R], *, writes: bool) -> Awaitable[R]:
        """An awaitable of the result of `work`, which starts at once."""
        try:
            future = (self._writers if writes else self._readers).submit(work)
        except RuntimeError:  # it was shut down
            raise engine_closed() from None
        return _settled(future)

    def pages(self, fetch: Fetch[T], filters: dict[str, Any]) -> "AsyncListing[T]":
        """A list that fetches its pages while it is iterated with `async for`."""

        def fetch_awaited(**filters: object) -> Awaitable[Page[T]]:
            return self.call(lambda: fetch(**filters), writes=False)

        return AsyncListing(fetch_awaited, filters)

    def close(self) -> None:
        """Let running calls end, refuse new ones."""
        self._writers.shutdown()
        self._readers.shutdown()


def engine_closed() -> Conflict:
    """The refusal of a closed engine."""
    return Conflict("the engine is closed; open it again with ledger.open", code="engine_closed")


async def _settled(future: Future[R]) -> R:
    return await asyncio.shield(asyncio.wrap_future(future))


class Listing(Generic[T]):
    """A list that is fetched page by page while it is iterated.

    `page()` fetches one page; pass its `next_cursor` as `after=` to go on later.
    """

    def __init__(self, fetch: Fetch[T], filters: dict[str, Any]) -> None:
        self._fetch, self._filters = fetch, filters

    def page(self) -> Page[T]:
        """The first page: `items` and the cursor of the next one, None at the end."""
        return self._fetch(**self._filters)

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        yield from page.items
        while page.next_cursor is not None:
            page = self._fetch(**{**self._filters, "after": page.next_cursor})
            yield from page.items


class AsyncListing(Generic[T]):
    """A list that is fetched page by page while it is iterated with `async for`."""

    def __init__(self, fetch: Callable[..., Awaitable[Page[T]]], filters: dict[str, Any]) -> None:
        self._fetch, self._filters = fetch, filters

    async def page(self) -> Page[T]:
        """The first page: `items` and the cursor of the next one, None at the end."""
        return await self._fetch(**self._filters)

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.page()
        for item in page.items:
            yield item
        while page.next_cursor is not None:
            page = await self._fetch(**{**self._filters, "after": page.next_cursor})
            for item in page.items:
                yield item


F = TypeVar("F", bound=Face)


class Handle(Generic[F]):
    """A noun of a tenant with its verbs."""

    def __init__(self, core: "TenantCore", face: F) -> None:
        self._core = core
        self._face: F = face

    def __repr__(self) -> str:
        scope = self._core.scope
        return f"<{type(self).__name__.lower()} of {scope.tenant}/{scope.app}>"


class _Verb:
    """What `flow` and `listed` share: they look like the function behind them."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    @property
    def __signature__(self) -> inspect.Signature:
        """The function's signature without its first argument, which the handle supplies."""
        signature = inspect.signature(self.function)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __set_name__(self, owner: type, name: str) -> None:
        self.__name__ = name


class _Bound:  # a verb on a handle, ready to be called; its docstring is the verb's
    __slots__ = ("__doc__", "_call", "_verb")

    def __init__(self, verb: _Verb, call: Callable[..., object]) -> None:
        self._verb, self._call = verb, call
        self.__doc__ = verb.__doc__

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> object:
        return getattr(self._verb, name)

    def __repr__(self) -> str:
        return f"<{self._verb.__name__}{self._verb.__signature__}>"


class flow(_Verb, Generic[P, R]):  # noqa: N801 - reads as a declaration
    """A method of a handle from a function of the tenant's core: several transactions, or none.

    `writes` sends it to the awaited face's writer threads. It is documented as `like`, if given.
    """

    def __init__(
        self,
        function: "Callable[Concatenate[TenantCore, P], R]",
        *,
        writes: bool = False,
        like: Callable[..., object] | None = None,
    ) -> None:
        super().__init__(like or function)
        self._function, self._writes = function, writes

    @overload
    def __get__(self, handle: None, owner: type) -> "flow[P, R]": ...
    @overload
    def __get__(self, handle: Handle[Blocking], owner: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, handle: Handle[Awaited], owner: type) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, handle: Handle[Any] | None, owner: type) -> Any:
        if handle is None:
            return self
        core, face = handle._core, handle._face  # noqa: SLF001 - its own handle

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - R, or Awaitable[R]
            return face.call(lambda: self._function(core, *args, **kwargs), writes=self._writes)

        return _Bound(self, call)


def op(
    operation: Callable[Concatenate[Work, P], R], *, writes: bool = True, flush: bool = False
) -> flow[P, R]:
    """An operation as a method: one transaction that `writes` or only reads.

    With `flush` what was metered is stored before, so that the operation sees it; that may take
    30 seconds, then the operation is Unavailable (`timed_out`) rather than wrong.
    """

    def transacted(core: "TenantCore", /, *args: P.args, **kwargs: P.kwargs) -> R:
        if flush:
            core.flush(FLUSH_S)
        return core.run(lambda work: operation(work, *args, **kwargs), writes=writes)

    return flow(transacted, writes=writes, like=operation)


class listed(_Verb, Generic[P, T]):  # noqa: N801 - reads as a declaration
    """A paged read as a lazy list. `limit` is the size of a page, `after` a cursor to start at."""

    def __init__(self, function: Callable[Concatenate[Work, P], Page[T]]) -> None:
        super().__init__(function)
        self._function = function

    @overload
    def __get__(self, handle: None, owner: type) -> "listed[P, T]": ...
    @overload
    def __get__(self, handle: Handle[Blocking], owner: type) -> Callable[P, Listing[T]]: ...
    @overload
    def __get__(self, handle: Handle[Awaited], owner: type) -> Callable[P, AsyncListing[T]]: ...
    def __get__(self, handle: Handle[Any] | None, owner: type) -> Any:
        if handle is None:
            return self
        core, face = handle._core, handle._face  # noqa: SLF001 - its own handle

        def fetch(**filters: Any) -> Page[T]:  # noqa: ANN401 - the function's own keywords
            function: Callable[..., Page[T]] = self._function
            return core.run(lambda work: function(work, **filters), writes=False)

        def call(**filters: Any) -> Any:  # noqa: ANN401 - a listing of the face
            return face.pages(fetch, filters)

        return _Bound(self, call)
