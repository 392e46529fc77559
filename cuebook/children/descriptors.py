"""Files that this process may have open: room for a run's workers is made, or its lack said before anything begins."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from cuebook.errors import SupervisionError

__all__ = ["make_room", "shortage"]

OF_A_RUN = 32
"""For a run: its loop, its journal, what is imported and read meanwhile; and, for a moment, the start of a worker."""
OF_A_WORKER = 5
"""Two sockets, two pipes, and what tells its end."""


def make_room(workers: int) -> None:
    """See that a run with so many worker processes finds room; the soft limit is raised as far as that takes.

    Raises:
        SupervisionError: the hard limit does not allow it; the text says what to do.

    Cost: 10 us and 0.1 us an open file.
    """
    limits = _limits()
    if limits is None:
        return
    soft, hard = limits
    used = _open_files()
    missing = shortage(used, soft, workers)
    if missing <= 0:
        return
    import resource

    if hard == resource.RLIM_INFINITY or soft + missing <= hard:
        with suppress(ValueError, OSError):  # a system with a limit of its own beside
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft + missing, hard))
            return
    needed = OF_A_RUN + OF_A_WORKER * workers
    what = f"a run with {workers} worker processes" if workers else "a run"
    fewer = ", or take fewer workers" if workers > 1 else ""
    raise SupervisionError(
        f"{what} needs about {needed} files of its own, and this process may have {soft} open, of which {used} are: "
        f"raise the limit (`ulimit -n`){fewer}"
    )


def shortage(used: int, soft: int, workers: int) -> int:
    """By how much the limit is too low; 0 or less where it is not.

    >>> shortage(10, 1024, 8), shortage(10, 40, 2)
    (-942, 12)
    """
    return used + OF_A_RUN + OF_A_WORKER * workers - soft


def _limits() -> tuple[int, int] | None:
    """The soft and the hard limit; None where there is none."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else (soft, hard)


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))  # noqa: PTH208 - in as little as it takes
        except OSError:  # no such folder, or no room to look into it
            continue
    return 3
