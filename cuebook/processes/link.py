"""The half of a link that both of its ends have: messages between refs of two processes, and what becomes of actors.

Knows no socket: frames go out by `write`, and come in by `on_traffic` and `on_order`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

from cuebook.errors import ActorStopped, CuebookError, MailboxFull, MalformedMessage
from cuebook.processes.outcomes import pack_error, pack_outcome, unpack_error, unpack_outcome
from cuebook.processes.protocol import ANSWERED, FORWARD, GaveUp, Observe, Order, Signal, Verb, pack_order, pack_traffic
from cuebook.processes.remote_target import RemoteTarget
from cuebook.processes.traces import mark_now, mark_of
from cuebook.processes.waits import RemoteWaits, ended_unanswered
from cuebook.runtime.cells.bonds import Bonds, Watch
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef, address_of, find_ref, post_as, target_of
from cuebook.runtime.refs.reply import FailedReply
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.refs.waiting import Asker
from cuebook.runtime.reports.trace_context import trace_now
from cuebook.wire.codec import pack, unpack

__all__ = ["Link", "open_address"]


Forwarded = tuple[int, bytes, bool, ActorRef | None, list[Any] | None, str | None]
"""A message of the other end: its number, the frame, whether it is an ask, its sender, who waits for it, its trace."""


def open_address(data: bytes) -> tuple[bytes, str, int]:
    """System, name and number of an actor. Raises MalformedMessage."""
    parts = unpack(data)
    if type(parts) is not list or [type(part) for part in parts] != [bytes, str, int]:
        raise MalformedMessage("the address of an actor is its system, its name and its number")
    return parts[0], parts[1], parts[2]


class Link:
    """One end.

    Parameters:
        deadlines: of the asks made at this end.
        find: the actor of an address at this end or beyond it; the ref says so where there is none.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deadlines: Deadlines,
        ready: ReadyQueue,
        *,
        find: Callable[[bytes, str, int], ActorRef] = find_ref,
    ) -> None:
        self.loop = loop
        self.deadlines = deadlines
        self.ready = ready
        self.is_open = True
        self._find = find
        self._numbers = 0
        self._on_way: dict[int, tuple[RemoteTarget, int]] = {}
        self._asked: dict[int, tuple[str, Any]] = {}
        self._remotes: WeakValueDictionary[bytes, RemoteTarget] = WeakValueDictionary()
        self._posted: list[int] = []
        self._answers: list[Any] = []
        self._backlogs: dict[bytes, deque[Forwarded]] = {}
        self._incoming: dict[int, tuple[Any, Any]] = {}
        self.waits = RemoteWaits()
        self._pumps: set[asyncio.Future[None]] = set()
        self._observers: dict[bytes, WatchRelay] = {}
        self._senders: dict[ActorRef, bytes] = {}

    def write(self, frame: bytes) -> None:
        """Send a frame, after those before it, soon."""
        raise NotImplementedError

    # What this end sends

    def order(self, order: Order) -> None:
        """Send something that is no traffic."""
        self.collect()
        self.write(pack_order(order))

    def remote(self, home: bytes, name: str, serial: int) -> ActorRef:
        """The ref of an actor at the other end or beyond it."""
        address = pack((home, name, serial))
        found = self._remotes.get(address)
        if found is None:
            found = self._remotes[address] = RemoteTarget(self, address, home, name, serial=serial)
        return found.ref

    def forward(self, target: RemoteTarget, frame: bytes, reply: Any, sender: ActorRef | None, *, urgent: bool) -> None:
        """Send a message to the actor, and what it answers to `reply`."""
        self._numbers = number = self._numbers + 1
        self._on_way[number] = (target, len(frame))
        if reply is not None:
            self._asked[number] = (target.name, reply)
        named = None if sender is None else self.address(sender)
        waiting = self.who_waits() if isinstance(reply, asyncio.Future) else None
        if waiting is not None:
            reply.add_done_callback(lambda ended: self.order(GaveUp(number)) if ended_unanswered(ended) else None)
        fields = [FORWARD, number, target.address, frame, reply is not None, urgent, named, waiting, mark_now()]
        self.write(pack_traffic(fields, len(frame)))

    def who_waits(self) -> list[Any] | None:
        """Who would wait for what the code that runs now asks, as the other end knows them; None: nobody."""
        return None

    def waiters(self, waiting: list[Any]) -> list[Asker]:
        """The actors that the other end's `who_waits` has named."""
        del waiting
        return []

    def numbers_of(self, replies: Iterable[Any]) -> dict[Any, int]:
        """The numbers of asks that went over the link, by where their answers go."""
        wanted = set(replies)
        return {reply: number for number, (_, reply) in self._asked.items() if reply in wanted}

    def asked_by(self, number: int) -> Any:
        """Where the answer to an ask that went over the link goes; None where it is not open."""
        return self._asked.get(number, ("", None))[1]

    def deferred(self, actor: Asker) -> list[int]:
        """Numbers of the other end's asks that an actor here answers later."""
        return [n for n, (reply, target) in self._incoming.items() if target is actor and actor.has_deferred(reply)]

    def address(self, ref: ActorRef) -> bytes:
        """The bytes that a ref is found by at the other end."""
        known = self._senders.get(ref)
        if known is None:
            if len(self._senders) >= 1024:
                self._senders.clear()
            known = self._senders[ref] = pack(address_of(ref))
        return known

    def answer(self, number: int, name: str, outcome: Any) -> None:
        """Settle an ask of the other end."""
        self._incoming.pop(number, None)
        self.waits.end(number)
        if self.is_open:
            self.answered(number, *pack_outcome(name, outcome))

    def answered(self, number: int, form: int, value: Any) -> None:
        """An ask that came over the link is settled."""
        self._answers += (number, form, value)
        self.wake()

    def wake(self) -> None:
        """Have `collect` called soon."""
        raise NotImplementedError

    def collect(self) -> None:
        """Write what has gathered."""
        if self._posted or self._answers:
            posted, self._posted = self._posted, []
            answers, self._answers = self._answers, []
            size = sum(len(part) for part in answers[2::3] if type(part) is bytes or type(part) is str)
            self.write(pack_traffic([ANSWERED, posted, answers], size))

    # What comes from the other end

    def on_forward(self, fields: list[Any]) -> None:
        """A message for an actor at this end, or beyond it."""
        _, number, address, frame, is_ask, urgent, named, waiting, trace = fields
        item = (number, frame, is_ask, None if named is None else self._find(*open_address(named)), waiting, trace)
        backlog = self._backlogs.get(address)
        if backlog is not None and not urgent:
            backlog.append(item)
            return
        if not self._post(address, item, urgent=urgent):
            self._backlogs[address] = deque([item])
            pump = asyncio.ensure_future(self._pump(address))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    def on_answered(self, fields: list[Any]) -> None:
        """Messages of this end have reached mailboxes; asks of this end are answered."""
        for number in fields[1]:
            way = self._on_way.pop(number, None)
            if way is not None:
                way[0].posted(way[1])
        answers = fields[2]
        for place in range(0, len(answers), 3):
            number, form, value = answers[place : place + 3]
            _, reply = self._asked.pop(number, ("", None))
            if reply is not None and not reply.done():
                reply.set_result(unpack_outcome(form, value))

    def on_order(self, order: Any) -> bool:
        """Whether it was for this half of the link."""
        if isinstance(order, Observe):
            if order.address not in self._observers:
                self._observers[order.address] = WatchRelay(
                    self, order.address, self._find(*open_address(order.address))
                )
        elif isinstance(order, Signal):
            self._on_signal(order)
        elif isinstance(order, Verb):
            self._on_verb(order)
        elif isinstance(order, GaveUp):
            self.waits.end(order.number)
        else:
            return False
        return True

    def forget(self, address: bytes) -> None:
        """There is nothing more to say of an observed actor."""
        self._observers.pop(address, None)

    def close(self, error: CuebookError) -> None:
        """The other end is gone: every ask of this end ends with this error, every actor there is down."""
        if not self.is_open:
            return
        self.is_open = False
        self.waits.end_all()
        asked, self._asked = self._asked, {}
        for _, reply in asked.values():
            if not reply.done():
                reply.set_result(FailedReply(error))
        for remote in list(self._remotes.values()):
            remote.failed(error)
            remote.down(Exit.FAILURE, error)
        for observer in list(self._observers.values()):
            observer.leave()
        for pump in self._pumps:
            pump.cancel()

    # Within

    def _post(self, address: bytes, item: Forwarded, *, urgent: bool = False) -> bool:
        """Put a message into its mailbox; False where there is no room for it."""
        number, frame, is_ask, sender, waiting, trace = item
        ref = self._find(*open_address(address))
        reply = _LinkReply(self, number, ref.name) if is_ask else None
        if reply is not None:
            self._incoming[number] = (reply, target_of(ref))
        token = None if trace is None else trace_now.set(mark_of(trace))
        try:
            if waiting is not None:
                self.waits.begin(number, self.waiters(waiting), target_of(ref), reply)
            post_as(sender, target_of(ref), frame, reply, urgent=urgent)
        except MailboxFull as error:
            if target_of(ref).has_room(len(frame)):  # what is too much is dropped there
                self._refuse(reply, error)
            else:
                return False
        except CuebookError as error:
            self._refuse(reply, error)
        finally:
            if token is not None:
                trace_now.reset(token)
        self._posted.append(number)
        self.wake()
        return True

    def _refuse(self, reply: _LinkReply | None, error: CuebookError) -> None:
        if reply is not None:
            reply.set_result(FailedReply(error, is_undelivered=isinstance(error, ActorStopped)))

    async def _pump(self, address: bytes) -> None:
        """Post what waits for room, in order."""
        backlog = self._backlogs[address]
        with contextlib.suppress(asyncio.CancelledError):
            while backlog:
                target = target_of(self._find(*open_address(address)))
                await target.wait_for_room(len(backlog[0][1]), is_question=backlog[0][2])
                while backlog and self._post(address, backlog[0]):
                    backlog.popleft()
        del self._backlogs[address]

    def _on_signal(self, signal: Signal) -> None:
        remote = self._remotes.get(signal.address)
        if remote is None:
            return
        error = None if signal.error is None else unpack_error(signal.error)
        if signal.kind == "restarted":
            remote.restarted(signal.count, error)
        elif signal.kind == "failed":
            remote.failed(error or ActorStopped(f"{remote.name} has failed"))
        else:
            self._remotes.pop(signal.address, None)
            remote.down(Exit(signal.reason), error)

    def _on_verb(self, verb: Verb) -> None:
        target = target_of(self._find(*open_address(verb.address)))
        if verb.verb == "stop":
            target.request_stop(verb.timeout, drain=verb.drain)
        elif verb.verb == "kill":
            target.kill(None if verb.error is None else unpack_error(verb.error))
        elif verb.verb == "unpark":
            target.unpark()
        else:
            raise MalformedMessage(f"nothing is called {verb.verb!r} here")


class _LinkReply:
    """Where the answer to an ask of the other end goes."""

    __slots__ = ("_is_done", "_link", "_name", "_number", "_observer", "_outcome")

    def __init__(self, link: Link, number: int, name: str) -> None:
        self._link = link
        self._number = number
        self._name = name
        self._is_done = False
        self._observer: Callable[[Any], object] | None = None
        self._outcome: Any = None

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Have one who looks at the message called when it is answered, as a Future does."""
        self._observer = callback

    def cancelled(self) -> bool:
        """False: it is not known here whether anyone still waits."""
        return False

    def result(self) -> Any:
        """The answer, while it is given."""
        return self._outcome

    def done(self) -> bool:
        """Whether it is answered."""
        return self._is_done

    def set_result(self, outcome: Any) -> None:
        """Answer it."""
        if not self._is_done:
            self._is_done = True
            self._link.answer(self._number, self._name, outcome)
            if self._observer is not None:
                self._outcome = outcome
                self._observer(self)


class WatchRelay:
    """Stands at this end for all who watch one of its actors from the other: it passes on what happens."""

    def __init__(self, link: Link, address: bytes, ref: ActorRef) -> None:
        self.name = ref.name
        self.ref = ref
        self.state = ActorState.RUNNING
        self._link = link
        self._address = address
        self._target = target_of(ref)
        self._bonds = Bonds(self)
        self._watch: Watch | None = None
        if self._target.state is ActorState.STOPPED:
            self._tell_down(*self._target.ended)
            return
        self._watch = self._bonds.watch(self._target, wants_restarts=True)
        self._bonds.link(self._target)

    def bonds(self) -> Bonds:
        """Its own."""
        return self._bonds

    def inform(self, signal: Any, watch: Watch) -> None:
        """What became of the actor."""
        if watch is not self._watch:
            return
        if type(signal) is Down:
            self._tell_down(signal.reason, signal.error)
            return
        self._link.order(Signal(self._address, "restarted", "", signal.count, pack_error(signal.cause)))
        self._bonds.link(self._target)

    def kill(self, error: BaseException | None = None) -> None:
        """The actor's incarnation failed, and this was linked to it."""
        cause = error.__cause__ if error is not None and error.__cause__ is not None else error
        if self._link.is_open:
            self._link.order(Signal(self._address, "failed", "", 0, pack_error(cause)))

    def leave(self) -> None:
        """The other end is gone: nobody listens any more."""
        self._watch = None
        self._bonds.release()

    def _tell_down(self, reason: Exit, error: BaseException | None) -> None:
        self._link.forget(self._address)
        if self._link.is_open:
            self._link.order(Signal(self._address, "down", reason.value, 0, pack_error(error)))
