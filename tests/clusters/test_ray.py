"""Calls on Ray, where actors, nodes, the head and the program are killed: what is committed is kept, and little is lost."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuebook
from cuebook import ClusterGone, chunk
from cuebook.engines import RayEngine
from cuebook.engines.away import landmark as landmarks
from cuebook.engines.away.landmark import Landmark
from tests.clusters.kills import done_in, killed_once
from tests.support.clusters import ray_cluster
from tests.support.programs import calls, is_alive, start, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    with ray_cluster():
        yield


def test_an_actor_of_rays_that_is_killed_costs_its_running_call_alone(ray_here: None, tmp_path: Path) -> None:
    assert killed_once(RayEngine(), tmp_path) == {"5"}


def test_calls_have_what_the_engine_asks_of_ray(ray_here: None) -> None:
    def f(x: int) -> str | None:
        return os.environ.get("OF_THE_ENGINE")

    engine = RayEngine(num_cpus=0.5, runtime_env={"env_vars": {"OF_THE_ENGINE": "yes"}})
    assert engine.default_chunk_size() == 8
    assert chunk(f, [[1]], where=engine, workers=1) == ["yes"]


def test_what_no_node_has_is_waited_for_as_long_as_was_said(ray_here: None, capsys: Any) -> None:
    with pytest.raises(ClusterGone, match="Ray has found no place with .*'num_gpus': 1.* within 0.5 s"):
        chunk(abs, [[1]], where=RayEngine(num_gpus=1, wait=0.5), workers=1)
    assert "has no room for" in capsys.readouterr().err


def test_a_worker_on_another_node_gets_what_lies_beside_its_messages(
    ray_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landmarks, "_mine", (os.getpid(), Landmark("/nowhere/at/all", b"n" * 32), -1))
    monkeypatch.setattr("cuebook.chunks.packing.sight", lambda folder: None)
    table = np.arange(300_000.0)

    def f(array: Any, n: int) -> Any:
        seen = cuebook.last_checkpoint(np.zeros(1))
        if cuebook.current_call().attempt == 1:
            cuebook.make_checkpoint(array + n)
            raise OSError("again")
        return seen, table[n]

    output = chunk(
        f, [[table, n] for n in range(3)], where="ray", workers=2, retries=1, backoff=0.001, path=tmp_path / "a.cue"
    )
    for n, (seen, value) in enumerate(output):
        assert value == n
        assert np.array_equal(seen, table + n)


CLUSTER = """
import sys, signal
import ray
from ray.cluster_utils import Cluster
from cuebook.engines import RayEngine
def f(x):
    note(f"{{x}} {{os.getpid()}}")
    if x >= {gate}:
        wait_for("go", 60)
    return x
if __name__ == "__main__":
    small = dict(num_cpus=1, object_store_memory=80 * 2**20)
    cluster = Cluster(initialize_head=True, head_node_args={{**small, "include_dashboard": False}})
    {nodes}
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error", configure_logging=False)
    note("up", "up")
    {during}
    print(chunk(f, [[n] for n in range(8)], path="a.cue", batch=1, workers=2, where=RayEngine(wait=60)))
    ray.shutdown()
    cluster.shutdown()
"""

KILLER = """
    import threading
    def kill():
        while not os.path.exists(os.path.join(HERE, "kill")):
            time.sleep(0.01)
        {what}
    threading.Thread(target=kill, daemon=True).start()
"""


def test_a_node_that_is_gone_costs_its_running_call_alone(tmp_path: Path) -> None:
    during = KILLER.format(what="cluster.remove_node(node, allow_graceful=False)").replace('"go"', '"removed"')
    body = CLUSTER.format(gate=4, nodes="node = cluster.add_node(**small)", during=during)
    with start(tmp_path, body) as program:
        wait_until(lambda: done_in(tmp_path / "a.cue") == 4 and len(calls(tmp_path)) == 6, "two calls that wait", 90)
        waiting = {n: int(pid) for n, pid in map(str.split, calls(tmp_path)) if int(n) >= 4}
        (tmp_path / "kill").touch()
        wait_until(lambda: not all(map(is_alive, waiting.values())), "the end of the call on that node", 60)
        (tmp_path / "go").touch()
        assert program.wait(90) == 0, program.stderr
        assert f"{list(range(8))}\n" in program.stdout  # among what Ray has to say
    made = [line.split()[0] for line in calls(tmp_path)]
    twice = {n for n in made if made.count(n) > 1}
    assert len(twice) == 1
    assert twice <= set(waiting)


def test_a_program_that_is_killed_leaves_no_process_on_ray(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "object_store_memory": 80 * 2**20, "include_dashboard": False},
    )
    try:
        body = f"""
from cuebook.engines import RayEngine
def f(x):
    note(os.getpid())
    wait_for("go", 60)
if __name__ == "__main__":
    chunk(f, [[1], [2]], workers=2, where=RayEngine("{cluster.address}"))
"""
        with start(tmp_path, body) as program:
            wait_until(lambda: len(calls(tmp_path)) == 2, "two calls that wait", 60)
            program.process.kill()
            there = [int(pid) for pid in calls(tmp_path)]
            wait_until(lambda: not any(map(is_alive, there)), "the end of both workers", 10)
    finally:
        cluster.shutdown()


def test_an_address_where_nothing_listens_is_told_within_seconds(tmp_path: Path) -> None:
    body = """
from cuebook.engines import RayEngine
if __name__ == "__main__":
    began = time.monotonic()
    try:
        chunk(abs, [[1]], where=RayEngine("127.0.0.1:9"))
    except ClusterGone as error:
        print(error)
    print(time.monotonic() - began < 15)
"""
    with start(tmp_path, body) as program:
        assert program.wait(60) == 0, program.stderr
        assert program.stdout.startswith("no Ray answers at 127.0.0.1:9 within 5 s")
        assert program.stdout.endswith("True\n")


def test_a_head_that_is_killed_leaves_what_is_committed_and_the_error_says_how_to_go_on(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "object_store_memory": 80 * 2**20, "include_dashboard": False},
    )
    try:
        body = f"""
from cuebook.engines import RayEngine
def f(x):
    note(x)
    if x >= 4:
        wait_for("go", 100)
    return x
if __name__ == "__main__":
    chunk(f, [[n] for n in range(8)], workers=2, batch=1, path="a.cue", where=RayEngine("{cluster.address}"))
"""
        with start(tmp_path, body) as program:
            wait_until(
                lambda: done_in(tmp_path / "a.cue") == 4 and len(calls(tmp_path)) == 6, "two calls that wait", 90
            )
            cluster.head_node.kill_gcs_server()
            cluster.head_node.kill_raylet()
            wait_until(lambda: "is gone. What was committed is kept" in program.stderr, "the error", 50)
    finally:
        cluster.shutdown()
    assert done_in(tmp_path / "a.cue") == 4
