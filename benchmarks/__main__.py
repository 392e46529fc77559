"""Run every benchmark, or those whose names hold a word given: `python -m benchmarks resume`.

Also `python -m benchmarks --compare` (the last two results of each) and `--docs` (the tables of docs/benchmarks.md).
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from benchmarks.comparison import comparison_lines
from benchmarks.harness import recorded
from benchmarks.measurements import save


def names() -> list[str]:
    """Every benchmark there is: the files `bench_NAME.py` beside this one."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> None:
    """Run them one after the other, each with its results in a file."""
    words = sys.argv[1:]
    if words == ["--compare"]:
        print("\n".join(comparison_lines()) or "no results yet: make bench")
        return
    if words == ["--docs"]:
        import_module("benchmarks.pages").write_pages()
        return
    for name in names():
        if not words or any(word in name for word in words):
            with recorded(name) as made:
                import_module(f"benchmarks.bench_{name}").main()
            print(f"   kept in {save(made())}", flush=True)


if __name__ == "__main__":
    main()
