"""Durable actors as the command shows them: a line of a table, or an object for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.cli.output import iso_time, local_time

if TYPE_CHECKING:
    from cuebook.persistence.history.stream import StreamState

__all__ = ["ACTOR_HEADERS", "actor_object", "actor_row"]

ACTOR_HEADERS = ("actor", "last kept", "events", "snapshots", "owes")


def actor_row(actor: StreamState) -> tuple[str, ...]:
    """One line of the table of actors."""
    return (
        f"{actor.opened.type}/{actor.opened.id}",
        local_time(actor.last_at),
        f"{actor.events:,}",
        str(len(actor.snapshots)),
        str(len(actor.duties)),
    )


def actor_object(actor: StreamState) -> dict[str, Any]:
    """One actor for programs."""
    return {
        "actor": f"{actor.opened.type}/{actor.opened.id}",
        "type": actor.opened.type,
        "id": actor.opened.id,
        "class": actor.opened.where,
        "opened": iso_time(actor.opened.at),
        "last_kept": iso_time(actor.last_at),
        "events": actor.events,
        "first_event": actor.first,
        "snapshots": [head.number for _, head in actor.snapshots],
        "owes": len(actor.duties),
    }
