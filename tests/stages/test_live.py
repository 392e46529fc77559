"""What `cuebook run` shows while a job goes on: a tree on a terminal, lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from cuebook.stages.progress.live_tree import ROWS_SHOWN, LiveTree
from cuebook.stages.progress.stage_news import StageNews
from tests.support.scripts import ROOT

SCRIPT = """
import cuebook

def work(x):
    return x + 1

@cuebook.stage
def rows():
    print("printed by the stage")
    return list(range(3))

@cuebook.stage
def inner(value):
    return value

@cuebook.stage
def more(values):
    inner(1)
    return cuebook.chunk(work, [[value] for value in values], where="thread")

@cuebook.stage
def last(values):
    raise ValueError("no")

try:
    last(more(rows()))
except ValueError:
    print("at the end")
"""


def on_a_terminal(folder: Path, *words: str) -> str:
    """What a terminal is sent."""
    (folder / "script.py").write_text(SCRIPT)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": ROOT, "TERM": "xterm", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "cuebook", "run", *words, "script.py"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        sent = b""
        while True:
            try:
                found = os.read(ours, 65536)
            except OSError:
                break
            if not found:
                break
            sent += found
        assert running.wait(30) == 0
    os.close(ours)
    return sent.decode()


def test_on_a_terminal_a_tree_is_drawn_below_what_is_printed_and_goes_at_the_end(tmp_path: Path) -> None:
    sent = on_a_terminal(tmp_path)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent)

    assert sent.count("\x1b[?25l") == sent.count("\x1b[?25h") > 0, "the cursor is there again"
    assert "✓ rows" in plain
    assert re.search(r"●\s+inner|✓\s+inner", plain)
    assert re.search(r"✗ last\s+failed after", plain)
    assert "printed by the stage\r\n" in plain
    assert plain.index("at the end\r\n") < plain.rindex("job "), "the table of the run stands last"
    assert "✓" not in plain[plain.rindex("job ") :]

    again = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", on_a_terminal(tmp_path))
    assert re.search(r"↷ rows\s+taken over, version 1, 3 rows", again)


def test_lines_are_there_for_who_asks_for_them(tmp_path: Path) -> None:
    sent = on_a_terminal(tmp_path, "--lines")

    assert "✓" not in sent
    assert re.search(r"cuebook: rows done in .*, 3 rows", sent)
    assert re.search(r"cuebook:     inner done in ", sent)
    assert re.search(r"cuebook: last failed after ", sent)


def test_of_many_stages_the_newest_rows_stay_and_those_that_run() -> None:
    tree = LiveTree()
    with tree.aside():  # nothing is drawn
        tree.show(StageNews(0, "long", 0, "running"))
        for key in range(1, 60):
            tree.show(StageNews(key, f"stage{key}", 0, "running"))
            tree.show(StageNews(key, f"stage{key}", 0, "done", rows=1, seconds=1.0))
        from rich.console import Console

        console = Console(width=80, file=io.StringIO(), record=True)
        console.print(tree.drawing())
        lines = [line.split() for line in console.export_text().splitlines()]
    tree.close()

    assert lines[0][:2] == [str(60 - ROWS_SHOWN), "more"]
    assert [line[1] for line in lines[1:]] == ["long", *(f"stage{key}" for key in range(61 - ROWS_SHOWN, 60))]
