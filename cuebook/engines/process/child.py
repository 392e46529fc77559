"""A worker process: a blocking loop on a socket pair that runs calls. Knows no journal, no scheduling, no event loop.

Started as a fresh interpreter by `children.spawner`; light, so that the first result of a cold run comes soon.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

from cuebook.children.failure_text import traceback_text
from cuebook.children.lifeline import settle_in
from cuebook.children.program.program import ProgramHere
from cuebook.children.stdio import flush_c, flush_streams
from cuebook.children.title import show_title
from cuebook.engines.calls.arrival import arrived
from cuebook.engines.calls.current import CurrentCall, enter_process_call
from cuebook.engines.calls.function import LoadedFunction, load_function
from cuebook.engines.calls.outcome import failure_message, flat_results
from cuebook.engines.calls.protocol import Quit, Returned, Setup, SetupFailed, calls_fields, calls_indexes
from cuebook.engines.calls.states import StateExchange
from cuebook.engines.process.attendant import Attendant
from cuebook.errors import JournalError
from cuebook.persistence.values import SCALARS
from cuebook.wire.codec import new_packer
from cuebook.wire.frame import FrameReader, pack_frame
from cuebook.wire.message import decode, encode

if TYPE_CHECKING:
    from cuebook.children.logs.forwarding import Forwarding

__all__ = ["WorkerProcess", "main"]

FLUSH_S = 0.001
"""Results wait at most this long for company while short calls go on; an idle or slow worker sends at once."""

IDLE_S = 0.05
"""A worker that waits for orders holds the read lock: then there is nothing to give back."""
_RECV_BYTES = 1 << 18


class WorkerProcess:
    """The one worker of this process: takes batches of calls, runs them in order, sends what is finished."""

    def __init__(self, data: socket.socket, control: socket.socket, page: memoryview[float]) -> None:
        self.data = data
        self.page = page
        self.run = 0
        self.function: LoadedFunction | None = None
        self.todo: deque[Iterator[tuple[int, Any]]] = deque()
        self.orders: deque[Any] = deque()
        self.attempts: dict[int, int] = {}
        self.finished: list[Any] = []
        self.arguments: Any = None
        self.current: CurrentCall | None = None
        self.between: CurrentCall | None = None
        self.setups = 0
        self.forwarding: Forwarding | None = None
        self.program = ProgramHere()
        self.is_fork = False
        self.read_lock = threading.Lock()
        self.send_lock = threading.Lock()
        self.reader = FrameReader()
        self.states = StateExchange(self.send)
        self.attendant = Attendant(control, self)

    # -- the life of the process ---------------------------------------------------------------------------------

    def serve(self) -> None:
        """Work until told to quit or the parent is gone."""
        self.attendant.start()
        enter_process_call(self.make_current_call)
        os.register_at_fork(after_in_child=self.become_fork)
        while True:
            self.read()
            while self.orders:
                self.take_calls()
                self.run_calls()
                order = self.next_order()
                if isinstance(order, Setup):
                    self.set_up(order)
                elif isinstance(order, Quit):
                    self.tear_down()
                    return

    def set_up(self, order: Setup) -> None:
        self.run = order.run
        self.setups += 1
        show_title(f"worker-{order.options.get('worker', 0)} {order.options.get('title', '')}".rstrip())
        self.current = None
        self.attempts.clear()
        self.tear_down()
        answer, self.function = load_function(order, self)
        self.between = None
        if isinstance(answer, SetupFailed):
            self.todo.clear()
        self.send(encode(answer))

    def tear_down(self) -> None:
        if self.function is not None:
            self.between = self.function.outside
            self.function.tear_down()
            self.function = self.between = None
        flush_streams()

    def become_fork(self) -> None:
        """A call has forked, and this is the new process: it may go on with the call, but is no worker.

        It lets go of the channels, has nothing more to do, and ends where the worker would send the call's result.
        """
        self.is_fork = True
        self.read_lock, self.send_lock = threading.Lock(), threading.Lock()
        self.data.close()
        self.attendant.control.close()
        self.page = memoryview(array("d", self.page))
        self.orders.clear()
        for batch in self.todo:
            deque(batch, maxlen=0)

    # -- what comes in -------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Block for more orders. An end of the stream means that the parent is gone: nothing is left to do."""
        with self.read_lock:
            if self.orders:
                return
            self.page[2] = 0
            chunk = self.data.recv(_RECV_BYTES)
            self.page[2] = 1
            if not chunk:
                self.attendant.end_group()
            self.accept(chunk)

    def read_waiting(self) -> None:
        """Take in what has arrived without waiting; the caller holds `read_lock`."""
        while True:
            try:
                chunk = self.data.recv(_RECV_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not chunk:
                return
            self.accept(chunk)

    def accept(self, chunk: bytes) -> None:
        for frame in self.reader.feed(chunk):
            self.orders.append(calls_fields(frame) or decode(frame))

    def take_calls(self) -> None:
        """Move batches from the orders to the calls to do, up to the next order of another kind."""
        indexes: list[int] = []
        arguments: list[Any] = []
        with self.read_lock:
            orders = self.orders
            while orders and type(orders[0]) is list:
                run, *batch = orders.popleft()
                if run == self.run and self.function is not None:
                    places = calls_indexes(batch)
                    if batch[3] is not None:
                        self.attempts.update(zip(places, batch[3], strict=True))
                    indexes.extend(places)
                    arguments.extend(self.loaded(self.function, batch[4], places))
            if indexes:
                self.todo.append(zip(indexes, arguments, strict=True))

    def loaded(self, function: LoadedFunction, data: bytes, indexes: Sequence[int]) -> Sequence[Any]:
        """The arguments of some calls."""
        try:
            if not self.program.filters.may_raise:
                return arrived(function.decoder, data, indexes, begin=self.begin_loading)
            with self.program.filters.put_aside():
                return arrived(function.decoder, data, indexes, begin=self.begin_loading)
        finally:
            self.page[0] = -1

    def begin_loading(self, index: int) -> None:
        """A call's arguments are loaded: if that ends this process, or takes without end, it counts as the call's."""
        if index in self.attempts:
            self.flush()
        self.page[1] = monotonic()
        self.page[0] = index

    def encoder_of(self, function: LoadedFunction) -> Callable[[Any], bytes]:
        """What makes bytes of a result; it may load some of it again."""
        encode = function.encoder.encode
        if not self.program.filters.may_raise:
            return encode

        def aside(value: Any) -> bytes:
            with self.program.filters.put_aside():
                return encode(value)

        return aside

    def next_order(self) -> Any:
        """The next order that is no batch of calls; None where there is none."""
        with self.read_lock:
            if not self.orders or type(self.orders[0]) is list:
                return None
            return self.orders.popleft()

    # -- the calls ------------------------------------------------------------------------------------------------

    def run_calls(self) -> None:
        """Run what is to do, in order; the hot loop of the whole library.

        A batch is an iterator that the attendant may empty meanwhile, so a call is either begun here or given back.
        The start of a short call is the end of the one before it: one look at the clock a call. Nothing is left unsent
        before a call that was handed out before: it may be what killed a worker.
        """
        function = self.function
        if function is None:
            return
        page, attendant, clock, finished = self.page, self.attendant, monotonic, self.finished
        invoke, keep, pack, scalars = function.invoke, self.encoder_of(function), new_packer().pack, SCALARS
        overdue, again = clock() + FLUSH_S, self.attempts
        while self.todo:
            started = clock()
            for index, arguments in self.todo[0]:
                if again and index in again:
                    self.flush()
                self.arguments = arguments
                page[1] = started
                page[0] = index
                try:
                    kind = type(arguments)
                    value = invoke(*arguments) if kind is tuple or kind is list else invoke(**arguments)
                    ended = clock()
                    kind = type(value)
                    if kind is int or kind in scalars:
                        try:
                            data = pack(value)
                        except OverflowError:
                            data = keep(value)
                    else:
                        data = keep(value)
                except BaseException as error:
                    self.fail(index, started, error)
                    started = clock()
                    overdue = started + FLUSH_S
                    continue
                finished += (index, started, ended, data)
                if ended > overdue:
                    value = data = None
                    self.flush()
                    started = clock()
                    overdue = started + FLUSH_S
                else:
                    if attendant.is_parked:
                        attendant.wake()
                    started = ended if kind is int else clock()
            with self.read_lock:
                if self.todo:
                    self.todo.popleft()
            if not self.todo:
                self.take_calls()
        self.flush()
        page[0] = -1

    def make_current_call(self) -> CurrentCall | None:
        """The running call, made when somebody asks for it: most calls never do."""
        index = int(self.page[0])
        function = self.function
        if index < 0 or function is None:
            return self.between
        attempt = self.attempts.get(index, 1)
        if self.current is None or (self.current.index, self.current.attempt) != (index, attempt):
            given = self.arguments
            self.current = CurrentCall(
                index,
                attempt,
                list(given) if type(given) is tuple else given,
                worker=function.worker,
                fingerprint=function.fingerprint,
                key=function.call_key,
                port=self.states,
            )
        return self.current

    def fail(self, index: int, started: float, error: BaseException) -> None:
        if self.is_fork:
            end_fork(error)
        self.flush(is_beside=True)
        assert self.function is not None
        call = (index, self.attempts.pop(index, 1))
        self.send(encode(failure_message(self.run, call, started, error, self.function.encoder.encode)))

    # -- what goes out --------------------------------------------------------------------------------------------

    def flush(self, *, is_beside: bool = False) -> None:
        """Send the finished results, in order; `is_beside`: a call has been running since the last one ended."""
        if self.is_fork:
            end_fork(None)
        flush_streams()  # what a call has printed is there before its result is
        with self.send_lock:
            count = len(self.finished)
            if not count:
                return
            batch = self.finished[:count]
            del self.finished[:count]
            messages = flat_results(self.run, batch, until=batch[-2] if is_beside else None)
            self.data.sendall(b"".join([pack_frame(encode(message)) for message in messages]))

    def send(self, payload: bytes) -> None:
        if self.is_fork:
            raise JournalError("this process was forked by a call; only the call itself can make or find checkpoints")
        with self.send_lock:
            self.data.sendall(pack_frame(payload))

    def give_back(self) -> None:
        """Return the calls that have not been started, if there are any; called by the attendant."""
        returned: list[int] = []
        if not self.read_lock.acquire(timeout=IDLE_S):
            self.send(encode(Returned(self.run, returned)))
            return
        try:
            self.read_waiting()
            for batch in self.todo:
                returned.extend([index for index, _ in list(batch)])
            kept = []
            while self.orders:
                order = self.orders.popleft()
                if type(order) is list:
                    returned.extend(calls_indexes(order[1:]))
                else:
                    kept.append(order)
            self.orders.extend(kept)
        finally:
            self.read_lock.release()
        self.send(encode(Returned(self.run, returned)))


def end_fork(error: BaseException | None) -> NoReturn:
    """End a process that a call has forked, as a program that returned or raised this would end."""
    code = 0
    with suppress(Exception):
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
            sys.stderr.write(f"{error.code}\n" if isinstance(error.code, str) else "")
        elif error is not None:
            code = 1
            sys.stderr.write(traceback_text(error))
    flush_streams()
    os._exit(code & 0xFF)


def main(data_fd: int, control_fd: int, page_fd: int, parent: int) -> None:
    """The entry of a worker process: tie its life to the parent's, then serve."""
    data, control, page = settle_in(data_fd, control_fd, page_fd, parent)
    page[0] = -1
    try:
        WorkerProcess(data, control, page).serve()
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    flush_c()
    os._exit(0)
