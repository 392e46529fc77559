"""What hosts in this process share. Knows no thread and no task."""

from __future__ import annotations

from cuebook.engines.outcome import error_type_name, traceback_text
from cuebook.engines.wire import SetupFailed
from cuebook.persistence.values import ValueEncoder

__all__ = ["setup_failed"]


def setup_failed(run: int, error: BaseException) -> SetupFailed:
    """The user's `setup` raised: the exception as a message."""
    encoded = None
    try:
        encoded = ValueEncoder().encode(error)
    except Exception:
        encoded = None
    return SetupFailed(run, "setup", error_type_name(error), str(error), traceback_text(error), encoded)
