"""Opening a journal of 1,000,000 finished small results and returning the list.

Peer: a bare sqlite3 scan, a msgpack decode of the same bytes, and one encode of all parameters. Goal: at most 2 times.
"""

from __future__ import annotations

import os
import sqlite3

import msgpack

from benchmarks.harness import folder, in_turn, ratio, row, timed, title
from cuebook import Chunker
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.run_heads import Completed

CALLS = int(os.environ.get("CALLS", "1000000"))


def increment(x: int) -> int:
    return x + 1


def main() -> None:
    title(f"bench_resume: {CALLS:,} finished small results, given back as a list")
    parameters = [[number] for number in range(CALLS)]
    with folder() as where, Chunker(increment, chunk_size=2) as chunker:
        path = str(where / "resume.cue")
        chunker(parameters, path=path)
        chunker.close()
        size = os.path.getsize(path)
        expected = list(range(1, CALLS + 1))

        def ours() -> float:
            with Chunker(increment, chunk_size=2) as fresh:
                out: list[list[int]] = []
                seconds = timed(lambda: out.append(fresh(parameters, path=path)))
                assert out[0] == expected
                return seconds

        resumed, bare = in_turn(ours, lambda: timed(lambda: scan(path, parameters)))
    row("", "resume", "bare", "ratio", "bytes a call")
    row("seconds", f"{sorted(resumed)[len(resumed) // 2]:.3f}", f"{sorted(bare)[len(bare) // 2]:.3f}",
        f"{ratio(resumed, bare):.2f} x", f"{size / CALLS:.1f}")  # fmt: skip


def scan(path: str, parameters: list[list[int]]) -> None:
    """The least that could be done."""
    connection = sqlite3.connect(path)
    values: list[int] = []
    query = "SELECT head, body FROM records WHERE kind = ? ORDER BY seq"
    for head, body in connection.execute(query, (int(Kind.COMPLETED),)):
        count = Completed.decode(head).count
        values.extend(msgpack.unpackb(b"\xdd" + count.to_bytes(4, "big") + body))
    connection.close()
    assert len(values) == len(parameters)
    msgpack.packb(parameters)


if __name__ == "__main__":
    main()
