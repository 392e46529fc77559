"""User programs for tests: script files run as real processes, watched and killed from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

PREAMBLE = """
import os, sys, time
from cuebook import *
HERE = os.path.dirname(os.path.abspath(__file__))
def note(text, name="calls.log"):
    fd = os.open(os.path.join(HERE, name), os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(fd, f"{text}\\n".encode())
    os.close(fd)
def wait_for(name, limit_s=30.0):
    end = time.monotonic() + limit_s
    while not os.path.exists(os.path.join(HERE, name)):
        if time.monotonic() > end:
            raise TimeoutError(name)
        time.sleep(0.005)
"""
"""What every script begins with: `note(x)` counts an execution, `wait_for(name)` waits for a file of the test's."""

START_S = 30.0


def wait_until(condition: Callable[[], object], what: str, limit_s: float = START_S) -> None:
    """Poll until the condition holds; the bound is generous, for a loaded machine."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s:g} s for {what}")
        time.sleep(0.01)


class Program:
    """A running script.

    Args:
        folder: its working directory, where the script and its logs are.
        arguments: of the interpreter.
    """

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._out, self._err = folder / "stdout.txt", folder / "stderr.txt"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1", **(env or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, limit_s: float = 60.0) -> int:
        """Its exit code; -n where signal n killed it."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._show_where_it_waits()
            raise AssertionError(f"still running after {limit_s:g} s\n{self.stdout}\n{self.stderr}") from None

    def _show_where_it_waits(self) -> None:
        """End it with the stacks of its threads on its standard error."""
        self.process.send_signal(signal.SIGABRT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_for_calls(self, count: int) -> None:
        """Until so many executions have begun."""

        def enough() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.stdout}\n{self.stderr}")
            return len(calls(self.folder)) >= count

        wait_until(enough, f"{count} calls")


def write_script(folder: Path, body: str, name: str = "program.py") -> Path:
    """A script of the preamble and this body."""
    path = folder / name
    path.write_text(PREAMBLE + body)
    return path


def start(folder: Path, body: str, *arguments: str, env: dict[str, str] | None = None) -> Program:
    """Start a script."""
    return Program(folder, str(write_script(folder, body)), *arguments, env=env)


def run_script(folder: Path, body: str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a script to its end, which must be a good one, and give its standard output."""
    with start(folder, body, *arguments, env=env) as program:
        code = program.wait()
        assert code == 0, f"exit code {code}\n{program.stdout}\n{program.stderr}"
        return program.stdout


def calls(folder: Path, name: str = "calls.log") -> list[str]:
    """What calls have noted, in order."""
    path = folder / name
    return path.read_text().split("\n")[:-1] if path.exists() else []


def counts(folder: Path, name: str = "calls.log") -> Counter[str]:
    """How often each call was executed."""
    return Counter(calls(folder, name))


def family(pid: int) -> set[int]:
    """Every process below this one (Linux), by parent links."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), ()):
            found.add(child)
            todo.append(child)
    return found


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
