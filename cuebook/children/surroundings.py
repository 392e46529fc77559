"""Where this process is, for a child that is to become like it: `settling` is the other half. Knows no call."""

from __future__ import annotations

import os
import sys
from typing import Any

from cuebook.children.logs.forwarding import logging_state
from cuebook.children.program.program import take_program, taken

__all__ = ["surroundings"]


def surroundings() -> dict[str, Any]:
    """Where this process is and how it logs, for `adopt_environment` in a child: plain data."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:  # it was removed: the child stays where it was started
        folder = None
    return {
        "sys_path": [os.path.normpath(os.path.join(folder or os.sep, entry)) for entry in sys.path],
        "argv": list(sys.argv),
        "cwd": folder,
        "logging": logging_state(),
        "program": taken.get() or take_program(),
    }
