"""What tests of living values have in common."""

from __future__ import annotations

from typing import Any

from cuebook.persistence.identity.value_digest import walked_digest
from cuebook.persistence.identity.values.walk import ValueWalk


def walked(value: Any) -> ValueWalk:
    walk = ValueWalk()
    walked_digest(walk, lambda walk: walk.encode(value))
    return walk
