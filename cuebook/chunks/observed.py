"""Runs under telemetry: a span each, and counts of calls. Imports none before it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cuebook.actors.application import Application
from cuebook.actors.runs.progress import Event, EventKind, Progress
from cuebook.actors.runs.run import Run
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.opening import open_run

__all__ = ["find_telemetry", "open_observed"]

_COUNTED = ("done", "failed", "reused", "retried")


def find_telemetry(wanted: Any) -> Any:
    """The Telemetry that `telemetry=` means; None: none.

    Raises:
        ImportError: OpenTelemetry is not installed. TypeError: it means none.
    """
    if wanted is None or wanted is False:
        return None
    try:
        from cuebook.runtime.seeing.telemetry import Telemetry
    except ImportError as error:
        raise ImportError("telemetry= needs OpenTelemetry: pip install cuebook[otel]") from error
    if wanted is True:
        return Telemetry()
    if not isinstance(wanted, Telemetry):
        raise TypeError(f"telemetry is True, False or a cuebook.runtime.seeing.telemetry.Telemetry, not {wanted!r}")
    return wanted


async def open_observed(
    app: Application,
    request: Request,
    room: int | None,
    *,
    listeners: list[Callable[[Event], None]],
    telemetry: Any,
) -> OpenedRun:
    """`open_run`, with a span that lasts as long as the run."""
    name = getattr(request.func, "__qualname__", type(request.func).__qualname__)
    span = _RunSpan(telemetry, name, request.path)
    request = replace(request, traceparent=span.traceparent)
    try:
        opened = await open_run(app, request, room=room, listeners=[*listeners, span.on_event])
    except BaseException as error:
        span.end(error)
        raise
    opened.run.ended.add_done_callback(lambda _: span.on_ended(opened.run))
    return opened


class _RunSpan:
    """A run as a span, `chunk NAME`: a child of the span that is current where the run is begun.

    Failed and repeated calls and lost workers are events in it. The counter `cuebook.calls` has how many calls were
    done, failed, reused and retried, by function.

    Args:
        telemetry: makes spans. name: of the function. path: of the journal, None: nothing is kept.
    """

    def __init__(self, telemetry: Any, name: str, path: str | None) -> None:
        attributes = {"cuebook.function": name, **({} if path is None else {"cuebook.journal": path})}
        self._name = name
        self._telemetry = telemetry
        self._span = telemetry.tracer.start_span(f"chunk {name}", attributes=attributes)
        self._calls = telemetry.meter.create_counter("cuebook.calls", "{call}", "Calls of runs, by what became of them")
        self._counts = dict.fromkeys(_COUNTED, 0)
        self.traceparent = telemetry.traceparent(self._span)

    def on_event(self, event: Event) -> None:
        """What happens to the run."""
        self._count(event.progress)
        if event.kind in (EventKind.CALL_FAILED, EventKind.CALL_RETRIED, EventKind.WORKER_LOST):
            index = {} if event.index is None else {"cuebook.call": event.index}
            self._span.add_event(event.kind.value, {**index, "cuebook.detail": event.detail})

    def on_ended(self, run: Run) -> None:
        """The run has ended."""
        error = None if run.ended.cancelled() else run.ended.exception()
        if run.stop is not None:
            self._span.set_attribute("cuebook.stop", run.stop.reason)
            error = error or run.stop.error
        self.end(error)

    def end(self, error: BaseException | None) -> None:
        """It is over."""
        for what, count in self._counts.items():
            self._span.set_attribute(f"cuebook.calls.{what}", count)
        self._telemetry.end(self._span, error)

    def _count(self, progress: Progress) -> None:
        for what in _COUNTED:
            count = getattr(progress, what)
            if count > self._counts[what]:
                self._calls.add(count - self._counts[what], {"cuebook.function": self._name, "cuebook.outcome": what})
                self._counts[what] = count
