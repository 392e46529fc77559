"""Log records made in a worker, handed to the program's handlers. Knows only the standard logging.

A worker logs as the program does: at the same levels, with the same loggers disabled. Each record goes to the program
and there through the filters and handlers of its logger. Handlers that a module has set up as it was imported here are
in the program too, and mute here; those of a call or of a Worker's `setup` are the worker's own.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from cuebook.children.logs.log_records import Arrived, pack_record, unpack_record
from cuebook.children.logs.logged import Logged
from cuebook.wire.message import encode

__all__ = ["Forwarding", "emit_in_parent", "logging_state"]


def logging_state() -> dict[str, Any] | None:
    """How this program logs, as plain data for a worker; None where logging is not configured at all."""
    root = logging.getLogger()
    levels, disabled, handled = {"": root.level}, [], []
    for name, logger in _loggers():
        if logger.level and logger is not root:
            levels[name] = logger.level
        if logger.disabled:
            disabled.append(name)
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            handled.append(name)
    captures = getattr(logging, "_warnings_showwarning", None) is not None
    off = root.manager.disable
    if not handled and not disabled and not off and not captures and levels == {"": logging.WARNING}:
        return None
    return {"levels": levels, "disabled": disabled, "handled": handled, "off": off, "captures": captures}


def _loggers() -> Iterator[tuple[str, logging.Logger]]:
    root = logging.getLogger()
    yield "", root
    for name, logger in list(root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger):
            yield name, logger


class _Standing(logging.Handler):
    """Stands for handlers of the program, so that code which looks for some finds one, as `basicConfig` does."""

    def emit(self, record: logging.LogRecord) -> None:
        """The program's own handlers have it."""


class Forwarding:
    """One for a worker process: `load` before the user's modules are imported, `begin` afterwards.

    Args:
        send: hands one encoded message to the parent.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._pid = os.getpid()
        self._state: dict[str, Any] | None = None
        self._loading: int | None = None
        self._known: set[logging.Handler] = set()
        self._mute: set[logging.Handler] = set()
        self._levels: set[str] = set()
        self._captures = False
        self._own_call_handlers: Any = None
        self._replaced: Any = None
        self._busy = threading.local()

    def load(self, state: dict[str, Any] | None) -> None:
        """The function is about to be loaded: what modules log as they are imported was logged in the program."""
        self._state = state
        self._loading = None if state is None else threading.get_ident()
        if state is None:
            self._stop()
            return
        self._known = _handlers() - self._mute
        if logging.Logger.callHandlers is not self._own_call_handlers:
            self._replaced = logging.Logger.callHandlers
            self._own_call_handlers = lambda logger, record: self.handle(logger, record)
            logging.Logger.callHandlers = self._own_call_handlers  # type: ignore[method-assign]

    def begin(self) -> None:
        """It is loaded: from now on records go to the program."""
        if self._state is None:
            return
        self._mute |= _handlers() - self._known
        self._apply(self._state)
        if logging.Logger.callHandlers is not self._own_call_handlers:  # a module has put itself before us
            logging.Logger.callHandlers = self._own_call_handlers  # type: ignore[method-assign]
        self._loading = None

    def _stop(self) -> None:
        if self._own_call_handlers is not None and logging.Logger.callHandlers is self._own_call_handlers:
            logging.Logger.callHandlers = self._replaced  # type: ignore[method-assign]

    def _apply(self, state: dict[str, Any]) -> None:
        for name in self._levels - state["levels"].keys():
            logging.getLogger(name).setLevel(logging.NOTSET)
        self._levels = set(state["levels"])
        for name, level in state["levels"].items():
            logging.getLogger(name or None).setLevel(level)
        for name in (*state["disabled"], *state["handled"]):
            logging.getLogger(name or None)
        disabled, handled = set(state["disabled"]), set(state["handled"])
        for name, logger in _loggers():
            logger.disabled = name in disabled
            if name in handled and not logger.handlers:
                standing = _Standing()
                self._mute.add(standing)
                logger.addHandler(standing)
        logging.disable(state["off"])
        if state["captures"] != self._captures:
            self._captures = state["captures"]
            logging.captureWarnings(self._captures)

    def handle(self, logger: logging.Logger, record: logging.LogRecord) -> None:
        """In place of `Logger.callHandlers`: the worker's own handlers, then the program's."""
        if self._loading == threading.get_ident() or getattr(self._busy, "is_sending", False):
            return
        was_handled = self._handle_here(logger, record)
        if os.getpid() != self._pid:  # a process that a call has forked has no way to the parent but this
            sys.stderr.write(f"{logging.Formatter(logging.BASIC_FORMAT).format(record)}\n")
            return
        self._busy.is_sending = True
        try:
            data = pack_record(record, was_handled=was_handled, filters=list(map(_kind, logger.filters)))
            self._send(encode(Logged(data)))
        except Exception:  # as the standard handlers: a record that cannot be made is no failure of the call
            _Standing().handleError(record)
        finally:
            self._busy.is_sending = False

    def _handle_here(self, logger: logging.Logger, record: logging.LogRecord) -> bool:
        was_handled = False
        at: logging.Logger | None = logger
        while at is not None:
            for handler in at.handlers:
                if handler not in self._mute and not isinstance(handler, logging.NullHandler):
                    was_handled = True
                    if record.levelno >= handler.level:
                        handler.handle(record)
            at = at.parent if at.propagate else None
        return was_handled


def _handlers() -> set[logging.Handler]:
    return {handler for _, logger in _loggers() for handler in logger.handlers}


def _kind(filter_: Any) -> str:
    """The name by which a logger's filter is known in both processes."""
    named = filter_ if hasattr(filter_, "__qualname__") else type(filter_)
    return f"{named.__module__}.{named.__qualname__}"


def emit_in_parent(logged: Logged) -> None:
    """Hand a forwarded record to the filters and handlers of its logger in this process."""
    try:
        _emit(unpack_record(logged.data))
    except Exception:  # a filter or handler of the user's: as the standard handlers do, and the run goes on
        if logging.raiseExceptions:
            traceback.print_exc()


def _emit(arrived: Arrived) -> None:
    record = arrived.record
    logger = logging.getLogger(record.name if record.name != "root" else None)
    if logger.disabled or not _passes(logger, arrived):
        return
    if not (arrived.was_handled and not logger.hasHandlers()):
        logger.callHandlers(record)


def _passes(logger: logging.Logger, arrived: Arrived) -> bool:
    """What the logger's filters say that have not seen the record in the worker: there a call's context was at hand."""
    passed = list(arrived.filters)
    rest = logging.Filterer()
    for filter_ in logger.filters:
        if _kind(filter_) in passed:
            passed.remove(_kind(filter_))
        else:
            rest.addFilter(filter_)
    found: Any = rest.filter(arrived.record)
    if found and found is not True and isinstance(found, logging.LogRecord):
        arrived.record.__dict__.update(found.__dict__)
    return bool(found)
