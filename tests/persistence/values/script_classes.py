"""Classes that tests of objects have in common."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar


@dataclass
class Point:
    x: int
    y: object = None
    count: ClassVar[int] = 0


class Color(enum.Enum):
    RED = 1
    BLUE = (0, 0, 255)
    NAN = float("nan")
    OBJECT = object()
