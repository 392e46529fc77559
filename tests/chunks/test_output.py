"""What a run prints: what calls print, where they print it; the parent's own log handlers; nothing else on stdout."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import run_script, start, wait_until, write_script


def test_what_calls_print_comes_in_whole_lines_on_the_stream_that_they_print_it_on(tmp_path: Path) -> None:
    body = """
import subprocess
def f(x):
    for k in range(50):
        print(f"out {x} {k} " + "." * 200)
        print(f"err {x} {k} " + "." * 200, file=sys.stderr)
    os.write(1, f"raw {x}\\n".encode())
    subprocess.run(["echo", f"child {x}"])
chunk(f, [[n] for n in range(6)], chunk_size=3)
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0
        out, err = program.stdout.splitlines(), program.stderr.splitlines()
    expected = {
        stream: [f"{stream} {x} {k} " + "." * 200 for x in range(6) for k in range(50)] for stream in ("out", "err")
    }
    expected["out"] += [f"{kind} {x}" for kind in ("raw", "child") for x in range(6)]
    assert sorted(out) == sorted(expected["out"])
    assert sorted(err) == sorted(expected["err"])


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_what_calls_print_is_there_when_the_run_returns(where: str, tmp_path: Path) -> None:
    body = f"""
async def task(x): print(x); print("!", x, file=sys.stderr, end=";")
def plain(x): print(x); print("!", x, file=sys.stderr, end=";")
with Chunker(task if "{where}" == "async" else plain, where="{where}", chunk_size=1) as chunker:
    for n in range(3):
        chunker([[n]])
        print("after", n)
        print("after", n, file=sys.stderr)
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0
        assert program.stdout == "".join(f"{n}\nafter {n}\n" for n in range(3))
        assert program.stderr == "".join(f"! {n};after {n}\n" for n in range(3))


def test_what_calls_print_goes_to_the_stream_that_is_in_place_at_that_moment(tmp_path: Path) -> None:
    body = """
import contextlib, io
def f(x):
    print("out", x)
    print("err", x, file=sys.stderr)
out, err = io.StringIO(), io.StringIO()
with Chunker(f, chunk_size=1) as chunker:
    chunker([[0]])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        chunker([[1]])
    chunker([[2]])
print([out.getvalue(), err.getvalue()])
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0
        assert program.stdout == "out 0\nout 2\n['out 1\\n', 'err 1\\n']\n"
        assert program.stderr == "err 0\nerr 2\n"


def test_an_unfinished_line_is_printed_as_it_is(tmp_path: Path) -> None:
    with start(tmp_path, "chunk(lambda: print('no newline', end=''), [[]])\n") as program:
        assert (program.wait(), program.stdout, program.stderr) == (0, "no newline", "")


def test_an_unfinished_line_is_shown_while_its_call_goes_on(tmp_path: Path) -> None:
    body = """
def f():
    print("dots ...", end="")
    os.write(2, b"raw ...")
    wait_for("seen")
chunk(f, [[]])
"""
    with start(tmp_path, body) as program:
        wait_until(lambda: (program.stdout, program.stderr) == ("dots ...", "raw ..."), "the dots")
        (tmp_path / "seen").touch()
        assert program.wait() == 0


def test_a_bar_that_a_call_draws_is_drawn_while_the_call_goes_on(tmp_path: Path) -> None:
    body = """
def f():
    for percent in (10, 20):
        print(f"\\r{percent} %", end="", file=sys.stderr, flush=True)
        wait_for(f"seen {percent}")
    print(file=sys.stderr)
chunk(f, [[]])
"""
    with start(tmp_path, body) as program:
        wait_until(lambda: "10 %" in program.stderr, "the first")
        (tmp_path / "seen 10").touch()
        wait_until(lambda: "20 %" in program.stderr, "the second")
        (tmp_path / "seen 20").touch()
        assert program.wait() == 0
        with (tmp_path / "stderr.txt").open(newline="") as file:
            assert file.read() == "\r10 %\r20 %\n"


def test_what_compiled_code_prints_comes_by_lines_too(tmp_path: Path) -> None:
    body = """
import ctypes
def f():
    libc = ctypes.CDLL(None)
    libc.puts(b"by the C library")
    wait_for("seen")
    libc.printf(b"unfinished")
chunk(f, [[]])
"""
    with start(tmp_path, body) as program:
        wait_until(lambda: program.stdout == "by the C library\n", "the line")
        (tmp_path / "seen").touch()
        assert (program.wait(), program.stdout) == (0, "by the C library\nunfinished")


def test_text_that_the_programs_stream_cannot_hold_is_escaped_and_not_lost(tmp_path: Path) -> None:
    body = "sys.stdout.reconfigure(encoding='ascii')\nchunk(lambda: print('é ä', chr(0x1f600)), [[]])\n"
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, "\\xe9 \\xe4 \\U0001f600\n")


def test_the_last_words_of_a_dying_worker_are_printed(tmp_path: Path) -> None:
    body = "def f(x):\n    print('last words', flush=True)\n    os._exit(1)\nchunk(f, [[1]], errors='collect')\n"
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, "last words\n" * 3)


def test_a_megabyte_of_output_of_one_call_does_not_block_it(tmp_path: Path) -> None:
    body = "def f(x):\n    for k in range(10_000): print('x' * 100)\nchunk(f, [[1]])\n"
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, ("x" * 100 + "\n") * 10_000)


def test_bytes_that_are_no_text_are_printed_all_the_same(tmp_path: Path) -> None:
    with start(tmp_path, "chunk(lambda: os.write(1, b'\\xff\\xfe ok\\n'), [[]])\n") as program:
        assert program.wait() == 0
        assert "ok" in program.stdout


def test_a_quiet_run_prints_nothing_at_all(tmp_path: Path) -> None:
    body = "def f(x): return x\nchunk(f, [[n] for n in range(100)], path='x.cue', progress_bar=True)\n"
    for _ in range(2):
        with start(tmp_path, body) as program:
            assert (program.wait(), program.stdout, program.stderr) == (0, "", "")


def test_a_closed_standard_error_is_no_error(tmp_path: Path) -> None:
    body = "sys.stderr = None\nsys.stdout = None\ndef f(x): print(x); return x\nassert chunk(f, [[1]]) == [1]\n"
    run_script(tmp_path, body)


@pytest.mark.parametrize("where", ["process", "thread"])
def test_log_records_of_calls_reach_the_parents_handlers_at_the_parents_levels(where: str, tmp_path: Path) -> None:
    body = f"""
import logging
logging.basicConfig(filename="app.log", level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
logging.getLogger("app.chatty").setLevel(logging.DEBUG)
def f(x):
    logging.getLogger("app").info("too quiet %s", x)
    logging.getLogger("app").warning("seen %s", x)
    logging.getLogger("app.chatty").debug("chat %s", x)
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("app").exception("caught %s", x)
chunk(f, [[n] for n in range(2)], where="{where}")
"""
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout, program.stderr) == (0, "", "")
    text = (tmp_path / "app.log").read_text()
    lines = [line for line in text.splitlines() if " app" in line]
    assert sorted(lines) == sorted(
        line
        for x in range(2)
        for line in (f"WARNING app seen {x}", f"DEBUG app.chatty chat {x}", f"ERROR app caught {x}")
    )
    assert text.count("ZeroDivisionError: division by zero") == 2


def test_warnings_in_calls_are_seen(tmp_path: Path) -> None:
    with start(tmp_path, "import warnings\nchunk(lambda: warnings.warn('careful'), [[]])\n") as program:
        assert program.wait() == 0
        assert "careful" in program.stderr


def test_standard_input_of_calls_is_empty_and_not_the_users_terminal(tmp_path: Path) -> None:
    assert run_script(tmp_path, "print(chunk(lambda: sys.stdin.read(), [[]]))\n") == "['']\n"


# -- the bar, on a terminal


def on_a_terminal(folder: Path, body: str, *, has_stdout: bool = False) -> tuple[int, str, str]:
    """Exit code, standard output (a pipe, or the terminal too) and what a terminal got as standard error."""
    script = write_script(folder, body)
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=folder, stdout=follower if has_stdout else subprocess.PIPE, stderr=follower,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(leader)
    out = ""
    if process.stdout is not None:
        out = process.stdout.read().decode()
        process.stdout.close()
    return process.wait(), out, seen.decode()


BAR = """
def slow_square(x):
    if x % 10 == 0: print(f"at {x}")
    time.sleep(0.02)
    return x
"""


def test_a_terminal_gets_a_bar_with_name_and_count_below_what_calls_print(tmp_path: Path) -> None:
    body = BAR + "chunk(slow_square, [[n] for n in range(40)], chunk_size=2)\nprint('ready')\n"
    code, _, seen = on_a_terminal(tmp_path, body, has_stdout=True)
    assert code == 0
    assert "slow_square" in seen
    assert "40/40" in seen
    for line in ("at 0", "at 10", "at 20", "at 30", "ready"):
        assert f"{line}\r\n" in seen or f"{line}\n" in seen or f"{line} " in seen


def test_what_calls_print_goes_to_the_pipe_where_only_standard_error_is_a_terminal(tmp_path: Path) -> None:
    body = BAR + "chunk(slow_square, [[n] for n in range(40)], chunk_size=2)\nprint('ready')\n"
    code, out, seen = on_a_terminal(tmp_path, body)
    assert (code, sorted(out.splitlines())) == (0, ["at 0", "at 10", "at 20", "at 30", "ready"])
    assert "40/40" in seen
    assert "at 1" not in seen


def test_of_a_bar_that_a_call_draws_the_last_state_stands_above_ours(tmp_path: Path) -> None:
    body = """
def f():
    for percent in range(0, 101, 20):
        print(f"\\rcall at {percent:3} %", end="", file=sys.stderr, flush=True)
        time.sleep(0.15)
    print(file=sys.stderr)
    print("whole", "line", file=sys.stderr)
    print("no end", end="", file=sys.stderr)
chunk(f, [[], []], chunk_size=1)
"""
    code, _, seen = on_a_terminal(tmp_path, body)
    assert code == 0
    assert seen.count("call at 100 %") == 2
    assert "call at  20 %" not in seen
    assert seen.count("whole line") == 2
    assert seen.count("no end") == 1  # the next call begins at the start of that line, and draws over it


def test_progress_bar_false_is_quiet_on_a_terminal_too(tmp_path: Path) -> None:
    code, out, seen = on_a_terminal(tmp_path, "chunk(abs, [[n] for n in range(40)], progress_bar=False)\nprint(1)\n")
    assert (code, out, seen) == (0, "1\n", "")


def test_a_resumed_run_shows_where_it_goes_on(tmp_path: Path) -> None:
    body = BAR + "chunk(slow_square, [[n] for n in range(int(os.environ.get('N', 60)))], chunk_size=2, path='x.cue')\n"
    run_script(tmp_path, body, env={"N": "30"})
    code, _, seen = on_a_terminal(tmp_path, body)
    assert code == 0
    assert "30" in seen
    assert "60/60" in seen


def test_a_terminal_that_goes_away_amid_a_run_does_not_end_it(tmp_path: Path) -> None:
    """As when a session is cut whose hang-up the program ignores."""
    body = (
        BAR
        + """
import signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
def source():
    for n in range(60):
        if n == 30:
            note("half")
            wait_for("gone")
        yield [n]
note(len(chunk(slow_square, source(), chunk_size=2)), "done.log")
"""
    )
    script = write_script(tmp_path, body)
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=follower, stderr=follower, stdin=subprocess.DEVNULL
    ) as process:
        os.close(follower)
        wait_until(lambda: (tmp_path / "calls.log").exists(), "half of the parameters")
        os.close(leader)
        (tmp_path / "gone").touch()
    assert process.returncode == 0
    assert (tmp_path / "done.log").read_text() == "60\n"


def test_what_the_program_prints_to_a_pipe_does_not_land_on_the_terminal(tmp_path: Path) -> None:
    body = (
        BAR
        + """
def source():
    for n in range(30):
        print("read", n)
        yield [n]
chunk(slow_square, source(), where="thread", chunk_size=2)
"""
    )
    code, out, seen = on_a_terminal(tmp_path, body)
    assert code == 0
    assert out.count("read") == 30
    assert "read" not in seen
