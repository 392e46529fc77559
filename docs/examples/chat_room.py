"""A chat room over TCP: services, watches, a broadcast, and a reader too slow for it.

    python docs/examples/chat_room.py [PORT]

Then, in other terminals, `nc 127.0.0.1 PORT`: the first line is your name, every other is said to the room. /who lists
who is there, /crash fails the room on purpose, /quit leaves.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from cuebook import (
    Actor,
    ActorOptions,
    ActorRef,
    ActorStopped,
    AskTimeout,
    Down,
    Listing,
    MailboxSpec,
    Message,
    Restarted,
    Runtime,
    ServiceKey,
    message,
)

ROOM = ServiceKey("room")


@message(tag=2001)
class Join:
    """Send what is said to this actor."""

    name: str
    member: ActorRef[Actor[Line]]


@message(tag=2002)
class Say:
    """Somebody says something."""

    name: str
    text: str


@message(tag=2003)
class Who(Message[list[str]]):
    """Who is there?"""


@message(tag=2004, by_reference=True)
class Line:
    """One line for everybody. It cannot change, so all of them get the same object: nothing is encoded."""

    text: str


class Room(Actor[Join | Say | Who]):
    """Passes on what is said. It never waits for anybody."""

    async def on_start(self) -> None:
        self.members: dict[ActorRef, str] = {}
        self.context.register(ROOM)

    def on_join(self, message: Join) -> None:
        self.context.watch(message.member)
        self.members[message.member] = message.name
        self.broadcast(f"* {message.name} is here")

    def on_say(self, message: Say) -> None:
        if message.text == "/crash":
            raise RuntimeError(f"{message.name} crashed the room")
        self.broadcast(f"{message.name}: {message.text}")

    def on_who(self, message: Who) -> list[str]:
        return sorted(self.members.values())

    def on_down(self, message: Down) -> None:
        """A member has ended, whatever way."""
        self.broadcast(f"* {self.members.pop(message.ref)} has left")

    def broadcast(self, text: str) -> None:
        line = Line(text)
        for member in self.members:
            with suppress(ActorStopped):  # its Down is on the way
                member.tell_nowait(line)


class Member(Actor[Line]):
    """One connection: writes to it what the room says, as fast as the other side reads."""

    def __init__(self, name: str, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.writer = writer
        self.lost = 0

    async def on_start(self) -> None:
        self.context.subscribe(ROOM)

    def on_listing(self, message: Listing) -> None:
        """Which rooms there are; told now, and whenever that changes."""
        for room in message.refs:
            self.context.watch(room, restarts=True)
            room.tell_nowait(Join(self.name, self.context.self_ref))

    def on_restarted(self, message: Restarted) -> None:
        """A new incarnation of the room knows nobody yet."""
        self.writer.write(f"* the room is back after: {message.cause}\n".encode())
        message.ref.tell_nowait(Join(self.name, self.context.self_ref))

    async def on_line(self, message: Line) -> None:
        dropped = self.context.self_ref.statistics().dropped
        if dropped > self.lost:
            self.writer.write(f"* you were too slow for {dropped - self.lost} lines\n".encode())
            self.lost = dropped
        self.writer.write(f"{message.text}\n".encode())
        await self.writer.drain()


# A reader that does not keep up loses the oldest lines, and keeps nobody else waiting. A connection that breaks ends
# its member; there is nothing to restart.
MEMBER = ActorOptions(mailbox=MailboxSpec(capacity=1000, overflow="drop_old"), restart="temporary", shutdown_s=1.0)


async def talk(runtime: Runtime, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection until it ends."""
    member: ActorRef[Member] | None = None
    try:
        name = (await reader.readline()).decode().strip()
        member = await runtime.spawn(Member, name, writer, options=MEMBER)
        (room,) = runtime.system.services.find(ROOM)
        async for line in reader:
            text = line.decode().strip()
            if text == "/quit":
                break
            if text == "/who":
                with suppress(AskTimeout):
                    await member.tell(Line(f"* here: {', '.join(await room.ask(Who(), timeout=5.0))}"))
            else:
                await room.tell(Say(name, text))  # waits where the room has too much to do: this one reads on later
    except (ConnectionError, ActorStopped):
        pass
    finally:
        if member is not None:
            await member.stop(1.0)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def main(port: str = "0") -> None:
    """Serve until Ctrl-C."""
    async with Runtime() as runtime, asyncio.TaskGroup() as connections:
        await runtime.spawn(Room, name="room")

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.create_task(talk(runtime, reader, writer))

        server = await asyncio.start_server(connected, "127.0.0.1", int(port))
        print(f"the room is open on port {server.sockets[0].getsockname()[1]}", flush=True)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
