"""A child process in the hands of its owner: its sockets, its death, and what it prints. Knows no call and no actor."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import signal
import subprocess
import threading

from cuebook.children.output_pipe import OutputPipe
from cuebook.children.page import NOTES_BYTES, PAGE_BYTES
from cuebook.children.port import Listener, Loss, Output
from cuebook.children.spawner import ChildProcess, spawner
from cuebook.wire.codec import FRAME_BYTES_MAX
from cuebook.wire.frame import FrameReader, pack_frame

__all__ = ["OwnedProcess", "describe_exit"]

QUIT_S = 2.0
"""How long a worker may take to tear down before it is killed."""
_RECV_BYTES = 1 << 18
EOF_GRACE_S = 0.5
"""How long after a worker's death its channel may stay open (held by something that it forked)."""


class OwnedProcess:
    """Owns one child process.

    Args:
        cores: cores that its numeric libraries may use.
        output: takes what calls print.
        entry: the module whose `main` it runs.
        frame_limit: largest frame in bytes, both ways.
    """

    def __init__(
        self,
        *,
        cores: int,
        output: Output,
        entry: str,
        frame_limit: int = FRAME_BYTES_MAX,
    ) -> None:
        self._cores = cores
        self._output = output
        self._entry = entry
        self.frame_limit = frame_limit
        self._child: ChildProcess | None = None
        self._page: memoryview[float] | None = None
        self._listener: Listener | None = None
        self._data: asyncio.Transport | None = None
        self._control: asyncio.Transport | None = None
        self._printing: list[OutputPipe] = []
        self._pidfd = -1
        self._killed_because: str | None = None
        self._ended = asyncio.Event()
        self._is_closing = False
        self._eof_timer: asyncio.TimerHandle | None = None
        self._reaper: threading.Thread | None = None

    def __repr__(self) -> str:
        state = "ended" if self._ended.is_set() else "closing" if self._is_closing else "alive"
        return f"<OwnedProcess pid {self.pid}, {state}>"

    @property
    def pid(self) -> int | None:
        """Its number; None before its start."""
        return self._child.process.pid if self._child else None

    @property
    def page(self) -> memoryview[float] | None:
        """The page that it shares with the process; what it means is the entry's affair."""
        return self._page

    async def start(self, listener: Listener) -> None:
        """Start the process and connect; raises OSError where the system refuses."""
        self._listener = listener
        connecting = asyncio.ensure_future(self._connect())
        try:
            await asyncio.shield(connecting)
        except BaseException:  # whoever wanted the process is gone: it must not stay
            connecting.add_done_callback(lambda _: self.kill("nobody wanted it"))
            raise

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        future = spawner().spawn(self._cores, self._entry)
        try:
            self._child = child = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(spawner().discard)
            raise
        self._page = memoryview(mmap.mmap(child.page_fd, PAGE_BYTES + NOTES_BYTES)).cast("d")
        os.close(child.page_fd)
        data, _ = await loop.create_connection(lambda: _DataProtocol(self), sock=child.data)
        control, _ = await loop.create_connection(asyncio.Protocol, sock=child.control)
        self._data, self._control = data, control
        data.set_write_buffer_limits(high=1 << 26)
        for stream, end in (("stdout", child.stdout), ("stderr", child.stderr)):
            self._printing.append(OutputPipe(end, stream, self._output))
        self._watch(loop, child)

    def send(self, frames: list[bytes]) -> None:
        """Encoded messages, in order; never blocks."""
        if self._data is not None and not self._data.is_closing():
            limit = self.frame_limit
            self._data.write(b"".join([pack_frame(frame, limit) for frame in frames]))

    def send_urgent(self, frame: bytes) -> None:
        """One encoded message that overtakes those."""
        if self._control is not None and not self._control.is_closing():
            self._control.write(pack_frame(frame))

    def kill(self, reason: str) -> None:
        """End it at once, with whatever it has started; `on_lost` follows with `reason`."""
        self._killed_because = self._killed_because or reason
        self._kill_group()

    async def quit(self, farewell: bytes) -> None:
        """Send a last message, wait a moment, then kill it. No `on_lost` follows."""
        if self._child is None or self._ended.is_set():
            return
        self._is_closing = True
        self.send([farewell])
        await self.ladder(QUIT_S, 0.0)

    def loss(self, reason: str) -> Loss:
        """Its end, as its listener is told; asked for while the page is still there."""
        return Loss(-1, 0.0, reason)

    async def ladder(self, patience_s: float, term_s: float) -> None:
        """Wait for the process's end; make it end, a step harder each time it does not.

        Parameters:
            patience_s: seconds that it has by itself. term_s: seconds that it has after SIGTERM, 0: none is sent.
                Then the kernel ends it and whatever it has started.
        """
        if await self._ends_within(patience_s):
            return
        if term_s > 0:
            self._signal(signal.SIGTERM)
            if await self._ends_within(term_s):
                return
        self._kill_group()
        await self._ends_within(QUIT_S)

    async def _ends_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        return self._ended.is_set()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._child.process.pid, number)

    def drain_output(self) -> None:
        """Pass on what was printed and has not been read yet."""
        for pipe in self._printing:
            pipe.drain()

    # -- the end of the child -------------------------------------------------------------------------------------

    def _watch(self, loop: asyncio.AbstractEventLoop, child: ChildProcess) -> None:
        """Notice the child's exit even where something that it forked keeps its channels open."""
        try:
            self._pidfd = os.pidfd_open(child.process.pid)
        except (AttributeError, OSError):
            return
        loop.add_reader(self._pidfd, self._on_exit)

    def _on_exit(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._kill_group()
        if self._data is not None and not self._ended.is_set():
            self._eof_timer = loop.call_later(EOF_GRACE_S, self._data.abort)

    def _kill_group(self) -> None:
        if self._child is None or self._child.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.process.pid, signal.SIGKILL)

    def on_eof(self) -> None:
        """The data channel is closed: the child is dead or dying. Called once."""
        if self._eof_timer is not None:
            self._eof_timer.cancel()
        self._kill_group()
        assert self._child is not None
        code = self._child.process.poll()
        if code is not None:
            self._on_reaped(code)
            return
        arguments = (asyncio.get_running_loop(), self._child.process)
        self._reaper = threading.Thread(target=self._reap, args=arguments, name="cuebook-reaper", daemon=True)
        self._reaper.start()

    def _reap(self, loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody minds this host any more
            loop.call_soon_threadsafe(self._on_reaped, code)

    def _on_reaped(self, code: int) -> None:
        assert self._child is not None and self._page is not None
        if self._reaper is not None:
            self._reaper.join()  # this was the last that it had to do
        for pipe in self._printing:
            pipe.close()
        self._printing.clear()
        loss = self.loss(self._killed_because or describe_exit(code))
        self._release(self._child)
        self._ended.set()
        if not self._is_closing and self._listener is not None:
            self._listener.on_lost(loss)

    def _release(self, child: ChildProcess) -> None:
        loop = asyncio.get_running_loop()
        if self._pidfd >= 0:
            loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._control is not None:
            self._control.abort()
        self._page = None
        spawner().forget(child.process.pid)

    # -- what comes in --------------------------------------------------------------------------------------------

    def on_frames(self, frames: list[bytes]) -> None:
        """Frames of one read of the data channel."""
        if self._listener is not None and not self._is_closing:
            self._listener.on_frames(frames)


class _DataProtocol(asyncio.BufferedProtocol):
    def __init__(self, host: OwnedProcess) -> None:
        self._host = host
        self._reader = FrameReader(host.frame_limit)
        self._buffer = memoryview(bytearray(_RECV_BYTES))  # a new one a read would cost more than the read

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            frames = self._reader.feed(bytes(self._buffer[:nbytes]))
        except Exception as error:
            self._host.kill(f"sent what is no message: {error}")
            return
        if frames:
            self._host.on_frames(frames)

    def connection_lost(self, exc: Exception | None) -> None:
        self._host.on_eof()


def describe_exit(code: int) -> str:
    """A child's exit code in words.

    >>> describe_exit(3), describe_exit(-9)
    ('exited with code 3', 'killed by SIGKILL (out of memory, perhaps)')
    """
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (out of memory, perhaps)" if code == -signal.SIGKILL else "")
