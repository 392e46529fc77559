"""make_checkpoint() and last_checkpoint(): the progress of the call, else the stage, else the program around them.

Knows no journal.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from cuebook.checkpoints.around import ProgressPort, progress_around
from cuebook.engines.calls.current import OUTSIDE, CurrentCall, current_call

__all__ = ["last_checkpoint", "make_checkpoint"]

_ASYNC_CODE = 0x80 | 0x200
"""Flags of the code of coroutine functions and asynchronous generators (`inspect`, without the import)."""


def make_checkpoint(
    state: Any = None, *, label: str | None = None, every: float | None = None, metrics: dict[str, Any] | None = None
) -> Any:
    """Keep `state` as the progress of this call: a next attempt gets it back from `last_checkpoint()`.

    The newest two states of a call are kept until it is done. Outside of calls it is the same for the stage that it is
    called in. In a program that `cuebook exp run` has started, outside of both, a version of the program's outputs is
    kept, with `state` and `metrics`. Elsewhere it does nothing.

    Args:
        state: any value that a result may be.
        metrics: numbers, texts and truth values by name, for `cuebook show`, `watch` and `exp show`.
        label: a name for this checkpoint, shown by tools; `every` counts each label apart.
        every: thins it: a float is seconds (0.0 or more), an int is times that this is reached. Counted from the
            start of the call, then from the last state kept.

    Returns:
        The checkpoint's number within this call, stage or experiment (1, 2, ...) once it is committed; None when it
        was thinned out or there is none of them. Where a loop runs in this thread: an awaitable of that (in a stage:
        where it is a coroutine function; outside of all: in an `async def`).

    Raises:
        TypeError, ValueError: `label` is no str, `every` no number of 0 or more, or a metric neither a number, a text
            nor a truth value; nothing changed. (Where it does nothing, nothing is looked at.)
        ValueNotKept: the state cannot be kept; nothing changed. JournalError: the journal could not take it.
        CheckpointRefused: the outputs could not be kept. RunnerGone: the program's runner is no longer there.

    Cost: about a microsecond when thinned out or outside of a call; else one commit.
    """
    call = current_call()
    in_call = call is not None and call.index != OUTSIDE
    stage = None if in_call else progress_around.get()
    if not in_call and stage is None and not has_runner():
        return _outside(None, sys._getframe(1).f_code.co_flags)
    if label is not None and type(label) is not str:
        raise TypeError(f"label={label!r} must be a str")
    if every is not None and not _is_due(call if in_call and call is not None else stage or _program, label, every):
        return _ready(None) if _is_awaited(stage) else None
    plain: dict[str, Any] = {}
    if metrics is not None:
        from cuebook.checkpoints.metrics import plain_metrics

        plain = plain_metrics(metrics)
    if in_call and call is not None:
        return _waited(call.port.save_state, call.index, label, state, plain)
    if stage is not None:
        return (
            _waited(stage.save_state, label, state, plain) if stage.is_async else stage.save_state(label, state, plain)
        )
    return _waited(_program.keep, state, label, plain)


def last_checkpoint(default: Any = None) -> Any:
    """The newest state that an earlier, unfinished attempt of this call has kept, else `default`.

    The same call is the same function with the same arguments: in this run or in an earlier one of its journal.
    In a stage, outside of calls: the same for that stage in its job.
    In a program that `cuebook exp run` has started, outside of both: the state of the checkpoint that it goes on
    from. Elsewhere: `default`. Where a loop runs in this thread: an awaitable of it (outside of a call: in an
    `async def`).

    Cost: one question to the parent process.
    """
    call = current_call()
    if call is None or call.index == OUTSIDE:
        stage = progress_around.get()
        if stage is not None:
            return _waited(stage.find_state, default) if stage.is_async else stage.find_state(default)
        if has_runner():
            return _waited(_program.find, default)
        return _outside(default, sys._getframe(1).f_code.co_flags)
    return _waited(call.port.find_state, call.index, default)


class _ProgramTriggers:
    """What is to be known of a program's own triggers, as `CurrentCall` knows it of a call's."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.marks: dict[str | None, list[float]] = {}

    def keep(self, state: Any, label: str | None, metrics: dict[str, Any]) -> Any:
        from cuebook.checkpoints.program import keep

        return keep(state, label, metrics)

    def find(self, default: Any) -> Any:
        from cuebook.checkpoints.program import find_state

        return find_state(default)


_program = _ProgramTriggers()


def has_runner() -> bool:
    """Whether `cuebook exp run` has started this program."""
    return bool(os.environ.get("CUEBOOK_RUNNER"))


def _is_due(call: CurrentCall | ProgressPort | _ProgramTriggers, label: str | None, every: float) -> bool:
    mark = call.marks.get(label)
    if not isinstance(every, float):
        if isinstance(every, bool) or not hasattr(every, "__index__"):
            raise TypeError(f"every={every!r} must be a number: 10 for every tenth time, 10.0 for every ten seconds")
        count = (mark[0] if mark is not None else 0) + 1
        call.marks[label] = [0.0 if count >= every else count]
        return count >= _positive(every)
    now, every = time.monotonic(), _positive(every)
    if mark is None:
        call.marks[label] = mark = [call.began]
    if now - mark[0] < every:
        return False
    mark[0] = now
    return True


def _positive(every: float) -> float:
    if not every >= 0:
        raise ValueError(f"every={every!r} must be 0 or more")
    return every


def _outside(value: Any, flags: int) -> Any:
    """What code outside of a call gets: an awaitable where it is a coroutine's, which awaits it in a call as well.

    In a notebook a loop runs beside all code: there it is no sign.
    """
    return _ready(value) if flags & _ASYNC_CODE else value


def _is_awaited(stage: ProgressPort | None) -> bool:
    return _has_loop() and (stage is None or stage.is_async)


def _has_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _waited(function: Any, *args: Any) -> Any:
    """The answer, or an awaitable of it where waiting would block a loop."""
    if not _has_loop():
        return function(*args)
    import asyncio

    return asyncio.to_thread(function, *args)


async def _ready(value: Any) -> Any:
    return value
