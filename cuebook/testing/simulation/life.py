"""One life of a simulated process, from its start to its end or loss: the real cast, on a disk that is none.

Knows no seed's meaning: what goes wrong is `simulation_chaos`'s, what must not is `simulation_witness`'s.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from cuebook.actors.application import Application
from cuebook.actors.runs.progress import Stop, StopKind
from cuebook.actors.runs.roster import WorkerKind
from cuebook.actors.runs.run import Run, RunPlan, RunPolicy
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.runs.sources import ListSource
from cuebook.engines.calls.protocol import Setup
from cuebook.engines.port import LocalWork
from cuebook.errors import CallFailed, JournalError, RestartLimitReached
from cuebook.persistence.history.replay import JournalState, replay
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Closing, Reuse, Reused, RunClosed, RunOpened, Source
from cuebook.runtime.refs.ref import ActorRef
from cuebook.testing.memory_runtime import MemoryApplication
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.chaos import Chaos, break_disk
from cuebook.testing.simulation.disk import SimDisk
from cuebook.testing.simulation.host import SimEngine, SimHost
from cuebook.testing.simulation.plan import Scenario
from cuebook.testing.simulation.witness import Witness
from cuebook.wire.codec import pack

__all__ = ["Life"]

PATIENCE_S = 300.0
"""Virtual seconds after which a run counts as stuck."""
LOSSES_MAX = 5
"""As many workers that end idle, one after another, may end a run."""


class _Sink:
    """Where outcomes go: to the witness."""

    def __init__(self, witness: Witness, chaos: Chaos) -> None:
        self._witness = witness
        self._chaos = chaos
        self.stop: Callable[[], Stop | None] = lambda: None

    @property
    def has_room(self) -> bool:
        return True

    def keep(self, results: CommittedResults) -> Sequence[CallFailed]:
        self._chaos.fragile("the sink")
        self._chaos.moment("results are delivered")
        self._witness.deliver(results)
        return ()

    def fail(self, error: CallFailed) -> None:
        self._chaos.fragile("the sink")
        stop = self.stop()
        is_first = stop is None or (isinstance(stop.error, CallFailed) and stop.error.index == error.index)
        self._witness.deliver_failure(error, was_stopping=not is_first)


class Life:
    """One process, from its start to its end or its loss.

    Args:
        name: of the life, seeds its delays.
    """

    def __init__(self, name: str, scenario: Scenario, witness: Witness, chaos: Chaos) -> None:
        self._chance = random.Random(f"life {name}")
        self._scenario = scenario
        self._witness = witness
        self._chaos = chaos
        self._hosts: list[SimHost] = []
        self._image: MemoryStore | None = None
        self._run: Run | None = None

    async def live(self, store: MemoryStore) -> tuple[bool, MemoryStore]:
        """Whether all is over, and the store for the next life."""
        loop = asyncio.get_running_loop()
        self._witness.clock = loop.time
        loop.set_exception_handler(lambda _, context: self._witness.blame(f"unhandled: {context}"))
        self._store = store
        self._witness.begin_life(0)
        self._crashed: asyncio.Future[None] = loop.create_future()
        is_over = False
        disk = SimDisk(store, self._chance, self._on_kept)
        app = MemoryApplication(store, disk=disk, draw=self._chance.random)
        async with app:
            try:
                is_over = await self._work(app)
            except JournalError as error:
                self._witness.note(f"the run could not begin: {type(error).__name__}")
        self._check_left()
        return is_over, self._image or store.crash_image()

    def _on_kept(self, rows: Any, states: Any) -> None:
        self._witness.kept(rows, states)
        self._chaos.moment("a transaction is on disk")

    def _check_left(self) -> None:
        if self._image is None:
            alive = [host.name for host in self._hosts if host.is_alive]
            if alive:
                self._witness.blame(f"hosts left behind: {alive}")
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if tasks:
                self._witness.blame(f"{len(tasks)} tasks left behind")

    # -- the run --------------------------------------------------------------------------------------------------

    async def _work(self, app: Application) -> bool:
        self._chaos.begin_life({"crash": self._crash, "disk": self._break_disk})
        file, journal = await app.journal("simulated.cue")
        history = replay(file.records(bodies=False))
        run = self._run = self._make_run(file.next_run(), history, journal)
        self._witness.begin_life(run.number)
        await file.append(self._opening(run, history))
        self._chaos.begin_life(self._targets(app, run))
        app.begin(run, WorkerKind(SimEngine(self._make_host), 1), min(self._scenario.workers, self._scenario.calls))
        return await self._see_through(run)

    async def _see_through(self, run: Run) -> bool:
        await asyncio.wait([run.ended, self._crashed], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if self._crashed.done():
            run.ended.cancel()
            return False
        if not run.ended.done():
            self._witness.blame(f"stuck: {run!r}")
            run.ended.cancel()
            return True
        error = run.ended.exception()
        self._witness.run_ended(error, is_complete=error is None and run.stop is None)
        if run.done + run.failed != len(self._witness.delivered) and error is None:
            self._witness.blame(f"{run.done} done and {run.failed} failed, {len(self._witness.delivered)} delivered")
        return self._judge_end(run, error)

    def _judge_end(self, run: Run, error: BaseException | None) -> bool:
        """Whether nothing is left to do; else the next process goes on."""
        failures = self._witness.failures_delivered
        if error is None:
            if run.stop is not None and run.stop.kind is StopKind.INTERRUPTED:
                return False
            if failures and self._scenario.raises and run.stop is None:
                self._witness.blame("a call failed, and the run did not")
            if run.stop is not None and not isinstance(run.stop.error, CallFailed):
                self._witness.blame(f"the run stopped without reason: {run.stop}")
            return True
        is_lost = isinstance(error, RestartLimitReached) and self._witness.idle_losses >= LOSSES_MAX
        if not is_lost and not (isinstance(error, JournalError) and self._scenario.disk_faults):
            self._witness.blame(f"the run ended with {error!r}")
        return False

    def _make_run(self, number: int, history: JournalState, journal: ActorRef) -> Run:
        scenario, chaos = self._scenario, self._chaos
        done = {index for run in history.runs.values() for index, own in enumerate(run.own) if own}
        calls = [[index] for index in range(scenario.calls)]
        todo = [range(index, index + 1) for index in range(scenario.calls) if index not in done]
        source = ListSource(calls, todo)

        def set_up(worker: int) -> Setup:
            chaos.fragile("setup")
            return Setup(number, b"", b"", {"worker": worker})

        def encoder(_calls: Sequence[Any]) -> Callable[[Sequence[Any]], bytes]:
            chaos.fragile("the choice of an encoder")
            return pack

        policy = RunPolicy(
            scenario.batch,
            scenario.retries,
            lambda _: 0.01,
            scenario.timeout,
            raises=scenario.raises,
            recycle_after=scenario.recycle_after,
        )
        work = LocalWork(_never_called, None, source.argument)
        sink = _Sink(self._witness, chaos)
        run = Run(
            RunPlan(
                number,
                policy,
                source,
                sink,
                work,
                setup=set_up,
                encoder_for=encoder,
                journal=journal,
                closing_entries=_closing_entries,
                call_key=pack,
                earlier_states=_states_of(history),
                reused=len(done),
                listeners=[lambda event: chaos.fragile(f"a listener, {event.kind.value}")],
            )
        )
        sink.stop = lambda: run.stop
        return run

    def _opening(self, run: Run, history: JournalState) -> list[Entry]:
        head = RunOpened(
            run.number, "call", bytes(16), 1, (), (), (), self._scenario.calls, Source.LIST, Reuse.CALLS, {},
            "host", 1, "3", 0.0, "simulation",
        )  # fmt: skip
        ranges = tuple(
            (number, index, index, 1)
            for number, state in history.runs.items()
            for index, own in enumerate(state.own)
            if own
        )
        reused = [Entry(Kind.REUSED, run.number, Reused(ranges).encode())] if ranges else []
        return [Entry(Kind.RUN_OPENED, run.number, head.encode()), *reused]

    # -- harm -----------------------------------------------------------------------------------------------------

    def _targets(self, app: Application, run: Run) -> dict[str, Callable[[], Any]]:
        def worker() -> None:
            self._chance.choice(run.slots).ref.kill()

        def interrupt() -> None:
            if run.stop is None:
                run.stop = Stop(StopKind.INTERRUPTED, "interrupted", self._chance.choice([0.0, 0.1]))
                app.changed(run.key)

        assert run.journal is not None
        return {
            "supervisor": app.supervisor.kill,
            "journal": run.journal.kill,
            "worker": worker,
            "host": self._kill_host,
            "interrupt": interrupt,
            "crash": self._crash,
            "disk": self._break_disk,
        }

    def _break_disk(self) -> None:
        break_disk(self._store.faults, self._chaos.chance)

    def _kill_host(self) -> None:
        alive = [host for host in self._hosts if host.is_alive]
        if alive:
            self._chance.choice(alive).die()

    def _crash(self) -> None:
        """The power is gone: what the disk holds now is all that there will be."""
        if self._image is None:
            self._image = self._store.crash_image()
            self._witness.note("CRASH")
            self._witness.is_blind = True
            self._crashed.set_result(None)

    def _make_host(self) -> SimHost:
        host = SimHost(f"host {len(self._hosts)}", self._chance, self._witness, self._chaos.moment)
        self._hosts.append(host)
        return host


def _never_called(*_: Any) -> None:
    raise AssertionError("a simulated call is a plan")


def _states_of(history: JournalState) -> dict[bytes, int]:
    """The newest checkpoint of each unfinished call, by its key."""
    return {
        head.call_key: seq for run in history.runs.values() for kept in run.states.values() for seq, head in kept[-1:]
    }


def _closing_entries(run: Run) -> list[Entry]:
    status = Closing.FINISHED if run.stop is None else Closing.INTERRUPTED
    return [Entry(Kind.RUN_CLOSED, run.number, RunClosed(status, 0.0, run.done, run.failed, run.reused).encode())]
