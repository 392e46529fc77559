"""A worker's place for simulations: a process that exists in virtual time only, with pipes that are late. A `Host`.

Behaves as `engines.process` and `engines.child` do; what it runs is a plan. Knows no actor.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cuebook.children.port import Listener, Loss, Output
from cuebook.engines.calls.outcome import Finished, failure_message, results_messages
from cuebook.engines.calls.protocol import (
    Calls,
    Quit,
    Ready,
    Recall,
    Returned,
    Setup,
    StateFound,
    StateKeptAck,
    StateSaved,
    StateWanted,
    calls_indexes,
)
from cuebook.engines.port import LocalWork
from cuebook.persistence.values import ValueEncoder
from cuebook.testing.pipe import Pipe
from cuebook.testing.simulation.plan import Fate
from cuebook.testing.simulation.witness import Witness
from cuebook.wire.codec import pack, unpack
from cuebook.wire.message import decode, encode

__all__ = ["SimEngine", "SimHost"]

QUIT_S = 2.0
FLUSH_S = 0.01
ODD = 0.3
"""How often results travel in another way than the plain one."""


@dataclass(frozen=True, slots=True)
class SimEngine:
    """An engine of simulated processes.

    Attributes:
        make: gives a host.
    """

    make: Callable[[], SimHost]
    name: str = "simulated"
    shares_memory: bool = False
    can_end_calls: bool = True
    needs_coroutines: bool = False

    def default_chunk_size(self) -> int:
        """As `Engine`."""
        return 1

    def make_host(self, *, cores: int, output: Output) -> SimHost:
        """As `Engine`."""
        return self.make()


class _Died(BaseException):
    """Ends a simulated process from within."""


class SimHost:
    """One simulated process.

    Args:
        name: for the trace.
        chance: draws its delays, and how results travel.
        witness: sees what its calls do.
        moment: called where something interesting could befall anyone.
    """

    shares_memory = False
    pid = None

    def __init__(self, name: str, chance: random.Random, witness: Witness, moment: Callable[[str], None]) -> None:
        self.name = name
        self.is_alive = False
        self._chance = chance
        self._witness = witness
        self._moment = moment
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._orders: deque[Any] = deque()
        self._ordered = asyncio.Event()
        self._todo: deque[tuple[int, int]] = deque()
        self._finished: list[Finished] = []
        self._mark: tuple[int, float] = (-1, 0.0)
        self._run = 0
        self._is_closing = False
        self._is_working = False
        self._tickets = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._encode = ValueEncoder().encode
        self._down = Pipe(chance, self._take_order)
        self._control = Pipe(chance, self._take_urgent)
        self._up = Pipe(chance, self._tell_owner)

    # -- the parent's side ----------------------------------------------------------------------------------------

    async def start(self, listener: Listener) -> None:
        await asyncio.sleep(0.01 * self._chance.random())
        self._listener = listener
        self.is_alive = True
        self._witness.note(f"{self.name} starts")
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def prepare(self, run: int, work: LocalWork) -> None:
        """Nothing is shared."""

    def send(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._down.put(frame)

    def send_urgent(self, frame: bytes) -> None:
        self._control.put(frame)

    def running(self) -> tuple[int, float]:
        index, started = self._mark
        return (index, self._now() - started) if index >= 0 else (-1, 0.0)

    def is_busy(self) -> bool:
        return self._is_working

    def kill(self, reason: str) -> None:
        fate = Fate.HANG if reason.startswith("ran longer") else Fate.DIE
        if fate is Fate.HANG and not self.is_alive and self._mark[0] >= 0:
            self._witness.attempts[self._mark[0], fate] += 1  # it had died by itself, unheard, and is taken for late
        self._end(reason, fate)
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        self._is_closing = True
        if self._task is not None and not self._task.done():
            self._down.put(encode(Quit()))
            await asyncio.wait([self._task], timeout=QUIT_S)
            self.kill("did not quit")

    def drain_output(self) -> None:
        """It prints nothing."""

    def _tell_owner(self, items: deque[Any]) -> None:
        first = items.popleft()
        if self._listener is None or self._is_closing:
            return
        self._moment(f"{self.name} is heard")
        if isinstance(first, Loss):
            self._witness.note(f"{self.name} is lost: call {first.index}, {first.reason}")
            self._listener.on_lost(first)
            return
        frames = [first]
        while items and isinstance(items[0], bytes) and self._chance.random() < 0.5:
            frames.append(items.popleft())
        self._listener.on_frames(frames)

    # -- the child's side -----------------------------------------------------------------------------------------

    def die(self) -> None:
        """As by SIGKILL from elsewhere."""
        self.kill("killed by SIGKILL")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _end(self, reason: str, fate: Fate) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        index, seconds = self.running()
        if index >= 0:
            self._witness.ends(index, fate, self.name)
        else:
            self._witness.idle_losses += 1
        self._down.items.clear()
        self._control.items.clear()
        self._up.put(Loss(index, seconds, reason))

    def _take_order(self, items: deque[Any]) -> None:
        if self.is_alive:
            self._orders.append(decode(items.popleft()))
            self._ordered.set()

    def _take_urgent(self, items: deque[Any]) -> None:
        order = decode(items.popleft())
        if isinstance(order, StateKeptAck | StateFound):
            asked = self._asked.pop(order.ticket, None)
            if asked is not None and not asked.done():
                asked.set_result(order)
        elif isinstance(order, Recall):
            self._give_back()

    def _give_back(self) -> None:
        returned = [index for index, _ in self._todo]
        self._todo.clear()
        for order in [order for order in self._orders if isinstance(order, Calls)]:
            returned.extend(calls_indexes((order.start, order.count, order.indexes)))
            self._orders.remove(order)
        self._send(Returned(self._run, returned))

    async def _serve(self) -> None:
        try:
            while True:
                while not self._orders:
                    self._is_working = False
                    self._ordered.clear()
                    await self._ordered.wait()
                self._is_working = True
                if isinstance(await self._follow(self._orders.popleft()), Quit):
                    break
        except _Died:
            return
        self.is_alive = False
        self._witness.note(f"{self.name} quits")

    async def _follow(self, order: Any) -> Any:
        if isinstance(order, Setup):
            await asyncio.sleep(0.005 * self._chance.random())
            self._run = order.run
            self._send(Ready(order.run, 1, None))
        elif isinstance(order, Calls) and order.run == self._run:
            attempts = order.attempts or [1] * order.count
            self._todo.extend(zip(calls_indexes((order.start, order.count, order.indexes)), attempts, strict=True))
            while self._todo:
                await self._call(*self._todo.popleft())
            self._flush()
            self._mark = (-1, 0.0)
        return order

    async def _call(self, index: int, attempt: int) -> None:
        plan = self._witness.plans[index]
        fate = plan.fate(attempt)
        if attempt > 1:
            self._flush()
        started = self._now()
        self._mark = (index, started)
        self._witness.begins(index, attempt, self.name)
        self._moment("a call begins")
        await self._keep_states(index, plan.states)
        await asyncio.sleep(plan.seconds)
        if fate is Fate.HANG:
            await asyncio.get_running_loop().create_future()
        if fate is Fate.DIE:
            self._end("exited with code 1", Fate.DIE)
            raise _Died
        self._witness.ends(index, fate, self.name)
        if fate is Fate.RETURN:
            ended = self._now()
            await asyncio.sleep(plan.encode_s)
            self._finished.append((index, started, ended, self._encode(plan.value)))
            self._flush_some_time(plan.seconds)
        else:
            self._flush()
            error = ValueError(f"call {index} raises")
            self._send(failure_message(self._run, (index, attempt), started, error, self._encode))
        self._mark = (-1, 0.0)

    async def _keep_states(self, index: int, states: int) -> None:
        if not states:
            return
        found = await self._ask(lambda ticket: StateWanted(self._run, index, ticket))
        whose, done = unpack(found.state) if found.state is not None else (index, 0)
        if whose != index:
            self._witness.blame(f"call {index} was given the state of call {whose}")
        self._witness.found_state(index, done)
        for number in range(done + 1, states + 1):
            state = pack([index, number])
            answer = await self._ask(partial(_saved, self._run, index, state))
            self._witness.told_of_state(index, number, answer.error)

    async def _ask(self, question: Callable[[int], Any]) -> Any:
        self._tickets += 1
        waiting = self._asked[self._tickets] = asyncio.get_running_loop().create_future()
        asked = question(self._tickets)
        self._send(asked)
        answer = await waiting
        if isinstance(answer, StateFound) is not isinstance(asked, StateWanted):
            self._witness.blame(f"{self.name} was answered with {answer} when it had asked {asked}")
            raise _Died
        return answer

    def _flush_some_time(self, seconds: float) -> None:
        if seconds > FLUSH_S or self._chance.random() < 0.5:
            self._flush(self._now())
        else:
            asyncio.get_running_loop().call_later(FLUSH_S * self._chance.random(), self._flush)

    def _flush(self, until: float | None = None) -> None:
        finished, self._finished = self._finished, []
        until = until or (finished[-1][2] if finished else 0.0)
        while finished and self.is_alive:
            count = self._chance.randint(1, len(finished)) if self._chance.random() < ODD else len(finished)
            for message in results_messages(self._run, finished[:count], until=until):
                self._send(message)
                if self._chance.random() < 0.02:
                    self._send(message)  # heard twice
            del finished[:count]

    def _send(self, message: Any) -> None:
        if self.is_alive:
            self._up.put(encode(message))


def _saved(run: int, index: int, state: bytes, ticket: int) -> StateSaved:
    return StateSaved(run, index, ticket, None, state)
