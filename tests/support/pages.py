"""A page of the documentation as a program: its blocks run in order, in a folder of their own, by real processes.

* A ```python block belongs to the page's script; all of a page's blocks are one script. `print(...)  # text` is a claim
  about what it prints.
* A ```python NAME.py block is a file that the page tells the reader to write.
* A ```console block is typed at a prompt: `$ command` and what it prints; `^C` and `Killed` are what the reader does to
  it. A line `...` stands for any lines, and numbers are not compared. Only `python` and `cuebook` are run.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cuebook.errors import JournalError
from cuebook.persistence.history.summary import look
from cuebook.persistence.journal.reader import open_reader

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = ("python", "cuebook")
RECORDS_BEFORE_A_KILL = 3
PATIENCE_S = 60.0


@dataclass
class Block:
    """A fenced block of a page; `line` is where its first line stands in the page, from 1."""

    language: str
    name: str
    line: int
    lines: list[str] = field(default_factory=list)


@dataclass
class Typed:
    """A command typed at a prompt, and what the page says follows."""

    line: int
    command: str
    shown: list[str] = field(default_factory=list)

    @property
    def signal(self) -> signal.Signals | None:
        """What the reader does to it while it runs."""
        if any(line.startswith("^C") for line in self.shown):
            return signal.SIGINT
        return signal.SIGKILL if "Killed" in self.shown else None

    @property
    def exit_code(self) -> int:
        """0, or what the signal makes it, or what the page says: `|| echo "exit code $?"`."""
        said = [int(line.split()[-1]) for line in self.shown if line.startswith("exit code ")]
        return {None: 0, signal.SIGINT: 130, signal.SIGKILL: -9}[self.signal] if not said else said[0]

    @property
    def prints(self) -> list[str]:
        """The program's own lines of what is shown."""
        lines = [line.removeprefix("^C") for line in self.shown if not line.startswith(("Killed", "exit code "))]
        return [line for line in lines if line.strip()]


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    blocks: list[Block] = []
    current: Block | None = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            if current is None:
                language, _, name = line[3:].strip().partition(" ")
                current = Block(language, name, number + 1)
            else:
                blocks.append(current)
                current = None
        elif current is not None:
            current.lines.append(line)
    assert current is None, f"{page}: the last block has no end"
    return blocks


def script_of(blocks: list[Block]) -> str:
    """One script of a page's unnamed Python blocks; each line has the number that it has in the page."""
    lines: list[str] = []
    for block in blocks:
        if block.language == "python" and not block.name:
            lines += [""] * (block.line - 1 - len(lines)) + block.lines
    return "\n".join(lines) + "\n"


def claims_of(source: str) -> list[str]:
    """What a script says that its prints print."""
    return re.findall(r"^\s*print\(.*\)  # (.+)$", source, flags=re.MULTILINE)


def typed_in(block: Block) -> list[Typed]:
    """The commands of a console block."""
    typed: list[Typed] = []
    for number, line in enumerate(block.lines, block.line):
        if line.startswith("$ "):
            typed.append(Typed(number, line[2:].partition("  #")[0].strip()))
        elif typed:
            typed[-1].shown.append(line)
    return typed


def run_page(page: Path, folder: Path) -> None:
    """Run a page's script, then what it has the reader type.

    Raises:
        AssertionError: a block fails, or prints something else than the page says.
    """
    blocks = blocks_of(page)
    script = script_of(blocks)
    if script.strip():
        run_script(page, script, folder)
    for block in blocks:
        if block.language == "python" and block.name:
            (folder / block.name).write_text("\n".join(block.lines) + "\n")
        elif block.language == "console":
            for typed in typed_in(block):
                if typed.command.split()[0] in COMMANDS:
                    run_typed(page, typed, folder)


def run_script(page: Path, script: str, folder: Path) -> None:
    """The page's own script, in a file; its claims are met in the order of the page."""
    path = folder / f"{page.stem}_page.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, str(path)], cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, f"{page}:\n{done.stderr}"
    printed = iter(done.stdout.splitlines())
    for claim in claims_of(script):
        is_there = any(line.strip() == claim.strip() for line in printed)
        assert is_there, f"{page}: no print gave {claim!r}:\n{done.stdout}"


def run_typed(page: Path, typed: Typed, folder: Path) -> None:
    """One command, ended the way the page has it."""
    program, *arguments = shlex.split(typed.command.partition(" || ")[0])
    command = [sys.executable, *(["-m", "cuebook"] if program == "cuebook" else []), *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            if typed.signal is not None:
                wait_for_progress(process, folder)
                process.send_signal(typed.signal)
            printed, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    where = f"{page}:{typed.line}: {typed.command}\n{printed}"
    assert process.returncode == typed.exit_code, f"exit code {process.returncode}\n{where}"
    assert_prints(printed.splitlines(), typed.prints, where)


def wait_for_progress(process: subprocess.Popen[str], folder: Path) -> None:
    """Until the run that is going on in the folder has kept a few more results or checkpoints."""
    before: int | None = None
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        count = records_in(folder, process.pid)
        if count is not None:
            before = count if before is None else before
            if count >= before + RECORDS_BEFORE_A_KILL:
                return
        time.sleep(0.02)
    raise AssertionError("the program that is to be killed ended, or never began its calls")


def records_in(folder: Path, pid: int) -> int | None:
    """Records in the journal that this process writes; None before its run has begun."""
    for path in folder.glob("*.cue"):
        with contextlib.suppress(JournalError, OSError), open_reader(path) as reader:
            picture = look(reader)
            state, holder = picture.state, picture.holder
            is_running = state.newest is not None and state.newest.opened.pid == pid
            if is_running or (state.streams and holder is not None and holder.pid == pid):
                return state.last_seq
    return None


def assert_prints(printed: list[str], shown: list[str], where: str) -> None:
    """The lines shown come in this order; nothing else is printed but where `...` stands."""
    pattern = ""
    for line in shown:
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else re.escape(plain(line)) + r"\n"
    text = "".join(f"{plain(line)}\n" for line in printed if line.strip())
    assert re.fullmatch(pattern, text), f"the page shows\n{chr(10).join(shown)}\nbut this came of {where}"


def plain(line: str) -> str:
    """A line without its numbers and spaces, which differ from run to run."""
    line = re.sub(r"(?<!\S)-(?!\S)", "N", line)
    line = re.sub(r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(e-\d+)?( ?(ms|us|s|min)\b)?", "N", line)
    return re.sub(r"[\s─━-]+", " ", line).strip()


def environment() -> dict[str, str]:
    """The reader's: no colours, nothing of the test's own."""
    hidden = ("PYTHONPATH", "FORCE_COLOR", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # theirs is switched on
        "PYTHONPATH": str(ROOT),
        "PYTEST_PLUGINS": "cuebook.testing.plugin",
        "COLUMNS": "120",
        "PYTHONUNBUFFERED": "1",
    }
