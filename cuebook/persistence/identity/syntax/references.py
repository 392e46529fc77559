"""Which names outside of itself a function's code refers to, read off its instructions: for code without source.

Knows no values: it reads the code object alone. An instruction that it does not know is refused, never skipped.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.syntax.access import DOC_READERS, HIDING, HINT_READERS, SUBCLASSES, Access, Chain
from cuebook.persistence.identity.syntax.instructions import (
    ATTRIBUTES,
    CELLS,
    FAST,
    GLOBALS,
    KNOWN,
    NOT_BETWEEN,
    STORED,
    UNSURE,
    UnknownInstruction,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["access_of_code", "chains_of"]

_CALLS = frozenset({"eval", "exec", "globals", "import_module", "__import__"})
_HAS_METHOD_BIT = sys.version_info >= (3, 12)


def access_of_code(code: CodeType) -> Access:
    """What a code object and the code nested in it refer to. Cost: 2 us an instruction.

    Raises:
        UnknownInstruction: this Python has an instruction that is in none of the lists.
    """
    names = {name for part in _with_nested(code) for name in part.co_names}
    chains = set(chains_of(code))
    if "super" in names:
        chains.add(Chain("super", ""))
    hidden = tuple(sorted([*(f"{name}()" for name in names & _CALLS), *(names & HIDING)]))
    return Access(
        tuple(sorted(chains)),
        hidden,
        reads_hints=bool(names & HINT_READERS),
        asks_subclasses=SUBCLASSES in names,
        reads_docs=bool(names & DOC_READERS),
    )


def chains_of(code: CodeType) -> list[Chain]:
    """Every chain in a code object and the code nested in it, once, sorted."""
    reader = _CodeReader(code)
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


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    for step in dis.get_instructions(code):
        if step.opname not in KNOWN:
            raise UnknownInstruction(
                f"{code.co_qualname} has no source, and this Python's instruction {step.opname} is not known "
                "here, so nobody can tell what it refers to: put the function into a file, or set version="
            )
        if step.opname not in NOT_BETWEEN:
            yield step


def _fast_names(instruction: dis.Instruction) -> list[tuple[str, str]]:
    """The (LOAD or STORE, variable) of an instruction, which does one or two of them in newer Pythons."""
    words = [word for word in instruction.opname.split("_") if word in ("LOAD", "STORE")]
    names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
    return list(zip(words, names, strict=False))


def _is_called(step: dis.Instruction) -> bool:
    """Whether the instruction makes room for a call of what it loads."""
    if step.opname == "LOAD_METHOD":
        return True
    has_bit = step.opname == "LOAD_GLOBAL" or _HAS_METHOD_BIT
    return has_bit and bool((step.arg or 0) & 1)


class _CodeReader:
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
        for step in _steps(code):
            if step.opname == "LOAD_CONST":
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
        for step in _steps(code):
            name = step.opname
            if chain is not None and name in ATTRIBUTES | STORED:
                use = "store" if name in STORED else "call" if _is_called(step) else "value"
                chain = chain._replace(attributes=(*chain.attributes, step.argval), use=use)
                if use == "value":
                    continue
            if chain is not None:
                yield chain
            chain = None
            if name in GLOBALS:
                chain = Chain("global", step.argval, (), 0, "call" if _is_called(step) else "value")
            elif name in UNSURE:
                chain = Chain("maybe", step.argval)
            elif name in CELLS:
                chain = self._variable(None, step.argval)
            elif name in FAST:
                loaded = [name for word, name in _fast_names(step) if word == "LOAD"]
                bare = [self._variable(code, each) for each in loaded]
                yield from (each for each in bare[:-1] if each is not None)
                chain = bare[-1]
        if chain is not None:
            yield chain

    def _variable(self, code: CodeType | None, name: str) -> Chain | None:
        bound = self._bound.get((code, name)) or self._bound.get((None, name))
        if bound is not None:
            return bound
        if name == self.owner and (code is self.root or code is None):
            return Chain("owner", name)
        if code is None and name in self.root.co_freevars:
            return Chain("free", name)
        return None
