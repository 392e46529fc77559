"""What cuebook costs besides calls: import, cold start, memory of a long stream, bytes and syncs a result, idle CPU."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path

from benchmarks.harness import ROUNDS, folder, row, title

COLD = """
    import time; start = time.perf_counter()
    from cuebook import chunk
    def f(x): return x + 1
    chunk(f, [[1]], path={path!r})
    print(time.perf_counter() - start)
"""
STREAM = """
    import asyncio, resource
    from cuebook import Runtime
    def f(x): return x + 1
    async def main():
        count = 0
        async with Runtime({path!r}, chunk_size=2) as runtime:
            async for done in runtime.stream(f, ([i] for i in range({count}))):
                count += 1
        assert count == {count}
        peak = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
        print(peak / 1024)
    asyncio.run(main())
"""
MANY = """
    from cuebook import chunk
    def f(x): return x + 1
    chunk(f, [[i] for i in range({count})], path={path!r}, chunk_size=2, batch={batch})
"""
IDLE = """
    import asyncio, time
    from cuebook import Runtime
    def f(x): return x + 1
    async def main():
        async with Runtime({path!r}, chunk_size=2) as runtime:
            await runtime.chunk(f, [[i] for i in range(100)])
            await asyncio.sleep(0.5)
            start = time.process_time()
            await asyncio.sleep(5)
            print(time.process_time() - start)
    asyncio.run(main())
"""


def run(code: str, **values: object) -> str:
    """What a program prints."""
    text = textwrap.dedent(code).format(**values)
    done = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    title("bench_footprint")
    with folder() as where:
        start(where)
        memory(where)
        size(where)
        syncs(where)
        row("idle runtime, 5 s", f"{float(run(IDLE, path=str(where / 'idle.cue'))) * 1000:.1f} ms CPU")


def start(where: Path) -> None:
    """Import, and the first result of a cold chunk()."""
    imports = []
    for _ in range(ROUNDS):
        code = "import time; s = time.perf_counter(); import cuebook; print(time.perf_counter() - s)"
        imports.append(float(run(code)))
    colds = [float(run(COLD, path=str(where / f"cold-{number}.cue"))) for number in range(ROUNDS)]
    row("import cuebook", f"{statistics.median(imports) * 1000:.1f} ms", "(goal 100)")
    row("first result of a cold chunk()", f"{statistics.median(colds) * 1000:.0f} ms", "(goal 500)")


def memory(where: Path) -> None:
    """Peak memory of the parent over short and long streams."""
    few = float(run(STREAM, path=str(where / "few.cue"), count=10_000))
    many = float(run(STREAM, path=str(where / "many.cue"), count=1_000_000))
    row("stream of 10,000 / 1,000,000", f"{few:.1f} MB", f"{many:.1f} MB", f"{many / few:.2f} x", "(goal 1.2)")


def size(where: Path) -> None:
    """Bytes a call in the closed journal, above the encoded value and arguments."""
    import msgpack

    count = 100_000
    bare = sum(len(msgpack.packb([i])) + len(msgpack.packb(i + 1)) for i in range(count)) / count
    for batch in (16, 64):
        path = str(where / f"size-{batch}.cue")
        run(MANY, path=path, count=count, batch=batch)
        each = os.path.getsize(path) / count
        row(f"journal, batch {batch}", f"{each:.1f} B a call", f"{each - bare:.1f} B over", "(goal 40)")


def syncs(where: Path) -> None:
    """Calls of fsync a result, under load."""
    if shutil.which("strace") is None:
        row("syncs a result", "no strace here")
        return
    counts = []
    for count in (2_000, 22_000):
        log = where / "trace"
        text = textwrap.dedent(MANY).format(path=str(where / f"sync-{count}.cue"), count=count, batch=1)
        command = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", str(log), sys.executable, "-c", text]
        subprocess.run(command, check=True, capture_output=True)
        lines = [line.split() for line in log.read_text().splitlines()]
        counts.append(sum(int(line[3]) for line in lines if line and line[-1] in ("fsync", "fdatasync")))
    row("syncs a result, batch 1", f"{(counts[1] - counts[0]) / 20_000:.4f}", "(goal 0.1)")


if __name__ == "__main__":
    main()
