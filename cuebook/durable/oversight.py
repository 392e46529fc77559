"""Notices what a handler of a durable actor has forgotten, and says so: an effect that was made and not returned, a
state that was changed and not by an event. Changes nothing.
"""

from __future__ import annotations

import functools
import time
from typing import Any, Protocol

from cuebook.durable.effects import NOTHING, Effect, made_now
from cuebook.errors import CuebookError
from cuebook.persistence.values import ValueEncoder
from cuebook.runtime.cells.actor import Context
from cuebook.runtime.refs.reply import IMMUTABLE

__all__ = ["Oversight"]

FIRST = 8
"""So many commands of each type are looked at, and then one in EVERY."""
EVERY = 64
SHARE = 0.02
"""Of the time that passes, at most so much is spent looking at states."""
_UNSEEN = object()


class Overseen(Protocol):
    """The actor."""

    state: Any
    context: Context

    def handler_for(self, kind: type) -> str:
        """The name of the method that handles commands of a type."""


class Oversight:
    """Of one incarnation, which handles one command at a time.

    Cost: a fifth of a microsecond a command that is not looked at; else the state is encoded twice.
    """

    __slots__ = (
        "_actor",
        "_before",
        "_command",
        "_counts",
        "_encoder",
        "_kinds",
        "_made",
        "_said",
        "_since",
        "_spent_s",
        "_state",
    )

    def __init__(self, actor: Any) -> None:
        self._actor: Overseen = actor
        self._encoder: ValueEncoder | None = None
        self._made: list[Effect] = []
        self._counts: dict[type, int] = {}
        self._kinds: dict[type, bool] = {}
        self._said: set[tuple[str, str]] = set()
        self._command: Any = None
        self._state: Any = None
        self._before: Any = _UNSEEN
        self._since = time.perf_counter()
        self._spent_s = 0.0

    def begins(self, command: Any) -> None:
        """Its handler is about to be called."""
        made = self._made
        if made:
            made.clear()
        made_now.set(made)
        self._command = command
        self._state = state = self._actor.state
        kind = type(command)
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        is_looked_at = (count <= FIRST or not count % EVERY) and self._may_change(type(state))
        self._before = self._form(state) if is_looked_at else _UNSEEN

    def ends(self, command: Any, outcome: Any) -> None:
        """Its handler has given this."""
        if self._made and (len(self._made) > 1 or self._made[0] is not outcome):
            self._check_effects(command, outcome)
        state = self._actor.state
        if state is not self._state:
            self._say(command, "assigned", "self.state was assigned by a handler: only apply changes the state")
        elif self._before is not _UNSEEN and self._form(state) not in (self._before, _UNSEEN):
            self._say(command, "changed", "the state was changed in place by a handler: persist an event, and apply it")

    def answer_of(self, effect: Effect, state: Any) -> Any:
        """The answer of the effect that the handler has given: its function is to look at the state, too."""
        before = self._form(state) if self._before is not _UNSEEN and callable(effect.answer) else _UNSEEN
        answer = effect.answer_of(state)
        if before is not _UNSEEN and self._form(state) not in (before, _UNSEEN):
            text = "the state was changed in place by the function of a reply: persist an event, and apply it"
            self._say(self._command, "reply", text)
        return answer

    def _may_change(self, cls: type) -> bool:
        if cls not in self._kinds:
            self._kinds[cls] = cls not in IMMUTABLE and not _caches(cls)
        return self._kinds[cls]

    def _check_effects(self, command: Any, outcome: Any) -> None:
        kept = outcome if type(outcome) is Effect else NOTHING
        for effect in self._made:
            if effect is not outcome and _does_something(effect) and not _is_within(effect, kept):
                self._say(command, "effect", "an effect was made and not returned, so it is lost: return persist(...)")
                return

    def _say(self, command: Any, what: str, text: str) -> None:
        cls = type(self._actor)
        handler = f"{cls.__qualname__}.{self._actor.handler_for(type(command))}"
        if (what, handler) not in self._said:
            self._said.add((what, handler))
            self._actor.context.log.error(text, handler=handler)

    def _form(self, state: Any) -> Any:
        """What tells one state from another; _UNSEEN where that is not known, or would cost too much."""
        began = time.perf_counter()
        if self._spent_s > SHARE * (began - self._since) and self._spent_s > SHARE:
            return _UNSEEN
        encoder = self._encoder = self._encoder or ValueEncoder(label="state")
        try:
            return encoder.encode(state)
        except CuebookError:
            return _UNSEEN
        finally:
            self._spent_s += time.perf_counter() - began


def _does_something(effect: Effect) -> bool:
    has_answer = effect.answer is not None or effect.rejection is not None
    return bool(effect.events or effect.duties or effect.after or effect.stops or has_answer)


def _is_within(effect: Effect, kept: Effect) -> bool:
    """Whether another effect has been made of its parts."""
    parts: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = [(effect.events, kept.events), (effect.duties, kept.duties)]
    has_parts = bool(effect.events or effect.duties)
    return has_parts and all(any(part is other for other in others) for own, others in parts for part in own)


def _caches(cls: type) -> bool:
    """Whether its objects note for themselves what was asked of them."""
    return any(isinstance(each, functools.cached_property) for base in cls.__mro__ for each in vars(base).values())
