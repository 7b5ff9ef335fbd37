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


def test_the_loop_goes_on_while_a_transaction_waits_for_another(tmp_path: Path) -> None:
    async def main() -> int:
        async with await ledger.open_async(f"sqlite:///{tmp_path}/ledger.db") as engine:
            acme, turns, gate = engine.tenant("acme"), 0, threading.Event()
            blocker = asyncio.create_task(asyncio.to_thread(_hold_the_writer, engine, gate))
            await asyncio.sleep(0.05)
            waiting = asyncio.ensure_future(acme.features.create(Feature("seats", "licensed")))
            while not waiting.done() and turns < 20:
                turns += 1
                await asyncio.sleep(0.01)
            assert not waiting.done()
            assert [f async for f in acme.features.list()] == []  # readers are not in the queue
            gate.set()
            await waiting
            await blocker
            return turns

    assert asyncio.run(main()) == 20


def _hold_the_writer(engine: ledger.AsyncEngine, gate: threading.Event) -> None:
    core = engine.tenant("other")._core
    core.run(lambda _: gate.wait(10), writes=True)


def test_a_cancelled_await_does_not_cancel_the_transaction(tmp_path: Path) -> None:
    async def main() -> None:
        async with await ledger.open_async(f"sqlite:///{tmp_path}/ledger.db") as engine:
            acme, gate = engine.tenant("acme"), threading.Event()
            blocker = asyncio.create_task(asyncio.to_thread(_hold_the_writer, engine, gate))
            await asyncio.sleep(0.05)
            task = asyncio.ensure_future(acme.features.create(Feature("seats", "licensed")))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.set()
            await blocker
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
