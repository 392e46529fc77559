"""This end of the link to one child process, from its start to its end. Knows no restart."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable
from typing import Any, Protocol

from cuebook.children.logs.forwarding import emit_in_parent
from cuebook.children.logs.logged import Logged
from cuebook.children.page import whole
from cuebook.children.port import Loss, Output
from cuebook.children.process import OwnedProcess
from cuebook.children.surroundings import surroundings
from cuebook.errors import ActorFailed, CodecError, MalformedMessage, ProcessDied, SupervisionError
from cuebook.persistence.values.in_messages import classes_of_the_script, own_key
from cuebook.processes.branches import nodes_of
from cuebook.processes.elsewhere import Elsewhere
from cuebook.processes.link import Link, open_address
from cuebook.processes.notes import noted
from cuebook.processes.parcel import lesson, lesson_of_class
from cuebook.processes.protocol import (
    ANSWERED,
    DELIVER,
    FORWARD,
    SETTLED,
    VERSION,
    Admit,
    Asked,
    Below,
    Buried,
    Ended,
    HeldUp,
    Hello,
    MayWait,
    QuitProcess,
    Started,
    StoppedForGood,
    Traced,
    WaitsNoMore,
    WaitVerdict,
    Welcome,
    Worked,
    open_frame,
    pack_traffic,
)
from cuebook.processes.remote_target import Beyond, RemoteTarget
from cuebook.processes.traces import unpack_event, unpack_work
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, homes, target_of
from cuebook.runtime.refs.status import TreeNode
from cuebook.runtime.refs.waiting import Asker
from cuebook.runtime.reports.deadletters import DeadLetters, DeadReason
from cuebook.runtime.seeing.observing import Observation
from cuebook.runtime.seeing.tracing import Tracing
from cuebook.runtime.seeing.watchdog import Blockage, Watchdog
from cuebook.wire.frame import LINK_BYTES_MAX
from cuebook.wire.message import tag_in

__all__ = ["CHILD", "START_S", "OwnerEnd"]

CHILD = "cuebook.processes.child_end"
START_S = 60.0
"""Seconds that a process has to start up."""
SLOTS = 256
_HEADS_MAX = 4096
_UNSOUND = (CodecError, ValueError, IndexError, TypeError)


class OwnerSystem(Protocol):
    """The actor system whose actors these are."""

    id: bytes
    deadlines: Deadlines
    ready: ReadyQueue
    dead_letters: DeadLetters
    watchdog: Watchdog | None
    tracing: Tracing
    observation: Observation


class OwnerEnd(Link):
    """One child process and the actors that live in it.

    Attributes:
        lost: how it ended; None while it is alive.
        opened: done when the process is there; raises ProcessDied where it is not.
    """

    opened: asyncio.Task[None]

    def __init__(self, name: str, system: OwnerSystem, *, cores: int, output: Output) -> None:
        super().__init__(asyncio.get_running_loop(), system.deadlines, system.ready)
        self.name = name
        self.lost: ProcessDied | None = None
        self.host = OwnedProcess(cores=cores, output=output, entry=CHILD, frame_limit=LINK_BYTES_MAX)
        self._system = system
        self._home = b""
        self._beyond: Beyond | None = None  # homes holds it weakly
        self._cells: dict[int, Elsewhere] = {}
        self._slots: dict[int, int] = {}
        self._free = list(range(SLOTS - 1, 0, -1))
        self._page: memoryview[float] | None = None
        self._out: list[bytes] = []
        self._is_flushing = False
        self._greeted: asyncio.Future[None] = self.loop.create_future()
        self._classes, self._classes_taught = classes_of_the_script(), 0
        self._heads: set[bytes] = set()
        self._taught: set[int] = set()
        self._below: dict[int, tuple[TreeNode, ...]] = {}

    @property
    def pid(self) -> int | None:
        """Of the process; None before its start."""
        return self.host.pid

    def open(self) -> None:
        """Begin to start the process; `opened` is done when it is there."""
        # Callbacks of its sockets are nobody's: they must not run as the actor that happens to be the first. And
        # others may wait for it when that one is gone.
        self.opened = self.loop.create_task(self._open(surroundings()), context=contextvars.Context())
        self.opened.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody may ask

    async def _open(self, settings: dict[str, Any]) -> None:
        try:
            await self.host.start(self)
        except (OSError, SupervisionError) as error:
            self.lost = ProcessDied(f"process {self.name} could not be started: {error}", reason=str(error))
            self.close(self.lost)
            raise self.lost from error
        self._page = self.host.page
        watchdog = self._system.watchdog
        blocking_s = None if watchdog is None else watchdog.threshold_s
        is_heard = self._system.observation.hears_of_work
        told = {**settings, "title": self.name, "values": own_key(), "blocking_s": blocking_s, "reports": is_heard}
        self.order(Welcome(VERSION, self._system.id, told))
        late = self.loop.call_later(START_S, self.host.kill, f"did not start up within {START_S:g} s")
        try:
            await self._greeted
        finally:
            late.cancel()

    # What goes out

    def write(self, frame: bytes) -> None:
        """Send a frame, after those before it, soon."""
        self._out.append(frame)
        self.wake()

    def wake(self) -> None:
        """Have `flush` called soon."""
        if not self._is_flushing:
            self._is_flushing = True
            self.loop.call_soon(self.flush, context=_NOBODY)

    def flush(self) -> None:
        """Send all that was written."""
        self._is_flushing = False
        self.collect()
        if self._out:
            out, self._out = self._out, []
            self.host.send(out)

    def deliver(self, fields: list[Any], size: int) -> None:
        """Send messages to an actor, at once."""
        frame = pack_traffic([DELIVER, *fields], size)
        if self._out or self._posted or self._answers:
            self._out.append(frame)
            self.flush()
        else:
            self.host.send([frame])

    def forward(self, target: Any, frame: bytes, reply: Any, sender: ActorRef | None, *, urgent: bool) -> None:
        """Send a message to an actor that lives in the process, but was not sent there from here."""
        self.teach(frame)
        super().forward(target, frame, reply, sender, urgent=urgent)

    def answer(self, number: int, name: str, outcome: Any) -> None:
        """Settle an ask of an actor in the process."""
        if self._classes_taught < len(self._classes):
            self._teach_classes()
        super().answer(number, name, outcome)

    def _teach_classes(self) -> None:
        new, self._classes_taught = self._classes[self._classes_taught :], len(self._classes)
        for order in map(lesson_of_class, new):
            if order is not None:
                self.order(order)

    def teach(self, frame: bytes) -> None:
        """See that the child knows the type of this message, and the classes of what is in it."""
        if self._classes_taught < len(self._classes):
            self._teach_classes()
        head = frame[:6] if frame[1:2] == b"\xce" else frame[:4]  # as long as the tag
        if head in self._heads:
            return
        tag = tag_in(frame)
        if tag not in self._taught:
            self._taught.add(tag)
            order = lesson(tag)
            if order is not None:
                self.order(order)
        if len(self._heads) >= _HEADS_MAX:
            self._heads.clear()
        self._heads.add(head)

    def admit(self, cell: Elsewhere) -> None:
        """Make room for the actor, where it has none there yet."""
        if cell.serial in self._cells:
            return
        self._cells[cell.serial] = cell
        slot = self._slots[cell.serial] = self._free.pop() if self._free else 0
        if slot and self._page is not None:
            self._page[2 * slot] = self._page[2 * slot + 1] = 0.0
        spec = cell.spec
        options = {
            "capacity": spec.mailbox.capacity,
            "bytes_max": spec.mailbox.bytes_max,
            "overflow": str(spec.mailbox.overflow),
            "stash_capacity": spec.mailbox.stash_capacity,
            "restart": str(spec.policy.restart),
            "attempts": spec.policy.attempts,
            "shutdown_s": float(spec.shutdown_s),
            "resumes": cell.package.resumes,
        }
        self.order(Admit(cell.serial, cell.name, slot, cell.package.parcel, options))

    def waiters(self, waiting: list[Any]) -> list[Asker]:
        """The actors that the child's `waiting_for` has named. Raises MalformedMessage, TypeError, ValueError."""
        found: list[Asker] = []
        for each in waiting:
            if type(each) is int:
                actor = self._cells.get(each)
                found += () if actor is None else (actor.cell,)
                continue
            address, deferred = each
            target = target_of(self.remote(*open_address(address)))
            assert isinstance(target, RemoteTarget)
            target.deferred = [reply for number in deferred if (reply := self.asked_by(number)) is not None]
            found.append(target)
        return found

    def _on_may_wait(self, question: MayWait) -> None:
        refused = self.waits.join(question.question, question.asks, self.waiters(question.waiting))
        ask, names = refused or (0, ())
        self.order(WaitVerdict(question.question, ask, list(names)))

    def below(self, cell: Elsewhere) -> tuple[TreeNode, ...]:
        """What lives below the actor in its process, as it was told last."""
        return self._below.get(cell.serial, ())

    def progress(self, cell: Elsewhere) -> tuple[int, int] | None:
        """Numbers of the message that the actor has begun last, and of the one in hand; None where nobody knows."""
        slot = self._slots.get(cell.serial, 0)
        if not slot or self._page is None:
            return None
        return whole(self._page[2 * slot]), whole(self._page[2 * slot + 1])

    def release(self, cell: Elsewhere) -> None:
        """Forget the actor."""
        self._below.pop(cell.serial, None)
        if self._cells.pop(cell.serial, None) is not None:
            slot = self._slots.pop(cell.serial)
            if slot:
                self._free.append(slot)

    async def end(self, ask_s: float, term_s: float) -> None:
        """Make the process end: ask (for `ask_s` seconds), SIGTERM (for `term_s` seconds), SIGKILL."""
        await asyncio.wait([self.opened])
        if self.lost is None:
            if ask_s > 0:
                self.order(QuitProcess(ask_s))
                self.flush()
            await self.host.ladder(ask_s, term_s)

    # What comes in

    def on_frames(self, frames: list[bytes]) -> None:
        """Frames of one read."""
        try:
            for frame in frames:
                self.take(frame)
        except _UNSOUND as error:
            self.host.kill(f"sent what is no message: {error}")

    def take(self, frame: bytes) -> None:
        """One frame of the child. Raises where it is none."""
        content = open_frame(frame)
        if type(content) is not list:
            self._take_order(content)
        elif content[0] == SETTLED:
            cell = self._cells.get(content[1])
            if cell is not None:
                cell.on_settled(content[2], content[3], content[4])
        elif content[0] == ANSWERED:
            self.on_answered(content)
        elif content[0] == FORWARD:
            self.on_forward(content)
        else:
            raise MalformedMessage(f"traffic of kind {content[0]} goes the other way")

    def _take_order(self, order: Any) -> None:
        if isinstance(order, Hello):
            self._on_hello(order)
        elif isinstance(order, Started | Ended | StoppedForGood | Asked):
            cell = self._cells.get(order.actor)
            if cell is not None:
                _ABOUT_ACTORS[type(order)](cell, order)
        elif isinstance(order, Buried):
            self._on_buried(order)
        elif isinstance(order, Below):
            if order.actor in self._cells:
                self._below[order.actor] = nodes_of(order.nodes)
        elif isinstance(order, MayWait):
            self._on_may_wait(order)
        elif isinstance(order, WaitsNoMore):
            self.waits.leave(order.question)
        elif isinstance(order, Worked):
            self._system.observation.worked(unpack_work(order))
        elif isinstance(order, Traced):
            self._system.tracing.emit(unpack_event(order))
        elif isinstance(order, HeldUp):
            if self._system.watchdog is not None:
                self._system.watchdog.note(Blockage(order.actor, order.message, order.seconds, order.stack, order.at))
        elif isinstance(order, Logged):
            emit_in_parent(order)
        elif not self.on_order(order):
            raise MalformedMessage(f"a {type(order).__qualname__} goes the other way")

    def _on_hello(self, hello: Hello) -> None:
        if hello.version != VERSION:
            raise MalformedMessage(
                f"it speaks version {hello.version} of the protocol of actor processes, this is version {VERSION}: "
                "both have to be of the same release"
            )
        self._home = hello.home
        self._beyond = homes[hello.home] = Beyond(self.remote, hello.home)
        if not self._greeted.done():
            self._greeted.set_result(None)

    def _on_buried(self, buried: Buried) -> None:
        error = None
        if buried.traceback:
            error = ActorFailed(f"{buried.target} failed in its process")
            error.add_note(buried.traceback.rstrip())
        self._system.dead_letters.add(
            buried.frame, buried.target, buried.sender, DeadReason(buried.reason), error=error
        )

    # The end

    def on_lost(self, loss: Loss) -> None:
        """The process is gone: all that lived there is told how it ended."""
        error = ProcessDied(
            f"process {self.name} (pid {self.pid}) ended: {loss.reason}", reason=loss.reason, pid=self.pid
        )
        self.lost = error
        homes.pop(self._home, None)
        page, self._page = self._page, None
        if page is not None:
            self._take_notes(page)
        for serial, cell in list(self._cells.items()):
            slot = self._slots.get(serial, 0)
            begun, in_hand = (page[2 * slot], page[2 * slot + 1]) if slot and page is not None else (0.0, 0.0)
            cell.on_process_lost(_of(error, cell.name), max(whole(begun), 0), max(whole(in_hand), 0))
        self._cells.clear()
        self.close(error)
        if not self._greeted.done():
            self._greeted.set_exception(error)
            self._greeted.exception()  # it may be that nobody asks

    def _take_notes(self, page: memoryview[float]) -> None:
        """Answers that it had made and not sent."""
        for actor, number, form, value in noted(page):
            cell, slot = self._cells.get(actor), self._slots.get(actor, 0)
            with contextlib.suppress(*_UNSOUND):  # any code there may have written it
                if cell is not None:
                    begun = max(whole(page[2 * slot]), number) if slot else number
                    cell.on_settled(begun, cell.cell.statistics().busy_s, [number, form, value])
                elif actor == 0:
                    self.on_answered([ANSWERED, [], [number, form, value]])


_NOBODY = contextvars.Context()

_ABOUT_ACTORS: dict[type, Callable[[Elsewhere, Any], None]] = {
    Started: lambda cell, order: cell.on_started(order.incarnation),
    Ended: Elsewhere.on_ended,
    StoppedForGood: Elsewhere.on_gone,
    Asked: Elsewhere.on_asked,
}


def _of(error: ProcessDied, name: str) -> ProcessDied:
    return ProcessDied(f"{name}: {error}", reason=error.reason, pid=error.pid)
