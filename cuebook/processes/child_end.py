"""A process of actors: an actor system of its own, and its end of the link. Started by `children.spawner`."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

from cuebook.children.lifeline import end_group, exit_code, mind_owner, settle_in
from cuebook.children.logs.forwarding import Forwarding
from cuebook.children.page import NOTES_BYTES, PAGE_BYTES
from cuebook.children.program.program import ProgramHere
from cuebook.children.settling import adopt_environment
from cuebook.children.stdio import flush_c, flush_streams
from cuebook.children.title import show_title
from cuebook.errors import ActorFailed, UnknownMessage
from cuebook.persistence.values.in_messages import adopt_key, carry_values
from cuebook.processes.branches import Branches, PeopledSystem
from cuebook.processes.doubts import Doubts
from cuebook.processes.hosted import ForwardedDeadLetters, HostedBody, hosted_spec
from cuebook.processes.link import Link, open_address
from cuebook.processes.loop import new_loop
from cuebook.processes.notes import Notes
from cuebook.processes.outcomes import pack_error, unpack_error
from cuebook.processes.parcel import open_parcel, study
from cuebook.processes.protocol import (
    ANSWERED,
    DELIVER,
    FORWARD,
    SETTLED,
    VERSION,
    Admit,
    Begin,
    Ended,
    Expel,
    HeldUp,
    Hello,
    Kill,
    QuitProcess,
    Retire,
    Teach,
    TraceActor,
    WaitVerdict,
    Welcome,
    open_frame,
    pack_order,
    pack_traffic,
)
from cuebook.processes.receipts import Receipts
from cuebook.processes.traces import Carrier, Reporter, mark_of, send_traces
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.refs.ref import ActorRef, find_ref, homes, routes
from cuebook.runtime.refs.waiting import Activation, doubted_by, in_hand, waits_for
from cuebook.runtime.reports.trace_context import trace_now
from cuebook.runtime.tasks.exits import is_exit
from cuebook.wire.frame import LINK_BYTES_MAX, FrameReader, pack_frame

__all__ = ["ChildEnd", "main"]

_RECV_BYTES = 1 << 18
BROKEN = 70
"""Exit code of a process that could not understand its owner (EX_SOFTWARE)."""


class ChildEnd(Link):
    """This end of the link, and the actors behind it."""

    def __init__(self, data: socket.socket, page: memoryview[float]) -> None:
        loop = new_loop(data, self.flush, self.receive)
        super().__init__(loop, None, None)  # type: ignore[arg-type]  # they are made with the loop running
        self.socket = data
        self.owner = b""
        self.is_closing = False
        self.forwarding = Forwarding(self.write_soon)
        self.program = ProgramHere()
        self.logging_state: dict[str, Any] | None = None
        self.unlearned: dict[int, UnknownMessage] = {}
        self._page = page
        self._notes = Notes(page)
        self._reader = FrameReader(LINK_BYTES_MAX)
        self._buffer = memoryview(bytearray(_RECV_BYTES))  # a new one a read would cost more than the read
        self._out: list[bytes] = []
        self._carrier = Carrier()
        self._tracing: asyncio.Task[None] | None = None
        self._sending = threading.Lock()  # the watchdog's thread sends too, while a handler holds up the loop
        self._owing: list[Receipts] = []
        self._hosted: dict[int, HostedBody] = {}
        self._specs: dict[int, Any] = {}
        self._branches = Branches(self._cells, self.order, loop.call_later)
        self.system = PeopledSystem("cuebook", self._branches.changed)
        self.system.dead_letters = ForwardedDeadLetters(self.system.clock.time, self.order)
        self._doubts = Doubts(self)
        self._over: asyncio.Future[float] = loop.create_future()
        self._orders: dict[type, Callable[[Any], None]] = {
            Welcome: self._on_welcome,
            Admit: self._on_admit,
            Begin: self._on_begin,
            Expel: self._on_expel,
            Kill: self._on_kill,
            Retire: self._on_retire,
            Teach: self._on_teach,
            TraceActor: self._on_trace,
            QuitProcess: self._on_quit,
            WaitVerdict: self._doubts.on_verdict,
        }

    def run(self) -> int:
        """Until told to quit, or an actor exits the program. The exit code."""
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._live())
        except SystemExit as leaving:
            return exit_code(leaving.code)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        return 0

    async def _live(self) -> None:
        async with self.system:
            self.deadlines, self.ready = self.system.deadlines, self.system.ready
            self.order(Hello(VERSION, os.getpid(), self.system.id))
            await self._over
            self.is_closing = True

    # The link

    def write(self, frame: bytes) -> None:
        """Send a frame with the loop's next step."""
        self._out.append(frame)

    def wake(self) -> None:
        """`flush` collects before the loop waits."""

    def owe(self, receipts: Receipts) -> None:
        """Something of it is to be sent with the loop's next step."""
        receipts.is_owing = True
        self._owing.append(receipts)

    def answered(self, number: int, form: int, value: Any) -> None:
        """An ask that came over the link is settled."""
        super().answered(number, form, value)
        if not self._notes.add(0, number, form, value):
            self.flush()

    def collect(self) -> None:
        """Write what has gathered."""
        if self._branches.is_any:
            self._branches.step()
        owing, self._owing = self._owing, []
        for receipts in owing:
            answers, receipts.answers = receipts.answers, []
            receipts.is_owing = False
            hosted = self._hosted.get(receipts.actor)
            busy_s = 0.0 if hosted is None or hosted.cell is None else hosted.cell.receiving.busy_s
            size = sum(len(part) for part in answers[2::3] if type(part) is bytes or type(part) is str)
            self.write(pack_traffic([SETTLED, receipts.actor, receipts.begun, busy_s, answers], size))
        super().collect()

    def flush(self) -> None:
        """Send all that was written."""
        self.collect()
        if self._out:
            out, self._out = self._out, []
            self._send(out)
            self._notes.clear()

    def _send(self, frames: list[bytes]) -> None:
        data = b"".join([pack_frame(frame, LINK_BYTES_MAX) for frame in frames])
        try:
            with self._sending:
                self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            end_group()

    def receive(self) -> None:
        """Take in what has arrived."""
        size = self.socket.recv_into(self._buffer)
        if not size:
            end_group()
        try:
            for frame in self._reader.feed(bytes(self._buffer[:size])):
                self.take(frame)
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(BROKEN)

    def take(self, frame: bytes) -> None:
        """One frame from the owner."""
        content = open_frame(frame)
        if type(content) is list:
            kind = content[0]
            if kind == DELIVER:
                self._on_deliver(content)
            elif kind == FORWARD:
                self.on_forward(content)
            elif kind == ANSWERED:
                self.on_answered(content)
            return
        handler = self._orders.get(type(content))
        if handler is not None:
            handler(content)
        else:
            self.on_order(content)

    # Refs

    def who_waits(self) -> list[Any] | None:
        """The owner's actors that wait for the handler in whose name this code runs."""
        asker = in_hand.get()
        if asker is None or not asker.is_open:
            return None
        return self.waiting_for(asker) or None

    def waiting_for(self, asker: Activation) -> list[Any]:
        """Who waits for a handler, itself included: the owner's actors by number, those that only live here by address,
        with the asks of the owner's that they answer later.
        """
        actor = asker.actor
        others: list[Any] = self.system.people() if self._branches.is_any else self._cells()
        found = [cell for cell in others if (cell is actor or cell.activation) and waits_for(cell, actor)]
        return [c.serial if isinstance(c.body, HostedBody) else [self.address(c.ref), self.deferred(c)] for c in found]

    def find(self, name: str, serial: int) -> ActorRef | None:
        """An actor of the owner's system: one that lives here, or the way to it."""
        hosted = self._hosted.get(serial)
        if hosted is not None and hosted.cell is not None and hosted.receipts.name == name:
            return hosted.cell.ref
        return self.remote(self.owner, name, serial)

    # What the owner orders

    def _on_welcome(self, welcome: Welcome) -> None:
        if welcome.version != VERSION:
            sys.stderr.write(f"the owner speaks version {welcome.version} of actor processes, this is {VERSION}\n")
            sys.stderr.flush()
            os._exit(BROKEN)
        self.owner = welcome.home
        carry_values()
        adopt_key(welcome.options["values"], imports=True)
        homes[welcome.home] = self
        routes.append(self.remote)
        doubted_by(self._doubts.doubt)
        adopt_environment(welcome.options)
        self.program.load(welcome.options["program"])
        show_title(f"actors {welcome.options.get('title', '')}".rstrip())
        self._watch(welcome.options["blocking_s"])
        if welcome.options["reports"]:
            self.system.observation.add(Reporter(self.order))
        self.logging_state = welcome.options.get("logging")
        self.forwarding.load(self.logging_state)
        self.forwarding.begin()
        self.program.settle()

    def _watch(self, blocking_s: float | None) -> None:
        watchdog = self.system.watchdog
        assert watchdog is not None
        if blocking_s is None:
            watchdog.stop()
            return
        watchdog.threshold_s = blocking_s
        watchdog.on_noticed = lambda blockage: self._send([pack_order(HeldUp(*astuple(blockage)))])

    def write_soon(self, frame: bytes) -> None:
        """`write` from any thread."""
        if threading.get_ident() == threading.main_thread().ident:
            self.write(frame)
        else:
            self.loop.call_soon_threadsafe(self.write, frame)

    def _on_admit(self, admit: Admit) -> None:
        receipts = Receipts(admit.actor, admit.name, self, self._page, notes=self._notes, slot=admit.slot)
        self.forwarding.load(self.logging_state)
        try:
            with self.program.filters.put_aside():
                parcel = open_parcel(admit.parcel)
                resumes = pickle.loads(admit.options["resumes"])
        except BaseException as error:
            if is_exit(error):
                raise
            self._specs[admit.actor] = error
            return
        finally:
            self.forwarding.begin()
        hosted = self._hosted[admit.actor] = HostedBody(self, receipts, parcel)
        self._specs[admit.actor] = hosted_spec(hosted, admit.options, resumes)

    def _on_begin(self, begin: Begin) -> None:
        hosted = self._hosted.get(begin.actor)
        spec = self._specs.get(begin.actor)
        if hosted is None or spec is None or isinstance(spec, BaseException):
            error = spec if isinstance(spec, BaseException) else ActorFailed("the actor was not admitted")
            self.order(Ended(begin.actor, begin.incarnation, True, False, pack_error(error), 0))
            return
        hosted.incarnation = begin.incarnation
        hosted.is_between = False
        if hosted.cell is not None:
            hosted.cell.begin_again()
            return
        try:
            self.system.start(spec, None)
        except Exception as error:
            self.order(Ended(begin.actor, begin.incarnation, True, False, pack_error(error), 0))

    def _on_deliver(self, fields: list[Any]) -> None:
        _, actor, incarnation, first, frames, asks, senders, traces = fields
        hosted = self._hosted.get(actor)
        if hosted is None or hosted.cell is None or hosted.incarnation != incarnation or hosted.is_between:
            return  # its incarnation has ended meanwhile, and the owner knows
        self._carrier.carry(self.system.observation, on=traces is not None)
        arrive = hosted.arrive
        for place, frame in enumerate(frames):
            is_ask = asks is True or (asks is not None and asks[place])
            sender = None if senders is None or senders[place] is None else find_ref(*open_address(senders[place]))
            if traces is None or traces[place] is None:
                arrive(first + place, frame, is_ask, sender)
                continue
            token = trace_now.set(mark_of(traces[place]))
            arrive(first + place, frame, is_ask, sender)
            trace_now.reset(token)

    def _on_expel(self, expel: Expel) -> None:
        hosted = self._begun(expel.actor)
        if hosted is not None:
            hosted.expel(expel.timeout, drain=expel.drain)
        else:
            self.left(expel.actor)

    def _on_kill(self, kill: Kill) -> None:
        hosted = self._begun(kill.actor)
        if hosted is not None and hosted.cell is not None:
            hosted.cell.kill(None if kill.error is None else unpack_error(kill.error))

    def _on_retire(self, retire: Retire) -> None:
        hosted = self._begun(retire.actor)
        if hosted is not None:
            hosted.retire_soon()

    def _on_teach(self, teach: Teach) -> None:
        problem = study(teach)
        if problem is not None:
            self.unlearned[teach.tag] = problem

    def _on_trace(self, trace: TraceActor) -> None:
        hosted = self._begun(trace.actor)
        if hosted is None:
            return
        if self._tracing is None:
            self._tracing = self.loop.create_task(send_traces(self.system, self.order))
        self.system.trace(hosted.receipts.name, trace.on)

    def _on_quit(self, _quit: QuitProcess) -> None:
        if not self._over.done():
            self._over.set_result(0.0)

    def _cells(self) -> list[CellCore]:
        return [hosted.cell for hosted in self._hosted.values() if hosted.cell is not None]

    def _begun(self, actor: int) -> HostedBody | None:
        hosted = self._hosted.get(actor)
        return None if hosted is None or hosted.cell is None else hosted

    def left(self, actor: int) -> None:
        """An actor has stopped for good."""
        self._hosted.pop(actor, None)
        self._specs.pop(actor, None)


def main(data_fd: int, control_fd: int, page_fd: int, parent: int) -> None:
    """The entry of the process. It ends by `os._exit`: no thread and no `atexit` of an actor can keep it."""
    data, control, page = settle_in(data_fd, control_fd, page_fd, parent, page_bytes=PAGE_BYTES + NOTES_BYTES)
    page[0] = -1
    threading.Thread(target=mind_owner, args=(control,), name="cuebook-owner", daemon=True).start()
    child = ChildEnd(data, page)
    code = child.run()
    child.flush()
    flush_streams()
    flush_c()
    os._exit(code)
