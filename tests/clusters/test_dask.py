"""Calls on Dask, where workers, the scheduler and the program are killed: what is committed is kept, and little is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuebook
from cuebook import ClusterGone, Journal, chunk
from cuebook.engines import DaskEngine
from cuebook.engines.away import landmark as landmarks
from cuebook.engines.away.landmark import Landmark
from tests.clusters.kills import done_in, killed_once
from tests.support.clusters import DaskProcesses, dask_cluster
from tests.support.programs import Program, calls, counts, family, start, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with dask_cluster() as found:
        yield found


PROGRAM = """
import sys
from cuebook.engines import DaskEngine
def f(x):
    note(x)
    if x >= {gate}:
        wait_for("go")
    return x
if __name__ == "__main__":
    print(chunk(f, [[n] for n in range(12)], path="a.cue", batch=1, where={where}))
"""


def program(folder: Path, where: str, gate: int = 99) -> Program:
    return start(folder, PROGRAM.format(gate=gate, where=where))


def test_a_dask_worker_that_is_killed_costs_its_running_call_alone(client: Any, tmp_path: Path) -> None:
    assert killed_once(DaskEngine(client), tmp_path) == {"5"}


def test_a_scheduler_that_is_killed_leaves_what_is_committed_and_the_error_says_how_to_go_on(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path) as cluster:
        cluster.add_workers(2)
        with program(tmp_path, f'DaskEngine("{cluster.address}")', gate=6) as running:
            wait_until(
                lambda: done_in(tmp_path / "a.cue") == 6 and len(calls(tmp_path)) == 8, "two calls that wait", 60
            )
            waiting = {n for n in calls(tmp_path) if int(n) >= 6}
            cluster.scheduler.kill()
            assert running.wait(60) == 1
            assert "ClusterGone: the Dask scheduler at tcp://127.0.0.1:" in running.stderr
            assert 'the same program goes on from there, with another cluster or with where="process"' in running.stderr
    done = Journal.open(tmp_path / "a.cue").runs[0].done
    assert done == 6
    (tmp_path / "go").touch()
    with program(tmp_path, '"process"', gate=6) as again:
        assert again.wait() == 0
        assert again.stdout == f"{list(range(12))}\n"
    assert {n for n, count in counts(tmp_path).items() if count > 1} == waiting


def test_a_program_that_is_killed_leaves_no_process_on_the_cluster(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path) as cluster:
        cluster.add_workers(2)
        with program(tmp_path, f'DaskEngine("{cluster.address}")', gate=0) as running:
            wait_until(lambda: len(calls(tmp_path)) == 2, "two calls that wait")
            there = [pid for pid in family(cluster.workers[0].pid) if b"cuebook" in cmdline(pid)]
            assert len(there) >= 2
            running.process.kill()
            began = time.monotonic()
            wait_until(lambda: not any(map(cmdline, there)), "their end", 10)
            assert time.monotonic() - began < 10


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_an_address_where_nothing_listens_is_told_within_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(ClusterGone, match="no Dask scheduler answers at tcp://127.0.0.1:9 within 5 s"):
        chunk(abs, [[1]], where=DaskEngine("tcp://127.0.0.1:9"))
    assert time.monotonic() - began < 15


def test_a_cluster_without_workers_is_waited_for_as_long_as_was_said(tmp_path: Path, capsys: Any) -> None:
    with DaskProcesses(tmp_path) as cluster:
        with pytest.raises(ClusterGone, match="no worker has come to the Dask cluster at .* within 0.5 s"):
            chunk(abs, [[1]], where=DaskEngine(cluster.address, wait=0.5))
        assert "has no workers yet: waiting for up to 0.5 s" in capsys.readouterr().err
        cluster.add_workers(1)
        assert chunk(abs, [[-1]], where=DaskEngine(cluster.address, wait=60)) == [1]
        with pytest.raises(ClusterGone, match="no worker with the resources {'GPU': 1} has come"):
            chunk(abs, [[1]], where=DaskEngine(cluster.address, resources={"GPU": 1}, wait=0.5))


def test_an_adaptive_cluster_comes_from_nothing_and_keeps_its_workers_while_calls_run(tmp_path: Path) -> None:
    def f(x: int) -> int:
        time.sleep(0.01)
        return x

    with dask_cluster(0) as client:
        client.cluster.adapt(minimum=0, maximum=2, interval="100ms", wait_count=1)
        output = chunk(f, [[n] for n in range(30)], where=DaskEngine(client), batch=1, path=tmp_path / "a.cue")
        assert output == list(range(30))


def test_two_programs_share_a_cluster(client: Any) -> None:
    from distributed import Client

    with Client(client.scheduler.address, set_as_default=False) as other:
        one = cuebook.stream(abs, [[-n] for n in range(6)], where=DaskEngine(client), workers=1)
        two = chunk(abs, [[-n] for n in range(6)], where=DaskEngine(other), workers=1)
        assert two == [0, 1, 2, 3, 4, 5]
        assert sorted(done.value for done in one) == two
    assert client.submit(sum, [1, 2]).result(timeout=10) == 3


def test_a_worker_of_another_machine_gets_what_lies_beside_its_messages(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Landmark("/nowhere/at/all", b"n" * 32)
    monkeypatch.setattr(landmarks, "_mine", (os.getpid(), elsewhere, -1))
    monkeypatch.setattr("cuebook.chunks.packing.sight", lambda folder: None)
    table = np.arange(300_000.0)

    def f(array: Any, n: int) -> Any:
        seen = cuebook.last_checkpoint(np.zeros(1))
        if cuebook.current_call().attempt == 1:
            cuebook.make_checkpoint(array + n)
            raise OSError("again")
        return seen, table[n]

    output = chunk(
        f, [[table, n] for n in range(4)], where=DaskEngine(client), retries=1, backoff=0.001, path=tmp_path / "a.cue"
    )
    for n, (seen, value) in enumerate(output):
        assert value == n
        assert np.array_equal(seen, table + n)


def test_a_large_argument_goes_to_the_cluster_once_and_again_where_its_holder_is_gone(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cuebook.engines.dask.session import DaskSession

    monkeypatch.setattr(landmarks, "_mine", (os.getpid(), Landmark("/nowhere/at/all", b"n" * 32), -1))
    sent: list[str] = []
    scattered = DaskSession._scattered

    async def counted(self: Any, key: str, content: bytes) -> Any:
        sent.append(key)
        found = await scattered(self, key, content)
        others = [place for place in self.client.scheduler_info()["workers"] if place not in found[1]]
        return found if len(sent) > 1 else (found[0], others, found[2])  # the first time it is not where it should be

    monkeypatch.setattr(DaskSession, "_scattered", counted)

    def total(array: Any, n: int) -> float:
        return float(array.sum()) + n

    table = np.ones(300_000)
    output = chunk(total, [[table, n] for n in range(6)], where=DaskEngine(client), workers=2, batch=1)
    assert output == [300_000.0 + n for n in range(6)]
    assert 1 <= len(sent) <= 3
    assert len(set(sent)) == 1
