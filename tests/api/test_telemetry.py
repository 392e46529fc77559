"""What OpenTelemetry gets: whole traces from the caller to the last actor and into workers, and true counts."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from cuebook import Actor, ActorFailed, ActorRef, ActorStopped, AskTimeout, CallFailed, Runtime
from cuebook.runtime.refs.ref import target_of
from cuebook.runtime.seeing.telemetry import Telemetry
from tests.support.cast import Add, Boom, Counter, Get, Pause
from tests.support.pages import environment

pytestmark = pytest.mark.quick


class Seen:
    """A program's providers, and what they were given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.telemetry = Telemetry(self.provider, MeterProvider([self.reader]))
        self.tracer = self.provider.get_tracer("program")

    def spans(self) -> dict[str, ReadableSpan]:
        """By name; names are used once here."""
        found = {span.name: span for span in self.exporter.get_finished_spans()}
        assert len(found) == len(self.exporter.get_finished_spans())
        return found

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The points of one metric, by the values of their attributes."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return {tuple((point.attributes or {}).values()): point for point in metrics[0].data.data_points}


@pytest.fixture
def seen() -> Seen:
    return Seen()


def is_below(child: ReadableSpan, parent: ReadableSpan) -> bool:
    assert child.context is not None and parent.context is not None
    return (
        child.parent is not None
        and child.parent.span_id == parent.context.span_id
        and child.context.trace_id == parent.context.trace_id
    )


class Front(Actor):
    def __init__(self, back: ActorRef, seen: Seen) -> None:
        self.back = back
        self.seen = seen

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        with self.seen.tracer.start_as_current_span("own"):
            return await self.back.ask(Get())


def test_a_trace_goes_from_the_caller_through_all_actors(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            back = await runtime.spawn(Counter, name="back")
            front = await runtime.spawn(Front, back, seen, name="front")
            with seen.tracer.start_as_current_span("request"):
                assert await front.ask(Add(1)) == 0
            assert not get_current_span().get_span_context().is_valid

    asyncio.run(main())
    spans = seen.spans()
    chain = ["request", "ask Add", "receive Add", "own", "ask Get", "receive Get"]
    for above, below in zip(chain, chain[1:], strict=False):
        assert is_below(spans[below], spans[above]), (above, below)
    assert spans["ask Get"].kind is SpanKind.CLIENT
    assert spans["receive Get"].kind is SpanKind.CONSUMER
    assert dict(spans["receive Get"].attributes or {}) == {
        "messaging.system": "cuebook",
        "messaging.operation.type": "process",
        "messaging.operation.name": "receive",
        "messaging.destination.name": "back",
        "messaging.batch.message_count": 1,
        "cuebook.actor": "Counter",
        "cuebook.message": "Get",
    }
    assert (spans["ask Get"].attributes or {})["cuebook.sender"] == "front"


def test_a_message_from_outside_of_traces_begins_one(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            counter = await runtime.spawn(Counter, name="counter")
            counter.tell_nowait(Add(1))
            await counter.stop()

    asyncio.run(main())
    spans = seen.spans()
    assert spans["tell Add"].parent is None
    assert spans["tell Add"].kind is SpanKind.PRODUCER
    assert is_below(spans["receive Add"], spans["tell Add"])


def test_what_goes_wrong_is_in_the_spans(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            counter = await runtime.spawn(Counter, name="counter")
            with pytest.raises(ActorFailed):
                await counter.ask(Boom("no"))
            with pytest.raises(AskTimeout):
                await counter.ask(Pause(0.3), timeout=0.01)
            await counter.stop()
            with pytest.raises(ActorStopped):
                counter.tell_nowait(Add(1))

    asyncio.run(main())
    spans = seen.spans()
    failed = {name: (span.attributes or {})["error.type"] for name, span in spans.items() if not span.status.is_ok}
    assert failed == {
        "ask Boom": "ActorFailed",
        "receive Boom": "RuntimeError",
        "ask Pause": "TimeoutError",
        "tell Add": "ActorStopped",
    }
    assert spans["receive Boom"].status.status_code is StatusCode.ERROR
    assert [event.name for event in spans["receive Boom"].events] == ["exception"]


def test_the_metrics_count_messages_restarts_and_what_waits(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            counter = await runtime.spawn(Counter, name="counter")
            for n in range(3):
                await counter.ask(Add(n))
            with pytest.raises(ActorFailed):
                await counter.ask(Boom())
            await counter.ask(Get())
            counter.tell_nowait(Pause(100))
            await asyncio.sleep(0.01)
            for n in range(4):
                counter.tell_nowait(Add(n))
            assert seen.points("cuebook.mailbox.depth")[("Counter",)].value == 4
            await counter.stop(0.0)

    asyncio.run(main())
    messages = seen.points("cuebook.messages")
    assert messages["Counter", "Add", "handled"].value == 3
    assert messages["Counter", "Boom", "failed"].value == 1
    assert messages["Counter", "Pause", "cancelled"].value == 1
    assert seen.points("cuebook.actor.restarts")[("Counter",)].value == 1
    assert seen.points("cuebook.handler.duration")["Counter", "Add"].count == 3
    assert seen.points("cuebook.mailbox.wait")["Counter", "Add"].count == 3


def traced(n: int) -> str:
    return os.environ.get("TRACEPARENT", "")


def test_a_run_is_a_span_and_its_workers_know_the_trace(seen: Seen, tmp_path: Path) -> None:
    path = str(tmp_path / "t.cue")

    async def main() -> list[Any]:
        async with Runtime(path, telemetry=seen.telemetry, chunk_size=1) as runtime:
            with seen.tracer.start_as_current_span("request"):
                await runtime.chunk(traced, [[n] for n in range(3)], progress_bar=False)
                return await runtime.chunk(traced, [[n] for n in range(5)], progress_bar=False)

    output = asyncio.run(main())
    runs = [span for span in seen.exporter.get_finished_spans() if span.name == "chunk traced"]
    (request,) = [span for span in seen.exporter.get_finished_spans() if span.name == "request"]
    assert [is_below(span, request) for span in runs] == [True, True]
    contexts = [span.context for span in runs]
    parents = [f"00-{one.trace_id:032x}-{one.span_id:016x}-{one.trace_flags:02x}" for one in contexts]
    assert output == [parents[0]] * 3 + [parents[1]] * 2
    assert (runs[1].attributes or {})["cuebook.calls.reused"] == 3
    assert (runs[1].attributes or {})["cuebook.journal"] == path
    calls = seen.points("cuebook.calls")
    assert calls["traced", "reused"].value == 3
    assert "TRACEPARENT" not in os.environ


def broken(n: int) -> int:
    raise OSError("out of paper")


def test_a_run_that_fails_is_a_failed_span(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            await runtime.chunk(broken, [[1]], progress_bar=False, where="thread", retries=1, backoff=0)

    with pytest.raises(CallFailed):
        asyncio.run(main())
    (run,) = [span for span in seen.exporter.get_finished_spans() if span.name == "chunk broken"]
    assert not run.status.is_ok
    assert [event.name for event in run.events] == ["call retried", "call failed", "exception"]


def test_without_telemetry_cells_are_plain_and_nothing_of_it_is_imported() -> None:
    program = (
        "import asyncio, sys; from cuebook import Runtime\n"
        "async def main():\n"
        "    async with Runtime() as runtime: return await runtime.chunk(len, [['ab']], where='thread')\n"
        "print(asyncio.run(main()), 'opentelemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True)
    assert done.stdout == "[2] False\n", done.stderr


def test_actors_are_plain_again_when_telemetry_has_gone(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime() as runtime:
            system = runtime.app.system
            counter = await runtime.spawn(Counter, name="counter")
            with system.telemetry(seen.telemetry):
                assert target_of(counter).gate is not None
                await counter.ask(Get())
            assert target_of(counter).gate is None
            await counter.ask(Add(1))

    asyncio.run(main())
    assert set(seen.spans()) == {"ask Get", "receive Get"}


def test_what_is_no_telemetry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="telemetry is True, False or"):
        Runtime(telemetry="yes")
    monkeypatch.setitem(sys.modules, "cuebook.runtime.seeing.telemetry", None)
    with pytest.raises(ImportError, match=r"pip install cuebook\[otel\]"):
        Runtime(telemetry=True)


class Nested(Actor):
    """In a process: asks its own child there, then one elsewhere."""

    def __init__(self, outside: ActorRef) -> None:
        self.outside = outside

    async def on_start(self) -> None:
        self.inside = self.context.spawn(Counter, name="inside")

    async def on_add(self, m: Add) -> Any:
        await self.inside.ask(m)
        return await self.outside.ask(Get())

    def on_boom(self, m: Boom) -> None:
        raise ValueError("there")


def test_handlers_in_processes_have_their_spans_with_their_own_numbers_and_times(seen: Seen) -> None:
    async def main() -> None:
        async with Runtime(telemetry=seen.telemetry) as runtime:
            outside = await runtime.spawn(Counter, name="outside")
            nested = await runtime.spawn(Nested, outside, name="nested", where="process")
            with seen.tracer.start_as_current_span("request"):
                assert await nested.ask(Add(2)) == 0
            with pytest.raises(ActorFailed):
                await nested.ask(Boom())

    asyncio.run(main())
    spans = {
        (span.name, (span.attributes or {}).get("messaging.destination.name")): span
        for span in seen.exporter.get_finished_spans()
    }
    request, asked = spans["request", None], spans["ask Add", "nested"]
    nested, inside = spans["receive Add", "nested"], spans["receive Add", "inside"]
    further, outside = spans["ask Get", "outside"], spans["receive Get", "outside"]
    assert is_below(asked, request) and is_below(nested, asked) and is_below(inside, nested)
    assert is_below(further, nested) and is_below(outside, further)
    assert nested.kind is SpanKind.CONSUMER
    assert nested.attributes is not None and nested.attributes["cuebook.actor"] == "Nested"
    for outer, inner in [(asked, nested), (nested, inside), (nested, further)]:
        assert outer.start_time and outer.end_time and inner.start_time and inner.end_time
        slack = 5_000_000  # what clocks of two processes, and of two kinds, may differ by
        assert outer.start_time - slack <= inner.start_time <= inner.end_time <= outer.end_time + slack
    failed = spans["receive Boom", "nested"]
    assert failed.status.status_code is StatusCode.ERROR and "there" in str(failed.status.description)
    counted = seen.points("cuebook.messages")
    assert counted["Nested", "Add", "handled"].value == counted["Counter", "Add", "handled"].value == 1
    assert counted["Nested", "Boom", "failed"].value == 1
