"""Which actor logs, at which message, in which trace: looked up when something is logged, so that it costs a
message nothing.

Knows no logger.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from cuebook.runtime.refs.ref import sender_now, target_of
from cuebook.runtime.refs.waiting import in_hand
from cuebook.runtime.reports.trace_context import trace_now

__all__ = ["ActorContextFilter", "actor_context", "add_actor_context"]


def actor_context() -> dict[str, str]:
    """What is known of the code that runs here: `actor`, `message` (the type's name), `trace_id`.

    Returns:
        empty outside of actors. `message` is there in a handler and in tasks that it awaits, and not in those that
        outlive it; `trace_id` (32 hexadecimal digits) while an actor is traced or telemetry is on.
    """
    ref = sender_now()
    if ref is None:
        return {}
    fields = {"actor": ref.name}
    target = target_of(ref)
    activation = target.activation
    if activation is None or activation is in_hand.get():
        message = target.doing()
        if message:
            fields["message"] = message
    trace = trace_now.get()
    if trace is not None:
        fields["trace_id"] = trace.trace_id
    return fields


def add_actor_context(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog: `structlog.configure(processors=[add_actor_context, ...])`. What is there stays."""
    del logger, method
    for key, value in actor_context().items():
        event.setdefault(key, value)
    return event


class ActorContextFilter(logging.Filter):
    """For a handler of the standard library's logging: each record gets `actor`, `message_type` and `trace_id`, ""
    where there is none, for its formatter. It lets every record pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Adds the attributes."""
        fields = actor_context()
        record.actor = fields.get("actor", "")
        record.message_type = fields.get("message", "")
        record.trace_id = fields.get("trace_id", "")
        return True
