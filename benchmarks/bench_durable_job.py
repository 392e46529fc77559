"""The same durable job with every peer: N calls, each result durable when it is reported, then a resume.

Each peer in a process and an environment of its own; rounds of all of them in turn. `PEER_CALLS`, `PEERS` (a word of
the name), `ROUNDS` change what is run. Goal: 30 times every durable peer at N = 1000, no pool faster at equal batch.
"""

from __future__ import annotations

import os
from collections import defaultdict

from benchmarks.environments import NoEnvironment, Peer, peers
from benchmarks.harness import keep, leave_out, progress, row, title
from benchmarks.measurements import Figure
from benchmarks.peer_runs import PeerFailed, PeerTimes, measured
from benchmarks.surroundings import load_average

CALLS = int(os.environ.get("PEER_CALLS", "1000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKERS = 2
OURS = "cuebook"


def main() -> None:
    word = os.environ.get("PEERS", "").lower()
    chosen = [peer for peer in peers() if word in peer.name.lower() or peer.name == OURS]
    title(f"durable_job: {CALLS:,} calls on {WORKERS} workers, {ROUNDS} rounds in turn; fewer where it is slow")
    times: dict[Peer, list[PeerTimes]] = defaultdict(list)
    loads: dict[Peer, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for peer in list(chosen):
            progress(f"round {number + 1} of {ROUNDS}: {peer.name}")
            try:
                times[peer].append(measured(peer, calls_of(peer), WORKERS))
            except (NoEnvironment, PeerFailed) as error:
                chosen.remove(peer)
                if not times[peer]:
                    leave_out(peer.name, str(error))
            loads[peer].append(load_average())
    row("", "calls", "results/s", "resume, ms a call", "start, s")
    for peer in sorted(times, key=lambda each: -best_rate(times[each], each)):
        if times[peer]:
            _keep(peer, times[peer], loads[peer])


def calls_of(peer: Peer) -> int:
    return min(CALLS, peer.calls_max or CALLS)


def best_rate(rounds: list[PeerTimes], peer: Peer) -> float:
    return max((calls_of(peer) / each.run_s for each in rounds), default=0.0)


def _keep(peer: Peer, rounds: list[PeerTimes], loads: list[float]) -> None:
    calls = calls_of(peer)
    said = {
        "calls": calls,
        "workers": WORKERS,
        "kind": peer.kind,
        "durability": peer.durability,
        "versions": rounds[0].versions,
        "file": f"benchmarks/peers/{peer.path.name}",
    }
    rates = Figure(peer.name, tuple(calls / each.run_s for each in rounds), "results/s", {**said, "phase": "run"})
    starts = Figure(peer.name, tuple(each.start_s for each in rounds), "s", {**said, "phase": "start"}, is_rate=False)
    resumed = tuple(each.resume_s * 1000 / calls for each in rounds if each.resume_s is not None)
    found = [rates, starts]
    if resumed:
        found.append(Figure(peer.name, resumed, "ms a call", {**said, "phase": "resume"}, is_rate=False))
    for figure in found:
        keep(figure, loads=tuple(loads))
    resume = f"{found[2].median:.3f}" if resumed else "-"
    row(peer.name, calls, f"{rates.median:,.0f}", resume, f"{starts.median:.1f}")


if __name__ == "__main__":
    main()
