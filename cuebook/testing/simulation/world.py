"""The world of a scenario of one's own: actors in virtual time on a seeded scheduler, with a journal in memory.

What goes wrong is `simulation_chaos`'s.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Unpack

from cuebook.runtime.cells.spec import Factory, SpawnOptions
from cuebook.runtime.refs.ref import ActorRef
from cuebook.testing.leftovers import tasks_alive
from cuebook.testing.link import linked
from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.pipe import TransportFaults
from cuebook.testing.simulation.chaos import Chaos, Mischief, break_disk
from cuebook.testing.simulation.diary import Diary
from cuebook.testing.simulation.disk import SimDisk
from cuebook.testing.simulation.loop import ShuffledLoop

__all__ = ["PATIENCE_S", "Trouble", "UserPlay", "UserScenario", "World"]

PATIENCE_S = 3600.0
"""Virtual seconds after which a scenario counts as stuck."""
_NOT_KILLED = frozenset({"supervisor"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What may go wrong in a simulation of one's own actors; everything that may, happens at moments drawn from the
    seed, and all of it at most so often in each life of the process.

    Attributes:
        kills: actors that fail in the middle of what they do.
        drops, repeats, swaps, garbles: messages between processes that are lost, that come twice, that come after the
            one that follows, that come as garbage.
        disk_faults: writes of the journal that fail; over all lives.
        crashes: how often the whole process is lost, over all lives; the scenario begins anew then, with what the
            journal holds.
    """

    kills: int = 2
    drops: int = 0
    repeats: int = 0
    swaps: int = 0
    garbles: int = 0
    disk_faults: int = 0
    crashes: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if type(getattr(self, name)) is not int or getattr(self, name) < 0:
                raise ValueError(f"{name} is a number of times, 0 or more, not {getattr(self, name)!r}")

    @property
    def mischief(self) -> Mischief:
        """As a plan of chaos."""
        each_life = {"kill": self.kills, "drop": self.drops, "repeat": self.repeats, "swap": self.swaps}
        each_life["garble"] = self.garbles
        return Mischief(each_life, {"disk": self.disk_faults, "crash": self.crashes})


class World:
    """What a scenario gets: where its actors live, for one life of the process.

    Attributes:
        seed: of the simulation. life: 0 for the first, and one more after each crash.
        chance: for the scenario's own draws; the same seed gives the same.
        runtime: an open Runtime with a journal in memory. system: its ActorSystem.
        faults: of the wires between processes.
        memory: a dict that outlives crashes: what the outside world knows.
        spared: names of actors that are never killed.
    """

    def __init__(self, play: UserPlay, life: int, runtime: MemoryRuntime) -> None:
        self.seed = play.seed
        self.life = life
        self.chance = random.Random(f"world {play.seed} {life}")
        self.runtime = runtime
        self.system = runtime.app.system
        self.faults = TransportFaults()
        self.memory = play.memory
        self.spared: set[str] = set(_NOT_KILLED)
        self._diary = play.diary
        self._wires = random.Random(f"wires {play.seed} {life}")

    @property
    def now(self) -> float:
        """Virtual seconds since the life began."""
        return asyncio.get_running_loop().time()

    def spawn(
        self, factory: Factory[Any], *, name: str, is_remote: bool = False, **options: Unpack[SpawnOptions]
    ) -> ActorRef[Any]:
        """Start an actor, as `ActorSystem.spawn`.

        Parameters:
            is_remote: the ref that is returned sends as to another process: encoded, late, and sometimes lost.
        """
        ref = self.system.spawn(factory, name=name, **options)
        return self.remote(ref) if is_remote else ref

    def remote(self, ref: ActorRef) -> ActorRef:
        """A ref of the same actor that sends as to another process."""
        return linked(ref, self.faults, chance=self._wires, note=self._diary.note)

    def spare(self, ref: ActorRef) -> ActorRef:
        """Never kill this actor. Returns its ref."""
        self.spared.add(ref.name)
        return ref

    def note(self, text: str) -> None:
        """Write a line into the trace, which is shown when the simulation fails."""
        self._diary.note(text)

    def check(self, is_right: object, text: str) -> None:
        """Blame the simulation with this text unless something is right; it goes on to its end."""
        if not is_right:
            self._diary.blame(text)


UserScenario = Callable[[World], Awaitable[object]]


class UserPlay:
    """A scenario of one's own, from its first life to its end. A `Play`.

    Args:
        scenario: a coroutine function, called once in each life.
        trouble: what may go wrong.

    Attributes:
        error: what the scenario raised.
    """

    def __init__(self, seed: int, scenario: UserScenario, trouble: Trouble) -> None:
        self.seed = seed
        self.scenario = scenario
        self.diary = Diary()
        self.memory: dict[str, Any] = {}
        self.error: BaseException | None = None
        self._chaos = Chaos(seed, trouble.mischief, self.diary)

    async def live(self, number: int, store: MemoryStore) -> tuple[bool, MemoryStore]:
        """As `Play.live`."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ShuffledLoop)
        self.diary.clock = loop.time
        self.diary.is_blind = False
        self.diary.note(f"life {number} begins")
        loop.set_exception_handler(lambda _, context: self.diary.blame(f"unhandled: {_told(context)}"))
        known = asyncio.all_tasks()
        chance = random.Random(f"life {self.seed} {number}")
        runtime = MemoryRuntime(
            store,
            is_virtual=True,
            disk=lambda inner: SimDisk(inner, chance, lambda *_: self._chaos.moment()),
            draw=chance.random,
        )
        self._crashed: asyncio.Future[MemoryStore] = loop.create_future()
        async with runtime:
            is_over = await self._see_through(World(self, number, runtime), loop, store)
        for text in tasks_alive(known):
            self.diary.blame(f"left behind: {text}")
        return is_over, (self._crashed.result() if self._crashed.done() else store.crash_image())

    def judge(self) -> None:
        """As `Play.judge`: whatever there was to judge, the scenario has."""

    async def _see_through(self, world: World, loop: ShuffledLoop, store: MemoryStore) -> bool:
        self._chaos.begin_life(self._targets(world, store))
        task = asyncio.ensure_future(_awaited(self.scenario, world))
        loop.before_each = self._chaos.moment
        ends: list[asyncio.Future[Any]] = [task, self._crashed]
        await asyncio.wait(ends, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        loop.before_each = None
        self._chaos.calm_down()
        store.faults.make_room()
        if not task.done():
            if not self._crashed.done():
                self.diary.blame(f"stuck: the scenario was not over after {PATIENCE_S:g} s\n{world.system.tree()}")
            task.cancel()
            await asyncio.wait([task])
            return not self._crashed.done()
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None and not self._crashed.done():
            self.error = error
            self.diary.blame(f"the scenario raised {type(error).__name__}: {error}")
        return not self._crashed.done()

    def _targets(self, world: World, store: MemoryStore) -> dict[str, Callable[[], Any]]:
        faults = world.faults

        def kill() -> None:
            names = sorted(set(world.system.statistics()) - world.spared)
            if names:
                name = self._chaos.chance.choice(names)
                self.diary.note(f"{name} is killed")
                world.system.actor(name).kill()

        def crash() -> None:
            if not self._crashed.done():
                self._crashed.set_result(store.crash_image())
                self.diary.note("CRASH")
                self.diary.is_blind = True

        return {
            "kill": kill,
            "drop": faults.drop_next,
            "repeat": faults.repeat_next,
            "swap": faults.swap_next,
            "garble": faults.garble_next,
            "disk": lambda: break_disk(store.faults, self._chaos.chance),
            "crash": crash,
        }


async def _awaited(scenario: UserScenario, world: World) -> None:
    await scenario(world)


def _told(context: dict[str, Any]) -> str:
    return repr(context.get("exception") or context.get("message"))
