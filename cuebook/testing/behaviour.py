"""One actor in the hands of a plain test function: message in; reply and effects out. No loop, no waiting."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # what checkers bring along: defaults of type variables
else:
    from typing import TypeVar

from cuebook.errors import ActorFailed
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.testing.bench import Bench
from cuebook.testing.effects import Effect, Ran
from cuebook.testing.stub import Answer
from cuebook.testing.virtual_time import VirtualTimeLoop

__all__ = ["ActorKit"]

if TYPE_CHECKING:
    A_co = TypeVar("A_co", bound=Actor[Any], covariant=True, default=Actor[Any])
else:
    A_co = TypeVar("A_co", covariant=True)


class ActorKit(Generic[A_co]):
    """Runs an actor one message at a time. Other actors are stubs: what it does to them is written down, not done.

    Every message, reply and sent message goes through the codec, there and back, as it would between processes. Time
    is virtual: it passes only in `advance`, and while a handler sleeps.

    Parameters:
        factory: gives the Actor, for each incarnation; first when the kit is used, so that it may take stubs of it:
            `kit = ActorKit(lambda: Counter(kit.stub("listener")))`.
        name: of the actor.
        mailbox: bounds of its stash.

    Whatever uses the actor first raises what the factory or `on_start` raises.
    """

    def __init__(self, factory: Callable[[], A_co], *, name: str = "actor", mailbox: MailboxSpec | None = None) -> None:
        self._bench = self._make_bench(factory, name, mailbox or MailboxSpec())
        weakref.finalize(self, _close, self._bench.loop)
        self._started: tuple[Effect, ...] = ()

    def _make_bench(self, factory: Callable[[], Any], name: str, mailbox: MailboxSpec) -> Bench:
        return Bench(factory, name, mailbox)

    @property
    def actor(self) -> A_co:
        """The present incarnation: its state is there to look at."""
        if self._bench.actor is None:
            self._started = self._bench.do(self._bench.begin)
        actor: Any = self._bench.actor
        assert actor is not None
        return actor  # type: ignore[no-any-return]

    @property
    def started(self) -> tuple[Effect, ...]:
        """What `on_start` of the present incarnation did."""
        _ = self.actor
        return self._started

    @property
    def ref(self) -> ActorRef[A_co]:
        """The actor's own ref."""
        return self._bench.me.ref

    @property
    def now(self) -> float:
        """Virtual seconds since the kit was made."""
        return self._bench.loop.time()

    @property
    def waiting(self) -> int:
        """How many messages wait for `run_waiting`: what the actor told itself, unstashed, and what fell due."""
        return len(self._bench.mailbox)

    def stub(self, name: str, answer: Answer | None = None) -> ActorRef:
        """The ref of another actor.

        Parameters:
            answer: what it answers: `answer(message)` gives the value, or raises. None: it never answers, and an ask
                ends by its deadline.
        """
        return self._bench.system.stub(name, answer)

    def run(self, message: object, *, sender: ActorRef | None = None) -> Ran:
        """Have the actor receive a message, and wait for its handler.

        Parameters:
            message: also a signal of the runtime, such as `Down`.
            sender: a stub: what `context.sender` is.

        Raises:
            TypeError, MessageTooLarge: the message, or the reply, cannot be encoded. Names what of it.
            UnhandledMessage: there is no handler; the actor goes on. Rejected: it said no, and goes on.
            Exception: what the handler raises. The incarnation has failed then: see `restart`.
        """
        self._check_alive()
        ran: Ran = self._bench.do(lambda: self._bench.receive(message, sender))
        return ran

    def run_waiting(self) -> tuple[Ran, ...]:
        """Have it receive all that waits, and what comes of that, without time passing. Raises as `run`."""
        self._check_alive()
        return tuple(self._bench.do(self._bench.receive_waiting))

    def advance(self, seconds: float) -> tuple[Ran, ...]:
        """Let time pass (0 or more seconds): timers that fall due, and all else that waits, are received in order.

        Raises as `run`.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._check_alive()
        return tuple(self._bench.do(lambda: self._bench.advance(seconds)))

    def restart(self, error: BaseException | None = None) -> tuple[Effect, ...]:
        """End the incarnation as a failure, and begin the next one; what was stashed waits for it.

        Parameters:
            error: what `on_failure` gets; by default what the last handler raised.

        Returns:
            What `on_failure` and the next `on_start` did.
        """
        _ = self.actor
        failure = error or self._bench.failure or ActorFailed(f"{self.ref.name} was killed")
        ended = self._bench.do(lambda: self._bench.end(failure))
        self._started = self._bench.do(self._bench.begin)
        return (*ended, *self._started)

    def stop(self) -> tuple[Effect, ...]:
        """End the incarnation in good order. Returns what `on_stop` did."""
        self._check_alive()
        effects: tuple[Effect, ...] = self._bench.do(lambda: self._bench.end(None))
        return effects

    def _check_alive(self) -> None:
        _ = self.actor
        if self._bench.failure is not None:
            raise ActorFailed(f"{self.ref.name} has failed: restart() it first") from self._bench.failure


def _close(loop: VirtualTimeLoop) -> None:
    with contextlib.suppress(RuntimeError):  # another loop runs in this thread
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
    if not loop.is_running():
        loop.close()
