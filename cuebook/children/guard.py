"""The process that ends what this one has started, should it die: once for the whole process. Knows no worker.

It holds a pipe from this process. At its end, however it comes, it kills the group of every process that it minds, so
what a call had started goes too. A shell of a few lines where there is one; else (distroless images) a Python.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

from cuebook.children.interpreter import worker_command

__all__ = ["GUARD", "GUARD_MODULE", "Guard", "main"]

GUARD = "cuebook-guard"
"""In the command of a guard that is a shell."""
GUARD_MODULE = "cuebook.children.guard"
"""In the command of one that is a Python: the module whose `main` it runs."""
SHELL = "/bin/sh"

_SCRIPT = """
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


class Guard:
    """Minds the process groups that it is told of. Started with the first of them, and again when it has died."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._minded: set[int] = set()

    @property
    def count(self) -> int:
        """How many groups are minded."""
        return len(self._minded)

    def mind(self, pid: int) -> None:
        """End this process's group with this process. Raises OSError where the guard cannot be started."""
        with self._lock:
            if self._process is not None and self._tell(f"+ {pid}\n"):
                self._minded.add(pid)
                return
            self._process = self._start()
            self._tell("".join(f"+ {each}\n" for each in (*self._minded, pid)))
            self._minded.add(pid)

    def forget(self, pid: int) -> None:
        """The process and its group are gone."""
        with self._lock:
            if pid in self._minded:
                self._minded.discard(pid)
                if not self._tell(f"- {pid}\n"):
                    self._process = None

    def close(self) -> None:
        """End the guard, which minds nothing any more; the next `mind` starts another one."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()

    def abandon(self) -> None:
        """This process was forked from the one that has the processes: the guard must not take it for that one."""
        if self._process is None:
            return
        self._process.returncode = 0  # it is no child of this process, which would warn that it still runs
        if self._process.stdin is not None:
            self._process.stdin.raw.close()  # type: ignore[attr-defined]  # not through its buffer: its lock may be held

    def _start(self) -> subprocess.Popen[bytes]:
        shell = SHELL if os.access(SHELL, os.X_OK) else shutil.which("sh")
        return subprocess.Popen(
            worker_command(GUARD_MODULE, self._package, []) if shell is None else [shell, "-c", _SCRIPT, GUARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _tell(self, line: str) -> bool:
        """Say something; False: it is dead."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True


def main(parent: int) -> None:
    """The guard as a Python; `parent` is the process that it watches by the pipe."""
    del parent
    minded: set[int] = set()
    for line in sys.stdin:
        kind, _, pid = line.partition(" ")
        (minded.add if kind == "+" else minded.discard)(int(pid))
    for pid in minded:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
