"""OpenTelemetry: spans of asks, tells and handlers, and counts of them. The one file that imports opentelemetry.

Needs `pip install cuebook[otel]`; loaded when telemetry is asked for. Names follow the semantic conventions for
messaging. Knows no run.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from cuebook.runtime.cells.cell import Cell
from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.reply import FailedReply
from cuebook.runtime.refs.status import ActorStatistics
from cuebook.runtime.reports.trace_context import TraceContext
from cuebook.runtime.seeing.observing import Sending, Work
from cuebook.wire.message import name_in
from cuebook.wording import text_of

__all__ = ["Telemetry"]

_SYSTEM = {"messaging.system": "cuebook"}


class Telemetry:
    """Spans and metrics of the runtimes that it is given to.

    A span for each message that is put into a mailbox (`ask Kind` until the answer is there, `tell Kind`) and one for
    each handler at work (`receive Kind`), its child; a trace goes from actor to actor, and begins in the span that is
    current where a message comes from outside.

    Metrics: `cuebook.messages` (by class, message and outcome), `cuebook.handler.duration` and `cuebook.mailbox.wait`
    (seconds), `cuebook.mailbox.depth` (by class, now), `cuebook.actor.restarts`.

    Parameters:
        tracer_provider, meter_provider: in place of the program's global ones.

    Cost: some 90 us a message with the SDK and its default sampler; nothing once no runtime has it.
    """

    def __init__(self, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        self.tracer = trace.get_tracer("cuebook", tracer_provider=tracer_provider)
        self.meter = metrics.get_meter("cuebook", meter_provider=meter_provider)
        self._sources: list[Callable[[], Mapping[str, ActorStatistics]]] = []
        self._messages = self.meter.create_counter("cuebook.messages", "{message}", "Messages received")
        self._handler_s = self.meter.create_histogram("cuebook.handler.duration", "s", "How long handlers work")
        self._wait_s = self.meter.create_histogram("cuebook.mailbox.wait", "s", "How long messages wait")
        self._restarts = self.meter.create_counter("cuebook.actor.restarts", "{restart}", "Restarts of actors")
        text = "Messages that wait, by class of their actor"
        self.meter.create_observable_gauge("cuebook.mailbox.depth", [self._depths], "{message}", text)

    def attend(self, source: Callable[[], Mapping[str, ActorStatistics]]) -> None:
        """Count what waits in these mailboxes too."""
        self._sources.append(source)

    def leave(self, source: Callable[[], Mapping[str, ActorStatistics]]) -> None:
        """Count it no more."""
        if source in self._sources:
            self._sources.remove(source)

    def end(self, span: trace.Span, error: BaseException | None) -> None:
        """End a span, with what went wrong in it."""
        _end(span, error)

    def traceparent(self, span: trace.Span) -> str:
        """The span as others are told of it (W3C Trace Context); "" where there is none."""
        mark = _mark_of(span)
        return "" if mark is None else mark.traceparent

    # As an observer of messages

    def sending(self, sending: Sending) -> None:
        """Begin the span of a message on its way; its mark is that span."""
        verb, kind = ("tell", SpanKind.PRODUCER) if sending.reply is None else ("ask", SpanKind.CLIENT)
        message = name_in(sending.content)
        attributes = {
            **_SYSTEM,
            "messaging.operation.type": "send",
            "messaging.operation.name": verb,
            "messaging.destination.name": sending.cell.name,
            "cuebook.message": message,
        }
        if sending.sender is not None:
            attributes["cuebook.sender"] = sending.sender
        span = self.tracer.start_span(f"{verb} {message}", kind=kind, attributes=attributes)
        sending.note = span
        sending.mark = _mark_of(span) or sending.mark

    def sent(self, sending: Sending, error: BaseException | None) -> None:
        """End the span of a tell; that of an ask ends with its answer."""
        span = sending.note
        if error is not None or sending.reply is None:
            _end(span, error)
        else:
            sending.reply.add_done_callback(lambda reply: _end_asked(span, reply))

    # As an observer of handlers

    def begins(self, work: Work) -> Any:
        """Begin the span of a handler at work, below that of its message."""
        message = type(work.message).__name__
        attributes: dict[str, Any] = {
            **_SYSTEM,
            "messaging.operation.type": "process",
            "messaging.operation.name": "receive",
            "messaging.destination.name": work.cell.name,
            "messaging.batch.message_count": work.count,
            "cuebook.actor": work.cell.kind,
            "cuebook.message": message,
        }
        above = contexts.Context() if work.parent is None else _below(work.parent)
        span = self.tracer.start_span(f"receive {message}", above, SpanKind.CONSUMER, attributes)
        work.mark = _mark_of(span) or work.mark
        return span

    def enters(self, work: Work, note: Any) -> Any:
        """The handler's code has the span as its current one."""
        return contexts.attach(trace.set_span_in_context(note))

    def leaves(self, token: Any) -> None:
        """It is over."""
        contexts.detach(token)

    def ends(self, work: Work, note: Any, error: BaseException | None) -> None:
        """End the span, and count."""
        _end(note, error)
        kinds = {"cuebook.actor": work.cell.kind, "cuebook.message": type(work.message).__name__}
        self._messages.add(work.count, {**kinds, "cuebook.outcome": _outcome(error)})
        self._handler_s.record(work.seconds, kinds)
        self._wait_s.record(work.waited_s, kinds)

    def restarted(self, cell: Cell) -> None:
        """Count it."""
        self._restarts.add(1, {"cuebook.actor": cell.kind})

    def _depths(self, _options: Any) -> Iterable[metrics.Observation]:
        depths: Counter[str] = Counter()
        for source in list(self._sources):
            try:
                counts = source()
            except RuntimeError:  # asked in a thread of the exporter's, while actors came or went: next time
                continue
            for one in counts.values():
                depths[one.kind] += one.depth
        return [metrics.Observation(depth, {"cuebook.actor": kind}) for kind, depth in depths.items()]


def _mark_of(span: trace.Span) -> TraceContext | None:
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return TraceContext(context.trace_id, context.span_id, int(context.trace_flags))


def _below(mark: TraceContext) -> contexts.Context:
    parent = trace.SpanContext(mark.trace, mark.span, is_remote=True, trace_flags=trace.TraceFlags(mark.flags))
    return trace.set_span_in_context(trace.NonRecordingSpan(parent), contexts.Context())


def _end_asked(span: trace.Span, reply: asyncio.Future[Any]) -> None:
    if reply.cancelled():
        _end(span, asyncio.CancelledError("nobody waits for the answer any more"))
        return
    outcome = reply.result()
    if outcome is EXPIRED:
        _end(span, TimeoutError("no answer before the deadline"))
    else:
        _end(span, outcome.error if type(outcome) is FailedReply else None)


def _end(span: trace.Span, error: BaseException | None) -> None:
    if error is not None:
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, text_of(error)))
        span.set_attribute("error.type", type(error).__qualname__)
    span.end()


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "handled"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
