"""What a test leaves behind: actors, tasks and child processes that were not there before, by name."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

from cuebook.children.guard import GUARD, GUARD_MODULE
from cuebook.runtime.refs.ref import homes
from cuebook.runtime.system import ActorSystem

__all__ = ["actors_alive", "child_processes", "new_processes", "tasks_alive"]

PATIENCE_S = 2.0
"""Real seconds that a child process has to be gone after the end of a test."""
_HELPERS = (
    GUARD,
    GUARD_MODULE,
    "multiprocessing.resource_tracker",
    "multiprocessing.forkserver",
    "multiprocessing.semaphore_tracker",
)
"""What Python itself, and cuebook, start once for the whole process."""


def actors_alive(loop: asyncio.AbstractEventLoop) -> list[str]:
    """The actors of every system that runs on this loop."""
    found: list[str] = []
    for system in list(homes.values()):
        if isinstance(system, ActorSystem) and system.loop is loop:
            found += [f"actor {actor!r} of the actor system {system.name!r}" for actor in system.statistics()]
    return sorted(found)


def tasks_alive(known: set[asyncio.Task[object]]) -> list[str]:
    """The tasks of the running loop that are not done, beside the known ones and this."""
    tasks = asyncio.all_tasks() - known - {asyncio.current_task()}
    return sorted(f"task {task.get_name()!r}: {_where(task)}" for task in tasks)


def child_processes() -> dict[int, str]:
    """The living children of this process: number and command."""
    if Path("/proc/self/stat").exists():
        found = {pid: _command(pid) for pid in _children_in_proc()}
    else:
        found = _children_by_ps()
    return {pid: command for pid, command in found.items() if not any(helper in command for helper in _HELPERS)}


def new_processes(before: dict[int, str], patience_s: float = PATIENCE_S) -> list[str]:
    """The children that were not there before, once those that are about to end had their time. May block so long."""
    deadline = time.monotonic() + patience_s
    while True:
        left = {pid: command for pid, command in child_processes().items() if pid not in before}
        if not left or time.monotonic() > deadline:
            return [f"child process {pid}: {command}" for pid, command in sorted(left.items())]
        time.sleep(0.01)


def _where(task: asyncio.Task[object]) -> str:
    frames = task.get_stack(limit=1)
    if not frames:
        return repr(task.get_coro())
    code = frames[-1].f_code
    return f"{code.co_qualname} in {code.co_filename}, line {frames[-1].f_lineno}"


def _children_in_proc() -> list[int]:
    me = str(os.getpid())
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            state, parent = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        if parent == me and state not in "ZX":
            found.append(int(entry.name))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip() or "?"
    except OSError:
        return "?"


def _children_by_ps() -> dict[int, str]:
    done = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=False)
    rows = [line.split(None, 3) for line in done.stdout.splitlines()]
    me = str(os.getpid())
    mine = [row for row in rows if len(row) == 4 and row[1] == me and not row[2].startswith("Z")]
    return {int(pid): command for pid, _, _, command in mine if not command.startswith("ps -A")}
