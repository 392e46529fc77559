"""How the calls of one function are known again: which arguments count, in what order, and which are hidden.

Knows no blocks and no journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.identity.parameters import Parameters, parameters_of
from cuebook.persistence.identity.parts import readable
from cuebook.persistence.identity.plain import plain_call
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.identity.secrets.names import may_be_secret, names_secret
from cuebook.persistence.identity.value_digest import value_digest, walked_digest
from cuebook.persistence.identity.values.walk import ValueWalk
from cuebook.persistence.values.codes import type_name
from cuebook.persistence.values.placeholders import Opaque

__all__ = ["Call", "CallForm", "call_key"]

Call = list[Any] | tuple[Any, ...] | Mapping[str, Any]
"""One call's arguments; a mapping is keyword arguments."""

# 0xc1 is no msgpack: so no plain call's bytes begin as these do.
_NOT_PLAIN = b"\xc1"
_IGNORED = b"\xc1ignored"
_TOLD_MAX = 3


class CallForm:
    """The calls of one function.

    Args:
        func: the function; None: nothing is known of its parameters, and keywords have no order.
        ignore: names of parameters that do not count.
        hiding: of the function; gets some of the secrets among the arguments.

    Attributes:
        met: how many secrets that count were among the arguments so far.
        found: how many that count or do not.
        is_plain: whether a call of plain data given by position may be known by its bytes alone.
        opaque: what of arguments cannot be seen, by the name of the parameter: such a call is never the same again.
        unseeded: the same for random generators that the system has seeded: these do not count.

    Raises:
        ValueError: `ignore` names what is no parameter.
    """

    def __init__(
        self, func: Callable[..., Any] | None = None, *, ignore: Iterable[str] = (), hiding: Hiding | None = None
    ) -> None:
        self.hiding = Hiding() if hiding is None else hiding
        self.met = 0
        self.found = 0
        self.opaque: dict[str, str] = {}
        self.unseeded: dict[str, str] = {}
        self._knows = func is not None
        self._parameters: Parameters | None = None if func is None else parameters_of(func)
        self._ignored = frozenset(ignore)
        self._check_ignored(func)
        names = () if self._parameters is None else (*self._parameters.positional, self._parameters.rest or "")
        self.is_plain = not self._ignored and not any(map(may_be_secret, names))

    def _check_ignored(self, func: Any) -> None:
        known = self._parameters
        name = getattr(func, "__name__", None) or readable(func)
        if not self._ignored:
            return
        if known is None:
            raise ValueError(f"ignore={tuple(sorted(self._ignored))!r}: {name} does not say which parameters it has")
        odd = sorted(each for each in self._ignored if not known.has(each) and known.keywords is None)
        if odd:
            has = ", ".join(dict.fromkeys((*known.positional, *sorted(known.named)))) or "none"
            raise ValueError(f"ignore names {odd[0]!r}, and {name} has no such parameter; it has {has}")

    def key(self, call: Call) -> bytes:
        """`keyed`, without whether there are secrets."""
        return self.keyed(call)[0]

    def keyed(self, call: Call) -> tuple[bytes, Hiding]:
        """The 16 bytes by which a call's arguments are known: equal for equal values, on every machine.

        Positional and keyword arguments differ; the type of the outer list or tuple does not count. Keywords that name
        a parameter have no order. Where an argument cannot be seen by value (a generator) the key never comes again.

        Returns:
            The key, and the secrets among the arguments, if any.

        Raises:
            MissingFile: a `File` cannot be read.

        Cost: 2 us for plain data.
        """
        if self.is_plain and not isinstance(call, Mapping):
            plain = plain_call(list(call))
            if plain is not None:
                return blake16(plain), self.hiding
        hiding = Hiding(beside=self.hiding)
        walk = ValueWalk(hiding)
        key = blake16(_NOT_PLAIN + walked_digest(walk, lambda walk: self._encoded(call, walk)))
        if walk.opaque or walk.unseeded:
            self._tell(call, walk)
        if hiding.found:
            self.met += hiding.met
            self.found += hiding.found
            self.hiding.adopt(hiding)
        return key, hiding

    def _encoded(self, call: Call, walk: ValueWalk) -> bytes:
        counted = self._counted(call)
        if isinstance(call, Mapping):
            encoded = walk.encode(self._gathered(counted))
        elif self.is_plain:
            encoded = walk.encode([value for _, value in counted])
        else:
            encoded = joined(b"l", [walk.named(name, value) for name, value in counted])
        if not self._ignored:
            return encoded
        return joined(_IGNORED, [*(name.encode() for name in sorted(self._ignored)), encoded])

    def _gathered(self, counted: list[tuple[str, Any]]) -> dict[str, Any]:
        """Keyword arguments as they count: what goes to `**credentials` is a table of that name, as one given whole."""
        secret = {name: value for name, value in counted if self._goes_to_secrets(name)}
        plain = {name: value for name, value in counted if name not in secret}
        rest = None if self._parameters is None else self._parameters.keywords
        return {**plain, rest: secret} if secret and rest else plain

    def _goes_to_secrets(self, name: str) -> bool:
        """Whether a keyword names no parameter, and goes to one whose name is that of secrets."""
        return self._is_surplus(name) and may_be_secret((self._parameters and self._parameters.keywords) or "")

    def named(self, call: Call) -> list[tuple[str, Any]]:
        """The arguments of a call with the names that they go to, in the order in which they count."""
        known = self._parameters
        if isinstance(call, Mapping):
            if known is not None:
                return known.in_order(call)
            return list(call.items()) if self._knows else sorted(call.items())
        if known is None:
            return [(str(place), value) for place, value in enumerate(call)]
        return [(known.name_at(place) or str(place), value) for place, value in enumerate(call)]

    def _counted(self, call: Call) -> list[tuple[str, Any]]:
        named = self.named(call)
        if not self._ignored:
            return named
        if isinstance(call, Mapping):
            return [(name, value) for name, value in named if not self._is_ignored(name)]
        kept = [(name, ... if self._is_ignored(name) else value) for name, value in named]
        while kept and self._is_ignored(kept[-1][0]):
            kept.pop()
        return kept

    def _is_ignored(self, name: str) -> bool:
        known = self._parameters
        return name in self._ignored or (
            known is not None and self._is_surplus(name) and known.keywords in self._ignored
        )

    def _is_surplus(self, name: str) -> bool:
        known = self._parameters
        return known is not None and name not in known.named and name not in known.positional

    def _tell(self, call: Call, whole: ValueWalk) -> None:
        """Note which arguments have something opaque, as long as few are known."""
        if len(self.opaque) + len(self.unseeded) >= _TOLD_MAX:
            return
        for name, value in self._counted(call):
            walk = ValueWalk(Hiding())
            walked_digest(walk, lambda walk, value=value: walk.encode(value))  # type: ignore[misc]
            for found, told in ((walk.opaque, self.opaque), (walk.unseeded, self.unseeded)):
                if found:
                    told.setdefault(name, next(iter(found)))
        if whole.opaque and not self.opaque:
            self.opaque["arguments"] = next(iter(whole.opaque))

    def shown(self, call: Call, hiding: Hiding) -> list[Any] | dict[str, Any]:
        """A call's arguments as they may be recorded: with placeholders for the secrets among them.

        Cost: as `key`, and more.
        """
        if not isinstance(call, Mapping):
            return [_hidden_copy(name, value, hiding) for name, value in self.named(call)]
        return {
            name: _hidden_copy(name, value, hiding, is_secret=self._goes_to_secrets(name))
            for name, value in self.named(call)
        }


def call_key(call: Call) -> bytes:
    """`CallForm.key` for a function that is not known: keywords have no order."""
    return CallForm().key(call)


def _hidden_copy(name: Any, value: Any, hiding: Hiding, *, is_secret: bool = False) -> Any:
    is_secret = is_secret or (isinstance(name, str) and names_secret(name, value))
    kind = type(value)
    if isinstance(value, str | bytes):
        return Opaque("hidden", kind.__qualname__) if is_secret or _holds_text(value, hiding) else value
    if kind in (list, tuple, set, frozenset):
        return kind(_hidden_copy("", part, hiding, is_secret=is_secret) for part in value)
    if kind is dict:
        return {key: _hidden_copy(key, part, hiding, is_secret=is_secret) for key, part in value.items()}
    probe = Hiding()
    value_digest(value, probe)
    return Opaque("hidden", type_name(kind)) if probe.found else value


def _holds_text(value: str | bytes, hiding: Hiding) -> bool:
    return hiding.is_in(value) if isinstance(value, bytes) else hiding.hide(value) != value
