"""What tests of failures have in common."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

WHERE = ["process", "thread", "async"]


def executions(log: Path) -> Counter[int]:
    return Counter(map(int, log.read_text().split()))
