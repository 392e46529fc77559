"""What tests of arguments have in common."""

from __future__ import annotations

import enum


class Kind(enum.IntEnum):
    ONE = 1
