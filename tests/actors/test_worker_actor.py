"""The Worker actor: what it does with orders that were meant for an incarnation of it that has failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.actors.messages import HostLost, Prepare, ToWorker, WorkerLost
from cuebook.actors.worker import WorkerActor
from cuebook.children.port import Loss


class Post:
    """Stands for the Supervisor's ref: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell_nowait(self, message: Any, urgent: bool = False) -> None:
        self.told.append(message)


class HostThatIs:
    """A host that takes everything."""

    shares_memory = False
    pid = None

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def start(self, listener: Any) -> None:
        self.listener = listener

    def send(self, frames: list[Any]) -> None:
        self.sent += frames

    def running(self) -> tuple[int, float]:
        return -1, 0.0

    def kill(self, reason: str) -> None:
        self.reason = reason

    async def close(self) -> None:
        raise RuntimeError("it does not close")


def worker(life: int) -> tuple[WorkerActor, Post, list[HostThatIs]]:
    post, hosts = Post(), []

    def make_host() -> Any:
        hosts.append(HostThatIs())
        return hosts[-1]

    actor = WorkerActor(0, make_host, {1: object()}, lambda: post, life=life)  # type: ignore[dict-item,arg-type,return-value]
    actor.context = type("C", (), {"self_ref": post, "cancel_timer": lambda self, key: None})()  # type: ignore[assignment]
    return actor, post, hosts


async def give(actor: WorkerActor, message: Any) -> None:
    outcome = actor.receive(message)
    if outcome is not None:
        await outcome


def test_orders_for_an_earlier_incarnation_start_no_host_and_reach_none() -> None:
    async def main() -> None:
        actor, post, hosts = worker(life=2)
        await give(actor, Prepare(1, b"setup", None, 1))
        await give(actor, ToWorker((b"calls",), 1, 1))
        assert hosts == []
        await give(actor, Prepare(1, b"setup", None, 2))
        await give(actor, ToWorker((b"old calls",), 1, 1))
        await give(actor, ToWorker((b"calls",), 1, 2))
        assert hosts[0].sent == [b"setup", b"calls"]
        await give(actor, HostLost(3, 1.0, "of the earlier one", 1))
        assert post.told == []

    asyncio.run(main())


def test_a_host_that_ends_while_it_is_being_started_is_lost_and_the_next_one_is_another() -> None:
    class EndsAtOnce(HostThatIs):
        async def start(self, listener: Any) -> None:
            listener.on_lost(Loss(-1, 0.0, "killed by SIGKILL"))

    async def main() -> None:
        actor, post, hosts = worker(life=1)
        actor._make_host = lambda: hosts.append(EndsAtOnce()) or hosts[-1]  # type: ignore[func-returns-value,assignment,return-value]
        await give(actor, Prepare(1, b"setup", None, 1))
        (ended,) = post.told
        assert isinstance(ended, HostLost)
        await give(actor, ended)
        assert isinstance(post.told[-1], WorkerLost)
        await give(actor, Prepare(1, b"setup", None, 1))
        assert len(hosts) == 2
        told = len(post.told)
        await give(actor, ended)  # of the first one, late: the second one goes on
        assert len(post.told) == told
        assert actor.has(hosts[1])

    asyncio.run(main())


def test_a_failed_incarnation_is_told_with_the_number_of_the_next_one_even_where_its_host_does_not_close() -> None:
    async def main() -> None:
        actor, post, _ = worker(life=2)
        await give(actor, Prepare(1, b"setup", None, 2))
        with pytest.raises(RuntimeError):
            await actor.on_failure(ValueError("bad"))
        (lost,) = post.told
        assert isinstance(lost, WorkerLost)
        assert lost.life == 3

    asyncio.run(main())
