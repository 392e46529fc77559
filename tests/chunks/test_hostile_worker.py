"""A worker that sends what is no message: nothing of it is run, and one call pays for it."""

from __future__ import annotations

import os
import pickle
import signal
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallTimedOut, WorkerDied, chunk
from tests.support.programs import family, is_alive, start, wait_until


class Trap:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.mark,)


def babble(n: int, said: bytes) -> int:
    if n == 1:
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.write(descriptor, said)
            except OSError:
                continue
        time.sleep(30)  # its end comes from outside
    return n


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "little") + payload


@pytest.mark.parametrize("is_kept", [True, False], ids=["with a journal", "without"])
@pytest.mark.parametrize("kind", ["too large", "a pickle", "no message"])
def test_what_is_no_message_costs_the_call_that_sent_it_and_no_other(tmp_path: Path, kind: str, is_kept: bool) -> None:
    mark = tmp_path / "executed"
    said = {
        "too large": b"\xff\xff\xff\x7f" * 100,
        "a pickle": framed(pickle.dumps(Trap(str(mark)), protocol=5)),
        "no message": framed(b"\x93\xcd\xff\xff\x01\x02"),
    }[kind]
    calls = [[n, said] for n in range(4)]
    found = chunk(babble, calls, path=tmp_path / "a.cue" if is_kept else None, chunk_size=2, errors="collect")
    assert [found[0], *found[2:]] == [0, 2, 3]
    assert isinstance(found[1], WorkerDied)
    assert not mark.exists()


def test_one_that_announces_a_message_and_does_not_send_it_is_ended_by_the_timeout(tmp_path: Path) -> None:
    """It looks like one that still works."""
    calls = [[n, (1 << 20).to_bytes(4, "little") + b"half of it"] for n in range(4)]
    found = chunk(babble, calls, path=tmp_path / "a.cue", chunk_size=2, errors="collect", timeout=1.0)
    assert [found[0], *found[2:]] == [0, 2, 3]
    assert isinstance(found[1], CallTimedOut)


def scribble(n: int, value: float) -> int:
    if n == 1:
        import ctypes

        for line in Path("/proc/self/maps").read_text().splitlines():
            if "cuebook-page" in line:
                address = int(line.split("-")[0], 16)
                for place in range(8):
                    ctypes.c_double.from_address(address + 8 * place).value = value
        os._exit(3)
    return n


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="finds the page by /proc")
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300, 0.5], ids=str)
def test_a_worker_that_fills_its_page_with_nonsense_and_dies_is_a_worker_that_died(value: float) -> None:
    found = chunk(scribble, [[n, value] for n in range(4)], chunk_size=2, errors="collect")
    assert [found[0], *found[2:]] == [0, 2, 3]
    assert isinstance(found[1], WorkerDied)


SCRIBBLING = """
import ctypes
def f(n, value):
    for line in open("/proc/self/maps"):
        if "cuebook-page" in line:
            address = int(line.split("-")[0], 16)
            for place in range(512):
                ctypes.c_double.from_address(address + 8 * place).value = value
    note(n)
    for line in open("/proc/self/maps"):
        if "cuebook-page" in line:
            while True:
                for place in range(512):
                    ctypes.c_double.from_address(address + 8 * place).value = value
                time.sleep(0.001)
if __name__ == "__main__":
    chunk(f, [[n, float(sys.argv[1])] for n in range(4)], workers=2, path="x.cue", progress_bar=False)
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="finds the page by /proc")
@pytest.mark.parametrize("value", ["inf", "0.5"])
def test_workers_that_fill_their_pages_with_nonsense_and_go_on_end_with_their_program(
    tmp_path: Path, value: str
) -> None:
    with start(tmp_path, SCRIBBLING, value) as program:
        program.wait_for_calls(2)
        mine = family(program.pid)
        for _ in range(2):
            program.send(signal.SIGTERM)
            time.sleep(0.05)
        assert program.wait(30) == 143
        assert "Traceback" not in program.stderr and "kept in x.cue" in program.stderr, program.stderr
    wait_until(lambda: not any(map(is_alive, mine)), "the workers to end")
