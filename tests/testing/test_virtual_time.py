"""In virtual time an hour of waiting takes none, order is kept, and real work is still waited for."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import anyio
import pytest

from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.virtual_time import VirtualClock, VirtualTime, VirtualTimeLoop, run_virtual


def test_sleeping_a_day_takes_no_time_and_passes_a_day() -> None:
    async def scene() -> float:
        await asyncio.sleep(86_400)
        await anyio.sleep(86_400)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert run_virtual(scene()) == pytest.approx(2 * 86_400)
    assert time.monotonic() - started < 2


def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    async def scene() -> list[int]:
        woken: list[int] = []

        async def sleeper(seconds: int) -> None:
            await asyncio.sleep(seconds)
            woken.append(seconds)

        await asyncio.gather(*(sleeper(seconds) for seconds in (5, 3, 9, 1)))
        return woken

    assert run_virtual(scene()) == [1, 3, 5, 9]


def test_time_outs_work_in_virtual_time() -> None:
    async def scene() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(11)
        with anyio.move_on_after(5) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert asyncio.get_running_loop().time() == pytest.approx(15)

    run_virtual(scene())


def test_time_stands_still_while_there_is_something_to_do() -> None:
    async def scene() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(scene()) == 0.0


def test_a_job_in_the_executor_is_waited_for() -> None:
    async def scene() -> tuple[str, float]:
        gate = threading.Event()
        loop = asyncio.get_running_loop()
        loop.call_soon(gate.set)
        async with asyncio.timeout(1000):
            done = await asyncio.to_thread(lambda: "done" if gate.wait(5) else "late")
        return done, loop.time()

    assert run_virtual(scene()) == ("done", 0.0)


def test_sockets_are_read_before_time_jumps() -> None:
    async def scene() -> tuple[bytes, float]:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"hello")
            async with asyncio.timeout(1000):
                return await loop.sock_recv(ours, 10), loop.time()

    assert run_virtual(scene()) == (b"hello", 0.0)


def test_a_deadlock_is_an_error_not_a_hang() -> None:
    async def scene() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match="everything waits"):
        run_virtual(scene(), stall_s=0.01)


def test_another_thread_may_end_the_wait() -> None:
    async def scene() -> str:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "woken"))
        thread.start()
        try:
            return await future
        finally:
            thread.join()

    assert run_virtual(scene()) == "woken"


def test_time_can_be_let_pass_by_hand_and_never_back() -> None:
    async def scene() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        fired: list[str] = []
        loop.call_later(5, fired.append, "second")
        loop.call_later(2, fired.append, "first")
        loop.advance(10)
        assert fired == []
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="does not go back"):
            loop.advance(-1)
        return fired

    assert run_virtual(scene()) == ["first", "second"]


def test_the_clock_goes_with_the_loop() -> None:
    async def scene() -> None:
        clock = VirtualClock()
        fired: list[float] = []
        clock.call_later(60, lambda: fired.append(clock.monotonic()))
        before = clock.time()
        await asyncio.sleep(100)
        assert fired == [pytest.approx(60)]
        assert clock.time() - before == pytest.approx(100)

    run_virtual(scene())


def test_advancing_lets_each_thing_happen_at_its_moment() -> None:
    async def scene() -> list[tuple[str, float]]:
        time = VirtualTime()
        happened: list[tuple[str, float]] = []

        async def tick() -> None:
            for _ in range(3):
                await asyncio.sleep(2)
                happened.append(("tick", time.now))

        task = asyncio.ensure_future(tick())
        await time.advance(5)
        happened.append(("advanced", time.now))
        await time.advance(1)
        assert task.done()
        return happened

    assert run_virtual(scene()) == [("tick", 2.0), ("tick", 4.0), ("advanced", 5.0), ("tick", 6.0)]


def test_settling_waits_for_whatever_is_ready_and_lets_no_time_pass() -> None:
    async def scene() -> tuple[int, float]:
        time = VirtualTime()
        done = 0

        async def work() -> None:
            nonlocal done
            for _ in range(100):
                await asyncio.sleep(0)
            done += 1
            await asyncio.sleep(1)
            done += 1

        task = asyncio.ensure_future(work())
        await time.settle()
        seen = done, time.now
        await task
        return seen

    assert run_virtual(scene()) == (1, 0.0)


def test_settling_waits_for_jobs_in_threads() -> None:
    async def scene() -> str:
        gate = threading.Event()
        loop = asyncio.get_running_loop()
        job = asyncio.ensure_future(asyncio.to_thread(gate.wait, 5))
        loop.call_soon(gate.set)
        await VirtualTime().settle()
        return "done" if job.done() else "too early"

    assert run_virtual(scene()) == "done"


def test_time_in_the_hands_of_a_test_is_virtual_and_goes_forward() -> None:
    with pytest.raises(RuntimeError, match="time is real in this loop"):
        asyncio.run(VirtualTime().settle())
    with pytest.raises(ValueError, match="does not go back"):
        run_virtual(VirtualTime().advance(-1))
    assert VirtualTime().run(asyncio.sleep(5, "slept")) == "slept"


def test_a_runtime_in_memory_goes_by_the_time_of_its_loop() -> None:
    async def day() -> float:
        async with MemoryRuntime() as runtime:
            before = runtime.system.clock.time()
            await asyncio.sleep(0.001)
            return runtime.system.clock.time() - before

    async def virtual_day() -> float:
        async with MemoryRuntime() as runtime, runtime.after_crash() as next_one:
            before = next_one.system.clock.time()
            await asyncio.sleep(86_400)
            return next_one.system.clock.time() - before

    assert run_virtual(virtual_day()) == pytest.approx(86_400)
    assert 0 < asyncio.run(day()) < 60
