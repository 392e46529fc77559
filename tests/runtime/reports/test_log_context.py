"""What an actor logs says which actor at which message, however it logs; what outlives its handler does not lie."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import structlog

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.reports.log_context import ActorContextFilter, actor_context, add_actor_context
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


class Looking(Actor):
    """Writes down what is known of the code that runs, here and there."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def on_start(self) -> None:
        self.seen.append(actor_context())

    def receive(self, message: Any) -> Any:
        if type(message) is Get:
            self.seen.append(actor_context())
            return None
        return self.slowly(message)

    async def slowly(self, message: Any) -> None:
        await asyncio.sleep(0.1)
        self.seen.append(actor_context())
        async with asyncio.TaskGroup() as group:
            group.create_task(self.beside())
        self.left_over = asyncio.create_task(self.later())

    async def beside(self) -> None:
        self.seen.append(actor_context())

    async def later(self) -> None:
        await asyncio.sleep(1.0)
        self.seen.append(actor_context())


@virtually
async def test_the_context_is_that_of_the_message_in_hand() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Looking(seen), name="looking")
        await ref.ask(Get())
        await ref.ask(Add(1))
        ref.tell_nowait(Pause(2))
        await asyncio.sleep(1.05)  # the task that the first Add left behind speaks up while Pause is in hand
        assert actor_context() == {}
        await asyncio.sleep(2)
    me = {"actor": "looking"}
    assert seen == [
        me,
        me | {"message": "Get"},
        *[me | {"message": "Add"}] * 2,
        *[me | {"message": "Pause"}] * 2,
        me,
        me,
    ]


@virtually
async def test_a_task_that_outlives_its_handler_is_not_at_the_next_message() -> None:
    seen: list[Any] = []

    class Leaving(Actor):
        async def receive(self, message: Any) -> None:
            if type(message) is Get:
                self.task = asyncio.create_task(self.later())
            await asyncio.sleep(0.01 if type(message) is Get else 100)

        async def later(self) -> None:
            await asyncio.sleep(1)
            seen.append(actor_context())

    async with ActorSystem() as system:
        ref = system.spawn(Leaving, name="leaving", shutdown_s=0.0)
        ref.tell_nowait(Get())
        ref.tell_nowait(Add(1))
        await asyncio.sleep(2)
        assert seen == [{"actor": "leaving"}]
        assert ref.statistics().in_hand == "Add"


@virtually
async def test_a_traced_message_has_its_trace_id_in_the_log() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Looking(seen), name="looking")
        await ref.ask(Get())
        events = system.traces()
        ref.trace()
        await ref.ask(Get())
        trace_id = (await anext(events)).trace_id
        ref.trace(False)
        await ref.ask(Get())
    assert [entry.get("trace_id") for entry in seen] == [None, None, trace_id, None]


@virtually
async def test_the_actors_own_logger_says_it_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    class Logging(Counter):
        def receive(self, message: Any) -> Any:
            self.context.log.info("working", value=message.value)

    caplog.set_level(logging.INFO, "cuebook.actor")
    async with ActorSystem() as system:
        await system.spawn(Logging, name="logging").ask(Echo(5))
    assert [record.getMessage() for record in caplog.records] == ["working actor='logging' message='Echo' value=5"]


@virtually
async def test_a_program_that_logs_with_structlog_adds_it_by_a_processor() -> None:
    written: list[Any] = []
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[add_actor_context, lambda *rest: written.append(rest[2]) or ""]
    )

    class Logging(Counter):
        def receive(self, message: Any) -> Any:
            log.bind(message="mine").info("a")
            log.info("b")

    async with ActorSystem() as system:
        await system.spawn(Logging, name="logging").ask(Get())
    assert written == [
        {"event": "a", "message": "mine", "actor": "logging"},
        {"event": "b", "message": "Get", "actor": "logging"},
    ]


@virtually
async def test_a_program_that_logs_with_the_standard_library_adds_it_by_a_filter() -> None:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    logger = logging.Logger("program")  # noqa: LOG001 - of this test alone
    handler = Lines()
    handler.addFilter(ActorContextFilter())
    handler.setFormatter(logging.Formatter("[%(actor)s/%(message_type)s/%(trace_id)s] %(message)s"))
    logger.addHandler(handler)

    class Logging(Counter):
        def receive(self, message: Any) -> Any:
            logger.warning("inside")

    async with ActorSystem() as system:
        await system.spawn(Logging, name="logging").ask(Get())
        logger.warning("outside")
    assert lines == ["[logging/Get/] inside", "[//] outside"]
