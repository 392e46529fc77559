"""Log records made in a call, handed to the parent's handlers. Knows only the standard logging."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable

from cuebook.engines.wire import Logged
from cuebook.runtime.message import encode

__all__ = ["emit_in_parent", "forward_logging", "logging_levels"]


class _Forwarder(logging.Handler):
    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send
        self._pid = os.getpid()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if os.getpid() != self._pid:  # a process that a call has forked has no way to the parent but this
                sys.stderr.write(f"{logging.Formatter(logging.BASIC_FORMAT).format(record)}\n")
                return
            self._send(encode(_logged(record)))
        except Exception:  # as the standard handlers: a record that cannot be made is no failure of the call
            self.handleError(record)


def _logged(record: logging.LogRecord) -> Logged:
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
    if record.stack_info:
        text = f"{text}\n{record.stack_info}"
    return Logged(
        record.name,
        record.levelno,
        text,
        record.created,
        record.pathname,
        record.lineno,
        record.funcName or "",
    )


def logging_levels() -> dict[str, int]:
    """The levels that the parent has set, by logger's name; empty where logging is not configured at all."""
    root = logging.getLogger()
    if not root.handlers:
        return {}
    levels = {"": root.level}
    for name, logger in list(getattr(root.manager, "loggerDict", {}).items()):
        if isinstance(logger, logging.Logger) and logger.level:
            levels[name] = logger.level
    return levels


def forward_logging(levels: dict[str, int], send: Callable[[bytes], None]) -> None:
    """Let every record at the parent's levels go to the parent instead of this process's own handlers."""
    root = logging.getLogger()
    root.handlers[:] = [_Forwarder(send)]
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)


def emit_in_parent(record: Logged) -> None:
    """Hand a forwarded record to the handlers of this process."""
    logger = logging.getLogger(record.name)
    made = logging.LogRecord(
        record.name, record.level, record.pathname, record.line, record.text, None, None, record.function
    )
    made.created = record.created
    try:
        if logger.isEnabledFor(record.level):
            logger.handle(made)
    except Exception:  # a filter or handler of the user's: as the standard handlers do, and the run goes on
        if logging.raiseExceptions:
            traceback.print_exc()
