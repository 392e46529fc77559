"""Looking into a living runtime: its actors, their traces, what went nowhere, what held up the loop."""

from __future__ import annotations

from cuebook.actors.application import Application
from cuebook.runtime.refs.status import ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadLetter
from cuebook.runtime.reports.readers import Stream
from cuebook.runtime.seeing.tracing import TraceEvent
from cuebook.runtime.seeing.watchdog import Blockage

__all__ = ["ViewFace"]


class ViewFace:
    """What a Runtime shows of itself. Nothing here changes what it does.

    Args:
        app: what is looked into.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    def tree(self) -> TreeNode:
        """Every living actor with its counts, by parent, in the order of their start.

        `print(runtime.tree())` shows name, class, state, depth of the mailbox, age of the oldest message, restarts.
        """
        return self.app.system.tree()

    def statistics(self) -> dict[str, ActorStatistics]:
        """Counts of every living actor, by name; of one alone: `ref.statistics()`."""
        return self.app.system.statistics()

    def trace(self, name: str, on: bool = True) -> None:
        """Let an actor be seen at its work, in `traces()` and in the log "cuebook.trace"; as `ref.trace(on)`.

        Raises:
            KeyError: no such actor is there; those that are, are named.
        """
        self.app.system.trace(name, on)

    def traces(self) -> Stream[TraceEvent]:
        """`async for event in runtime.traces()`: what traced actors do, from this call on, until the runtime ends.

        A reader that falls 1,024 events behind loses the oldest.
        """
        return self.app.system.traces()

    def dead_letters(self) -> Stream[DeadLetter]:
        """`async for letter in runtime.dead_letters()`: messages that went nowhere, from this call on, with target,
        sender and reason. A reader that falls 1,024 letters behind loses the oldest.
        """
        return self.app.system.dead_letters.stream()

    def blockages(self) -> list[Blockage]:
        """The last 32 handlers that held up the event loop for `blocking_s` seconds or more, with where they were."""
        return self.app.system.blockages

    def dump(self) -> str:
        """The tree of actors, and every task of the loop with its stack, as text. May be called in any thread.

        With `signals=True` the signal SIGUSR1 prints it on standard error, also while the loop is held up.
        """
        return self.app.system.dump()
