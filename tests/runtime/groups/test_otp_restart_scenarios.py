"""OTP's own scenarios of restarts: who begins again with whom, and how often."""

from __future__ import annotations

import asyncio

import pytest

from cuebook.errors import RestartLimitReached
from cuebook.runtime.groups.strategy import ChildSpec, Strategy, SupervisorSpec
from cuebook.runtime.policy.restarts import RestartIntensity
from cuebook.runtime.system import ActorSystem
from cuebook.testing.probe import Probe
from tests.runtime.groups.otp_scenes import (
    ABNORMAL,
    KILL,
    NORMAL,
    OFTEN,
    STOPPED,
    Child,
    Notebook,
    child,
    end,
    several,
    started,
)
from tests.support.cast import Get
from tests.support.virtually import virtually

RESTARTED = {
    ("permanent", NORMAL), ("permanent", ABNORMAL), ("permanent", KILL), ("transient", ABNORMAL), ("transient", KILL),
}  # fmt: skip


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("how", [NORMAL, ABNORMAL, KILL, STOPPED])
def test_normal_shutdown_and_abnormal_termination(restart: str, how: str) -> None:
    """{permanent,transient,temporary}_{normal,shutdown,abnormal}. Whoever is told to stop is not restarted."""

    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system, [child(book, "a", restart=restart)])
            await end(top.child("a"), how)
            if (restart, how) in RESTARTED:
                assert await top.children() == {"a": True}
                assert await top.child("a").ask(Get()) == "a"
            else:
                assert await top.children() == ({} if restart == "temporary" else {"a": False})

    scene()


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_temporary_bystander(strategy: str) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system, strategy=strategy)
            await top.start_child(child(book, "a"))
            await top.start_child(child(book, "b", restart="temporary"))
            await end(top.child("a"), NORMAL)
            assert await top.children() == {"a": True}
            assert top.ref.is_alive

    scene()


@virtually
async def test_multiple_restarts() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, [child(book, "a")], intensity=RestartIntensity(1, 1.0))
        for _ in range(5):
            await end(top.child("a"), ABNORMAL)
            await asyncio.sleep(2.1)
        assert await top.children() == {"a": True}


@pytest.mark.parametrize("strategy", list(Strategy))
def test_one_for_one_one_for_all_and_rest_for_one(strategy: Strategy) -> None:
    """Who is restarted, and that the third restart is one too many, whichever children it is."""

    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            probe = Probe(system)
            top = await started(system, several(book, "abc"), strategy=strategy)
            await end(top.child("b"), ABNORMAL)
            restarted = {"one_for_one": "b", "one_for_all": "abc", "rest_for_one": "bc"}[strategy]
            assert book.starts == {name: 1 + (name in restarted) for name in "abc"}
            assert await top.children() == dict.fromkeys("abc", True)
            await end(top.child("c"), ABNORMAL)
            await end(top.child("b"), ABNORMAL)
            down = await probe.expect_terminated(top.ref)
            assert isinstance(down.error, RestartLimitReached)
            assert system.statistics().keys() == {probe.ref.name}

    scene()


@pytest.mark.parametrize("strategy", list(Strategy))
def test_escalation(strategy: Strategy) -> None:
    """A child that cannot start again takes its supervisor down, and the others with it."""

    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            probe = Probe(system)
            top = await started(system, several(book, "ab"), strategy=strategy, intensity=RestartIntensity(4, 3600.0))
            book.broken = {"a"}
            await end(top.child("a"), ABNORMAL)
            down = await probe.expect_terminated(top.ref)
            assert isinstance(down.error, RestartLimitReached)
            assert book.starts["a"] == 5
            assert system.statistics().keys() == {probe.ref.name}

    scene()


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_all", "-c -b +a -a +a +b +c"),
        ("rest_for_one", "-c -b +a +b +c"),  # a came before the one that did not start, so it stays
    ],
)
def test_other_child_fails_restart(strategy: str, expected: str) -> None:
    """{one_for_all,rest_for_one}_other_child_fails_restart: who began again already stops, and all begin in order."""

    @virtually
    async def scene() -> None:
        book = Notebook()

        class Once(Child):
            async def on_start(self) -> None:
                if self.book.starts.get("b") == 1:
                    self.book.starts["b"] = 2
                    raise OSError("not now")
                await super().on_start()

        async with ActorSystem() as system:
            specs = [child(book, "a"), ChildSpec("b", lambda: Once(book, "b")), child(book, "c")]
            top = await started(system, specs, strategy=strategy, intensity=OFTEN)
            book.read()
            await end(top.child("a"), ABNORMAL)
            assert await top.children() == dict.fromkeys("abc", True)
            assert book.read() == expected

    scene()


@virtually
async def test_simple_one_for_one_shutdown() -> None:
    class Slow(Child):
        def __init__(self, book: Notebook, name: str, seconds: float) -> None:
            super().__init__(book, name)
            self.seconds = seconds

        async def on_stop(self) -> None:
            await asyncio.sleep(self.seconds)
            self.book.lines.append(f"-{self.name}")

    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system)
        for name, seconds in (("a", 1), ("b", 1), ("c", 5)):
            await top.start_child(
                ChildSpec(name, lambda name=name, seconds=seconds: Slow(book, name, seconds), shutdown_s=2.0)
            )
        began = asyncio.get_running_loop().time()
        await top.stop(timeout=60)
        assert 4 <= asyncio.get_running_loop().time() - began < 6
        assert book.read() == "+a +b +c -b -a"


@virtually
async def test_child_unlink() -> None:
    """A child that ends by itself while its supervisor waits for nothing is let go, and can be deleted."""
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, [child(book, "a", restart="transient")])
        await end(top.child("a"), NORMAL)
        await top.stop_child("a")
        await top.delete_child("a")
        assert await top.children() == {}


@virtually
async def test_tree() -> None:
    """Supervisors below supervisors: a failure is its own supervisor's, until that gives up; then the next one's."""
    book = Notebook()
    async with ActorSystem() as system:
        one_for_all = SupervisorSpec(several(book, "ab"), strategy="one_for_all", intensity=RestartIntensity(1, 3600.0))
        one_for_one = SupervisorSpec(several(book, "cd"), intensity=RestartIntensity(1, 3600.0))
        top = await started(system, [ChildSpec("left", one_for_all), ChildSpec("right", one_for_one)])
        await end(system.actor("top/left/a"), ABNORMAL)
        assert book.starts == {"a": 2, "b": 2, "c": 1, "d": 1}
        await end(system.actor("top/right/c"), ABNORMAL)
        assert book.starts == {"a": 2, "b": 2, "c": 2, "d": 1}
        await end(system.actor("top/right/c"), ABNORMAL)  # one too many: right begins anew, with all it has
        assert book.starts == {"a": 2, "b": 2, "c": 3, "d": 2}
        await end(system.actor("top/left/b"), ABNORMAL)
        assert book.starts == {"a": 3, "b": 3, "c": 3, "d": 2}
        assert await top.children() == {"left": True, "right": True}
        await end(system.actor("top/left/b"), ABNORMAL)
        await end(system.actor("top/left/b"), ABNORMAL)
        assert not top.ref.is_alive
        assert system.statistics() == {}
