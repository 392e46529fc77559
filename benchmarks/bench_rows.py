"""Chains of rows: a trivial map, durable; relational work beside bare polars; a skipped chain; disk; memory.

Goals: 21 us a row (a twentieth of DataChain's 420 us), 1.05 x polars, 5 ms, 1.3 x the Parquet and 16 bytes a row.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.harness import ROUNDS, folder, row, timed, title

ROWS, TABLE, STEPS = 100_000, 2_000_000, 10


@contextmanager
def program(where: Path, name: str):
    import cuebook

    os.environ["CUEBOOK_DIR"] = str(where / ".cuebook")
    with cuebook.job(name) as job:
        yield job


def stored(where: Path) -> int:
    return sum(path.stat().st_size for path in (where / ".cuebook" / "files").rglob("*") if path.is_file())


def mapped() -> None:
    import polars as pl

    import cuebook.data as dc

    plain, rates = pl.DataFrame({"x": range(ROWS)}).with_columns(y=pl.col("x") * 2), []
    for number in range(max(1, ROUNDS // 2)):
        with folder() as where:
            source = where / "x.parquet"
            plain.select("x").write_parquet(source)
            plain.write_parquet(where / "plain.parquet")
            with program(where, f"map {number}"):
                chain = dc.read_parquet(source).map(y=lambda x: x * 2, output=int)
                rates.append(timed(partial(chain.save, "doubled")) / ROWS)
            disk = (stored(where) - (where / "plain.parquet").stat().st_size) / ROWS
    row(
        "map, one worker",
        f"{statistics.median(rates) * 1e6:.1f} us a row",
        f"disk beyond the Parquet: {disk:.1f} B a row",
    )


def relational() -> None:
    import polars as pl

    import cuebook.data as dc

    with folder() as where:
        source = where / "table.parquet"
        pl.DataFrame({"g": [number % 1000 for number in range(TABLE)]}).with_columns(
            x=pl.int_range(TABLE), text=pl.col("g").cast(pl.String)
        ).write_parquet(source)
        dc.read_parquet(source).count()

        def bare(number: int) -> None:
            lazy = pl.scan_parquet(source).filter(pl.col("x") > number).with_columns(y=pl.col("x") * 2)
            lazy.sort("g", maintain_order=True).sink_parquet(where / f"{number}.parquet")

        def ours(number: int) -> None:
            chain = dc.read_parquet(source).filter(dc.C("x") > number).mutate(y=dc.C("x") * 2)
            chain.order_by("g").save("sorted")

        ratios, seconds = [], []
        with program(where, "relational"):
            ours(0)
            for number in range(1, ROUNDS + 1):
                seconds.append(timed(lambda n=number: bare(n)))
                ratios.append(timed(lambda n=number: ours(n)) / seconds[-1])
        row("relational", f"{statistics.median(ratios):.2f} x polars", f"polars: {statistics.median(seconds):.2f} s")


def skipped() -> None:
    import cuebook.data as dc

    with folder() as where, program(where, "skipped"):

        def run() -> None:
            chain = dc.read_values(x=range(10)).settings(where="thread")
            for number in range(STEPS):
                chain = chain.map(lambda x: x + 1, output={f"y{number}": int})
            chain.save("all")

        run()
        times = [timed(run) for _ in range(4 * ROUNDS)]
        row(f"skipped, {STEPS} steps", f"{statistics.median(times) * 1e3:.2f} ms")


MEMORY = """
import sys
import polars as pl
import cuebook.data as dc
chain = dc.read_parquet("table.parquet").mutate(y=dc.C("x") * 2)
if sys.argv[1] == "map":
    chain = chain.settings(batch_rows=10_000).map(z=lambda x: x, batch=True, output=int)
chain.save("all")
with open("/proc/self/status") as file:
    print(next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM")))
"""


def memory() -> None:
    import polars as pl

    for kind, sizes in (("relational", (1_000_000, 10_000_000)), ("map", (200_000, 2_000_000))):
        found = []
        for size in sizes:
            with folder() as where:
                pl.LazyFrame({"x": pl.int_range(size, eager=True)}).sink_parquet(where / "table.parquet")
                (where / "script.py").write_text(MEMORY)
                environment = {**os.environ, "PYTHONPATH": os.getcwd(), "CUEBOOK_DIR": str(where / ".cuebook")}
                done = subprocess.run(
                    [sys.executable, "script.py", kind],
                    cwd=where,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found.append(f"{size:,} rows: {done.stdout.strip()} MB")
        row(f"memory, {kind}", *found)


def main() -> None:
    title("bench_rows: chains of cuebook.data")
    mapped()
    relational()
    skipped()
    memory()


if __name__ == "__main__":
    main()
