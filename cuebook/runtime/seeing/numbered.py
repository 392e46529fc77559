"""Numbers of spans that were drawn elsewhere: whoever worked there has told others of them. Knows no tracer."""

from __future__ import annotations

from typing import Any

from cuebook.runtime.reports.trace_context import TraceContext

__all__ = ["GivenNumbers"]


class GivenNumbers:
    """An id generator of OpenTelemetry's SDK that gives the numbers of a mark, while it has one.

    Parameters:
        others: the generator that it stands in for.
    """

    def __init__(self, others: Any) -> None:
        self._others = others
        self.mark: TraceContext | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._others, name)

    def generate_span_id(self) -> int:
        """A number for a span."""
        return self._others.generate_span_id() if self.mark is None else self.mark.span

    def generate_trace_id(self) -> int:
        """A number for a trace."""
        return self._others.generate_trace_id() if self.mark is None else self.mark.trace
