"""A worker in a process of its own: what it is at, and how it is told to quit. Knows no scheduling."""

from __future__ import annotations

import time

from cuebook.children.page import since, whole
from cuebook.children.port import Loss, Output
from cuebook.children.process import OwnedProcess
from cuebook.children.spawner import WORKER
from cuebook.engines.calls.protocol import Quit
from cuebook.engines.port import LocalWork
from cuebook.wire.message import encode

__all__ = ["ProcessHost"]


class ProcessHost(OwnedProcess):
    """A child process that runs calls; its page says which one, and since when.

    Args:
        cores: cores that its numeric libraries may use.
        output: takes what calls print.
    """

    shares_memory = False

    def __init__(self, *, cores: int, output: Output) -> None:
        super().__init__(cores=cores, output=output, entry=WORKER)

    def prepare(self, run: int, work: LocalWork) -> None:
        """Nothing is shared with a process."""

    def running(self) -> tuple[int, float]:
        page = self.page
        index = -1 if page is None else whole(page[0])
        return (index, 0.0) if page is None or index < 0 else (index, since(page[1], time.monotonic()))

    def is_busy(self) -> bool:
        return self.page is not None and self.page[2] == 1.0

    async def close(self) -> None:
        await self.quit(encode(Quit()))

    def loss(self, reason: str) -> Loss:
        """With the call that it was running."""
        return Loss(*self.running(), reason)
