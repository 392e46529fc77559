"""Runs in which something of the cluster is killed at a moment that is known."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from cuebook import Journal, JournalError, chunk, current_call
from tests.support.programs import wait_until


def done_in(path: Path) -> int:
    """Results that are committed in the first run of a journal."""
    try:
        runs = Journal.open(path).runs
    except (JournalError, FileNotFoundError):  # it is being made
        return 0
    return runs[0].done if runs else 0


def killed_once(engine: Any, folder: Path) -> set[str]:
    """Kill the cluster's own worker under call 5 when all other calls are committed; the calls that were made twice."""
    log, home = str(folder / "log"), str(folder / "home")

    def f(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        if x == 5 and current_call().attempt == 1:  # type: ignore[union-attr]
            with open(home, "w") as file:
                file.write(f"{os.getppid()}.")
            time.sleep(100)
        return x

    def kill() -> None:
        wait_until(lambda: done_in(folder / "a.cue") == 11, "all other calls", 100)
        os.kill(int(Path(home).read_text().rstrip(".")), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    output = chunk(
        f, [[n] for n in range(12)], where=engine, workers=2, batch=1, path=folder / "a.cue", progress_bar=False
    )
    killer.join()
    assert output == list(range(12))
    made = Path(log).read_text().split()
    return {n for n in made if made.count(n) > 1}
