"""Log events with keys and values, through structlog, over the standard library's logger "cuebook".

Nothing is imported, formatted or written unless some handler would take the record; neither structlog nor
logging is configured here, and nothing goes to stdout. Knows no actor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

__all__ = ["Log", "get_logger"]

ROOT = "cuebook"
logging.getLogger(ROOT).addHandler(logging.NullHandler())


class Log:
    """A logger of events. A call costs under a microsecond while nobody listens.

    Its records carry the event as their message, with `key=value` behind it, and the same as a mapping in
    `record.cuebook`, for formatters that want the parts.
    """

    __slots__ = ("_around", "_bound", "_fields", "_logger")

    def __init__(
        self, logger: logging.Logger, fields: dict[str, Any], around: Callable[[], Mapping[str, Any]] | None = None
    ) -> None:
        self._logger = logger
        self._fields = fields
        self._around = around
        self._bound: Any = None

    def bind(self, **fields: Any) -> Log:
        """The same logger with these fields in every event (such as run=..., call=...)."""
        return Log(self._logger, {**self._fields, **fields}, self._around)

    def debug(self, event: str, /, **fields: Any) -> None:
        """What helps when reading along."""
        self._emit(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """What happened as it should."""
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """What went wrong and was dealt with."""
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """What went wrong and needs someone. `exc_info=` takes an exception."""
        self._emit(logging.ERROR, event, fields)

    def is_heard(self, level: int) -> bool:
        """Whether a record of this level would reach any handler."""
        return self._logger.isEnabledFor(level) and _has_listener(self._logger, level)

    def _emit(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if not self.is_heard(level):
            return
        if self._bound is None:
            self._bound = _structured(self._logger).bind(**self._fields)
        if self._around is not None:
            fields = {**self._around(), **fields}
        self._bound.log(level, event, **fields)


def get_logger(name: str, *, around: Callable[[], Mapping[str, Any]] | None = None) -> Log:
    """The logger of a part of cuebook; `name` is dotted, with or without "cuebook." before it.

    Parameters:
        around: gives more fields of an event, when it is written.
    """
    full = name if name == ROOT or name.startswith(f"{ROOT}.") else f"{ROOT}.{name}"
    return Log(logging.getLogger(full), {}, around)


def _has_listener(logger: logging.Logger | None, level: int) -> bool:
    while logger is not None:
        for handler in logger.handlers:
            if handler.level <= level and not isinstance(handler, logging.NullHandler):
                return True
        if not logger.propagate:
            return False
        logger = logger.parent
    return False


def _structured(logger: logging.Logger) -> Any:
    import structlog  # 0.1 s and more: only for a record that someone reads

    return structlog.wrap_logger(
        logger,
        processors=[structlog.contextvars.merge_contextvars, _as_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )


def _as_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    text = event.pop("event")
    passed: dict[str, Any] = {key: event.pop(key) for key in ("exc_info", "stack_info") if key in event}
    shown = "".join(f" {key}={value!r}" for key, value in event.items())
    # The text is an argument, so that a % inside it is never a format.
    return ("%s%s", text, shown), {**passed, "extra": {"cuebook": dict(event)}, "stacklevel": 6}
