"""Messages that tests have in common."""

from __future__ import annotations

import dataclasses
from typing import Any

from cuebook.wire.message import message


@message(tag=61_001)
class Five:
    number: int
    text: str
    raw: bytes
    ratio: float
    maybe: int | None = None


@message(tag=61_002)
@dataclasses.dataclass(frozen=True, slots=True)
class Loose:
    value: Any


@message(tag=61_003)
class Containers:
    items: list[int]
    pair: tuple[int, ...]
    table: dict[str, int]


@message(tag=61_004)
class Empty:
    pass


@message(tag=61_005)
class Checked:
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("a share is 0 to 1")
