"""Whatever actors do to each other in whatever order: nobody waits for ever, no message is lost without a dead letter,
order between two holds, and nothing is left over. Shuffled by a seeded loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from typing import Any

import anyio
import pytest

from cuebook.errors import ActorStopped, AskCycle, MailboxFull, MessagingError, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.cells.services import Listing, ServiceKey
from cuebook.runtime.cells.signals import Down, Restarted
from cuebook.runtime.groups.pool import Pool
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from cuebook.testing.simulation.loop import run_shuffled
from cuebook.testing.virtual_time import VirtualClock
from cuebook.wire.message import message

KEY = ServiceKey("work")
OFTEN = RestartIntensity(30, 5.0)


@message(tag=60_201)
class Job:
    """Something to do. `place`: its number among what this sender sent to this target; -1 where order is not promised."""

    id: int
    sender: str
    place: int
    what: str


@message(tag=60_202)
class Late:
    """A Job that may overtake."""

    id: int
    sender: str
    place: int
    what: str


@message(tag=60_203)
class Piped:
    pass


class Ledger:
    """What was sent, and what became of it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"company {seed}")
        self.accepted: dict[int, str] = {}
        self.handled: Counter[int] = Counter()
        self.dead: Counter[int] = Counter()
        self.first_seen: set[int] = set()
        self.order: defaultdict[tuple[str, str, type], list[int]] = defaultdict(list)
        self.places: Counter[tuple[str, str, type]] = Counter()
        self.system: Any = None
        self.doing: set[str] = set()

    def job(self, sender: str, target: str, *, in_order: bool) -> Any:
        kind = self.chance.choice([Job, Job, Job, Late])
        self.places[sender, target, kind] += 1
        place = self.places[sender, target, kind] if in_order else -1
        number = sum(self.places.values())
        return kind(number, sender, place, self.chance.choice(WHAT))

    def seen(self, target: str, job: Any) -> None:
        if job.id not in self.first_seen:
            self.first_seen.add(job.id)
            if job.place >= 0:
                self.order[job.sender, target, type(job)].append(job.place)

    def send(self, sender: str, ref: ActorRef, *, urgent: bool = False) -> None:
        job = self.job(sender, ref.name, in_order=not urgent)
        try:
            ref.tell_nowait(job, urgent=urgent)
        except (MailboxFull, ActorStopped):
            return
        self.accepted[job.id] = f"told {ref.name} by {sender}: {job.what}"

    async def ask(self, sender: str, target: Any) -> int | None:
        """Asks overtake nothing, but a tell may be refused where an ask waits for room: no order is promised."""
        job = self.job(sender, target.name, in_order=False)
        answer = await target.ask(job, timeout=self.chance.choice([0.05, 1.0, 20.0]))
        assert answer is None or answer == job.id, f"{job} was answered with {answer}"
        if answer is not None:
            assert self.handled[job.id] == 1, f"{job} was answered, and handled {self.handled[job.id]} times"
        return job.id


WHAT = [
    *(["plain"] * 12), *(["wait"] * 3), "stash", "stash", "unstash", "unstash", "become", "unbecome", "pipe", "after", "link",
    "watch", "unwatch", "register", "subscribe", "tell", "tell", "ask", "ask", "defer", "fail", "fail later", "quit", "child",
]  # fmt: skip


class Fellow(Actor):
    """Does what each job says."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.children = 0

    async def on_start(self) -> None:
        if self.ledger.chance.random() < 0.3:
            await asyncio.sleep(self.ledger.chance.random())
        if self.ledger.chance.random() < 0.03:
            raise OSError("no start today")

    def receive(self, message: Any) -> Any:
        return self.take(message)

    def other(self, message: Any) -> Any:
        """The handler that it becomes."""
        return self.take(message)

    def take(self, message: Any) -> Any:
        name = self.context.self_ref.name
        assert name not in self.ledger.doing, f"{name} does two things at once"
        if isinstance(message, Down | Restarted | Listing | Piped):
            return None
        self.ledger.seen(name, message)
        done = getattr(self, f"do_{message.what.replace(' ', '_')}")(message)
        if asyncio.iscoroutine(done):
            return self.later(done, message)
        return self.end(message, done)

    async def later(self, work: Any, message: Any) -> Any:
        name = self.context.self_ref.name
        self.ledger.doing.add(name)
        try:
            return self.end(message, await work)
        finally:
            self.ledger.doing.discard(name)

    def end(self, message: Any, done: Any) -> Any:
        if done == "stashed":
            return None
        self.ledger.handled[message.id] += 1
        return message.id

    def peer(self) -> ActorRef:
        names = sorted(self.ledger.system.statistics())
        return self.ledger.system.actor(self.ledger.chance.choice(names))

    def do_plain(self, message: Any) -> None: ...

    async def do_wait(self, message: Any) -> None:
        await asyncio.sleep(self.ledger.chance.choice([0.0, 0.1, 2.0]))

    def do_stash(self, message: Any) -> Any:
        # A full stash refuses it, and that is a dead letter.
        self.context.stash()
        return "stashed"

    def do_unstash(self, message: Any) -> None:
        self.context.unstash()

    def do_become(self, message: Any) -> None:
        self.context.become(self.other)

    def do_unbecome(self, message: Any) -> None:
        self.context.unbecome()

    def do_pipe(self, message: Any) -> None:
        self.context.pipe_to_self(asyncio.sleep(self.ledger.chance.random()), lambda value, error: Piped())

    def do_after(self, message: Any) -> None:
        self.context.after(self.ledger.chance.random(), Piped(), key="late")

    def do_link(self, message: Any) -> None:
        try:
            self.context.link(self.peer())
        except ActorStopped:
            pass

    def do_watch(self, message: Any) -> None:
        self.context.watch(self.peer(), restarts=self.ledger.chance.random() < 0.5)

    def do_unwatch(self, message: Any) -> None:
        self.context.unwatch(self.peer())

    def do_register(self, message: Any) -> None:
        try:
            self.context.register(KEY)
        except ActorStopped:
            pass

    def do_subscribe(self, message: Any) -> None:
        try:
            self.context.subscribe(KEY)
        except ActorStopped:
            pass

    def do_tell(self, message: Any) -> None:
        found = self.context.system.services.find(KEY)
        self.ledger.send(self.context.self_ref.name, found[0] if found else self.peer())

    async def do_ask(self, message: Any) -> None:
        peer = self.peer()
        try:
            await self.ledger.ask(self.context.self_ref.name, peer)
        except (MessagingError, AskCycle):
            pass

    def do_defer(self, message: Any) -> None:
        delivery = self.context.defer()
        self.ledger.handled[message.id] += 1
        delivery.reply(message.id)
        self.ledger.handled[message.id] -= 1  # `end` counts it

    def do_fail(self, message: Any) -> None:
        raise RuntimeError("fails, as it was told to")

    async def do_fail_later(self, message: Any) -> None:
        await asyncio.sleep(0.05)
        raise RuntimeError("fails later, as it was told to")

    def do_quit(self, message: Any) -> None:
        self.context.stop_self()

    def do_child(self, message: Any) -> None:
        self.children += 1
        if self.children <= 2 and self.context.self_ref.name.count("/") < 3:
            try:
                name = f"{self.context.self_ref.name}/{self.children}"
                self.context.spawn(lambda: Fellow(self.ledger), name=name, intensity=OFTEN, restart="transient")
            except (ActorStopped, ValueError):
                pass


class Company:
    """One scene: fellows, a pool and a supervisor, and what is done to them from outside."""

    def __init__(self, ledger: Ledger, system: ActorSystem, tasks: list[asyncio.Task[Any]]) -> None:
        self.ledger, self.chance, self.system = ledger, ledger.chance, system
        self.tasks = tasks
        self.top = system.supervise(self.spec(2), name="top", restart="transient", intensity=OFTEN)
        self.pool = Pool(
            system, self.fellow, size=3, name="pool", routing=self.chance.choice(["round_robin", "pull", "least_loaded"]),
            **self.options(),
        )  # fmt: skip

    def fellow(self) -> Fellow:
        return Fellow(self.ledger)

    def options(self) -> dict[str, Any]:
        chance = self.chance
        mailbox = MailboxSpec(
            capacity=chance.choice([2, 10, 1000]),
            overflow=chance.choice(["raise", "wait", "drop_new", "drop_old"]),
            priorities=chance.choice([{}, {Late: 5}]),
            stash_capacity=chance.choice([1, 100]),
        )
        directives = chance.choice([{}, {RuntimeError: "resume"}, {RuntimeError: "escalate"}])
        return {"mailbox": mailbox, "directives": directives, "attempts": chance.choice([1, 1, 2, 3])}

    def child(self, name: str) -> ChildSpec:
        return ChildSpec(
            name, self.fellow, restart=self.chance.choice(["permanent", "transient"]), shutdown_s=1.0, **self.options()
        )

    def spec(self, depth: int) -> SupervisorSpec:
        children = [self.child(f"c{n}") for n in range(2)]
        if depth > 1:
            children.append(ChildSpec("below", self.spec(depth - 1)))
        return SupervisorSpec(
            children, strategy=self.chance.choice(["one_for_one", "one_for_all", "rest_for_one"]), intensity=OFTEN,
            backoff=Backoff(first_s=self.chance.choice([0.0, 0.5])),
        )  # fmt: skip

    def someone(self) -> ActorRef:
        name = self.chance.choice(sorted(self.system.statistics()) or ["none"])
        try:
            return self.system.actor(name)
        except KeyError:
            return self.system.spawn(self.fellow, name="someone", **self.options())

    def start(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def act(self) -> None:
        chance, ref = self.chance, self.someone()
        is_group = ref.name == "top" or ref.name.endswith("below")
        match chance.randrange(40):
            case 0:
                ref.kill()
            case 1 if not is_group:
                self.start(ref.stop(chance.random(), drain=chance.random() < 0.7))
            case 2:
                await asyncio.sleep(chance.random())
            case 3:
                self.start(self.pool.resize(chance.randint(1, 4), timeout=1.0))
            case 4 | 5 | 6:
                self.start(self.ledger.ask("outside", self.pool))
            case 7:
                self.start(self.top.stop_child(chance.choice(["c0", "c1", "below"])))
            case 8:
                self.start(self.top.restart_child(chance.choice(["c0", "c1", "below"])))
            case 9:
                self.start(self.top.start_child(self.child(f"c{chance.randrange(4)}")))
            case 10:
                self.start(self.top.children())
            case 11 if self.tasks:
                chance.choice(self.tasks).cancel()
            case n if n < 25 and not is_group:
                self.ledger.send("outside", ref, urgent=chance.random() < 0.1)
            case _ if not is_group:
                self.start(self.ledger.ask("outside", ref))
            case _:
                try:
                    self.system.spawn(
                        self.fellow, name=f"fellow {chance.randrange(4)}", intensity=OFTEN, **self.options()
                    )
                except ValueError:
                    pass


async def _read(system: ActorSystem, ledger: Ledger) -> None:
    async for letter in system.dead_letters.stream():
        if isinstance(letter.message, Job | Late):
            ledger.dead[letter.message.id] += 1


class Enough(Exception):
    """Ends a scene with an error."""


async def _life(system: ActorSystem, ledger: Ledger, tasks: list[asyncio.Task[Any]]) -> asyncio.Task[None]:
    ledger.system = system
    reader = asyncio.ensure_future(_read(system, ledger))
    while not system.dead_letters._readers:
        await asyncio.sleep(0)
    how = ledger.chance.choice(["drain", "drain", "cancel", "error"])
    with anyio.move_on_after(ledger.chance.random() * 10 if how == "cancel" else None), contextlib.suppress(Enough):
        async with system:
            company = Company(ledger, system, tasks)
            for _ in range(250):
                await company.act()
                if ledger.chance.random() < 0.3:
                    await asyncio.sleep(0)
            if how == "cancel":
                await asyncio.sleep(100)
            if how == "error":
                raise Enough
    return reader


async def _scene(seed: int) -> None:
    ledger = Ledger(seed)
    tasks: list[asyncio.Task[Any]] = []
    system = ActorSystem(clock=VirtualClock(), draw=ledger.chance.random)
    await (await _life(system, ledger, tasks))
    _judge(ledger, await asyncio.gather(*tasks, return_exceptions=True))
    assert system.statistics() == {}
    assert len(system.deadlines) == 0
    assert system.services.find(KEY) == ()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _judge(ledger: Ledger, outcomes: list[Any]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, MessagingError | SupervisionError | asyncio.CancelledError), repr(outcome)
    for number, what in ledger.accepted.items():
        ends = ledger.handled[number], ledger.dead[number]
        assert sum(ends) == 1, f"message {number} ({what}): handled {ends[0]} times, {ends[1]} dead letters"
    assert max(ledger.handled.values(), default=0) <= 1
    for (sender, target, kind), places in ledger.order.items():
        assert places == sorted(places), f"{kind.__name__} from {sender} to {target} came as {places}"


@pytest.mark.parametrize("seed", range(60))
def test_no_message_is_lost_and_order_holds_whatever_actors_do_to_each_other(seed: int) -> None:
    run_shuffled(_scene(seed), seed, stall_s=2.0)


@pytest.mark.slow
def test_no_message_is_lost_and_order_holds_over_many_seeds() -> None:
    for seed in range(60, 1000):
        try:
            run_shuffled(_scene(seed), seed, stall_s=2.0)
        except BaseException:
            print(f"seed {seed}")
            raise
