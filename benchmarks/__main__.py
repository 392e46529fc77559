"""Run every benchmark, or those whose names hold a word given: `python -m benchmarks resume`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def names() -> list[str]:
    """Every benchmark there is: the files `bench_NAME.py` beside this one."""
    return sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


def main() -> None:
    """Run them one after the other."""
    words = sys.argv[1:]
    for name in names():
        if not words or any(word in name for word in words):
            import_module(f"benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main()
