"""Names of parameters that are the same in every run of the suite."""

from __future__ import annotations

import re
from typing import Any


def shown(value: Any, length: int = 80) -> str:
    """The value's repr without addresses and with its set, if it is one, in order; cut to so many characters."""
    ordered = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
    return re.sub(r"0x[0-9a-f]+", "0x", repr(ordered))[:length]
