"""What of a code object decides what it does: its instructions, names and constants, without lines and files.

Knows no source.
"""

from __future__ import annotations

import opcode
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.digest import blake16

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_same_shape", "methodless_names", "shape_digest", "with_nested"]

_NESTED = 0x10
_HAS_DOCSTRING = 0x4000000
_ATTRIBUTE_HAS_FLAG = sys.version_info >= (3, 12)
_HAS_CONSTANT = frozenset(opcode.hasconst)


def shape_digest(code: CodeType) -> str:
    """Hex digits that are equal for equal shapes, on one version of Python."""
    return blake16(repr(_frozen(code)).encode("utf-8", "surrogatepass")).hex()


def is_same_shape(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    return one.co_code == other.co_code and _frozen(one) == _frozen(other)


def methodless_names(code: CodeType) -> list[str]:
    """Names whose attributes the compiler loaded as it does for a module's imports: never as methods."""
    plain: set[str] = set()
    methods: set[str] = set()
    for part in with_nested(code):
        name: str | None = None
        for operation, argument in _instructions(part):
            kind = opcode.opname[operation]
            if kind == "CACHE":
                continue
            if name is not None and kind in ("LOAD_ATTR", "LOAD_METHOD"):
                is_method = kind == "LOAD_METHOD" or (_ATTRIBUTE_HAS_FLAG and argument & 1)
                (methods if is_method else plain).add(name)
            name = _loaded_name(part, kind, argument)
    return sorted(plain - methods)


def _loaded_name(code: CodeType, kind: str, argument: Any) -> str | None:
    names: tuple[str, ...] = ()
    if kind == "LOAD_GLOBAL":
        names, argument = code.co_names, argument >> 1
    elif kind.startswith("LOAD_FAST"):
        names = code.co_varnames
    return names[argument] if names and argument < len(names) else None


def with_nested(code: CodeType) -> Iterator[CodeType]:
    """A code object and all in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from with_nested(constant)


def _frozen(code: CodeType) -> tuple[Any, ...]:
    """All of a code object that decides what it does, as plain tuples that are equal in every process."""
    return (
        code.co_name,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_flags & ~(_NESTED | _HAS_DOCSTRING),
        tuple(_instructions(code)),
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        code.co_exceptiontable,
    )


def _instructions(code: CodeType) -> Iterator[tuple[int, Any]]:
    """Each operation with its argument; constants stand in place of their numbers, so that docstrings drop
    out.
    """
    data, constants, high = code.co_code, code.co_consts, 0
    for at in range(0, len(data), 2):
        operation, argument = data[at], data[at + 1] | high
        high = argument << 8 if operation == opcode.EXTENDED_ARG else 0
        if operation in _HAS_CONSTANT:
            yield operation, _constant(constants[argument])
        elif not high:
            yield operation, argument


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _frozen(value)
    if isinstance(value, tuple):
        return ("tuple", *map(_constant, value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(map(repr, map(_constant, value))))
    return (type(value).__name__, repr(value))
