"""How a function's code reaches what lies outside of it: chains of attributes, and what is done at their end.

Knows no values.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DOC_READERS", "HIDING", "HINT_READERS", "SUBCLASSES", "Access", "Chain", "indirect", "indirection"]

HINT_READERS = frozenset(
    {"__annotations__", "__signature__", "get_type_hints", "get_annotations", "signature", "getfullargspec"}
)
"""Names by which code looks at the hints of functions."""

DOC_READERS = frozenset({"__doc__", "getdoc", "json_schema", "model_json_schema", "schema_json"})
"""Names by which code looks at docstrings; a model's is the description in its schema."""

HIDING = frozenset({
    "__globals__", "exec_module", "f_builtins", "f_globals", "f_locals", "getcomments", "getsource", "getsourcelines",
    "load_module", "run_module", "run_path",
})  # fmt: skip
"""Names by which code gets at all variables of another function, at its text, or runs a file."""

SUBCLASSES = "__subclasses__"
"""By which a class gets at all that was made of it."""

_MARK = "*"


class Chain(NamedTuple):
    """A reference from code.

    Attributes:
        base: "global", "free", "owner" (the first argument of a method), "super", "import", "module" (the one that the
            code is in), or "maybe": a global, unless the code has a variable of that name just then.
        name: of the variable, or of the module.
        attributes: read one after the other; one whose name is a variable's value is written by `indirect`.
        level: dots of a relative import.
        use: of what stands at the end: "value" (anything may be done with it), "call" (it is called, and nothing
            else), "test" (whether it is true, or None), "fill" (an item of it is set), or "store" (the last attribute
            is set or deleted).
    """

    base: str
    name: str
    attributes: tuple[str, ...] = ()
    level: int = 0
    use: str = "value"


class Access(NamedTuple):
    """All that a function's code refers to.

    Attributes:
        chains: each once, sorted.
        hidden: ways to reach what no chain names ("eval", "globals()"), sorted.
        builtins: functions of Python whose meaning was taken for granted: where a program has its own of that name,
            the chains are not all.
        reads_hints: whether the code looks at annotations.
        asks_subclasses: whether the code asks a class for those that were made of it.
        reads_docs: whether the code looks at docstrings.
    """

    chains: tuple[Chain, ...]
    hidden: tuple[str, ...] = ()
    builtins: frozenset[str] = frozenset()
    reads_hints: bool = False
    asks_subclasses: bool = False
    reads_docs: bool = False


def indirect(base: str, name: str) -> str:
    """An attribute whose name is what a variable holds: `getattr(module, KIND)`."""
    return f"{_MARK}{base}:{name}"


def indirection(attribute: str) -> tuple[str, str] | None:
    """Base and name of the variable that names an attribute; None where the name is written out."""
    if not attribute.startswith(_MARK):
        return None
    base, _, name = attribute[1:].partition(":")
    return base, name
