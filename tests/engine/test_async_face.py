"""What only the awaited face promises: the loop never waits, a cancelled await changes nothing."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ledger
from ledger import Conflict, Feature
from ledger.engine.handles import Features
from tests.engine.faces import declared


class Holder:
    """Holds the writer's place in a thread, from when it is entered until it is left."""

    def __init__(self, engine: ledger.AsyncEngine) -> None:
        self._core = engine.tenant("other")._core
        self._holds, self._may_go = threading.Event(), threading.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(asyncio.to_thread(self._hold))
        assert await asyncio.to_thread(self._holds.wait, 30)

    async def __aexit__(self, *_: object) -> None:
        self._may_go.set()
        await self._task

    def _hold(self) -> None:
        def work(_: object) -> None:
            self._holds.set()
            assert self._may_go.wait(30)

        self._core.run(work, writes=True)


def test_the_loop_goes_on_while_a_transaction_waits_for_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with await ledger.open_async(f"sqlite:///{tmp_path}/ledger.db") as engine:
            acme = engine.tenant("acme")
            async with Holder(engine):
                waiting = asyncio.ensure_future(acme.features.create(Feature("seats", "licensed")))
                for _ in range(20):
                    await asyncio.sleep(0.005)  # the loop turns, whoever waits for the writer
                assert not waiting.done()
                assert [f async for f in acme.features.list()] == []  # readers do not queue
            assert (await waiting).key == "seats"

    asyncio.run(main())


def test_a_cancelled_await_does_not_cancel_the_transaction(tmp_path: Path) -> None:
    async def main() -> None:
        async with await ledger.open_async(f"sqlite:///{tmp_path}/ledger.db") as engine:
            acme = engine.tenant("acme")
            async with Holder(engine):
                task = asyncio.ensure_future(acme.features.create(Feature("seats", "licensed")))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await acme.features.create(Feature("calls", "metered"))  # behind it in the queue
            assert (await acme.features.get("seats")).kind == "licensed"

    asyncio.run(main())


def test_a_cached_answer_needs_no_thread() -> None:
    async def main() -> None:
        async with await ledger.open_async("sqlite:///:memory:") as engine:
            acme = engine.tenant("acme")
            await acme.features.create(Feature("calls", "metered"))
            first = await acme.entitled("user_42", "calls")
            awaited = acme.entitled("user_42", "calls").__await__()
            with pytest.raises(StopIteration) as done:
                next(awaited)
            assert done.value.value == first
            assert acme.entitlements.cached("user_42", "calls") == first

    asyncio.run(main())


def test_a_closed_engine_refuses_at_once_and_closes_twice() -> None:
    async def main() -> None:
        engine = await ledger.open_async("sqlite:///:memory:")
        acme = engine.tenant("acme")
        await engine.close()
        await engine.close()
        with pytest.raises(Conflict, match="closed"):
            await acme.plans.get("pro")

    asyncio.run(main())


def test_a_thousand_awaits_at_once_all_come_back() -> None:
    async def main() -> int:
        async with await ledger.open_async("sqlite:///:memory:") as engine:
            acme = engine.tenant("acme")
            names = [f"user_{number}" for number in range(1_000)]
            await asyncio.gather(
                *(acme.customers.create(name=name, external_id=name) for name in names)
            )
            return len([customer async for customer in acme.customers.list(limit=77)])

    assert asyncio.run(main()) == 1_000


def test_as_many_transactions_write_at_once_as_there_are_connections(postgres_url: str) -> None:
    writers = 3
    meeting = threading.Barrier(writers, timeout=60)

    async def main() -> None:
        async with await ledger.open_async(f"{postgres_url}?pool_size={writers}") as engine:
            acme = engine.tenant("acme")
            await acme.features.create(Feature("seats", "licensed"))

            def meet() -> None:
                acme._core.run(lambda _: meeting.wait(), writes=True)

            await asyncio.gather(*(acme._face.call(meet, writes=True) for _ in range(writers)))
            await asyncio.gather(
                *(acme.customers.create(name="Jane", external_id=f"user_{n}") for n in range(200)),
                *(acme.features.get("seats") for _ in range(200)),
            )
            assert len([customer async for customer in acme.customers.list(limit=77)]) == 200

    asyncio.run(main())


def test_verbs_look_like_the_operations_behind_them() -> None:
    with ledger.open("sqlite:///:memory:") as engine:
        verb: Callable[..., object] = engine.tenant("acme").features.create
        assert list(inspect.signature(verb).parameters) == ["feature"]
        assert "feature" in (inspect.getdoc(verb) or "").lower()
        assert "create" in repr(verb)
        assert inspect.getdoc(Features.create)


def test_every_handle_of_the_module_is_on_a_tenant() -> None:
    with ledger.open("sqlite:///:memory:") as engine:
        on_tenant = {type(found).__name__ for found in vars(engine.tenant("acme")).values()}
    assert declared().keys() <= on_tenant
