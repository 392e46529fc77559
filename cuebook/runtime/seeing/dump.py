"""All that goes on in a program, as text: the actors, and every task with where it waits. Knows no signal."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from cuebook.runtime.cells import driver
from cuebook.runtime.refs.status import TreeNode
from cuebook.runtime.tasks import tasks
from cuebook.runtime.tasks.frames import frame_of
from cuebook.wording import in_one_line

__all__ = ["dump_text"]

_LINKS = (driver.__name__, tasks.__name__)
"""Between a task and the handler that it runs there are always the same frames, of these modules."""


def dump_text(tree: TreeNode, loop: asyncio.AbstractEventLoop, thread_id: int) -> str:
    """The tree of actors, the tasks of a loop with their stacks, and the stack of the loop's thread.

    Parameters:
        thread_id: of the loop's thread; the calling one may be another.
    """
    running = frame_of(thread_id)
    found = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    lines = [f"cuebook: process {os.getpid()}, actors of {tree}", f"{len(found)} tasks"]
    for task in found:
        lines.append(f"  {in_one_line(task.get_name())}:")
        lines += _indented(_frames_of(task.get_coro()))
    lines.append("the loop's thread:")
    lines += _indented(_outwards(running))
    return "\n".join(lines) + "\n"


def _indented(frames: Iterator[tuple[FrameType, int]]) -> Iterator[str]:
    for entry in traceback.StackSummary.extract(frames).format():
        yield from (f"  {line}" for line in entry.rstrip().split("\n"))


def _frames_of(awaitable: Any) -> Iterator[tuple[FrameType, int]]:
    """The frames of a coroutine and of what it awaits, as far as Python can see."""
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "gi_frame", None)
        if frame is None:
            return
        if frame.f_globals.get("__name__") not in _LINKS:
            yield frame, frame.f_lineno
        awaitable = getattr(awaitable, "cr_await", None) or getattr(awaitable, "gi_yieldfrom", None)


def _outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    return iter(reversed(list(traceback.walk_stack(frame)))) if frame is not None else iter(())
