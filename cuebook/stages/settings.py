"""What the environment says of jobs: what is not taken over, and names that mean nothing. Knows no job."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from cuebook.notices import notice

__all__ = [
    "LIVE",
    "RESET",
    "RESET_STAGES",
    "Reset",
    "is_drawn",
    "is_watched",
    "reset_of_environment",
    "warn_of_unknown",
]

LIVE = "CUEBOOK_LIVE"
RESET = "CUEBOOK_RESET"
RESET_STAGES = "CUEBOOK_RESET_STAGES"
_KNOWN = frozenset({RESET, RESET_STAGES, "CUEBOOK_DIR", "CUEBOOK_JOB", "CUEBOOK_TRUST", LIVE})
_SET_BY_US = frozenset({"CUEBOOK_EXPERIMENT", "CUEBOOK_RESUME", "CUEBOOK_RUNNER"})
"""What `cuebook exp run` tells its programs."""
_FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Reset:
    """What of earlier runs is left alone.

    Attributes:
        is_all: everything. stages: names of stages; what follows from one is done again, too.
    """

    is_all: bool = False
    stages: frozenset[str] = frozenset()


def reset_of_environment() -> Reset:
    """As CUEBOOK_RESET and CUEBOOK_RESET_STAGES (one name a line) say."""
    stages = os.environ.get(RESET_STAGES, "")
    return Reset(os.environ.get(RESET, "").strip().lower() not in _FALSE, frozenset(filter(None, stages.split("\n"))))


def is_watched() -> bool:
    """Whether each stage is to say what becomes of it, as under `cuebook run`."""
    return os.environ.get(LIVE, "").strip().lower() not in _FALSE


def is_drawn() -> bool:
    """Whether that is a tree which is drawn again and again: on a terminal, unless lines are asked for."""
    stream = sys.stderr
    try:
        is_terminal = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # a program may have put anything in its place
        return False
    return is_terminal and os.environ.get(LIVE, "").strip().lower() != "lines"


def warn_of_unknown() -> None:
    """Say which names of the environment look like ours, or were another tool's, and mean nothing."""
    for name in sorted(os.environ):
        if name == "DATACHAIN_CHECKPOINTS_RESET" or name == "DATACHAIN_IGNORE_CHECKPOINTS":
            notice(f"{name} means nothing to cuebook; {RESET}=1 has everything done again")
        elif name.startswith("CUEBOOK_") and name not in _KNOWN | _SET_BY_US:
            notice(f"{name} is set, and cuebook knows no such name; it knows {', '.join(sorted(_KNOWN))}")
