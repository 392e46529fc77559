"""Settings of the process that decide what code computes, and that calls have as the program set them.

Knows no digests.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["decimal_context"]

_DEFAULT = {
    "prec": 28,
    "rounding": "ROUND_HALF_EVEN",
    "Emin": -999999,
    "Emax": 999999,
    "capitals": 1,
    "clamp": 0,
    "traps": ["DivisionByZero", "InvalidOperation", "Overflow"],
}


def decimal_context() -> dict[str, Any] | None:
    """How decimals are computed here; None: as in a program that has set nothing."""
    decimal = sys.modules.get("decimal")
    if decimal is None:
        return None
    context = decimal.getcontext()
    found = {name: getattr(context, name) for name in _DEFAULT if name != "traps"}
    found["traps"] = sorted(signal.__name__ for signal, is_trapped in context.traps.items() if is_trapped)
    return None if found == _DEFAULT else found
