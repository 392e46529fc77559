"""OTP's own scenarios of supervisors that end with their children (auto_shutdown)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.runtime.groups.strategy import AutoShutdown, ChildSpec, Strategy, SupervisorSpec
from cuebook.runtime.policy.restarts import Backoff
from cuebook.runtime.system import ActorSystem
from tests.runtime.groups.otp_scenes import (
    ABNORMAL,
    KILL,
    NORMAL,
    OFTEN,
    STOPPED,
    Notebook,
    child,
    end,
    several,
    started,
)
from tests.support.cast import Echo
from tests.support.virtually import virtually

# auto_shutdown

AUTO = [AutoShutdown.NEVER, AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT]


@pytest.mark.parametrize("restart", ["transient", "temporary"])
@pytest.mark.parametrize("auto", AUTO)
def test_nonsignificant_temporary_and_transient(restart: str, auto: AutoShutdown) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system, auto_shutdown=auto, intensity=OFTEN)
            for how in ("by supervisor", KILL, ABNORMAL, NORMAL):
                if "a" not in await top.children():
                    await top.start_child(child(book, "a", restart=restart))
                elif not (await top.children())["a"]:
                    await top.restart_child("a")
                await (top.stop_child("a") if how == "by supervisor" else end(top.child("a"), how))
                assert top.ref.is_alive

    scene()


@pytest.mark.parametrize("restart", ["transient", "temporary"])
@pytest.mark.parametrize("how", [NORMAL, ABNORMAL, KILL, STOPPED])
def test_significant_temporary_and_transient_any(restart: str, how: str) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            specs = [*several(book, "ab", restart=restart, significant=True), child(book, "c", restart=restart)]
            top = await started(system, specs, auto_shutdown="any_significant", intensity=OFTEN)
            await top.stop_child("a")  # on purpose: that says nothing
            assert top.ref.is_alive
            await end(top.child("c"), NORMAL)
            assert top.ref.is_alive
            await end(top.child("b"), how)
            is_restarted = restart == "transient" and how in (ABNORMAL, KILL)
            assert top.ref.is_alive is is_restarted
            if not is_restarted:
                assert system.statistics() == {}

    scene()


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_significant_temporary_and_transient_all(restart: str) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            specs = [*several(book, "ab", restart=restart, significant=True), child(book, "c")]
            top = await started(system, specs, auto_shutdown="all_significant")
            await end(top.child("a"), NORMAL)
            assert top.ref.is_alive
            await end(top.child("b"), NORMAL)
            assert system.statistics() == {}

    scene()


@virtually
async def test_a_significant_child_that_waits_for_its_restart_is_not_done() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        specs = several(book, "ab", restart="transient", significant=True)
        backoff = Backoff(first_s=5.0, max_s=5.0)
        top = await started(system, specs, auto_shutdown="all_significant", backoff=backoff)
        await end(top.child("a"), ABNORMAL)
        await end(top.child("b"), NORMAL)
        assert top.ref.is_alive
        await asyncio.sleep(10)
        assert await top.children() == {"a": True, "b": False}
        await end(top.child("a"), NORMAL)
        assert not top.ref.is_alive


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("auto", ["any_significant", "all_significant"])
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_significant_bystander(strategy: Strategy, auto: str, restart: str) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            specs = [
                child(book, "a", restart=restart, significant=True),
                child(book, "b", restart="transient"),
                child(book, "c", restart=restart, significant=True),
            ]
            top = await started(system, specs, strategy=strategy, auto_shutdown=auto)
            await end(top.child("b"), KILL)
            assert top.ref.is_alive
            assert (await top.children())["b"]

    scene()


@pytest.mark.parametrize("is_significant", [True, False])
def test_significant_escalation(is_significant: bool) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        worker = child(book, "worker", restart="transient", significant=True)
        below = SupervisorSpec([worker], auto_shutdown="any_significant")
        async with ActorSystem() as system:
            spec = ChildSpec("below", below, restart="transient", significant=is_significant)
            top = await started(system, [spec], auto_shutdown="any_significant")
            await end(system.actor("top/below/worker"), NORMAL)
            assert top.ref.is_alive is not is_significant
            if not is_significant:
                assert await top.children() == {"below": False}

    scene()


@virtually
async def test_scale_start_stop_many_children() -> None:
    """Ends of temporary children cost the same whether there are many others or few."""
    book = Notebook()

    async def looks(count: int) -> int:
        seen = 0
        async with ActorSystem() as system:
            top = await started(system)
            for n in range(count):
                await top.start_child(child(book, f"{count}.{n}", restart="temporary"))
            plain = ChildSpec.__getattribute__

            def counted(self: ChildSpec, name: str) -> Any:
                nonlocal seen
                seen += 1
                return plain(self, name)

            ChildSpec.__getattribute__ = counted  # type: ignore[method-assign]
            try:
                for n in range(count):
                    system.actor(f"top/{count}.{n}").tell_nowait(Echo(None))
                await asyncio.sleep(10)
            finally:
                ChildSpec.__getattribute__ = plain  # type: ignore[method-assign]
            assert await top.children() == {}
        return seen

    few, many = await looks(50), await looks(500)
    assert many <= 20 * few
