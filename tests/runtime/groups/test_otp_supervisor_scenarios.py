"""What Erlang/OTP's own suite asks of a supervisor (supervisor_SUITE), asked of this one. Each test names its cases."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from cuebook.errors import ActorStopped, RestartLimitReached, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.group import SupervisorRef
from cuebook.runtime.groups.strategy import AutoShutdown, ChildSpec, Strategy, SupervisorSpec
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from cuebook.testing.probe import Probe
from tests.support.cast import Boom, Echo, Get, Pause
from tests.support.virtually import virtually

TWICE = RestartIntensity(2, 3600.0)
OFTEN = RestartIntensity(1000, 3600.0)
NORMAL, ABNORMAL, KILL, STOPPED = "normal", "abnormal", "kill", "stopped"


class Notebook:
    """What all children of a scene share: their starts and ends, and who cannot start now."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.broken: set[str] = set()
        self.starts: dict[str, int] = {}

    def read(self) -> str:
        text, self.lines = " ".join(self.lines), []
        return text


class Child(Actor):
    def __init__(self, book: Notebook, name: str) -> None:
        self.book, self.name = book, name

    async def on_start(self) -> None:
        self.book.starts[self.name] = self.book.starts.get(self.name, 0) + 1
        if self.name in self.book.broken:
            raise OSError(f"{self.name} cannot start")
        self.book.lines.append(f"+{self.name}")

    async def on_stop(self) -> None:
        self.book.lines.append(f"-{self.name}")

    def receive(self, message: Any) -> Any:
        match message:
            case Boom(text):
                raise RuntimeError(text)
            case Echo():
                self.context.stop_self()
            case Pause(seconds):
                return asyncio.sleep(seconds)
        return self.name


def child(book: Notebook, name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name, lambda: Child(book, name), **options)


def several(book: Notebook, names: str, **options: Any) -> list[ChildSpec]:
    return [child(book, name, **options) for name in names]


async def end(ref: ActorRef, how: str) -> None:
    """End an incarnation, and let its supervisor do what it does about it."""
    match how:
        case "normal":
            ref.tell_nowait(Echo(None))
        case "abnormal":
            ref.tell_nowait(Boom())
        case "kill":
            ref.kill()
        case _:
            await ref.stop()
    await asyncio.sleep(0.5)


async def started(system: ActorSystem, children: Sequence[ChildSpec] = (), **options: Any) -> SupervisorRef:
    options.setdefault("intensity", TWICE)
    top = system.supervise(SupervisorSpec(children, **options), name="top")
    await top.children()
    return top


@virtually
async def test_sup_start_normal() -> None:
    async with ActorSystem() as system:
        top, probe = await started(system), Probe(system)
        assert await top.children() == {}
        await top.stop()
        assert (await probe.expect_terminated(top.ref)).reason is Exit.SHUTDOWN


@virtually
async def test_sup_start_fail_and_faulty_application_shutdown() -> None:
    book = Notebook()
    book.broken = {"c"}
    async with ActorSystem() as system:
        probe = Probe(system)
        top = system.supervise(SupervisorSpec(several(book, "abcd")), name="top")
        down = await probe.expect_terminated(top.ref)
        assert down.reason is Exit.FAILURE
        assert "child 'c' did not start: c cannot start" in str(down.error)
        assert book.read() == "+a +b -b -a"
        with pytest.raises(ActorStopped):
            await top.children()


@virtually
async def test_sup_start_child_returns_error_and_sup_start_restart_child_returns_error() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, [child(book, "a")])
        book.broken = {"a", "b"}
        with pytest.raises(SupervisionError, match="child 'b' did not start: b cannot start"):
            await top.start_child(child(book, "b"))
        assert await top.children() == {"a": True}
        await top.stop_child("a")
        with pytest.raises(SupervisionError, match="child 'a' did not start"):
            await top.restart_child("a")
        await asyncio.sleep(60)
        assert await top.children() == {"a": False}
        assert book.starts["a"] == 2, "a request that fails is not tried again by itself"
        assert top.ref.is_alive


@virtually
async def test_sup_stop_infinity() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, [child(book, "a", shutdown_s=math.inf)])
        top.child("a").tell_nowait(Pause(10_000))
        await asyncio.sleep(1)
        assert await top.stop(timeout=math.inf)
        assert book.read() == "+a -a"
        assert asyncio.get_running_loop().time() == pytest.approx(10_000)


@virtually
async def test_sup_stop_timeout_and_sup_stop_brutal_kill() -> None:
    for shutdown_s in (1.0, 0.0):
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system, [child(book, "a", shutdown_s=1.0), child(book, "b", shutdown_s=shutdown_s)])
            top.child("b").tell_nowait(Pause(200))
            await asyncio.sleep(0.1)
            began = asyncio.get_running_loop().time()
            await top.stop()
            assert asyncio.get_running_loop().time() - began == pytest.approx(shutdown_s, abs=0.1)
            assert book.read() == "+a +b -a"  # b had no time to stop in order


@virtually
async def test_sup_stop_timeout_dynamic_and_brutal_kill_dynamic() -> None:
    for shutdown_s in (1.0, 0.0):
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system)
            for n in range(10):
                await top.start_child(child(book, f"{n}", shutdown_s=shutdown_s, restart="temporary"))
                top.child(f"{n}").tell_nowait(Pause(200))
            await asyncio.sleep(0.1)
            await top.stop(timeout=60)
            assert system.statistics() == {}


@pytest.mark.parametrize("restart", list(Restart))
def test_sup_stop_race_and_sup_stop_non_shutdown_exit_dynamic(restart: Restart) -> None:
    """While it stops, its children end in all sorts of ways: none comes back."""

    @virtually
    async def scene() -> None:
        class Slow(Child):
            async def on_stop(self) -> None:
                await asyncio.sleep(1)
                self.book.lines.append(f"-{self.name}")

        book = Notebook()
        async with ActorSystem() as system:
            specs = several(book, "abcd", restart=restart)
            top = await started(system, [*specs, ChildSpec("z", lambda: Slow(book, "z"))])
            refs = [top.child(name) for name in "abcd"]
            stopping = asyncio.ensure_future(top.stop())
            await asyncio.sleep(0.5)  # z takes its time
            for ref, how in zip(refs, (NORMAL, ABNORMAL, KILL, STOPPED), strict=True):
                await end(ref, how)
            await stopping
            assert system.statistics() == {}
            assert book.starts == dict.fromkeys("abcdz", 1)

    scene()


@virtually
async def test_child_adm_and_extra_return() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, [child(book, "a")])
        first = top.child("a")
        with pytest.raises(SupervisionError, match="'a' is there already"):
            await top.start_child(child(book, "a"))
        for request in (top.stop_child, top.restart_child, top.delete_child):
            with pytest.raises(SupervisionError, match="no child 'nobody'; there are: a"):
                await request("nobody")
        await top.stop_child("a")
        assert not first.is_alive
        assert await top.children() == {"a": False}
        await top.stop_child("a")  # what has stopped may be stopped
        with pytest.raises(SupervisionError, match="is there already"):
            await top.start_child(child(book, "a"))
        with pytest.raises(KeyError):
            top.child("a")
        assert (await top.restart_child("a")).is_alive
        assert await top.children() == {"a": True}
        await top.stop_child("a")
        await top.delete_child("a")
        assert await top.children() == {}
        with pytest.raises(SupervisionError, match="no child 'a'; there are: none"):
            await top.restart_child("a")
        again = await top.start_child(child(book, "a"))
        await end(again, ABNORMAL)
        assert await again.ask(Get()) == "a"


@virtually
async def test_child_specs_and_sup_flags() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system)
        wrong: list[tuple[Any, str]] = [
            ("no spec", "by ChildSpec"),
            (ChildSpec("", Child), "id of a child"),
            (ChildSpec("a", "no factory"), "factory of child 'a'"),
            (child(book, "a", restart="prmanent"), "restart of child 'a' is one of permanent, transient, temporary"),
            (child(book, "a", shutdown_s=-10), "shutdown_s of child 'a'"),
            (child(book, "a", shutdown_s=math.nan), "shutdown_s of child 'a'"),
            (child(book, "a", shutdown_s="soon"), "shutdown_s of child 'a'"),
            (child(book, "a", attempts=0), "attempts of child 'a'"),
            (child(book, "a", significant=True), "permanent, so it never ends"),
            (child(book, "a", restart="transient", significant=True), "auto_shutdown='never'"),
            (child(book, "a", restart="transient", significant="maybe"), "significant of child 'a'"),
            (child(book, "a", mailbox=5), "mailbox of child 'a'"),
        ]
        for spec, text in wrong:
            with pytest.raises(SupervisionError, match=text):
                await top.start_child(spec)
            with pytest.raises((TypeError, ValueError), match=text):
                SupervisorSpec([spec])
        with pytest.raises(ValueError, match="two children .* 'a'"):
            SupervisorSpec([child(book, "a"), child(book, "a")])
        for flags, text in (
            ({"strategy": "faulty"}, "strategy of a supervisor"),
            ({"auto_shutdown": "sometimes"}, "auto_shutdown of a supervisor"),
            ({"intensity": 5}, "intensity of a supervisor"),
            ({"backoff": 1.0}, "backoff of a supervisor"),
        ):
            with pytest.raises((TypeError, ValueError), match=text):
                SupervisorSpec([], **flags)  # type: ignore[arg-type]
        for shape in ((-1, 5.0), (3, 0.0), (3, -1.0)):
            with pytest.raises(ValueError, match="restart intensity"):
                RestartIntensity(*shape)
        assert await top.children() == {}


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


@virtually
async def test_count_children_and_count_restarting_children() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, several(book, "abc"), backoff=Backoff(first_s=10.0, max_s=10.0, jitter=0))
        await end(top.child("b"), ABNORMAL)
        assert await top.children() == {"a": True, "b": False, "c": True}
        await asyncio.sleep(10)
        assert await top.children() == {"a": True, "b": True, "c": True}


@pytest.mark.parametrize("how", [NORMAL, ABNORMAL, STOPPED])
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_do_not_save_child_specs_for_temporary_children(restart: str, how: str) -> None:
    @virtually
    async def scene() -> None:
        book = Notebook()
        async with ActorSystem() as system:
            top = await started(system)
            ref = await top.start_child(child(book, "a", restart=restart))
            await end(ref, how)
            if restart == "temporary":
                assert await (await top.start_child(child(book, "a", restart=restart))).ask(Get()) == "a"
                return
            with pytest.raises(SupervisionError, match="is there already"):
                await top.start_child(child(book, "a", restart=restart))

    scene()


@virtually
async def test_simple_global_supervisor() -> None:
    """kill_supervisor, kill_worker, exit_worker, restart_worker: names are free again for who comes next."""
    book = Notebook()
    middle = SupervisorSpec([child(book, "server", shutdown_s=2.0)], strategy="one_for_all")
    async with ActorSystem() as system:
        top = await started(system, [ChildSpec("middle", middle)], strategy="one_for_all", intensity=OFTEN)
        for how in (KILL, NORMAL, ABNORMAL):
            before = book.starts["server"]
            await end(system.actor("top/middle/server"), how)
            assert book.starts["server"] == before + 1
            assert await system.actor("top/middle/server").ask(Get()) == "server"
        await end(system.actor("top/middle"), KILL)
        assert await system.actor("top/middle/server").ask(Get()) == "server"
        inner = SupervisorRef(top.child("middle"), system)
        await inner.stop_child("server")
        assert await (await inner.restart_child("server")).ask(Get()) == "server"


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("first_s", [0.0, 1.0])
def test_hanging_restart_loop(strategy: Strategy, first_s: float) -> None:
    """While a child fails to start again and again, its supervisor answers, and can be stopped, as can the child."""

    @virtually
    async def scene() -> None:
        book = Notebook()
        backoff = Backoff(first_s=first_s, max_s=first_s, jitter=0)
        async with ActorSystem() as system:
            intensity = RestartIntensity(10**9, 3600.0)
            top = await started(system, several(book, "abc"), strategy=strategy, intensity=intensity, backoff=backoff)
            book.broken = {"b"}
            top.child("b").tell_nowait(Boom())
            await _until(lambda: book.starts["b"] > 3, first_s)
            with pytest.raises(SupervisionError, match="is there already"):
                await top.start_child(child(book, "b"))
            assert "b" in await top.children()
            await top.stop_child("b")
            tried = book.starts["b"]
            await asyncio.sleep(60)
            assert book.starts["b"] == tried, "it was stopped, and is tried no more"
            assert not (await top.children())["b"]
            book.broken = set()
            assert await (await top.restart_child("b")).ask(Get()) == "b"
            book.broken = {"b"}
            top.child("b").tell_nowait(Boom())
            tried = book.starts["b"]
            await _until(lambda: book.starts["b"] > tried + 3, first_s)
            await top.stop()
            assert system.statistics() == {}

    scene()


async def _until(is_so: Any, pause_s: float) -> None:
    """Where restarts follow each other at once, virtual time stands still: by turns then."""
    for _ in range(10_000):
        if is_so():
            return
        await asyncio.sleep(pause_s)
    raise AssertionError("it never came")


@virtually
async def test_deleting_a_child_that_waits_for_its_restart_forgets_it() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, several(book, "ab"), backoff=Backoff(first_s=5.0, max_s=5.0))
        await end(top.child("a"), ABNORMAL)
        await top.delete_child("a")
        await asyncio.sleep(60)
        assert await top.children() == {"b": True}
        assert book.starts == {"a": 1, "b": 1}
        assert await (await top.start_child(child(book, "a"))).ask(Get()) == "a"


@virtually
async def test_restarting_a_child_that_waits_for_its_restart_starts_it_once() -> None:
    book = Notebook()
    async with ActorSystem() as system:
        top = await started(system, several(book, "ab"), backoff=Backoff(first_s=5.0, max_s=5.0))
        await end(top.child("a"), ABNORMAL)
        await top.restart_child("a")
        assert book.starts["a"] == 2
        await asyncio.sleep(60)
        assert book.starts["a"] == 2
        assert await top.children() == {"a": True, "b": True}


@virtually
async def test_order_of_children() -> None:
    book = Notebook()
    names = "".join(chr(ord("a") + n) for n in range(20))
    async with ActorSystem() as system:
        top = await started(system, strategy="one_for_all")
        for name in names:
            await top.start_child(child(book, name))
        assert "".join(await top.children()) == names
        book.read()
        await end(top.child("a"), KILL)
        assert book.read().split() == [f"-{name}" for name in reversed(names[1:])] + [f"+{name}" for name in names]
        await top.stop()
        assert book.read().split() == [f"-{name}" for name in reversed(names)]


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
