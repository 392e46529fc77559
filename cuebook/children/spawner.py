"""Starts worker processes from a thread that outlives them, and leaves none behind. Knows no call.

The kernel's parent-death signal fires when the starting *thread* ends, so one thread of the process starts them all,
and lives as long as they do.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cuebook.children.guard import Guard
from cuebook.children.interpreter import worker_command
from cuebook.children.limits import thread_limits
from cuebook.children.page import make_page
from cuebook.children.threads import join

__all__ = ["ChildProcess", "Spawner", "spawner"]

WORKER = "cuebook.engines.process.child"
"""The module whose `main` a worker process runs."""


@dataclass(slots=True)
class ChildProcess:
    """A started worker process and the parent's ends of its channels.

    Attributes:
        process: for its pid and exit code.
        data, control: sockets to it; stdout, stderr: the read ends of what it prints.
        page_fd: the shared page (index and start of the running call).
    """

    process: subprocess.Popen[bytes]
    data: socket.socket
    control: socket.socket
    stdout: int
    stderr: int
    page_fd: int

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """What is to be closed beside the sockets."""
        return self.stdout, self.stderr, self.page_fd


class Spawner:
    """One per process: a daemon thread that starts children on request, and their guard."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[tuple[Future[ChildProcess], int, str] | Future[bool]] = queue.SimpleQueue()
        self._package = str(Path(__file__).resolve().parents[2])
        self._guard = Guard(self._package)
        self._standing_by: dict[int, deque[Future[ChildProcess]]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def spawn(self, cores: int, entry: str = WORKER) -> Future[ChildProcess]:
        """A process that runs `main` of the module `entry` and may use `cores` cores (BLAS, OpenMP).

        A worker that stands by, or a new one.

        Raises:
            OSError: no thread can be started to start it.
        """
        try:
            if entry == WORKER:
                return self._standing_by[cores].popleft()
        except (KeyError, IndexError):
            pass
        return self._request(cores, entry)

    def stand_by(self, count: int, cores: int) -> None:
        """Start worker processes that will be wanted soon, so that they boot while their run is prepared."""
        self._standing_by.setdefault(cores, deque()).extend(self._request(cores, WORKER) for _ in range(count))

    def dismiss(self) -> None:
        """Worker processes that were not wanted after all end."""
        for standing in list(self._standing_by.values()):
            while standing:
                standing.popleft().add_done_callback(self.discard)

    def discard(self, future: Future[ChildProcess]) -> None:
        """End a worker process that nobody has taken."""
        if future.cancelled() or future.exception() is not None:
            return
        child = future.result()
        child.data.close()
        child.control.close()
        for descriptor in child.descriptors:
            os.close(descriptor)
        _kill(child.process)
        self.forget(child.process.pid)

    def rest(self) -> None:
        """Let thread and guard end if no child is left, and wait for that: a process with threads should not fork."""
        with self._lock:  # nothing is asked for meanwhile
            thread = self._thread
            if thread is None:
                return
            is_over: Future[bool] = Future()
            self._requests.put(is_over)
            if is_over.result():
                join(thread)
                self._thread = None

    def abandon(self) -> None:
        """This process was forked from the one that has the children."""
        self._guard.abandon()

    def forget(self, pid: int) -> None:
        """The child and its group are gone: the guard need not mind them any more."""
        self._guard.forget(pid)

    def _request(self, cores: int, entry: str) -> Future[ChildProcess]:
        future: Future[ChildProcess] = Future()
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._serve, name="cuebook-spawner", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # too many threads
                    raise OSError(str(error)) from error
                self._thread = thread
            self._requests.put((future, cores, entry))
        return future

    def _serve(self) -> None:
        while True:
            request = self._requests.get()
            if isinstance(request, Future):
                is_over = not self._guard.count  # the kernel would kill a child with the thread that started it
                if is_over:
                    self._guard.close()
                request.set_result(is_over)
                if is_over:
                    return
                continue
            future, cores, entry = request
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._start(cores, entry))
            except BaseException as error:
                future.set_exception(error)

    def _start(self, cores: int, entry: str) -> ChildProcess:
        with ExitStack() as ours, ExitStack() as theirs:
            data, data_child = _pair(ours, theirs)
            control, control_child = _pair(ours, theirs)
            stdout, stdout_child = _pipe(ours, theirs)
            stderr, stderr_child = _pipe(ours, theirs)
            page_fd = make_page()
            ours.callback(os.close, page_fd)
            fds = [data_child.fileno(), control_child.fileno(), page_fd]
            process = subprocess.Popen(
                worker_command(entry, self._package, fds),
                stdin=subprocess.DEVNULL,
                stdout=stdout_child,
                stderr=stderr_child,
                pass_fds=fds,
                env={**os.environ, **thread_limits(os.environ, cores)},
                start_new_session=True,
            )
            ours.callback(_kill, process)
            self._guard.mind(process.pid)
            ours.pop_all()
        return ChildProcess(process, data, control, stdout=stdout, stderr=stderr, page_fd=page_fd)


def _pair(ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
    one, other = socket.socketpair()
    ours.callback(one.close)
    theirs.callback(other.close)
    for end in (one, other):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return one, other


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    one, other = os.pipe()
    ours.callback(os.close, one)
    theirs.callback(os.close, other)
    return one, other


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


_spawner: Spawner | None = None
_lock = threading.Lock()


def spawner() -> Spawner:
    """The spawner of this process (a forked child gets one of its own)."""
    global _spawner
    with _lock:
        if _spawner is None:
            _spawner = Spawner()
        return _spawner


def _forget_in_child() -> None:
    global _spawner, _lock
    abandoned, _spawner, _lock = _spawner, None, threading.Lock()
    if abandoned is not None:
        abandoned.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
