"""A folder with a script in it, which is run as a user does, and the calls that it makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])


class ScriptFolder:
    """A folder with a script in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script = path / "script.py"
        self.stderr = ""

    def write(self, text: str) -> None:
        self.script.write_text(text)

    def edit(self, old: str, new: str) -> None:
        text = self.script.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def run(self, *words: str, code: int = 0, script: str = "script.py", **environment: str) -> tuple[str, list[str]]:
        """What a run printed, and which calls it made."""
        (self.path / "calls").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, *words, script] if not words else [sys.executable, *words],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": ROOT, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.stderr = done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout.strip(), self.calls()

    def calls(self) -> list[str]:
        path = self.path / "calls"
        return path.read_text().split() if path.exists() else []
