"""The program of one stage: a process group of its own, whose output passes through untouched and into a bounded log.

Knows no checkpoint and no journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from cuebook.errors import ExperimentError

__all__ = ["OutputLog", "Program"]

LOG_BYTES_MAX = 64 << 20
_READ_BYTES = 1 << 16
_PUMP_S = 2.0


class OutputLog:
    """What programs have written, up to a limit; then its first half goes.

    Args:
        path: of the file; it is added to.
    """

    def __init__(self, path: Path, limit_bytes: int = LOG_BYTES_MAX) -> None:
        self._path = path
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        """Add it. A full disk loses the log, never the program."""
        with self._lock, contextlib.suppress(OSError):
            if self._size + len(data) > self._limit:
                self._shorten()
            self._file.write(data)
            self._size += len(data)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _shorten(self) -> None:
        with self._path.open("rb") as old:
            old.seek(-min(self._limit // 2, self._size), os.SEEK_END)
            kept = old.read()
        self._file.truncate(0)
        self._file.write(kept)
        self._size = len(kept)


class Program:
    """One command, running.

    Args:
        command: a line for the shell, or a list of arguments.
        folder: where it runs. env: its environment. log: gets its output too.
    """

    def __init__(self, command: str | Sequence[str], folder: Path, env: Mapping[str, str], log: OutputLog) -> None:
        self._command = command
        self._folder = folder
        self._env = dict(env)
        self._log = log
        self._pumps: list[threading.Thread] = []
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it.

        Raises:
            ExperimentError: there is no such program.
        """
        ends = [_Channel(number) for number in (1, 2)]
        arguments = ("/bin/sh", "-c", self._command) if isinstance(self._command, str) else self._command
        try:
            self._process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=self._folder,
                env=self._env,
                stdout=ends[0].theirs,
                stderr=ends[1].theirs,
                start_new_session=True,
            )
        except OSError as error:
            for end in ends:
                os.close(end.ours)
            raise ExperimentError(f"{arguments[0]} cannot be run: {error.strerror}") from error
        finally:
            for end in ends:
                os.close(end.theirs)
        for end in ends:
            pump = threading.Thread(target=self._pump, args=(end,), name=f"cuebook-output-{end.number}", daemon=True)
            pump.start()
            self._pumps.append(pump)

    async def wait(self) -> int:
        """Its exit code, once it has ended; -n where signal n has ended it."""
        assert self._process is not None
        return await self._process.wait()

    async def drain(self) -> None:
        """Wait until its last output is written, or whoever else holds the other end has had time enough."""
        for pump in self._pumps:
            await asyncio.to_thread(pump.join, _PUMP_S)

    def send(self, number: signal.Signals) -> None:
        """A signal to all of its group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _pump(self, end: _Channel) -> None:
        is_read = True
        while True:
            try:
                data = os.read(end.ours, _READ_BYTES)
            except OSError:  # the other end of a terminal is closed
                data = b""
            if not data:
                os.close(end.ours)
                return
            self._log.write(data)
            if is_read:
                is_read = _pass_on(end.number, data)


class _Channel:
    """A stream of the program's: a terminal where ours is one, else a pipe."""

    def __init__(self, number: int) -> None:
        self.number = number
        if os.isatty(number):
            self.ours, self.theirs = os.openpty()
            _make_raw(self.theirs, number)
        else:
            self.ours, self.theirs = os.pipe()


def _make_raw(terminal: int, like: int) -> None:
    import fcntl
    import termios

    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    with contextlib.suppress(OSError):
        size = fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


def _pass_on(number: int, data: bytes) -> bool:
    """Write it to our own stream; False where nobody reads it any more."""
    stream = sys.stdout if number == 1 else sys.stderr
    with contextlib.suppress(Exception):
        stream.flush()
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(number, view) :]
    except OSError:
        return False
    return True
