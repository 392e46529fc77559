"""The Python that worker processes run: which program that is, and what to do where there is none. Knows no call.

A frozen program (PyInstaller, cx_Freeze) is its own `sys.executable`: started again it is the whole program again, and
not an interpreter. As with `multiprocessing`, it can be told to be a worker by `freeze_support()`.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from typing import Any

from cuebook.children.interpreter_options import interpreter_options
from cuebook.errors import SupervisionError

__all__ = ["check_interpreter", "freeze_support", "worker_command"]

_WORKER_MARK = "--cuebook-worker"
_PYTHON_NAME = re.compile(r"(python|pypy|graalpy)[\w.\-]*", re.IGNORECASE)
_QUESTION = ("-I", "-S", "-c", "print('cuebook' * 2)")
_ANSWER = b"cuebookcuebook"
PROBE_S = 10.0
_OTHERWISE = 'where="thread" and where="async" need no worker processes'

_is_supported = False
_proven: set[str] = set()


def freeze_support() -> None:
    """In a program that is frozen: call this first in its `__main__`, so that it can be started again as a worker.

    In a worker it never returns. In a program that is not frozen it does nothing.
    """
    global _is_supported
    if not is_frozen():
        return
    if len(sys.argv) > 2 and sys.argv[1] == _WORKER_MARK:
        from importlib import import_module

        entry, *numbers = sys.argv[2:]
        import_module(entry).main(*map(int, numbers))
    _is_supported = True


def is_frozen() -> bool:
    """Whether this program was made into one that brings its Python along."""
    compiled = getattr(sys.modules.get("__main__"), "__compiled__", None)  # Nuitka's
    return bool(getattr(sys, "frozen", False) or getattr(compiled, "standalone", False))


def check_interpreter() -> None:
    """Raises SupervisionError where no worker process can be started here, with the reason and what to do.

    Cost: under 10 us; once, where `sys.executable` has no name of a Python, a start of it.
    """
    if sys.platform == "win32":
        raise SupervisionError(f"worker processes need Linux or macOS; {_OTHERWISE}")
    chosen = _chosen_for_multiprocessing()
    if chosen is None and is_frozen():
        if not _is_supported:
            raise SupervisionError(
                "worker processes cannot be started by this program: it is frozen (PyInstaller, cx_Freeze ...), and "
                "sys.executable is the program itself. Call cuebook.freeze_support() first in its __main__, so that it "
                f"is a worker when it is started as one; {_OTHERWISE}"
            )
        return
    problem = _problem_of(sys.executable if chosen is None else chosen)
    if problem is not None:
        raise SupervisionError(
            f"worker processes cannot be started: {problem}. Where the Python of this program is somewhere else, name "
            f'it by multiprocessing.set_executable("/path/to/python"); {_OTHERWISE}'
        )


def _problem_of(executable: Any) -> str | None:
    """What is wrong with a path as a Python to be started; None: nothing."""
    if not executable or not isinstance(executable, str):
        return f"sys.executable is {executable!r}, as where Python is embedded in another program"
    if not _is_program(executable):
        return f"sys.executable is {executable}, which is no program that can be started"
    if _PYTHON_NAME.fullmatch(os.path.basename(executable)) or executable in _proven:
        return None
    if not _is_python(executable):
        return f"sys.executable is {executable}, which is no Python"
    _proven.add(executable)
    return None


def _is_program(executable: str) -> bool:
    folders = os.get_exec_path() if not os.path.dirname(executable) else [""]
    return any(os.access(os.path.join(folder, executable), os.X_OK) for folder in folders)


def _is_python(executable: str) -> bool:
    """Whether a program of another name answers as a Python does."""
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [executable, *_QUESTION],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            answer, _ = process.communicate(timeout=PROBE_S)
            return answer.strip() == _ANSWER
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return False


def _chosen_for_multiprocessing() -> str | None:
    """The Python that the program has named by `multiprocessing.set_executable`, where it is another one."""
    spawn = sys.modules.get("multiprocessing.spawn")
    chosen = None if spawn is None else spawn.get_executable()
    chosen = os.fsdecode(chosen) if isinstance(chosen, bytes) else chosen
    return chosen if isinstance(chosen, str) and chosen != sys.executable else None


def worker_command(entry: str, package: str, descriptors: list[int]) -> list[str]:
    """The command of a worker process: `main` of the module `entry` with these numbers and this process's.

    Raises:
        SupervisionError: as `check_interpreter`.
    """
    check_interpreter()
    numbers = list(map(str, descriptors))
    chosen = _chosen_for_multiprocessing()
    if chosen is None and is_frozen():  # its loader may stand between as another process
        return [sys.executable, _WORKER_MARK, entry, *numbers, "0"]
    boot = (
        "import sys; sys.path.insert(0, sys.argv[1]); import cuebook; sys.path.append(sys.path.pop(0)); "
        f"from {entry} import main; main(*map(int, sys.argv[2:6]))"
    )
    return [chosen or sys.executable, *interpreter_options(), "-c", boot, package, *numbers, str(os.getpid())]
