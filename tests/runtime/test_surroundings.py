"""What async libraries ask of the code that calls them (which loop, which task, which scope) is there in every handler."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import anyio
import pytest

from cuebook.errors import InternalError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks import standin
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.tasks import Tasks
from tests.support.cast import Counter, Echo, Get, Pause
from tests.support.virtually import virtually

SNIFFIO = """
# As sniffio 1.3 does it: what is set, else asyncio where there is a current task.
import asyncio
from contextvars import ContextVar
class AsyncLibraryNotFoundError(RuntimeError): pass
current_async_library_cvar = ContextVar("current_async_library_cvar", default=None)
class _Local:
    name = None
thread_local = _Local()
def current_async_library():
    found = current_async_library_cvar.get()
    if found is None:
        try:
            found = "asyncio" if asyncio.current_task() is not None else None
        except RuntimeError:
            pass
    if found is None:
        raise AsyncLibraryNotFoundError("unknown async library, or not in async context")
    return found
"""


def scoped() -> bool:
    with anyio.move_on_after(1.0) as scope:
        return not scope.cancel_called


def cancelled() -> bool:
    with anyio.CancelScope() as scope:
        scope.cancel()
    return scope.cancel_called and not scope.cancelled_caught


def bounded() -> bool:
    with anyio.fail_after(1.0):
        return isinstance(asyncio.timeout(1.0), asyncio.Timeout)


def told_the_time() -> bool:
    return anyio.current_time() == asyncio.get_running_loop().time()


def in_a_task() -> bool:
    task = asyncio.current_task()
    return isinstance(task, asyncio.Task) and bool(task.get_name()) and anyio.get_current_task().id == id(task)


def starting_tasks() -> bool:
    asyncio.get_running_loop().create_task(asyncio.sleep(0))
    return anyio.get_cancelled_exc_class() is asyncio.CancelledError and isinstance(anyio.Event(), anyio.Event)


LOOKS = [scoped, cancelled, bounded, told_the_time, in_a_task, starting_tasks]


class Plain(Actor):
    """Looks around in its `__init__` and in each handler."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self.look, self.first = look, look()

    def receive(self, message: Any) -> Any:
        return [self.first, self.look()]


class Prompt(Plain):
    async def receive(self, message: Any) -> Any:
        return [self.first, self.look()]


class Waiting(Plain):
    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0.1)
        return [self.first, self.look()]


class Many(Actor):
    def __init__(self, look: Callable[[], bool]) -> None:
        self.look = look

    def receive_many(self, deliveries: list[Any]) -> None:
        for delivery in deliveries:
            delivery.reply([True, self.look()])


@pytest.mark.parametrize("kind", [Plain, Prompt, Waiting, Many])
@pytest.mark.parametrize("look", LOOKS)
def test_a_handler_has_a_current_task_and_all_that_follows_from_it(kind: Any, look: Callable[[], bool]) -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(lambda: kind(look), name="looking")
            assert await ref.ask(Get()) == [True, True]
            assert await ref.ask(Get()) == [True, True], "and leaves nothing behind for the next one"

    scene()


@virtually
async def test_what_stands_in_for_a_task_cannot_be_cancelled_and_is_no_task_of_the_loop() -> None:
    seen: list[Any] = []

    class Cancelling(Actor):
        def receive(self, message: Any) -> bool:
            task = asyncio.current_task()
            assert task is not None
            seen.append(task)
            return task.cancel()

    async with ActorSystem() as system:
        ref = system.spawn(Cancelling, name="cancelling")
        await ref.ask(Get())
        await asyncio.sleep(0)
        assert await ref.ask(Get()) is False
        assert await ref.ask(Get()) is False
        assert not asyncio.all_tasks() - {asyncio.current_task()}
    assert len(set(map(id, seen))) == 1


@virtually
async def test_whoever_is_answered_goes_on_in_a_task_of_its_own() -> None:
    """It does so in the turn of the actor that answers."""
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        me = asyncio.current_task()
        for _ in range(3):
            await ref.ask(Get())
            assert asyncio.current_task() is me
        await asyncio.gather(*(ref.ask(Echo(n)) for n in range(5)))


@virtually
async def test_an_exit_out_of_a_handler_leaves_no_current_task_behind() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="counter")
        await ref.ask(Get())
        ready = system.ready
        assert not ready.is_entered
        loop = asyncio.get_running_loop()
        inside: list[Any] = []
        loop.call_soon(lambda: inside.append(asyncio.current_task()))
        await ref.ask(Get())
        await asyncio.sleep(0)
        assert inside == [None]


@virtually
async def test_where_tasks_cannot_be_entered_handlers_run_without_one() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standin, "_enter", None)
        async with ActorSystem() as system:
            assert await system.spawn(Counter, name="counter").ask(Get()) == 0


def test_the_names_that_tasks_are_entered_by_are_there() -> None:
    assert standin._enter is asyncio.tasks._enter_task  # type: ignore[attr-defined]
    assert standin._leave is asyncio.tasks._leave_task  # type: ignore[attr-defined]


PROGRAM = """
import asyncio
import anyio
from cuebook import Actor, Message, Runtime, chunk, message

@message
class Hi(Message[int]):
    n: int

class Prompt(Actor):
    def on_hi(self, m: Hi):
        with anyio.move_on_after(1):
            return int(anyio.current_time() > 0) + m.n

class Waiting(Actor):
    async def on_start(self):
        self.prompt = self.context.spawn(Prompt)
        self.context.pipe_to_self(asyncio.sleep(0, 3), lambda value, error: Hi(value))
    async def on_hi(self, m: Hi):
        with anyio.fail_after(5):
            return await self.prompt.ask(m)

async def main():
    async with Runtime() as runtime:
        waiting = await runtime.spawn(Waiting)
        print(await waiting.ask(Hi(1)))
        print(await runtime.chunk(lambda x: x * 2, [[1], [2]], where="thread"))
    with anyio.move_on_after(0.05):
        async with Runtime() as runtime:
            await anyio.sleep(60)

asyncio.run(main())
print(chunk(lambda x: x * 2, [[3]], where="thread"))
"""


@pytest.mark.parametrize("has_sniffio", [True, False])
def test_programs_run_with_and_without_sniffio_beside(tmp_path: Path, has_sniffio: bool) -> None:
    if not has_sniffio and any(each.startswith("sniffio") for each in requires("anyio") or ()):
        pytest.skip("this anyio needs it")
    if has_sniffio:
        (tmp_path / "sniffio.py").write_text(SNIFFIO)
    else:
        (tmp_path / "sniffio.py").write_text("raise ModuleNotFoundError('no sniffio', name='sniffio')")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": paths}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["2", "[2, 4]", "[6]"]


def test_what_keeps_a_runtime_from_working_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that it is not open: that follows from it."""
    from cuebook import Runtime, chunk

    def refuse(_: Any, work: Any, *__: Any, **___: Any) -> None:
        work.close()
        raise LookupError("no task can be started here")

    monkeypatch.setattr(Tasks, "start", refuse)
    with pytest.raises(InternalError, match="no task can be started here") as raised:
        chunk(len, [["a"]], where="thread")
    assert isinstance(raised.value.__cause__, LookupError)

    async def live() -> None:
        async with Runtime() as runtime:
            await asyncio.sleep(0)
            try:
                await runtime.chunk(len, [["a"]], where="thread")
            except Exception as error:
                said.append(error)
                raise

    said: list[Exception] = []
    with pytest.raises(InternalError, match="no task can be started here"):
        asyncio.run(live())
    assert all("no task can be started here" in str(error) for error in said)


@virtually
async def test_a_task_that_breaks_ends_its_system_with_what_it_broke_of() -> None:
    async def broken() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError, match="a bug"):
        async with ActorSystem() as system:
            ask = asyncio.ensure_future(system.spawn(Counter, name="counter").ask(Pause(50)))
            await asyncio.sleep(0)
            system.tasks().hold(broken, Hold(), name="broken")
            await asyncio.sleep(100)
    assert asyncio.get_running_loop().time() == 0.0
    assert isinstance(ask.exception(), Exception)
