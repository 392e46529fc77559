"""Messages and actors that the tests of actors in processes share: importable, so that a child imports them too."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down, Restarted
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.message import message


@message(tag=58_101)
class Add:
    n: int


@message(tag=58_102)
class Total:
    pass


@message(tag=58_103)
class Where:
    """Answered with the process's number."""


@message(tag=58_104)
class Fail:
    text: str


@message(tag=58_105)
class Echo:
    value: Any


@message(tag=58_106)
class Pass:
    """Ask `to` to add, and answer with its answer."""

    to: ActorRef
    n: int


@message(tag=58_107)
class Leave:
    """End the process: by `how`."""

    how: str


@message(tag=58_108)
class Block:
    """Hold the loop for so long, after a note in a file."""

    seconds: float
    file: str


@message(tag=58_109)
class Pause:
    """Await for so long."""

    seconds: float


@message(tag=58_110)
class Hire:
    """Answered with the ref of a child, in the child's process."""

    name: str


@message(tag=58_111)
class Me:
    """Answered with the actor's own ref."""


@message(tag=58_112)
class Look:
    """Watch this actor, and be linked to it where `links`."""

    at: ActorRef
    links: bool


@message(tag=58_113)
class Seen:
    """Answered with what was seen of those looked at."""


@message(tag=58_114)
class Quit:
    """Stop yourself."""


@message(tag=58_115)
class Write:
    """Write these bytes to the link."""

    data: bytes


@message(tag=58_116)
class Hold:
    """Deferred until `Release`."""


@message(tag=58_117)
class Release:
    pass


@message(tag=58_118, by_reference=True)
class Shared:
    n: int


@message(by_reference=True)
class Local:
    thing: Any


@message(tag=58_119)
class Spam:
    """Tell `to` so many times to add 1; answered with how many were refused."""

    to: ActorRef
    count: int


@message(tag=58_120)
class Set:
    """Put the message aside until `Release`."""


class Lodger(Actor):
    """Does what tests want, wherever it lives."""

    def __init__(self, start: int = 0, diary: str | None = None) -> None:
        self.total = start
        self.diary = diary
        self.seen: list[list[Any]] = []
        self.held: list[Any] = []
        self.is_open = False
        if start < 0:
            raise ValueError("a start below nothing")

    def note(self, text: str) -> None:
        if self.diary is not None:
            fd = os.open(self.diary, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
            os.write(fd, f"{text}\n".encode())
            os.close(fd)

    async def on_start(self) -> None:
        self.note("start")

    async def on_stop(self) -> None:
        self.note("stop")

    async def on_failure(self, error: BaseException) -> None:
        self.note(f"failure {type(error).__name__}")

    def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
                self.note(f"add {n}")
            case Total():
                return self.total
            case Where():
                return os.getpid()
            case Echo(value):
                return value
            case Fail(text):
                raise KeyError(text)
            case Shared(n):
                return n
            case Me():
                return Echo(self.context.self_ref)
            case Seen():
                return self.seen
            case Down(ref, reason, error):
                self.seen.append(["down", ref.name, reason.value, str(error)])
            case Restarted(ref, count, cause):
                self.seen.append(["restarted", ref.name, count, str(cause)])
            case Quit():
                self.context.stop_self()
            case Hold():
                self.held.append(self.context.defer())
            case Set():
                if not self.is_open:
                    self.context.stash()
                    return None
                return "taken up"
            case Release():
                self.is_open = True
                self.context.unstash()
                for delivery in self.held:
                    delivery.reply("released")
            case _:
                return self.more(message)
        return None

    def more(self, message: Any) -> Any:
        match message:
            case Pass(to, n):
                return self.ask_on(to, n)
            case Hire(name):
                return Echo(self.context.spawn(Lodger, name=name))
            case Look(at, links):
                self.context.watch(at, restarts=True)
                if links:
                    self.context.link(at)
            case Pause(seconds):
                return self.pause(seconds)
            case Block(seconds, file):
                self.diary = file
                self.note("blocked")
                time.sleep(seconds)
            case Leave(how):
                leave(how)
            case Write(data):
                link_socket().sendall(data)
                signal.pause()
            case Spam(to, count):
                return self.spam(to, count)
            case _:
                self.unhandled(message)
        return None

    async def ask_on(self, to: ActorRef, n: int) -> Any:
        return await to.ask(Add(n), timeout=20)

    async def pause(self, seconds: float) -> str:
        self.note("pausing")
        await asyncio.sleep(seconds)
        return "paused"

    async def spam(self, to: ActorRef, count: int) -> int:
        refused = 0
        for _ in range(count):
            try:
                await to.tell(Add(1), timeout=20)
            except Exception:
                refused += 1
        return refused


class Annotated(Actor):
    """Its handlers are found by their annotations."""

    def on_add(self, message: Add) -> int:
        return message.n + 1

    async def on_echo(self, message: Echo) -> Any:
        return message.value


class Stubborn(Lodger):
    """Does not end on SIGTERM."""

    async def on_start(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Receiver(Actor):
    """Adds up slowly enough for its mailbox to fill."""

    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
                await asyncio.sleep(0)
                return f"{self.context.sender.name if self.context.sender else None} added {n}"
            case Total():
                return self.total
            case _:
                return self.unhandled(message)


def leave(how: str) -> None:
    """End this process."""
    match how:
        case "exit":
            sys.exit(3)
        case "exit with a thread":
            threading.Thread(target=time.sleep, args=(1000,)).start()
            sys.exit("no more")
        case "_exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "close":
            link_socket().shutdown(socket.SHUT_RDWR)
            signal.pause()


def link_socket() -> socket.socket:
    """The link of this process of actors."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    return selector._link.fileobj  # type: ignore[no-any-return]
