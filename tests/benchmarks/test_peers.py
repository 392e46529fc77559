"""Each peer is a script of its own with an environment of its own: ours never needs theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import environments, peer_runs
from benchmarks.environments import NoEnvironment, Peer, peers, python_of
from benchmarks.peer_runs import PeerFailed, measured

ALL = {peer.path.stem: peer for peer in peers()}


@pytest.mark.parametrize("peer", ALL.values(), ids=ALL)
def test_a_peer_says_what_it_is_how_durable_and_what_it_needs(peer: Peer) -> None:
    assert peer.kind in ("durable", "pool")
    assert (
        peer.durability == "nothing"
        if peer.kind == "pool"
        else peer.durability.split(":")[0].endswith(("loss", "crash"))
    )
    text = peer.path.read_text()
    assert "benchmarks" not in text
    assert ("from cuebook" in text) == peer.path.stem.startswith("cuebook")
    ours = environments.PEERS.parent.parent / "pyproject.toml"
    for requirement in peer.requirements:
        assert requirement.split("==")[0] not in ("msgpack", "aiosqlite")
    assert ours.is_file()


def test_the_peers_that_matter_are_there() -> None:
    durable = {"thread_chunks_peer", "dbos_sqlite", "python_durable", "joblib_memory", "diskcache_full", "cachier_files",
               "redun_threads", "parsl_threads", "prefect_tasks"}  # fmt: skip
    pools = {
        "process_pool",
        "multiprocessing_pool",
        "joblib_parallel",
        "loky_executor",
        "dask_distributed",
        "ray_tasks",
    }

    assert durable <= {name for name, peer in ALL.items() if peer.kind == "durable"}
    assert pools <= {name for name, peer in ALL.items() if peer.kind == "pool"}


@pytest.mark.parametrize("name", ["process_pool", "cuebook_durable"])
def test_a_round_is_a_job_and_its_resume_in_processes_of_their_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_DIR", str(tmp_path))
    found = measured(ALL[name], 20, 2)

    assert found.run_s > 0
    assert found.start_s > 0
    assert (found.resume_s is None) == (name == "process_pool")
    assert [*tmp_path.iterdir()] == []


SCRIPT = """# /// script
# dependencies = {needs}
# ///
from peer_job import main, square
NAME, KIND, DURABILITY = "p", "pool", "nothing"
NAME = "p"
KIND = "pool"
DURABILITY = "nothing"


def run(job):
    with job.timed():
        {body}


main(run)
"""


def made(tmp_path: Path, body: str, needs: str = "[]") -> Peer:
    (tmp_path / "peer_job.py").write_text((environments.PEERS / "peer_job.py").read_text())
    (tmp_path / "made_peer.py").write_text(SCRIPT.format(body=body, needs=needs))
    [peer] = peers(tmp_path)
    return peer


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("raise RuntimeError('no disk')", "RuntimeError: no disk"),
        ("return [0] * job.calls", "wrong results"),
        ("import time; time.sleep(60)", "more than 1 s"),
    ],
)
def test_a_peer_that_gives_no_right_answer_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, text: str
) -> None:
    monkeypatch.setenv("BENCH_DIR", str(tmp_path))
    monkeypatch.setattr(peer_runs, "LIMIT_S", 1 if "sleep" in body else 30)

    with pytest.raises(PeerFailed, match=text):
        measured(made(tmp_path, body), 5, 2)


def test_an_environment_is_made_once_in_the_cache_and_again_for_other_requirements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def done(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        place = next((Path(each) for each in command if str(each).startswith(str(tmp_path / "cache"))), None)
        if place is not None and "venv" in command:
            place.mkdir(parents=True)
        return subprocess.CompletedProcess(command, 1 if "no-such==1" in command else 0, "", "no such package")

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environments.subprocess, "run", done)
    peer = made(tmp_path, "return []", '["one==1", "two==2"]')

    python = python_of(peer)
    assert python == python_of(peer)
    assert str(python).startswith(str(tmp_path / "cache"))
    assert len(commands) == 2
    assert commands[1][-2:] == ["one==1", "two==2"]
    assert python_of(made(tmp_path, "return []", '["one==1"]')) != python
    with pytest.raises(NoEnvironment, match="does not install: no such package"):
        python_of(made(tmp_path, "return []", '["no-such==1"]'))


def test_a_peer_that_needs_nothing_has_our_own_python() -> None:
    assert python_of(ALL["process_pool"]) == Path(sys.executable)
