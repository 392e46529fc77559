"""Handlers that hold up the loop until the watchdog has said so: tests of it need no guess of how long that takes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cuebook.runtime.cells.actor import Actor
from tests.support.cast import Get

PATIENCE_S = 20.0


class Alarm(logging.Handler):
    """Is set by the first warning of the watchdog after `ready`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.rang = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "holds up the loop" in record.getMessage():
            self.rang.set()


@contextmanager
def listening() -> Iterator[Alarm]:
    """An alarm that hears the runtime's log."""
    handler = Alarm()
    logger = logging.getLogger("cuebook.runtime")
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


class Blocking(Actor):
    """Holds up the loop until somebody notices: for a Get in a plain handler, else in an async one."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm

    def receive(self, message: Any) -> Any:
        return self.wait_here() if type(message) is Get else self.wait_after()

    def wait_here(self) -> bool:
        self.alarm.rang.clear()
        return self.alarm.rang.wait(PATIENCE_S)

    async def wait_after(self) -> bool:
        await asyncio.sleep(0)
        return self.wait_here()
