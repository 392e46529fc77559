"""`cuebook actors`: what a journal holds of durable actors, and the end of one. Nothing of theirs is imported,
unpickled or run.
"""

from __future__ import annotations

import json
from itertools import repeat
from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.command import NotThere
from cuebook.cli.journals import opened, path_argument, untrusting

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from cuebook.persistence.history.stream import StreamState
    from cuebook.persistence.history.summary import Picture
    from cuebook.persistence.journal.reader import Reader

__all__ = ["actors"]

_DELIVERY = "\0"
"""What the key of a delivery begins with, and no reminder's."""


@click.group(short_help="Durable actors: list, show, events, export, state, remove.")
def actors() -> None:
    """Look into the durable actors in a journal, or remove one. Nothing of the program is imported or run."""


_actor_argument = click.argument("actor", metavar="ACTOR")
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@actors.command(name="list", short_help="All of them, a line each.")
@path_argument
@_json_option
def list_actors(path: str, as_json: bool) -> None:
    """List the durable actors in the journal at PATH: events, snapshots, what they owe."""
    from cuebook.cli.actors import ACTOR_HEADERS, actor_object, actor_row
    from cuebook.cli.output import SCHEMA, emit_json, table

    with opened(path) as reader:
        found = list(_picture(reader).state.streams.values())
        if as_json:
            emit_json({"schema": SCHEMA, "path": reader.name, "actors": [actor_object(each) for each in found]})
        elif found:
            table(ACTOR_HEADERS, [actor_row(each) for each in found])
        else:
            click.echo("no durable actor yet")


@actors.command(name="show", short_help="One of them, with what it owes.")
@path_argument
@_actor_argument
@_json_option
def show_actor(path: str, actor: str, as_json: bool) -> None:
    """Show one actor: ACTOR is its Type/id, or the id alone where one actor has it."""
    from cuebook.cli.actors import actor_object
    from cuebook.cli.output import SCHEMA, emit_json, printable

    with opened(path) as reader:
        stream = _picked(_picture(reader), actor, path)
        shown = {**actor_object(stream), "owed": [_duty_object(row) for row in stream.duties.values()]}
        if as_json:
            emit_json({"schema": SCHEMA, **shown})
            return
        for name, value in shown.items():
            if name != "owed":
                click.echo(printable(f"{name:<12} {', '.join(map(str, value)) if isinstance(value, list) else value}"))
        for duty in shown["owed"]:
            click.echo(printable(f"owes         {duty['message']} at {duty['due']} ({duty['key']})"))


@actors.command(name="events", short_help="The events of one of them, a JSON line each.")
@path_argument
@_actor_argument
def show_events(path: str, actor: str) -> None:
    """Write the events of ACTOR as JSON lines: number, type, time, value. Those that were dropped are not there."""
    from cuebook.cli.output import printable

    with opened(path) as reader:
        stream = _picked(_picture(reader), actor, path)
        for _, event in _events(reader, {stream.number}):
            click.echo(printable(json.dumps(event)))


@actors.command(name="export", short_help="The events of all of them, a JSON line each.")
@path_argument
def export_actors(path: str) -> None:
    """Write the events of all durable actors as JSON lines, as they were kept: actor, number, type, time, value."""
    from cuebook.cli.output import printable

    with opened(path) as reader:
        streams = _picture(reader).state.streams
        names = {number: f"{each.opened.type}/{each.opened.id}" for number, each in streams.items()}
        for stream, event in _events(reader, names):
            click.echo(printable(json.dumps({"actor": names[stream], **event})))


@actors.command(name="state", short_help="The newest state that is kept of one of them, as JSON.")
@path_argument
@_actor_argument
def show_state(path: str, actor: str) -> None:
    """Write the newest snapshot of ACTOR's state, and of how many of its events it is made.

    Nothing is run, so that later events are not in it: the program's own `apply` makes the state of now.
    """
    from cuebook.cli.json_values import json_value
    from cuebook.cli.output import SCHEMA, emit_json
    from cuebook.wire.codec import unpack

    with opened(path) as reader:
        stream = _picked(_picture(reader), actor, path)
        for seq, head in reversed(stream.snapshots):
            body = reader.state(seq)
            if body is not None:
                value = json_value(untrusting(reader).decode(unpack(body)[0]))
                emit_json({"schema": SCHEMA, "events": stream.events, "state_after": head.number, "state": value})
                return
    raise NotThere(f"no state of {actor} is kept in {path}: it has {stream.events:,} events and no snapshot")


@actors.command(name="remove", short_help="Delete one of them.")
@path_argument
@_actor_argument
def remove_actor(path: str, actor: str) -> None:
    """Delete ACTOR with its events, snapshots and all that it owes.

    One record is appended, and nothing of it is read again; its bytes go with the next `cuebook compact`.
    """
    import asyncio

    from cuebook.cli.output import printable

    with opened(path) as reader:
        found = _picked(_picture(reader), actor, path).opened
    asyncio.run(_remove(path, found.type, found.id))
    click.echo(printable(f"removed: {found.type}/{found.id}; its bytes are there until the next `cuebook compact`"))


async def _remove(path: str, kind: str, id: str) -> None:
    from cuebook.persistence.journal.writer import JournalWriter

    async with await JournalWriter.open(path) as journal:
        entry = journal.streams.remove(kind, id)
        if entry is not None:
            await journal.append([entry])


def _picture(reader: Reader) -> Picture:
    from cuebook.persistence.history.summary import look

    return look(reader)


def _picked(picture: Picture, actor: str, path: str) -> StreamState:
    """The actor of that name, or the only one of that id. Raises NotThere."""
    streams = list(picture.state.streams.values())
    found = [each for each in streams if f"{each.opened.type}/{each.opened.id}" == actor]
    found = found or [each for each in streams if each.opened.id == actor]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{each.opened.type}/{each.opened.id}" for each in found)
        raise NotThere(f"several actors have the id {actor!r} in {path}: {names}")
    raise NotThere(f"there is no actor {actor} in {path}: `cuebook actors list` has their names")


def _duty_object(row: tuple[str, float, bytes | None, list[str] | None]) -> dict[str, Any]:
    from cuebook.cli.output import iso_time
    from cuebook.wire.message import tag_in

    key, due, frame, target = row
    kind = f"message {tag_in(frame)}" if frame is not None else "nothing"
    receiver = "" if target is None else f" to {target[0]}/{target[1]}"
    what = "delivery" if key.startswith(_DELIVERY) else f"reminder {key}"
    return {"key": what, "due": iso_time(due) if due else "now", "message": f"{kind}{receiver}"}


def _events(reader: Reader, streams: Container[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of these streams, each with its stream, in the order in which they were kept."""
    from cuebook.cli.json_values import json_value
    from cuebook.cli.output import iso_time
    from cuebook.errors import JournalCorrupt
    from cuebook.persistence.records.record import Kind
    from cuebook.persistence.records.stream_heads import Events, unpacked_places

    decoder = untrusting(reader)
    for record in reader.records(kinds=(Kind.EVENTS,)):
        if record.run not in streams:
            continue
        first, count, _, names, places, at = Events.unpacked(record.head)
        values = decoder.decode_many(record.body or b"", count)  # as many as there are, whatever the head says
        try:
            chosen = repeat(0) if places is None else unpacked_places(places, len(names))
        except ValueError as error:
            raise JournalCorrupt(f"record {record.seq} holds no events: {error}", seq=record.seq) from error
        for place, (value, which) in enumerate(zip(values, chosen, strict=False)):
            name = names[which] or "value"
            event = {"number": first + place, "type": name, "at": iso_time(at), "value": json_value(value)}
            yield record.run, event
