"""The Worker actor: owns one host (a child process, a thread, a task) and minds the clock of its running call.

Knows no run's state: what the host says goes past it to the Supervisor, unopened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cuebook.actors.messages import (
    CheckRunning,
    FromWorker,
    HostLost,
    KillHost,
    Prepare,
    Release,
    TakeBack,
    ToWorker,
    Urge,
    WorkerLost,
)
from cuebook.children.port import Loss
from cuebook.engines.calls.protocol import Recall
from cuebook.engines.port import Host, LocalWork
from cuebook.errors import ClusterGone, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.message import encode

__all__ = ["WorkerActor"]

LOOK_AGAIN_S = 0.1
"""Seconds between two looks at a host that does nothing, though it was sent something."""


class WorkerActor(Actor):
    """Owns one host, started with the first Prepare and again after a loss.

    Args:
        number: the worker's number in the Supervisor's roster.
        make_host: starts nothing, gives a fresh host.
        works: what each run means, for hosts that share this process's memory.
        supervisor: gives the Supervisor's ref.
        life: number of this incarnation. What was meant for an earlier one is left alone: the Supervisor gives that
            out anew when it hears of its end.
    """

    def __init__(
        self,
        number: int,
        make_host: Callable[[], Host],
        works: Mapping[int, LocalWork],
        supervisor: Callable[[], ActorRef],
        *,
        life: int = 1,
    ) -> None:
        self.number = number
        self.life = life
        self._make_host = make_host
        self._works = works
        self._supervisor = supervisor
        self._host: Host | None = None
        self._hosts = 0
        self._timeout: float | None = None
        self._is_timing = False
        self._is_timed_out = False
        self._was_idle = False

    def receive(self, message: Any) -> Any:
        """Carry out one message; what has to wait is given back as a coroutine."""
        if type(message) is ToWorker:
            self._send(message)
            return None
        return self._receive_rare(message)

    def _receive_rare(self, message: Any) -> Any:
        match message:
            case CheckRunning():
                self._is_timing = False
                self._check_running()
            case TakeBack():
                if self._host is not None:
                    self._host.send_urgent(encode(Recall(message.run)))
            case Urge():
                if self._host is not None:
                    self._host.send_urgent(message.frame)
            case Prepare():
                return self._prepare(message)
            case HostLost():
                self._lose(message)
            case KillHost():
                if self._host is not None:
                    self._host.kill(message.reason)
            case Release():
                return self._close_host()
        return None

    async def on_stop(self) -> None:
        """The host quits with its actor."""
        await self._close_host()

    async def on_failure(self, error: BaseException) -> None:
        """A failed incarnation takes its host with it; the Supervisor is told and prepares the next one."""
        host, self._host = self._host, None
        index, seconds = host.running() if host is not None else (-1, 0.0)
        if host is not None:
            host.kill("its Worker actor failed")
        try:
            if host is not None:
                await host.close()
        finally:
            reason = f"its actor failed: {error!r}"
            lost = WorkerLost(self.number, index, seconds, reason, self._is_timed_out, self.life + 1)
            self._supervisor().tell_nowait(lost)

    @property
    def pid(self) -> int | None:
        """The process of the host, if it has one."""
        return self._host.pid if self._host is not None else None

    def drain_output(self) -> None:
        """Pass on what calls have printed."""
        if self._host is not None:
            self._host.drain_output()

    async def _prepare(self, order: Prepare) -> None:
        if order.life != self.life or order.run not in self._works:
            return  # the run ended while the order was on its way
        self._timeout = order.timeout
        self._is_timed_out = False
        host = self._host
        if host is None:
            # It is this worker's from now on: it can end before its start does, and nobody would hear of that.
            host = self._host = self._make_host()
            self._hosts += 1
            try:
                await host.start(_Mailer(self.context.self_ref, host, self))
            except (OSError, SupervisionError) as error:
                self._host = None
                is_final = isinstance(error, ClusterGone)
                reason = str(error) if is_final else f"could not be started: {error}"
                self._supervisor().tell_nowait(WorkerLost(self.number, -1, 0.0, reason, False, self.life, is_final))
                return
            except BaseException:  # whoever waited for it is gone; the host ends by itself
                self._host = None
                raise
        if host.shares_memory:
            host.prepare(order.run, self._works[order.run])
        host.send([order.setup])

    def _send(self, order: ToWorker) -> None:
        if self._host is None or order.life != self.life:
            return
        self._host.send(list(order.frames))
        self._was_idle = False
        if order.calls and not self._is_timing and self._timeout is not None:
            self._arm(self._timeout)

    def _arm(self, delay_s: float) -> None:
        self._is_timing = True
        self.context.after(max(delay_s, 0.001), CheckRunning(), key="running")

    def _check_running(self) -> None:
        """Kill a call that is over its time. No timer while nothing runs."""
        host, timeout = self._host, self._timeout
        if host is None or timeout is None:
            return
        index, seconds = host.running()
        if index < 0:
            # What was sent last may still be on its way: it takes two looks to be sure that nothing is to be done.
            was_idle, self._was_idle = self._was_idle, not host.is_busy()
            if not (was_idle and self._was_idle):
                self._arm(LOOK_AGAIN_S if self._was_idle else min(LOOK_AGAIN_S, timeout))
            return
        self._was_idle = False
        if seconds < timeout:
            self._arm(timeout - seconds)
            return
        self._is_timed_out = True
        host.kill(f"ran longer than timeout={timeout:g} s")

    def _lose(self, loss: HostLost) -> None:
        if self._host is None or (loss.life, loss.host) != (self.life, self._hosts):
            return  # told by the incarnation that had it, as it failed; or it was given up since
        self._host = None
        self.context.cancel_timer("running")
        self._is_timing = False
        was_timeout, self._is_timed_out = self._is_timed_out, False
        self._supervisor().tell_nowait(
            WorkerLost(self.number, loss.index, loss.seconds, loss.reason, was_timeout, self.life, loss.is_final),
            urgent=False,
        )

    @property
    def hosts(self) -> int:
        """How many hosts this incarnation has had."""
        return self._hosts

    def has(self, host: Host) -> bool:
        """Whether this is its host, and not one that it has given up."""
        return self._host is host

    def pass_on(self, host: Host, frames: list[bytes]) -> None:
        """What its host says, for the Supervisor; nothing of one that it has given up."""
        if self._host is host:
            self._supervisor().tell_nowait(FromWorker(self.number, tuple(frames)))

    async def _close_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            await host.close()


class _Mailer:
    """Passes on what a host says: its frames to the Supervisor, its end to its actor, who knows what it was killed for.

    So the end comes behind all that was said before it, as it takes the longer way.
    """

    def __init__(self, ref: ActorRef, host: Host, owner: WorkerActor) -> None:
        self._ref = ref
        self._host = host
        self._owner = owner

    def on_frames(self, frames: list[bytes]) -> None:
        self._owner.pass_on(self._host, frames)

    def on_lost(self, loss: Loss) -> None:
        if self._owner.has(self._host):
            owner = self._owner
            lost = HostLost(loss.index, loss.seconds, loss.reason, owner.life, owner.hosts, loss.is_final)
            self._ref.tell_nowait(lost)
