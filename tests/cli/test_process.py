"""The command as a process of its own: beside a living writer, in pipes, in shells."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cuebook.cli.command import main
from cuebook.cli.watch import follow
from cuebook.persistence.journal.reader import open_reader
from tests.support.journals import write
from tests.support.runs import environment, living, run_entries, script

pytestmark = pytest.mark.quick

WRITER = f"""
import asyncio, sys
sys.path.insert(0, "{Path(__file__).parents[2]}")
from cuebook.persistence.journal.writer import JournalWriter
from tests.support.runs import completed_values, run_entries, closed
from tests.support.journals import opened_head
import os, socket

async def main():
    async with await JournalWriter.open("live.cue") as journal:
        await journal.append(run_entries(1, [[i] for i in range(5)], {{0: 0}}, is_closed=False,
            host=socket.gethostname(), pid=os.getpid()))
        print("ready", flush=True)
        for line in sys.stdin:
            what = line.strip()
            if what == "close":
                await journal.append([closed(1)])
            else:
                await journal.append([completed_values(1, {{int(what): what}})])
            print("done", flush=True)

asyncio.run(main())
"""


def cuebook(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cuebook", *arguments],
        cwd=folder,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def tell(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_reading_commands_work_beside_the_writer_and_see_what_is_committed(tmp_path: Path) -> None:
    with living(tmp_path, WRITER) as writer:
        path = tmp_path / "live.cue"
        tell(writer, "3")
        shown = json.loads(cuebook(tmp_path, "show", "live.cue", "--json").stdout)
        assert shown["writer"]["pid"] == writer.pid
        assert [(run["state"], run["done"]) for run in shown["runs"]] == [("running", 2)]
        assert f"in use by process {writer.pid} on " in cuebook(tmp_path, "show", "live.cue").stdout
        exported = cuebook(tmp_path, "export", "live.cue").stdout.splitlines()
        assert [json.loads(line)["value"] for line in exported] == [0, "3"]
        assert cuebook(tmp_path, "verify", "live.cue").returncode == 0
        assert main(["backup", str(path), str(tmp_path / "copy.cue")]) == 0
        tell(writer, "4")  # undisturbed


@pytest.mark.parametrize("command", [("forget", "live.cue", "--run", "1"), ("compact", "live.cue")])
def test_what_writes_is_refused_while_another_process_writes(command: tuple[str, ...], tmp_path: Path) -> None:
    with living(tmp_path, WRITER) as writer:
        found = cuebook(tmp_path, *command)
        assert found.returncode == 4
        assert f"in use by process {writer.pid}" in found.stderr
        assert len(found.stderr.splitlines()) == 1


def test_watch_tells_every_change_and_ends_with_the_run(tmp_path: Path) -> None:
    with living(tmp_path, WRITER) as writer, open_reader(tmp_path / "live.cue") as reader:
        changes = iter(["1", "2", "close"])
        waits = 0

        def sleep(seconds: float) -> None:
            nonlocal waits
            waits += 1
            assert 0.25 <= seconds <= 0.5
            if waits % 3 == 0:  # what has not changed is not told again
                tell(writer, next(changes))

        told = [(view.run.done, str(view.run.status)) for view in follow(reader, None, reader.path, sleep=sleep)]
        assert told == [(1, "running"), (2, "running"), (3, "running"), (3, "finished")]
        assert waits == 9


def test_watch_ends_when_the_writer_is_killed(tmp_path: Path) -> None:
    with living(tmp_path, WRITER) as writer, open_reader(tmp_path / "live.cue") as reader:

        def sleep(_: float) -> None:
            writer.send_signal(signal.SIGKILL)
            writer.wait()

        told = [str(view.run.status) for view in follow(reader, None, reader.path, sleep=sleep)]
        assert told == ["running", "abandoned"]


def test_watch_is_ended_by_ctrl_c_without_a_traceback(tmp_path: Path) -> None:
    with living(tmp_path, WRITER):
        command = [sys.executable, "-m", "cuebook", "watch", "live.cue"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, **pipes) as watching:  # type: ignore[call-overload]
            assert watching.stdout.readline().startswith("run 1 clean: 1/5 (20%)")
            watching.send_signal(signal.SIGINT)
            _, err = watching.communicate(timeout=10)
        assert watching.returncode == 130
        assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    calls = [[index] for index in range(20_000)]
    write(tmp_path / "big.cue", run_entries(1, calls, dict.fromkeys(range(20000), "x" * 20)))
    command = f"{sys.executable} -m cuebook export big.cue | head -1; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["index"] == 0


def test_the_command_without_a_table_loads_neither_rich_nor_an_event_loop(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", run_entries(1, [[0]], {0: 1}))
    text = """
    import sys
    from cuebook.cli.command import main
    code = main(sys.argv[1:])
    heavy = {"rich", "asyncio", "anyio", "aiosqlite", "numpy", "structlog", "cloudpickle"}
    print(sorted(heavy & set(sys.modules)), code, file=sys.stderr)
    """
    for arguments in (["--help"], ["--version"], ["show", "a.cue"], ["why", "a.cue"], ["export", "a.cue"]):
        assert script(tmp_path, text, *arguments).stderr == "[] 0\n", arguments
    help_only = """
    import sys
    from cuebook.cli.command import main
    main(["--help"])
    print([name for name in sys.modules if name.startswith("cuebook.persistence")], file=sys.stderr)
    """
    assert script(tmp_path, help_only).stderr == "[]\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cuebook show a.cue --run ", ["plain,1", "plain,2"]),
        ("cuebook why --run ", []),
        ("cuebook forget a.cue --func ", ["plain,clean", "plain,other"]),
        ("cuebook forget a.cue --func o", ["plain,other"]),
        ("cuebook show none.cue --run ", []),
        ("cuebook ver", ["plain,verify"]),
        ("cuebook show ", ["file,"]),
    ],
)
def test_the_shell_completes_commands_runs_and_functions(words: str, offered: list[str], tmp_path: Path) -> None:
    write(tmp_path / "a.cue", run_entries(1, [[0]], {0: 1}), run_entries(2, [[0]], {0: 1}, function="other"))
    place = str(words.count(" "))
    found = cuebook(tmp_path, _CUEBOOK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=place)
    assert found.stdout.split() == offered
    assert found.stderr == ""


def test_a_table_on_a_terminal_has_rules_and_no_line_is_broken(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", run_entries(1, [[0]], {0: 1}))
    pty = pytest.importorskip("pty")
    child, descriptor = pty.fork()
    if child == 0:
        os.environ.update(environment(), TERM="xterm", COLUMNS="80", NO_COLOR="1")
        os.execv(sys.executable, [sys.executable, "-m", "cuebook", "show", str(tmp_path / "a.cue")])  # noqa: S606
    shown, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            part = os.read(descriptor, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(descriptor)
    assert os.waitpid(child, 0)[1] == 0
    lines = shown.decode().splitlines()
    assert len(lines) == 3
    assert set(lines[1].strip()) == {"─"}


def test_why_names_a_changed_constant_of_a_real_program(tmp_path: Path) -> None:
    text = """
    import sys
    from cuebook import chunk

    K = int(sys.argv[1])

    def scaled(x):
        return x * K

    chunk(scaled, [[i] for i in range(int(sys.argv[2]))], path="real.cue", chunk_size=1)
    """
    for arguments in (["2", "3"], ["2", "4"], ["5", "4"]):
        found = script(tmp_path, text, *arguments)
        assert found.returncode == 0, found.stderr
    said = cuebook(tmp_path, "why", "real.cue", "--run", "2").stdout
    assert "run 2 of scaled: 3 calls reused, 1 call made afresh" in said
    assert "1 call has arguments that no earlier run of this function had: 3 [3]" in said
    assert "global K: 2 -> 5" in cuebook(tmp_path, "why", "real.cue").stdout
    exported = cuebook(tmp_path, "export", "real.cue", "--run", "2").stdout.splitlines()
    assert [json.loads(line)["value"] for line in exported] == [0, 2, 4, 6]


def test_watch_on_a_terminal_shows_counts_beside_its_bar(tmp_path: Path) -> None:
    """Both lines are drawn: a bar alone tells nobody how far a run is."""
    import pty

    journal = tmp_path / "done.cue"
    program = f"from cuebook import chunk\nchunk(abs, [[-1], [-2]], path={str(journal)!r})"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "cuebook", "watch", str(journal)]
    process = subprocess.Popen(command, stdout=child, stderr=child, env={**os.environ, "TERM": "xterm"})
    os.close(child)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while chunk := os.read(parent, 65536):
            shown += chunk
    os.close(parent)

    assert process.wait(timeout=60) == 0
    assert b"2/2" in shown
    assert b"finished" in shown
