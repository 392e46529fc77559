"""What happens to runs, as log records: key and value, with the run and the call in each. Knows no handler."""

from __future__ import annotations

from cuebook.actors.runs.progress import Event, EventKind
from cuebook.logs import get_logger

__all__ = ["log_event"]

_LOG = get_logger("runs")


def log_event(event: Event) -> None:
    """Log one event of a run; progress is no news. Cost: under a microsecond while nobody listens."""
    if event.kind is EventKind.PROGRESS:
        return
    progress = event.progress
    log = _LOG.bind(run=progress.run, function=event.function)
    if event.index is not None:
        log = log.bind(call=event.index)
    match event.kind:
        case EventKind.STARTED:
            log.info("run started", total=progress.total, reused=progress.reused)
        case EventKind.ENDED:
            counts = {"done": progress.done, "failed": progress.failed, "reused": progress.reused}
            log.info("run ended", total=progress.total, **counts, reason=event.detail)
        case EventKind.CALL_FAILED:
            log.warning("call failed", reason=event.detail)
        case EventKind.CALL_RETRIED:
            log.info("call tried again", reason=event.detail)
        case EventKind.WORKER_LOST:
            log.warning("worker lost", reason=event.detail)
        case EventKind.NOTICE:
            log.warning(event.detail)
