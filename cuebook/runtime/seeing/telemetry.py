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
from cuebook.runtime.reports.trace_context import TraceContext, trace_now
from cuebook.runtime.seeing.numbered import GivenNumbers
from cuebook.runtime.seeing.observing import Sending, Work, WorkElsewhere
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
        self.tracer = self._far = trace.get_tracer("cuebook", tracer_provider=tracer_provider)
        self._provider = tracer_provider
        self._numbers: GivenNumbers | None = None
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
        span = self.tracer.start_span(f"{verb} {message}", _sent_in(sending.mark), kind, attributes)
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
        attributes = _of_handler(work.cell.name, work.cell.kind, message, work.count)
        span = self.tracer.start_span(f"receive {message}", _above(work.parent), SpanKind.CONSUMER, attributes)
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
        self._count(work, work.cell.kind, type(work.message).__name__, error)

    def worked(self, work: WorkElsewhere) -> None:
        """A handler has worked in another process: its span, with the numbers that it had there, and the counts."""
        tracer, numbers = self._elsewhere()
        attributes = _of_handler(work.actor, work.kind, work.message, work.count)
        above, began = _above(work.parent), int(work.began * 1e9)
        if numbers is not None:
            numbers.mark = work.mark
        try:
            span = tracer.start_span(f"receive {work.message}", above, SpanKind.CONSUMER, attributes, start_time=began)
        finally:
            if numbers is not None:
                numbers.mark = None
        _end(span, work.error, began + int(work.seconds * 1e9))
        self._count(work, work.kind, work.message, work.error)

    def _elsewhere(self) -> tuple[trace.Tracer, GivenNumbers | None]:
        """The tracer for handlers in other processes, and its numbers, where a tracer lets others give them."""
        if self._numbers is None:
            self._far = trace.get_tracer("cuebook.processes", tracer_provider=self._provider)
            drawn = getattr(self._far, "id_generator", None)
            if drawn is not None:
                far: Any = self._far
                far.id_generator = self._numbers = GivenNumbers(drawn)
        return self._far, self._numbers

    def _count(self, work: Work | WorkElsewhere, kind: str, message: str, error: BaseException | None) -> None:
        kinds = {"cuebook.actor": kind, "cuebook.message": message}
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


def _of_handler(actor: str, kind: str, message: str, count: int) -> dict[str, Any]:
    return {
        **_SYSTEM,
        "messaging.operation.type": "process",
        "messaging.operation.name": "receive",
        "messaging.destination.name": actor,
        "messaging.batch.message_count": count,
        "cuebook.actor": kind,
        "cuebook.message": message,
    }


def _sent_in(mark: TraceContext) -> contexts.Context | None:
    """None: in the current span. There is none where a message comes from another process, which has told its mark."""
    is_from_afar = trace_now.get() is mark and not trace.get_current_span().get_span_context().is_valid
    return _below(mark) if is_from_afar else None


def _above(parent: TraceContext | None) -> contexts.Context:
    return contexts.Context() if parent is None else _below(parent)


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


def _end(span: trace.Span, error: BaseException | None, at: int | None = None) -> None:
    if error is not None:
        span.record_exception(error)
        span.set_status(Status(StatusCode.ERROR, text_of(error)))
        span.set_attribute("error.type", type(error).__qualname__)
    span.end(at)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "handled"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
