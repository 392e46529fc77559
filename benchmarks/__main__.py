"""Run every benchmark, or those whose names hold a word given: `python -m benchmarks resume`."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "chunk_vs_pool", "chunk_overhead", "cost_growth", "resume", "checkpoint", "footprint", "actors",
    "actor_peers", "seeing",
)  # fmt: skip


def main() -> None:
    """Run them one after the other."""
    words = sys.argv[1:]
    for name in NAMES:
        if not words or any(word in name for word in words):
            import_module(f"benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main()
