"""Who is told of whose end, and who fails with whom: watches and links of one actor. Knows no mailbox."""

from __future__ import annotations

from typing import Any, Protocol

from cuebook.errors import ActorFailed
from cuebook.runtime.cells.signals import Down, Restarted
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.refs.target import Bonding
from cuebook.wording import text_of

__all__ = ["Bonded", "Bonds", "Watch"]


class Bonded(Protocol):
    """An actor as its bonds see it."""

    name: str

    @property
    def ref(self) -> ActorRef: ...
    @property
    def state(self) -> ActorState: ...

    def bonds(self) -> Bonding:
        """What it has to do with others."""

    def inform(self, signal: Any, watch: Watch) -> None:
        """Receive a signal, if the watch still stands then."""

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""


class Watch:
    """One actor's wish to know of another's end."""

    __slots__ = ("target", "wants_restarts", "watcher")

    def __init__(self, watcher: Bonded, target: Bonded, *, wants_restarts: bool) -> None:
        self.watcher = watcher
        self.target = target
        self.wants_restarts = wants_restarts


class Bonds:
    """The watches by and of one actor, and its links.

    Those that it made are its incarnation's: they end with it.
    """

    __slots__ = ("_owner", "_standing", "linked", "watched_by")

    def __init__(self, owner: Bonded) -> None:
        self._owner = owner
        self._standing: dict[Bonded, Watch] = {}
        self.watched_by: dict[Watch, None] = {}
        self.linked: dict[Bonded, None] = {}

    def watch(self, target: Bonded, *, wants_restarts: bool) -> Watch:
        """Be told of the end of `target`; a second watch of it replaces the first."""
        self.unwatch(target)
        watch = Watch(self._owner, target, wants_restarts=wants_restarts)
        self._standing[target] = watch
        if target.state is not ActorState.STOPPED:
            target.bonds().watched_by[watch] = None
        return watch

    def unwatch(self, target: Bonded) -> bool:
        """Whether there was a watch; its signals never arrive now."""
        watch = self._standing.pop(target, None)
        if watch is None:
            return False
        if target.state is not ActorState.STOPPED:
            target.bonds().watched_by.pop(watch, None)
        return True

    def receives(self, watch: Watch, signal: Any) -> bool:
        """Whether the signal of this watch may be received; a Down is its last."""
        if self._standing.get(watch.target) is not watch:
            return False
        if type(signal) is Down:
            del self._standing[watch.target]
        return True

    def link(self, other: Bonded) -> None:
        """From now on either fails with the other."""
        if other is not self._owner:
            self.linked[other] = None
            other.bonds().linked[self._owner] = None

    def unlink(self, other: Bonded) -> None:
        """They do so no more."""
        self.linked.pop(other, None)
        other.bonds().linked.pop(self._owner, None)

    def restarted(self, count: int, cause: BaseException | None) -> None:
        """Tell the watchers that want to know."""
        for watch in list(self.watched_by):
            if watch.wants_restarts:
                watch.watcher.inform(Restarted(self._owner.ref, count, cause), watch)

    def down(self, reason: Exit, error: BaseException | None) -> None:
        """Tell all watchers, for the last time."""
        watches, self.watched_by = self.watched_by, {}
        for watch in watches:
            watch.watcher.inform(Down(self._owner.ref, reason, error), watch)

    def failed(self, error: BaseException) -> None:
        """Fail all that is linked."""
        for other in list(self.linked):
            self.unlink(other)
            failure = ActorFailed(f"{other.name} was linked to {self._owner.name}, which failed: {text_of(error)}")
            failure.__cause__ = error
            other.kill(failure)

    def release(self) -> None:
        """The incarnation ends: its watches and its links end with it."""
        for target in list(self._standing):
            self.unwatch(target)
        for other in list(self.linked):
            self.unlink(other)
