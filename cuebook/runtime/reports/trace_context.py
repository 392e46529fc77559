"""The trace that a message is part of: two numbers that travel with it.

Source: W3C Trace Context, level 1. Knows no actor.
"""

from __future__ import annotations

import random
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["TraceContext", "trace_now"]


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where in which trace something happens.

    Attributes:
        trace: 128 bits, not 0: of the whole chain of messages.
        span: 64 bits, not 0: of this step.
        flags: 8 bits; the lowest: whether the trace is recorded.
    """

    trace: int
    span: int
    flags: int = 1

    @classmethod
    def fresh(cls) -> TraceContext:
        """The first step of a new trace."""
        return cls(random.getrandbits(128) or 1, random.getrandbits(64) or 1)

    def step(self) -> TraceContext:
        """The next step of this trace."""
        return TraceContext(self.trace, random.getrandbits(64) or 1, self.flags)

    @property
    def trace_id(self) -> str:
        """The trace as 32 hexadecimal digits."""
        return f"{self.trace:032x}"

    @property
    def traceparent(self) -> str:
        """The text by which programs tell each other."""
        return f"00-{self.trace:032x}-{self.span:016x}-{self.flags:02x}"


trace_now: ContextVar[TraceContext | None] = ContextVar("cuebook_trace", default=None)
"""The step in whose name this code runs; None outside of traces."""
