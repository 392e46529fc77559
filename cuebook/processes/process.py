"""Processes that actors live in, of one actor system: started, shared, and ended in good order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, Unpack

import anyio

from cuebook.children.byvalue import dump
from cuebook.children.importing import check_importing
from cuebook.children.interpreter import check_interpreter
from cuebook.children.limits import cpus_allowed
from cuebook.children.port import Output
from cuebook.errors import ActorStopped
from cuebook.processes.elsewhere import Elsewhere
from cuebook.processes.owner_end import OwnerEnd
from cuebook.processes.parcel import pack_parcel
from cuebook.runtime.cells.context import SystemPort
from cuebook.runtime.cells.spec import ActorSpec, SpawnOptions
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem

__all__ = ["ActorProcess", "Ladder", "Processes"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """How a process is made to end, each step where the one before did not do.

    Parameters:
        ask_s: seconds, 0 or more, from being asked to exit. For a process of one actor alone they begin when
            that actor has stopped.
        term_s: seconds, 0 or more, from SIGTERM; 0: none is sent. Then comes SIGKILL.
    """

    ask_s: float = 2.0
    term_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("ask_s", "term_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is 0 or more seconds, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class _Package:
    kind: str
    parcel: bytes
    resumes: bytes


class _ProcessFactory:
    """A factory whose actors live in a process: `ActorSystem.spawn`, `context.spawn` and ChildSpec take it."""

    def __init__(self, place: Callable[[str], ActorProcess], owner: Processes, name: str, parcel: bytes) -> None:
        self._place = place
        self._owner = owner
        self._parcel = parcel
        self.__name__ = name

    def __call__(self) -> Any:
        raise TypeError(f"{self.__name__} is made in its process; give this to spawn()")

    def body(self, system: SystemPort, spec: ActorSpec) -> Elsewhere:
        """The body of the cell that stands for it here."""
        self._owner.check(system)
        resumes = [kind for kind, rule in spec.policy.directives.items() if Directive(rule) is Directive.RESUME]
        package = _Package(self.__name__, self._parcel, dump(resumes))
        return Elsewhere(spec, process=self._place(spec.name), package=package)


class ActorProcess:
    """A child process that actors live in. It starts with the first of them.

    When it dies, each of its actors goes by its own restart policy; the first that begins again starts a new process.
    Made by `Runtime.process`.

    Attributes:
        name: for people; the actor's, where it is one actor's alone. cores: cores that its numeric libraries may use.
        is_dedicated: whether it is one actor's alone and ends with it.
    """

    def __init__(
        self, owner: Processes, name: str, *, ladder: Ladder | None = None, cores: int | None = None, is_dedicated: bool
    ) -> None:
        self.name = name
        self.ladder = Ladder() if ladder is None else ladder
        self.is_dedicated = is_dedicated
        self._owner = owner
        self.cores = cpus_allowed() if cores is None else cores
        self._connection: OwnerEnd | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<ActorProcess {self.name} {f'pid {self.pid}' if self.is_alive else 'not running'}>"

    @property
    def pid(self) -> int | None:
        """Number of the process that is alive; None where none is."""
        return self._connection.pid if self._connection is not None and self._connection.lost is None else None

    @property
    def is_alive(self) -> bool:
        """Whether there is a process now."""
        return self.pid is not None

    @property
    def grace_s(self) -> float:
        """Seconds that its end may take from SIGTERM on."""
        return self.ladder.term_s + 1.0

    def factory(self, actor: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
        """What `spawn` and ChildSpec take to have `actor(*args, **kwargs)` live in this process.

        The class and its arguments are sent by cloudpickle, as they are now.

        Raises:
            FunctionNotShippable: one of them cannot be pickled.
        """
        return self._owner.placed(lambda _name: self, actor, args, kwargs)

    def kill(self) -> None:
        """End it now, by SIGKILL, with whatever its actors have started; their restart policies apply."""
        if self._connection is not None:
            self._connection.host.kill("it was killed by its owner")

    async def stop(self) -> None:
        """Make it end, by its ladder. Actors that still live in it fail with it, and those that their policies restart
        begin again in a new process: stop them before.
        """
        await self.end(is_forced=False)

    # What its actors ask for

    async def connect(self) -> OwnerEnd:
        """Start the process where it is not alive. Raises ProcessDied, ActorStopped."""
        if self._is_closed:
            raise ActorStopped(f"process {self.name} was closed with its runtime")
        connection = self._connection
        if connection is None or connection.lost is not None:
            connection = self._connection = self._owner.connection(self.name, self.cores)
            connection.open()
        await asyncio.shield(connection.opened)
        if connection.lost is not None:
            raise connection.lost
        return connection

    def left(self, _actor: Elsewhere) -> None:
        """An actor has ended for good: so does a process that was its alone."""
        if self.is_dedicated:
            self._owner.end_later(self)

    async def end(self, *, is_forced: bool) -> None:
        """Make the process end; forced: without asking."""
        if self._connection is not None:
            await self._connection.end(0.0 if is_forced else self.ladder.ask_s, self.ladder.term_s)

    def close(self) -> bool:
        """Start no process any more. Whether there is one to be ended, or one that is being started."""
        self._is_closed = True
        return self._connection is not None and self._connection.lost is None


class Processes:
    """The processes of one actor system; an async context manager that ends them all.

    Parameters:
        output: takes what actors print.
    """

    def __init__(self, system: ActorSystem, *, output: Output) -> None:
        self._system = system
        self._output = output
        self._named: dict[str, ActorProcess] = {}
        self._dedicated: set[ActorProcess] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def process(self, name: str, *, ladder: Ladder | None = None, cores: int | None = None) -> ActorProcess:
        """The process of this name for any number of actors, made where there is none yet.

        Parameters:
            ladder: how it is made to end. cores: cores that its numeric libraries may use; None: all.

        Raises:
            ValueError: the name is empty, or there is one with another ladder or other cores.
        """
        if not name:
            raise ValueError("a process has a name that is not empty")
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = self._new(name, ladder, cores, is_dedicated=False)
        elif ladder not in (None, found.ladder):
            raise ValueError(f"there is a process {name!r} already, with {found.ladder}")
        elif cores not in (None, found.cores):
            raise ValueError(f"there is a process {name!r} already, with cores={found.cores}")
        return found

    def factory(self, actor: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
        """What `spawn` takes to have each actor that it makes live in a process of its own."""

        def place(name: str) -> ActorProcess:
            process = self._new(name, None, None, is_dedicated=True)
            self._dedicated.add(process)
            return process

        return self.placed(place, actor, args, kwargs)

    def spawn(self, actor: Callable[..., Any], *args: Any, name: str, **options: Unpack[SpawnOptions]) -> ActorRef:
        """Start an actor in a process of its own."""
        return self._system.spawn(self.factory(actor, *args), name=name, **options)

    async def close(self) -> None:
        """End every process, by its ladder, all at once; nothing starts one any more."""
        self._is_closed = True
        with anyio.CancelScope(shield=True):
            for process in (*self._named.values(), *self._dedicated):
                self.end_later(process)
            while self._endings:
                await asyncio.wait(self._endings)

    # What its processes ask for

    def placed(
        self,
        place: Callable[[str], ActorProcess],
        actor: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> _ProcessFactory:
        """A factory for actors that live where `place` says."""
        if sys.platform == "win32":
            raise OSError("actors in processes need Linux or macOS")
        check_interpreter()
        check_importing(actor)
        name = getattr(actor, "__name__", "actor")
        return _ProcessFactory(place, self, name, pack_parcel(actor, args, kwargs))

    def check(self, system: SystemPort) -> None:
        """Raises ValueError where an actor is to live in another system's process."""
        if system is not self._system:
            raise ValueError(f"the process belongs to {self._system!r}, and the actor to {system!r}")

    def connection(self, name: str, cores: int) -> OwnerEnd:
        """A connection that is not open yet."""
        return OwnerEnd(name, self._system, cores=cores, output=self._output)

    def end_later(self, process: ActorProcess) -> None:
        """Make a process end for good, beside everything else."""
        self._dedicated.discard(process)
        if process.close():
            ending = asyncio.get_running_loop().create_task(process.end(is_forced=False))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def _new(self, name: str, ladder: Ladder | None, cores: int | None, *, is_dedicated: bool) -> ActorProcess:
        if self._is_closed:
            raise ActorStopped("these processes are closed")
        return ActorProcess(self, name, ladder=ladder, cores=cores, is_dedicated=is_dedicated)
