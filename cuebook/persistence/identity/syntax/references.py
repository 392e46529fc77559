"""Which names outside of itself a function's code refers to, as chains of attributes.

Knows no values: it reads the code object alone.
"""

from __future__ import annotations

import dis
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chain", "chains_of"]


class Chain(NamedTuple):
    """A reference: `base` is "global", "free", "owner" (the first argument of a method) or "import"."""

    base: str
    name: str
    attributes: tuple[str, ...]
    level: int = 0


_ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR"})
_GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_DEREF = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_SKIPPED = frozenset({"CACHE", "NOP", "EXTENDED_ARG", "PUSH_NULL", "PRECALL"})


def chains_of(code: CodeType) -> list[Chain]:
    """Every chain in a code object and the code nested in it, once, sorted. Cost: 2 us an instruction."""
    reader = _Reader(code)
    for part in _with_nested(code):
        reader.read_imports(part)
    found: set[Chain] = set()
    for part in _with_nested(code):
        found.update(reader.chains(part))
    return sorted(found | reader.imported)


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)


def _fast_names(instruction: dis.Instruction) -> list[tuple[str, str]]:
    """The (LOAD or STORE, variable) of an instruction, which does one or two of them in newer Pythons."""
    words = [word for word in instruction.opname.split("_") if word in ("LOAD", "STORE")]
    names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
    return list(zip(words, names, strict=False))


class _Reader:
    def __init__(self, root: CodeType) -> None:
        self.root = root
        self.owner = root.co_varnames[0] if root.co_argcount else None
        self.imported: set[Chain] = set()
        self._bound: dict[tuple[CodeType | None, str], Chain] = {}

    def read_imports(self, code: CodeType) -> None:
        """Note the modules that imports inside the code bind to its variables."""
        constants: list[Any] = []
        named = False
        module: Chain | None = None
        pending: Chain | None = None
        for step in dis.get_instructions(code):
            if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
                constants = [*constants[-1:], step.argval]
            elif step.opname == "IMPORT_NAME":
                level = constants[0] if constants and isinstance(constants[0], int) else 0
                named = bool(constants) and constants[-1] is not None
                name = step.argval if named or level else step.argval.partition(".")[0]
                module = pending = Chain("import", name, (), level)
            elif step.opname == "IMPORT_FROM" and module is not None:
                pending = module._replace(attributes=(*module.attributes, step.argval))
                if named:
                    self.imported.add(pending)
                else:  # import a.b.c as d goes down one by one
                    module = pending
            elif step.opname.startswith("STORE_") and pending is not None:
                name = _fast_names(step)[0][1]
                scope = code if "FAST" in step.opname else None
                self._bound[scope, name] = pending
                pending = None

    def chains(self, code: CodeType) -> Iterator[Chain]:
        """The chains of one code object, in the order of its instructions."""
        chain: Chain | None = None
        for step in dis.get_instructions(code):
            if step.opname in _SKIPPED:
                continue
            if step.opname in _ATTRIBUTE and chain is not None:
                chain = chain._replace(attributes=(*chain.attributes, step.argval))
                continue
            if chain is not None:
                yield chain
            chain = None
            if step.opname in _GLOBAL:
                chain = Chain("global", step.argval, ())
            elif step.opname in _DEREF:
                chain = self._variable(None, step.argval)
            elif "LOAD_FAST" in step.opname:
                loaded = [name for word, name in _fast_names(step) if word == "LOAD"]
                for name in loaded[:-1]:
                    bare = self._variable(code, name)
                    if bare is not None:
                        yield bare
                chain = self._variable(code, loaded[-1]) if loaded else None
        if chain is not None:
            yield chain

    def _variable(self, code: CodeType | None, name: str) -> Chain | None:
        bound = self._bound.get((code, name)) or self._bound.get((None, name))
        if bound is not None:
            return bound
        if name == self.owner and (code is self.root or code is None):
            return Chain("owner", name, ())
        if code is None and name in self.root.co_freevars:
            return Chain("free", name, ())
        return None
