"""Names the handler that holds up the event loop: a thread that looks at the loop's stack twice a threshold.

The loop does nothing for it: a message costs the same with and without. Knows no message and no mailbox.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FrameType, FunctionType

from cuebook.logs import get_logger
from cuebook.runtime.cells.driver import Driven, driven_in
from cuebook.runtime.tasks.frames import frame_of, shows_frames

__all__ = ["Blockage", "Suspicion", "Watchdog", "suspect", "tells_real_time"]

KEPT_MAX = 32
"""Blockages that are remembered."""
OURS = ("cuebook.runtime.", "cuebook.wire.")
"""Modules between a cell and its handler: their frames are not the handler's."""

_log = get_logger("runtime")


@dataclass(frozen=True, slots=True)
class Blockage:
    """A handler that held up the event loop, and every other actor and task with it.

    Attributes:
        actor: its name. message: type of the message in hand, "" where it was a hook or a batch.
        seconds: how long; while it goes on, how long so far.
        stack: where it was when it was noticed, as in a traceback, from the handler inwards.
        at: seconds since 1970.
    """

    actor: str
    message: str
    seconds: float
    stack: str
    at: float


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The loop is in this step of an actor, and has been since (monotonic seconds), as far as anyone can tell."""

    step: object
    since: float


def suspect(before: Suspicion | None, step: object | None, *, has_turned: bool, now: float) -> Suspicion | None:
    """What to think after another look.

    Parameters:
        step: what the loop is in; None: nothing of ours.
        has_turned: whether the loop has done anything else since it was asked to.
    """
    if step is None:
        return None
    if before is None or has_turned or before.step is not step:
        return Suspicion(step, now)
    return before


class Watchdog:
    """Watches over one loop, for the actors of one system.

    A handler is noticed after 1 to 1.5 thresholds, if it runs Python code or has released the GIL: code that holds it
    stops this thread as well.

    Parameters:
        threshold_s: seconds that a handler may hold up the loop.
        is_ours: whether this actor is of the system.

    Attributes:
        threshold_s: as given; may be changed.
        on_noticed: called with each blockage when it is noticed, in the watchdog's thread, and when it is over, in the
            loop's.
        blockages: the last 32.
    """

    def __init__(self, threshold_s: float, is_ours: Callable[[Driven], bool]) -> None:
        if not threshold_s > 0:
            raise ValueError(f"blocking_s is more than 0 seconds, or None for no watchdog, not {threshold_s!r}")
        self.threshold_s = threshold_s
        self._is_ours = is_ours
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_turned = True
        self._reported: tuple[Blockage, float] | None = None
        self.on_noticed: Callable[[Blockage], None] = lambda _: None
        self.blockages: deque[Blockage] = deque(maxlen=KEPT_MAX)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch over the loop that runs in this thread, where this Python can tell what a thread is at."""
        if not shows_frames():
            return
        arguments = (loop, threading.get_ident())
        self._thread = threading.Thread(target=self._watch, args=arguments, name="cuebook-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._end.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)

    def note(self, blockage: Blockage) -> None:
        """Remember a blockage, which may be one that was noted already and has gone on since."""
        for place, known in enumerate(self.blockages):
            if (known.actor, known.at) == (blockage.actor, blockage.at):
                self.blockages[place] = blockage
                break
        else:
            self.blockages.append(blockage)
        self.on_noticed(blockage)

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        suspicion: Suspicion | None = None
        while not self._end.wait(self.threshold_s / 2):
            innermost = frame_of(thread_id)
            found = driven_in(innermost)
            if found is not None and not self._is_ours(found[0]):
                found = None
            has_turned, now = self._has_turned, time.monotonic()
            suspicion = suspect(suspicion, None if found is None else found[1], has_turned=has_turned, now=now)
            if found is None or suspicion is None:
                continue
            if has_turned and not self._ask_for_turn(loop):
                return
            if now - suspicion.since >= self.threshold_s and self._reported is None:
                self._report(found[0], found[1], innermost, suspicion.since)

    def _ask_for_turn(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Have the loop say that it has turned; False where it is closed."""
        self._has_turned = False
        try:
            loop.call_soon_threadsafe(self._turn)
        except RuntimeError:
            return False
        return True

    def _turn(self) -> None:
        self._has_turned = True
        reported, self._reported = self._reported, None
        if reported is not None:
            noticed, since = reported
            blockage = replace(noticed, seconds=time.monotonic() - since)
            self.note(blockage)
            fields = {"actor": blockage.actor, "message": blockage.message, "seconds": round(blockage.seconds, 3)}
            _log.warning("handler let go of the loop", **fields)

    def _report(self, driven: Driven, outermost: FrameType, innermost: FrameType | None, since: float) -> None:
        seconds = time.monotonic() - since
        stack = _stack_within(outermost, innermost)
        blockage = Blockage(driven.name, driven.doing(), seconds, stack, time.time())
        self.note(blockage)
        self._reported = (blockage, since)
        text = "handler holds up the loop"
        _log.warning(text, actor=blockage.actor, message=blockage.message, seconds=round(seconds, 3), stack=stack)


def _stack_within(outermost: FrameType, innermost: FrameType | None) -> str:
    """The frames within one, without those of the runtime that lie between it and the handler."""
    entries = []
    frame = innermost
    while frame is not None and frame is not outermost:
        entries.append((frame, frame.f_lineno))
        frame = frame.f_back
    shown = [one for one in reversed(entries) if not one[0].f_globals.get("__name__", "").startswith(OURS)]
    return "".join(traceback.StackSummary.extract(iter(shown)).format())


def tells_real_time(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop's seconds are those of the machine: asyncio's own, or one that is written in C."""
    clock = type(loop).time
    return clock is asyncio.BaseEventLoop.time or not isinstance(clock, FunctionType)
