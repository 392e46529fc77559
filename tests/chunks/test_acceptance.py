"""Ten properties that a durable map must have; each stands here once in its plainest form."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook import JournalError, chunk
from tests.support.programs import calls, counts, family, is_alive, run_script, start, wait_until

THOUSAND = """
def f(x):
    note(x)
    note(os.getpid(), "pids.log")
    time.sleep(0.001)
    return x * x
assert chunk(f, [[n] for n in range(1000)], chunk_size=2, path="x.cue") == [n * n for n in range(1000)]
"""


def test_1_and_2_twenty_kills_of_the_parent_cost_what_was_in_flight_and_leave_no_process(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    kills = 0
    for _ in range(20):
        with start(tmp_path, THOUSAND) as program:
            target = len(calls(tmp_path)) + chance.randrange(1, 45)
            wait_until(lambda: len(calls(tmp_path)) >= target or program.process.poll() is not None, "calls")  # noqa: B023
            members = family(program.pid)
            program.send(signal.SIGKILL)
            kills += program.wait() != 0
            wait_until(lambda: not any(map(is_alive, members)), "the end of every process of the run")  # noqa: B023
    run_script(tmp_path, THOUSAND)
    made = counts(tmp_path)
    assert len(made) == 1000
    # In flight: a call a worker, and what it finished in the last milliseconds before its commit.
    assert sum(made.values()) <= 1000 + kills * 2 * 8
    run_script(tmp_path, THOUSAND)
    assert counts(tmp_path) == made


def test_3_a_worker_killed_again_and_again_is_replaced_and_no_finished_result_is_made_again(tmp_path: Path) -> None:
    kills = seen = 0
    with start(tmp_path, THOUSAND.replace("0.001", "0.004")) as program:
        while program.process.poll() is None:
            # By progress, not by time: on a slow machine one call would be hit three times, and fail as it should.
            wait_until(lambda: len(calls(tmp_path)) >= seen + 50 or program.process.poll() is not None, "calls")  # noqa: B023
            seen = len(calls(tmp_path))
            if program.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(calls(tmp_path, "pids.log")[-1]), signal.SIGKILL)
                    kills += 1
        assert (program.wait(), program.stderr) == (0, "")
    assert kills > 3
    assert sum(counts(tmp_path).values()) <= 1000 + kills * 4


def test_4_a_poison_call_is_tried_as_often_as_said_the_others_once_and_the_error_names_it(tmp_path: Path) -> None:
    body = THOUSAND.replace("    time.sleep(0.001)", "    time.sleep(0.002)\n    if x == 500: os.kill(os.getpid(), 11)")
    body = (
        body.replace("assert chunk", "output = chunk")
        .split(" == [n * n")[0]
        .replace('"x.cue")', '"x.cue", errors="collect")')
    )
    body += "\nprint(output[500])\nassert [v for n, v in enumerate(output) if n != 500] == [n * n for n in range(1000) if n != 500]\n"
    out = run_script(tmp_path, body)
    assert "call 500 with arguments [500] failed after 3 attempts" in out
    assert "SIGSEGV" in out
    made = counts(tmp_path)
    assert made.pop("500") == 3
    assert set(made.values()) == {1}


def journal_of_fifty(folder: Path) -> bytes:
    output = chunk(fifty, [[n] for n in range(50)], where="thread", chunk_size=1, batch=1, path=folder / "x.cue")
    assert output == FIFTY
    return (folder / "x.cue").read_bytes()


def fifty(x: int) -> dict[str, object]:
    return {"number": x, "text": f"value {x}", "square": x * x}


FIFTY = [fifty(n) for n in range(50)]


def outcome_of(folder: Path, name: str) -> str:
    """What a run says to this journal: the right values, or an error of the journal. Anything else fails."""
    try:
        output = chunk(fifty, [[n] for n in range(50)], where="thread", chunk_size=1, path=folder / name)
    except JournalError:
        return "refused"
    assert output == FIFTY
    return "right"


def flips(folder: Path, step: int) -> Iterator[str]:
    whole = journal_of_fifty(folder)
    chance = random.Random(len(whole))
    for number, at in enumerate(range(chance.randrange(step), len(whole), step)):
        data = bytearray(whole)
        data[at] ^= 1 << chance.randrange(8)
        target = folder / f"{number}" / "x.cue"
        target.parent.mkdir()
        target.write_bytes(data)
        yield outcome_of(target.parent, "x.cue")


def test_5_a_flipped_bit_is_found_or_harmless_and_never_a_wrong_value(tmp_path: Path) -> None:
    assert "refused" in set(flips(tmp_path, 397))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_5_every_byte_of_the_journal_is_flipped_in_turn(tmp_path: Path) -> None:
    assert "refused" in set(flips(tmp_path, 5))


@pytest.mark.parametrize("step", [1499, pytest.param(97, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_6_a_journal_that_was_cut_off_is_refused_or_goes_on_with_what_is_whole(step: int, tmp_path: Path) -> None:
    whole = journal_of_fifty(tmp_path)
    for length in range(0, len(whole), step):
        folder = tmp_path / f"{length}"
        folder.mkdir()
        (folder / "x.cue").write_bytes(whole[:length])
        outcome_of(folder, "x.cue")


def test_7_a_changed_helper_makes_its_calls_anew_and_a_comment_none(tmp_path: Path) -> None:
    body = """
def helper(x): return x + 1
def f(x): note(f"f{x}"); return helper(x)
def g(x): note(f"g{x}"); return x
print(chunk(f, [[1], [2]], path="x.cue"), chunk(g, [[1], [2]], path="x.cue"))
"""
    run_script(tmp_path, body)
    assert len(calls(tmp_path)) == 4
    run_script(tmp_path, body.replace("def helper", "# a comment\ndef helper"))
    assert len(calls(tmp_path)) == 4
    assert run_script(tmp_path, body.replace("return x + 1", "return x + 2")) == "[3, 4] [1, 2]\n"
    assert sorted(calls(tmp_path)[4:]) == ["f1", "f2"]


def test_8_an_item_put_in_front_of_the_list_costs_one_call(tmp_path: Path) -> None:
    body = "def f(x): note(x); return x\nassert chunk(f, [[n] for n in {}], path='x.cue') == list({})\n"
    run_script(tmp_path, body.format("range(1, 2000)", "range(1, 2000)"))
    run_script(tmp_path, body.format("range(2000)", "range(2000)"))
    assert len(calls(tmp_path)) == 2000
    assert set(counts(tmp_path).values()) == {1}


def test_9_a_hundred_thousand_finished_calls_are_there_again_quickly_and_in_little_memory(tmp_path: Path) -> None:
    # Not ru_maxrss: that counts what the process had which started this one, too.
    body = """
import re
def f(x): return x + 1
began = time.monotonic()
assert chunk(f, [[n] for n in range(100_000)], path="x.cue") == list(range(1, 100_001))
peak = re.search("VmHWM:\\\\s+([0-9]+) kB", open("/proc/self/status").read())[1]
print(time.monotonic() - began, int(peak) / 1024)
"""
    run_script(tmp_path, body)
    seconds, megabytes = map(float, run_script(tmp_path, body).split())
    assert seconds < 6.0  # 2 s on an idle machine
    assert megabytes < 200


@pytest.mark.parametrize("trouble", ["chunk(f, [[1]], retries=1, backoff=lambda n: 1 / 0)", "raise RuntimeError"])
def test_10_after_an_exception_in_the_conductor_or_the_program_the_process_ends_at_once(
    trouble: str, tmp_path: Path
) -> None:
    body = f"""
def f(x): raise ValueError
def g(x): return x
chunker = Chunker(g, path="x.cue")
chunker([[n] for n in range(10)])
note(time.time(), "end.log")
{trouble}
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 1
        assert time.time() - float(calls(tmp_path, "end.log")[0]) < 4.0  # 2 s on an idle machine
        assert "Error" in program.stderr
    assert (
        run_script(tmp_path, "def g(x): return x\nprint(len(chunk(g, [[n] for n in range(10)], path='x.cue')))\n")
        == "10\n"
    )


def test_the_file_opens_with_the_plain_sqlite_of_the_system_after_any_kill(tmp_path: Path) -> None:
    """Whatever happened, the journal is a whole SQLite file."""
    with start(tmp_path, THOUSAND) as program:
        program.wait_for_calls(100)
        program.send(signal.SIGKILL)
        program.wait()
    code = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])"
    done = subprocess.run(["python3", "-c", code, str(tmp_path / "x.cue")], capture_output=True, text=True, check=True)
    assert done.stdout == "ok\n"
