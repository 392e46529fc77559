"""Functions made for one message class: one takes its fields out, one sends it, one puts a message together.

Each is compiled once a class, with the checks of the fields' types written out: a third of the cost of loops over
fields. Knows no bytes, and no text of a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

__all__ = [
    "BECOMING",
    "TEXT_MAX",
    "FieldCode",
    "OddFrames",
    "Packing",
    "compile_builder",
    "compile_sender",
    "compile_taker",
]

TEXT_MAX = 64
"""A text or bytes up to this long is small."""

BECOMING: dict[type, type] = {tuple: list, bytearray: bytes}
"""What a field may become when it arrives, and what it arrives as."""
_SMALL = {
    int: "type({v}) is int and -0x8000000000000000 <= {v} <= 0xFFFFFFFFFFFFFFFF",
    float: "type({v}) is float",
    bool: "type({v}) is bool",
    str: f"type({{v}}) is str and len({{v}}) <= {TEXT_MAX}",
    bytes: f"type({{v}}) is bytes and len({{v}}) <= {TEXT_MAX}",
    type(None): "{v} is None",
}
"""Types whose values cannot be changed, and what makes a value one that is small and can be encoded."""


class FieldCode(NamedTuple):
    """One field: its name, the types that it may have (None: any), the classes whose objects it may hold as well,
    what it becomes (see BECOMING), and what writes it into a new object.
    """

    name: str
    allowed: frozenset[type] | None
    classes: tuple[type, ...] = ()
    becomes: type | None = None
    setter: Callable[[Any, Any], None] | None = None


class Packing(NamedTuple):
    """How a list of fields becomes bytes.

    Attributes:
        packers: whose attribute `pack` does it.
        mend: gets the list and what `pack` raised, and gives the bytes, or raises.
        large_bytes: what is longer than this is shown to `check_large`, which may raise.
    """

    packers: Any
    mend: Callable[[list[Any], Exception], bytes]
    large_bytes: int
    check_large: Callable[[bytes], None]


class OddFrames(NamedTuple):
    """What a builder does with a list of another number of fields, and with one whose types are wrong."""

    short: Callable[[list[Any]], Any]
    refuse: Callable[[list[Any]], NoReturn]


def compile_taker(
    tag: int, fields: Sequence[FieldCode], refuse: Callable[[list[Any]], NoReturn]
) -> Callable[[Any], list[Any]]:
    """`taker(message)` gives `[tag, field, ...]`, unless a field is not of its types: then `refuse` gets that list.

    Source: as `dataclasses` makes its `__init__`.
    """
    names = [f"v{place}" for place in range(len(fields))]
    lines = [f"{name} = message.{field.name}" for name, field in zip(names, fields, strict=True)]
    listed = f"[{', '.join([str(tag), *names])}]"
    scope: dict[str, Any] = {"refuse": refuse}
    lines += _checks(names, fields, scope, f"refuse({listed})")
    return _compiled("take", "message", [*lines, f"return {listed}"], scope)


def compile_sender(
    tag: int, fields: Sequence[FieldCode], refuse: Callable[[list[Any]], NoReturn], packing: Packing, *, may_go: bool
) -> Callable[[Any], Any]:
    """`sender(message)` gives the bytes of what a taker gives, and refuses what that refuses.

    Parameters:
        may_go: it gives the message itself where each field is a small value that cannot be changed and can be encoded.

    Cost: a third less than of the same in three functions.
    """
    names = [f"v{place}" for place in range(len(fields))]
    listed = f"[{', '.join([str(tag), *names])}]"
    scope: dict[str, Any] = {"refuse": refuse, "errors": (TypeError, ValueError, OverflowError), **packing._asdict()}
    lines = [f"{name} = message.{field.name}" for name, field in zip(names, fields, strict=True)]
    small = _all_small(names, fields) if may_go else None
    if small is not None:
        lines += [f"if {small}:", "    return message"]
    lines += _checks(names, fields, scope, f"refuse({listed})")
    lines += ["try:", f"    frame = packers.pack({listed})", "except errors as error:"]
    lines += [f"    frame = mend({listed}, error)", "if len(frame) > large_bytes:", "    check_large(frame)"]
    return _compiled("send", "message", [*lines, "return frame"], scope)


def _all_small(names: Sequence[str], fields: Sequence[FieldCode]) -> str | None:
    """What is true where each field is small; None where their types let no message be so."""
    tests: list[str] = []
    for name, field in zip(names, fields, strict=True):
        ways = [test.format(v=name) for kind, test in _SMALL.items() if kind in (field.allowed or ())]
        if not ways:
            return None
        tests.append(f"({' or '.join(ways)})")
    return " and ".join(tests) or "True"


def compile_builder(
    cls: type, fields: Sequence[FieldCode], odd: OddFrames, construct: Callable[..., Any]
) -> Callable[[list[Any]], Any]:
    """`builder([tag, field, ...])` gives a message of the class.

    Parameters:
        odd: what is done where number or types are wrong.
        construct: makes the message of its fields where these have no setters.
    """
    names = [f"v{place}" for place in range(len(fields))]
    scope: dict[str, Any] = {**odd._asdict(), "construct": construct, "new": object.__new__, "cls": cls}
    lines = ["try:", f"    {', '.join(['_', *names])}, = values", "except ValueError:", "    return short(values)"]
    lines += _checks(names, fields, scope, "refuse(values)")
    for name, field in zip(names, fields, strict=True):
        if field.becomes is not None:
            arrives = BECOMING[field.becomes]
            lines += [f"if type({name}) is {arrives.__name__}:", f"    {name} = {field.becomes.__name__}({name})"]
    if any(field.setter is None for field in fields):
        return _compiled("build", "values", [*lines, f"return construct({', '.join(names)})"], scope)
    scope["twin"] = twin = _twin_of(cls)
    if twin is not None:
        lines.append("built = twin()")
        lines += [f"built.{field.name} = {name}" for name, field in zip(names, fields, strict=True)]
        return _compiled("build", "values", [*lines, "built.__class__ = cls", "return built"], scope)
    lines.append("built = new(cls)")
    for name, field in zip(names, fields, strict=True):
        scope[f"set_{name}"] = field.setter
        lines.append(f"set_{name}(built, {name})")
    return _compiled("build", "values", [*lines, "return built"], scope)


def _twin_of(cls: type) -> type | None:
    """A class like this frozen one that is not frozen: its objects are filled by plain assignments, and then become the
    frozen ones, in two thirds of the time that the descriptors of the slots take. None where there can be none.
    """
    twin = type(cls.__name__, cls.__bases__, {"__slots__": cls.__dict__.get("__slots__", ())})
    if any(getattr(twin, name) is not getattr(object, name) for name in ("__new__", "__init__", "__setattr__")):
        return None
    try:
        twin().__class__ = cls
    except TypeError:  # it holds more than its own slots
        return None
    return twin


def _checks(names: Sequence[str], fields: Sequence[FieldCode], scope: dict[str, Any], refusal: str) -> list[str]:
    conditions: list[str] = []
    for name, field in zip(names, fields, strict=True):
        if field.allowed is None:
            continue
        if len(field.allowed) == 1:
            (scope[f"t_{name}"],) = field.allowed
            condition = f"type({name}) is not t_{name}"
        else:
            scope[f"t_{name}"] = field.allowed
            condition = f"type({name}) not in t_{name}"
        if field.classes:
            scope[f"c_{name}"] = field.classes
            condition = f"({condition} and not isinstance({name}, c_{name}))"
        conditions.append(condition)
    return [f"if {' or '.join(conditions)}:", f"    {refusal}"] if conditions else []


def _compiled(name: str, parameter: str, lines: Sequence[str], scope: dict[str, Any]) -> Callable[[Any], Any]:
    source = "\n    ".join([f"def {name}({parameter}):", *lines])
    exec(source, scope)
    return scope[name]  # type: ignore[no-any-return]
