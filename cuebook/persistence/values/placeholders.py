"""What stands in a decoded value for a part that was not opened, or whose class cannot be had here.

Knows neither bytes nor journals.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NoReturn

__all__ = ["Opaque", "Unresolved", "UnresolvedException", "placeholder_in", "type_of"]

REPR_LENGTH_MAX = 200


class _Frozen:
    """Slots that are set once, without the import cost of dataclasses."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")


class Opaque(_Frozen):
    """A part that was not opened, because the journal is not trusted or its blob was not asked for.

    Two are equal where the bytes of the parts are the same.

    Attributes:
        kind: what it is kept as: "pickle", "blob", or (an attribute of an exception) "not kept".
        type_name: class of the original, as `module.Class`.
        size: length of its bytes; 0 where it was not kept.
        digest: of its bytes; empty where it was not kept.
    """

    __slots__ = ("digest", "kind", "size", "type_name")
    kind: str
    type_name: str
    size: int
    digest: bytes

    def __init__(self, kind: str, type_name: str, size: int = 0, digest: bytes = b"") -> None:
        for name, value in zip(("kind", "type_name", "size", "digest"), (kind, type_name, size, digest), strict=True):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.__reduce__()[1])

    def __reduce__(self) -> tuple[Any, ...]:
        return Opaque, (self.kind, self.type_name, self.size, self.digest)

    def __repr__(self) -> str:
        size = f", {_readable(self.size)}" if self.size else ""
        return f"<{self.kind}: {self.type_name}{size}>"


class Unresolved(_Frozen):
    """An object whose class was not imported (not trusted) or cannot be had here; its fields are kept.

    Attributes:
        module, qualname: where its class was.
        fields: names and values of what the object held, as far as it was readable.
        reason: why it was not rebuilt, in a few words. Does not count for equality.
    """

    __slots__ = ("fields", "module", "qualname", "reason")
    module: str
    qualname: str
    fields: dict[str, Any]
    reason: str

    def __init__(self, module: str, qualname: str, fields: dict[str, Any] | None = None, reason: str = "") -> None:
        values = (module, qualname, fields or {}, reason)
        for name, value in zip(("module", "qualname", "fields", "reason"), values, strict=True):
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Unresolved):
            return NotImplemented
        return (self.module, self.qualname) == (other.module, other.qualname) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash((self.module, self.qualname, tuple(self.fields)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Unresolved, (self.module, self.qualname, self.fields, self.reason)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"<unresolved {self.module}.{self.qualname}({_shortened(shown)})>"


class UnresolvedException(Exception):
    """An exception whose class cannot be had here, kept by the name of its type and its text.

    Attributes:
        module, qualname: where its class was.
        text: what `str()` of it was.
    """

    def __init__(self, module: str, qualname: str, text: str) -> None:
        super().__init__(module, qualname, text)
        self.module = module
        self.qualname = qualname
        self.text = text

    def __str__(self) -> str:
        name = self.qualname if self.module == "builtins" else f"{self.module}.{self.qualname}"
        return f"{name}: {self.text}" if self.text else name


def placeholder_in(value: Any, *kinds: type) -> Any:
    """The first placeholder of these kinds in what a decoder has made; None where there is none."""
    waiting = [value]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if type(part) in kinds:
            return part
        if id(part) in seen:
            continue
        seen.add(id(part))
        waiting += _parts(part)
    return None


def type_of(placeholder: Any) -> str:
    """The class of what a placeholder stands for, as `module.Class`; "an object" for what is no placeholder."""
    if isinstance(placeholder, Opaque):
        return placeholder.type_name
    if isinstance(placeholder, Unresolved | UnresolvedException):
        return f"{placeholder.module}.{placeholder.qualname}"
    return "an object"


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    parts: list[Any] = []
    if type(getattr(value, "__dict__", None)) is dict:
        parts += value.__dict__.values()
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        parts += [getattr(value, name, None) for name in ((slots,) if isinstance(slots, str) else slots)]
    return parts


def _readable(size: int) -> str:
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} GB"


def _shortened(text: str) -> str:
    return text if len(text) <= REPR_LENGTH_MAX else f"{text[:REPR_LENGTH_MAX]}..."
