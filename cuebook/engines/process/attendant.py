"""The attendant of a worker process: a thread that minds what cannot wait for the running call. Runs none.

It sends results that grow old behind a slow call, gives back calls that were not started, hands over the parent's
answers to checkpoints, and ends the process group when the parent is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from typing import Any, Protocol

from cuebook.engines.calls.protocol import Recall, StateFound, StateKeptAck
from cuebook.engines.calls.states import StateExchange
from cuebook.wire.frame import FrameReader
from cuebook.wire.message import decode

__all__ = ["Attendant"]

TICK_MS = 8
"""A result waits at most this long beside a running call (then 2 ms for the wake-up: within the promised 10 ms)."""


class Attended(Protocol):
    """What the attendant may do to its worker, beside the running call."""

    finished: list[Any]
    states: StateExchange

    def flush(self, *, is_beside: bool = False) -> None:
        """Send finished results, `is_beside` the running call."""

    def give_back(self) -> None:
        """Return calls that were not started."""


class Attendant:
    """Reads the control channel; ticks only while there are results to send."""

    def __init__(self, control: socket.socket, worker: Attended) -> None:
        self.control = control
        self.worker = worker
        self.is_parked = False
        self._reader = FrameReader()
        self._wake_out, self._wake_in = os.pipe()

    def start(self) -> None:
        threading.Thread(target=self._attend, name="cuebook-attendant", daemon=True).start()

    def wake(self) -> None:
        """Start ticking: called by the worker when it leaves a result unsent."""
        self.is_parked = False
        os.write(self._wake_in, b"\0")

    def end_group(self) -> None:
        """The parent is gone: end this process and whatever its calls have started."""
        os.killpg(0, signal.SIGKILL)

    def _attend(self) -> None:
        poller = select.poll()  # select() takes no descriptor over 1023, and these have the parent's numbers
        control = self.control.fileno()
        poller.register(control, select.POLLIN)
        poller.register(self._wake_out, select.POLLIN)
        poll = poller.poll
        while True:
            ready = [fd for fd, _ in poll(None if self.is_parked else TICK_MS)]
            if control in ready:
                self._read_control()
            if self._wake_out in ready:
                os.read(self._wake_out, 64)
                continue
            if self.worker.finished and not ready:
                self.worker.flush(is_beside=True)
            elif not ready:
                self.is_parked = True
                if self.worker.finished:
                    self.is_parked = False

    def _read_control(self) -> None:
        chunk = self.control.recv(1 << 16)
        if not chunk:
            self.end_group()
        for frame in self._reader.feed(chunk):
            order = decode(frame)
            if isinstance(order, Recall):
                self.worker.give_back()
            elif isinstance(order, StateKeptAck | StateFound):
                self.worker.states.answer(order)
