"""What we rely on and nobody promised: it is so today, and where it is not so any more nothing of the main job breaks.

One pair of tests for each row of "Runtime and test kit" in docs/relied-on.md.
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import gc
import inspect
import logging
import signal
import sys
import threading
import types
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cuebook.api.signals import interruption
from cuebook.durable.events.rebuilding import rebuilder
from cuebook.runtime.cells import handlers
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.driver import Driver, driven_in
from cuebook.runtime.refs.ready import Pending
from cuebook.runtime.reports.outliving import context_of
from cuebook.runtime.seeing import dump
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks import frames, immediate, leaving
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.testing.simulation.loop import ShuffledLoop
from cuebook.wire import shape_code
from cuebook.wire.message import decode, encode, message
from tests.support.cast import Add, Counter, Get, Pause
from tests.support.virtually import virtually

ROOT = Path(__file__).resolve().parents[2]


# Opcodes


async def awaits(value: Any) -> Any:
    await asyncio.sleep(0.01)
    return value


class Late(Actor):
    """Awaits, and was taken for one that does not."""

    async def receive(self, message: Any) -> Any:
        try:
            return await awaits("went on")
        finally:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("opcode", [None, 300])
def test_without_the_opcode_every_coroutine_runs_in_a_task(opcode: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> int:
        return 1

    monkeypatch.setattr(immediate, "_SEND", opcode)
    monkeypatch.setattr(immediate, "_known", {})
    coroutine: Any = never()
    assert not immediate.never_waits(coroutine)
    coroutine.close()


@pytest.mark.parametrize("cut", [False, True])
def test_a_coroutine_that_waits_although_its_code_did_not_say_so_goes_on_in_a_task(
    monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    monkeypatch.setattr(immediate, "_SEND", 255)
    monkeypatch.setattr(immediate, "_known", {})

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(Late, name="late")
            if cut:
                ask = asyncio.ensure_future(ref.ask(Get()))
                await asyncio.sleep(0.005)
                ref.kill()
                with pytest.raises(Exception, match="late was killed"):
                    await ask
            assert await ref.ask(Get()) == "went on"
            assert immediate._known == {Late.receive.__code__: False}, "and it is known from then on"
            assert await ref.ask(Get()) == "went on"

    scene()


# Frames


def test_annotations_of_local_classes_are_found_in_the_frame_of_the_class() -> None:
    @message(tag=38_701)
    class Local:
        n: int

    class Takes(Actor):
        def on_local(self, message: Local) -> int:
            return message.n

    assert Takes._handlers == {Local: "on_local"}


def test_without_frames_the_names_at_the_top_of_a_module_are_found_and_a_local_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspect, "currentframe", lambda: None)

    @message(tag=38_702)
    class Local:
        n: int

    class Takes(Actor):
        def on_add(self, message: Add) -> None: ...

    assert Takes._handlers == {Add: "on_add"}
    with pytest.raises(TypeError, match="'Local' is not defined"):

        class TakesLocal(Actor):
            def on_local(self, message: Local) -> None: ...


def test_a_class_that_is_rebuilt_is_told_by_having_no_methods_yet() -> None:
    before = handlers.is_rebuilding.set(True)
    try:
        rebuilt = types.new_class("Rebuilt", (Actor[Add],), {}, lambda space: space.update(__module__=__name__))

        class Imported(Actor[Add]):
            def on_add(self, message: Add) -> None: ...

        class Inherits(Imported):
            """Has those of its base."""
    finally:
        handlers.is_rebuilding.reset(before)
    assert rebuilt._handlers == {}
    assert Imported._handlers == Inherits._handlers == {Add: "on_add"}
    with pytest.raises(TypeError, match="has no handler for it"):
        types.new_class("Anew", (Actor[Add],), {}, lambda space: space.update(__module__=__name__))


def test_where_a_thread_cannot_be_looked_at_nobody_watches_and_all_else_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "_current_frames", None)

    async def scene() -> str:
        threads = threading.active_count()
        async with ActorSystem(blocking_s=0.01) as system:
            assert threading.active_count() == threads
            ref = system.spawn(Counter, name="counter")
            assert await ref.ask(Get()) == 0
            asking = asyncio.ensure_future(ref.ask(Pause(0.05)))
            await asyncio.sleep(0.01)
            text = system.dump()
            await asking
            return text

    text = asyncio.run(scene())
    assert "counter (Counter) running" in text
    assert "in pause" in text
    assert text.endswith("the loop's thread:\n")


def test_a_frame_without_its_driver_is_nobodys() -> None:
    class Frame:
        f_code = Driver._slice.__code__
        f_locals: ClassVar[dict[str, Any]] = {"this": 1}
        f_back = None

    assert driven_in(Frame()) is None  # type: ignore[arg-type]


def test_the_frames_between_a_task_and_its_handler_are_known_by_the_names_of_their_modules() -> None:
    assert set(dump._LINKS) == {Driver.__module__, Tasks.__module__}


# asyncio


def test_a_task_awaits_a_future_of_ours_by_its_own_add_done_callback() -> None:
    """If it did not, it would go on by way of the loop, an iteration later."""
    seen: list[Any] = []

    class Watched(Pending):
        __slots__ = ()

        def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
            seen.append(context)
            super().add_done_callback(callback, context=context)

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            future = Watched(loop=asyncio.get_running_loop())
            future.ready, future.waiter, future.context = system.ready, None, None
            asyncio.get_running_loop().call_soon(future.set_result, 5)
            assert await future == 5

    scene()
    assert len(seen) == 1
    assert seen[0] is not None


def test_an_answer_that_is_waited_for_the_common_way_comes_all_the_same() -> None:
    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            future = Pending(loop=asyncio.get_running_loop())
            future.ready, future.waiter, future.context = system.ready, None, None
            got: list[Any] = []
            asyncio.Future.add_done_callback(future, got.append)
            future.set_result(5)
            await asyncio.sleep(0)
            assert got == [future]

    scene()


def test_a_task_shows_its_context() -> None:
    async def main() -> None:
        mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark")
        mark.set("here")
        task = asyncio.ensure_future(asyncio.sleep(0))
        context = context_of(task)
        assert context is not None and context[mark] == "here"
        await task

    asyncio.run(main())


def test_asyncio_forgets_a_task_that_is_left_behind() -> None:
    assert leaving._unregister is asyncio.tasks._unregister_task  # type: ignore[attr-defined]

    async def scene() -> None:
        task = asyncio.ensure_future(asyncio.sleep(3600))
        await asyncio.sleep(0)
        leaving.leave_behind(task)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())
    gc.collect()


def test_where_it_cannot_be_made_to_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leaving, "_unregister", None)

    async def scene() -> None:
        task = asyncio.create_task(asyncio.sleep(3600), name="resisting")
        leaving.leave_behind(task)

    with caplog.at_level(logging.ERROR, "cuebook"):
        asyncio.run(scene())
    assert "asyncio.run() will wait for it task='resisting'" in caplog.text


@pytest.fixture
def handlers_kept() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_handler_of_asyncio_run_is_known_by_the_module_of_its_code(handlers_kept: None) -> None:
    async def scene() -> Any:
        return signal.getsignal(signal.SIGINT)

    handler = asyncio.run(scene())
    assert handler is not signal.default_int_handler, "asyncio.run() puts one in place"
    assert interruption._is_of_asyncio(handler)
    assert not interruption._is_of_asyncio(partial(print))
    assert not interruption._is_of_asyncio(signal.default_int_handler)


def test_a_handler_that_is_not_known_stays_where_it_is(handlers_kept: None) -> None:
    """Ctrl-C is then as late as asyncio makes it."""

    def strange(number: int, frame: Any) -> None: ...

    signal.signal(signal.SIGINT, strange)
    with interruption.watched_signals(interruption.SignalWatch(lambda *_: None)):
        assert signal.getsignal(signal.SIGINT) is strange
    assert signal.getsignal(signal.SIGINT) is strange


def test_a_shuffling_loop_gives_handles_that_are_cancelled_as_those_of_asyncio() -> None:
    loop = ShuffledLoop(1)
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    seen: list[int] = []
    try:
        handle = loop.call_soon(seen.append, 1)
        handle.cancel()
        assert handle.cancelled()
        loop.call_soon(seen.append, 2)
        loop.call_soon(lambda: 1 // 0)
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
    assert seen == [2]
    assert [type(each["exception"]) for each in problems] == [ZeroDivisionError]


# Dataclasses


@message(tag=38_703)
@dataclasses.dataclass(frozen=True, slots=True)
class WithClassVariable:
    kind: ClassVar[str] = "a"
    n: int = 0


def test_fields_of_messages_are_those_that_dataclasses_names() -> None:
    assert decode(encode(WithClassVariable(3))) == WithClassVariable(3)
    with pytest.raises(TypeError, match="is a message: @dataclass"):

        @message(tag=38_704)
        @dataclasses.dataclass
        class Changeable:
            n: int


@dataclasses.dataclass(frozen=True)
class Event:
    n: int
    unit: str = "m"


@dataclasses.dataclass(init=False)
class Own:
    n: int

    def __init__(self) -> None:
        self.n = 5


def test_events_are_put_together_without_their_init_where_dataclasses_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> Any:
        raise AssertionError

    build = rebuilder(Event, refuse)
    assert build is not None
    assert build({"n": 1, "unit": "km"}) == (Event(1, "km"),)
    assert rebuilder(Own, refuse) is None
    monkeypatch.delattr(Event, "__dataclass_params__")
    assert rebuilder(Event, refuse) is None, "not known to have been made by dataclasses: by its `__init__`"


# Layout of objects


def test_objects_of_frozen_messages_are_filled_as_those_of_a_class_like_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shape_code._twin_of(Add) is not None
    monkeypatch.setattr(shape_code, "_twin_of", lambda _: None)

    @message(tag=38_705)
    class Plain:
        n: int
        rest: Any

    assert decode(encode(Plain(1, [2]))) == Plain(1, [2])


def test_an_object_with_room_for_more_than_its_fields_is_told_by_its_layout() -> None:
    assert type(Add(1)).__dictoffset__ == 0
    assert WithClassVariable.__dictoffset__ == 0
    assert type(Event(1)).__dictoffset__ != 0


# The page


def test_every_row_of_the_page_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "relied-on.md").read_text()
    ours = text.partition("## Runtime and test kit")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in ours.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 15
    for row in rows:
        place = row[-1].strip().strip("`")
        assert (ROOT / place).exists(), f"{row[0]}: {place}"
    assert sys.version_info >= (3, 11)
