"""Experiments for tests: `cuebook exp` run as real processes in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cuebook.persistence.journal.reader import open_reader
from tests.support.programs import wait_until

COUNTER = """\
import os, sys
from cuebook import make_checkpoint
i = int(open("a.txt").read()) if os.path.exists("a.txt") else 0
os.makedirs("b", exist_ok=True)
if os.environ.get("CUEBOOK_RESUME"):
    print("resumed", file=open("log.txt", "a"))
while i < int(sys.argv[1]):
    i += 1
    open("a.txt", "w").write(str(i))
    open("b/copy", "w").write(str(i))
    make_checkpoint(metrics={"i": i})
    if i < 10:
        print(i, file=open("log.txt", "a"))
"""
"""Counts up to its argument in two outputs, `a.txt` and `b/copy`, a checkpoint each time."""


class Experiment:
    """A workspace, in which nothing is left running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for pid in self.processes():
            if b"--one" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                os.kill(pid, 15)  # a run that was queued outlives whoever has started it
        self.wait_until_settled()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", "cuebook", *arguments],
            cwd=self.folder,
            env={**self._env(), **(env or {})},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "output.txt").open("ab") as output:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "cuebook", *arguments],
                cwd=self.folder,
                env=self._env(),
                stdout=output,
                stderr=output,
            )
        self._started.append(process)
        return process

    def shown(self) -> list[dict[str, Any]]:
        done = self.run("exp", "show", "--json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["experiments"]
        return found

    def runner(self, name: str) -> int:
        """The process that writes the journal of an experiment."""
        with open_reader(self.folder / ".cuebook" / "experiments" / name / "journal") as reader:
            holder = reader.holder()
        assert holder is not None
        return holder.pid

    def processes(self) -> list[int]:
        """Those in this folder: programs, runners and guardians."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if (path / "cwd").readlink().is_relative_to(self.folder) and int(path.name) != os.getpid():
                    found.append(int(path.name))
            except OSError:
                continue
        return found

    def program(self) -> int:
        """The one that counts."""
        (found,) = [
            pid for pid in self.processes() if b"-m" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]
        return found

    def wait_until_settled(self) -> None:
        wait_until(lambda: not self.processes(), "everything to end")

    def _env(self) -> dict[str, str]:
        bin_ = str(Path(sys.executable).parent)
        env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        env["PYTHONPATH"] = str(Path(__file__).parent.parent.parent)
        env.pop("CUEBOOK_DIR", None)
        return env


def wait_for_checkpoints(here: Experiment, count: int) -> None:
    """Until so many are said to have been made."""
    wait_until(lambda: f"({count})" in here.read("output.txt"), f"checkpoint {count}")
