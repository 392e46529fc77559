"""Starts worker processes from a thread that outlives them, and leaves none behind. Knows no call.

The kernel's parent-death signal fires when the starting *thread* ends, so one thread of the process starts them all.
A guard (a shell of a few lines) holds a pipe from this process: at its end, however it comes, the guard kills every
worker's process group, so what a call had started goes too.
"""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from cuebook.children.interpreter import worker_command
from cuebook.children.limits import thread_limits
from cuebook.children.page import make_page

__all__ = ["GUARD", "Child", "Spawner", "spawner"]

GUARD = "cuebook-guard"
"""In the command of the process that ends what this one has started, should it die: once for the whole process."""

_GUARD = """
l=
while read -r op p; do
  case $op in
    +) l="$l -$p" ;;
    -) n=; for q in $l; do [ "$q" = "-$p" ] || n="$n $q"; done; l=$n ;;
  esac
done
[ -n "$l" ] && kill -9 $l 2>/dev/null
exit 0
"""

WORKER = "cuebook.engines.process.child"
"""The module whose `main` a worker process runs."""


@dataclass(slots=True)
class Child:
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
        self._requests: queue.SimpleQueue[tuple[Future[Child], int, str]] = queue.SimpleQueue()
        self._guard: subprocess.Popen[bytes] | None = None
        self._guard_lock = threading.Lock()
        self._guarded: set[int] = set()
        self._standing_by: dict[int, deque[Future[Child]]] = {}
        threading.Thread(target=self._serve, name="cuebook-spawner", daemon=True).start()

    def spawn(self, cores: int, entry: str = WORKER) -> Future[Child]:
        """A process that runs `main` of the module `entry` and may use `cores` cores (BLAS, OpenMP).

        A worker that stands by, or a new one.
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

    def discard(self, future: Future[Child]) -> None:
        """End a worker process that nobody has taken."""
        if future.cancelled() or future.exception() is not None:
            return
        child = future.result()
        child.data.close()
        child.control.close()
        for descriptor in child.descriptors:
            os.close(descriptor)
        child.process.kill()
        child.process.wait()
        self.forget(child.process.pid)

    def abandon(self) -> None:
        """This process was forked from the one that has the workers: their guard must not take it for that one."""
        guard = self._guard
        if guard is not None and guard.stdin is not None:
            guard.stdin.raw.close()  # type: ignore[attr-defined]  # not through its buffer, whose lock may be held

    def _request(self, cores: int, entry: str) -> Future[Child]:
        future: Future[Child] = Future()
        self._requests.put((future, cores, entry))
        return future

    def forget(self, pid: int) -> None:
        """The child and its group are gone: the guard need not mind them any more."""
        self._guarded.discard(pid)
        self._tell_guard(f"- {pid}\n")

    def _serve(self) -> None:
        while True:
            future, cores, entry = self._requests.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._start(cores, entry))
            except BaseException as error:
                future.set_exception(error)

    def _start(self, cores: int, entry: str) -> Child:
        package = str(Path(__file__).resolve().parents[2])
        data, data_child = socket.socketpair()
        control, control_child = socket.socketpair()
        for sock in (data, data_child):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        stdout, stdout_child = os.pipe()
        stderr, stderr_child = os.pipe()
        page_fd = make_page()
        fds = [data_child.fileno(), control_child.fileno(), page_fd]
        try:
            command = worker_command(entry, package, fds)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout_child,
                stderr=stderr_child,
                pass_fds=fds,
                env={**os.environ, **thread_limits(os.environ, cores)},
                start_new_session=True,
            )
        except BaseException:
            for end in (data, control):
                end.close()
            for descriptor in (stdout, stderr, page_fd):
                os.close(descriptor)
            raise
        finally:
            data_child.close()
            control_child.close()
            os.close(stdout_child)
            os.close(stderr_child)
        self._tell_guard(f"+ {process.pid}\n")
        self._guarded.add(process.pid)
        return Child(process, data, control, stdout=stdout, stderr=stderr, page_fd=page_fd)

    def _tell_guard(self, line: str) -> None:
        with self._guard_lock:
            if self._guard is None:
                line = "".join(f"+ {pid}\n" for pid in self._guarded) + line
                self._guard = subprocess.Popen(
                    ["/bin/sh", "-c", _GUARD, GUARD],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            assert self._guard.stdin is not None
            try:
                self._guard.stdin.write(line.encode())
                self._guard.stdin.flush()
            except BrokenPipeError:
                self._guard = None


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
