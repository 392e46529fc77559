"""What lives below the actors of a process, as its owner is told of it: their children there, and those of these.

Knows no link and no socket.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, fields
from typing import Any, Protocol

from cuebook.errors import MalformedMessage
from cuebook.processes.protocol import Below
from cuebook.runtime.cells.context import Parent
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.system import ActorSystem

__all__ = ["Branches", "PeopledSystem", "nodes_of"]

REST_S = 0.1
"""Seconds between two looks at counts, at least."""
SHARE = 20
"""How much longer than looking itself the pause after it is, so that it takes a twentieth of the time at most."""
_REAL: tuple[type, ...] = (int, float)
_TYPES: tuple[Any, ...] = (str, *[int] * 9, _REAL, int, _REAL, str, str, int, str)
_NODE = 3


class Peopled(Protocol):
    """An actor that may have children."""

    serial: int
    children: dict[str, Any]

    def tree(self) -> TreeNode:
        """It and all below it."""


class PeopledSystem(ActorSystem):
    """The actor system of a process: it says when somebody comes or goes below an actor of its owner."""

    def __init__(self, name: str, on_change: Callable[[], None]) -> None:
        super().__init__(name)
        self._on_change = on_change

    def start(self, spec: ActorSpec, parent: Parent | None) -> ActorRef:
        """Start an actor."""
        ref = super().start(spec, parent)
        if parent is not None:
            self._on_change()
        return ref

    def people(self) -> list[Any]:
        """Every actor that lives here."""
        return list(self._cells.values())

    def forget(self, name: str) -> None:
        """An actor has ended for good."""
        super().forget(name)
        self._on_change()


class Branches:
    """What the owner knows of them, and when it is told again.

    It is told of whoever comes or goes with what is sent next, and of counts some 0.1 s after they have changed; both
    more seldom where there are many. Nothing is done while no actor of the owner's has children.

    Parameters:
        peopled: the owner's actors that live here.
        order: sends an order.
        call_later: of the loop.
    """

    def __init__(
        self,
        peopled: Callable[[], Iterable[Peopled]],
        order: Callable[[Any], None],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._peopled = peopled
        self._order = order
        self._call_later = call_later
        self._told: dict[int, list[Any]] = {}
        self._has_changed = False
        self._is_waiting = False
        self._not_before = 0.0
        self.is_any = False

    def changed(self) -> None:
        """Somebody has come or gone: `step` is to be called before anything is sent."""
        self._has_changed = self.is_any = True

    def step(self) -> None:
        """Something is about to be sent, so counts may have changed too. Cost: next to nothing, but for a look."""
        if self._has_changed and time.monotonic() >= self._not_before:
            self._look()
        elif self.is_any and not self._is_waiting:
            self._is_waiting = True
            self._call_later(max(REST_S, self._not_before - time.monotonic()), self._look)

    def _look(self) -> None:
        began = time.monotonic()
        self._has_changed = self._is_waiting = False
        now = {each.serial: _packed(each.tree())[-1] for each in self._peopled() if each.children}
        for serial in self._told.keys() | now.keys():
            if now.get(serial) != self._told.get(serial):
                self._order(Below(serial, now.get(serial, [])))
        self._told = now
        self.is_any = bool(now)
        ended = time.monotonic()
        self._not_before = ended + SHARE * (ended - began)


def _packed(node: TreeNode) -> list[Any]:
    counts = node.statistics
    assert counts is not None
    return [node.name, [counts.state.value, *astuple(counts)[1:]], [_packed(child) for child in node.children]]


def nodes_of(branch: Any) -> tuple[TreeNode, ...]:
    """The other way. Raises MalformedMessage."""
    if type(branch) is not list:
        raise MalformedMessage("what lives below an actor is a list")
    return tuple(map(_node_of, branch))


def _node_of(packed: Any) -> TreeNode:
    if type(packed) is not list or len(packed) != _NODE or type(packed[0]) is not str or type(packed[1]) is not list:
        raise MalformedMessage("an actor below another one is its name, its counts and its children")
    counts = packed[1]
    if len(counts) != len(_TYPES) or not all(map(isinstance, counts, _TYPES)):
        raise MalformedMessage(f"the counts of {packed[0]} are {len(fields(ActorStatistics))} fields of their types")
    try:
        state = ActorState(counts[0])
    except ValueError:
        raise MalformedMessage(f"no actor is {counts[0]!r}") from None
    return TreeNode(packed[0], ActorStatistics(state, *counts[1:]), nodes_of(packed[2]))
