"""The machine that is measured on: what memory is free, how busy others keep it. Knows no setting and no run."""

from __future__ import annotations

import os

__all__ = ["free_memory_bytes", "load_of_others"]


def free_memory_bytes() -> int | None:
    """Bytes of memory that programs may still take; None where that is not known."""
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def load_of_others() -> float:
    """Processors that were busy in the last minute, this program among them if it was; 0.0 where that is not known."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0
