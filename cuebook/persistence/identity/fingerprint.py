"""The fingerprint of a function: equal where its behaviour is decided by equal code and equal bound values.

Knows no calls and no journal.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.code.classes import find_member
from cuebook.persistence.identity.code.graph import CodeGraph
from cuebook.persistence.identity.dependencies import dependency
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.identity.ownership import is_users_class
from cuebook.persistence.identity.parameters import parameters_of
from cuebook.persistence.identity.parts import ALGORITHM, Change, Fingerprint, Part, compare, name_of
from cuebook.persistence.identity.secrets.at_hand import hide_what_is_at_hand
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.identity.syntax.source import look_again

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALGORITHM", "Change", "Fingerprint", "Part", "code_digest", "compare", "fingerprint"]

_DIGESTS_MAX = 4096
_digests: dict[tuple[bytes, int, int], tuple[Any, bytes, Hiding]] = {}
"""Of the code inside values, since the last fingerprint, with the secrets in it, by their key; each item is held, so
that its id stays its own.
"""


def fingerprint(
    func: Any,
    *,
    depends: Sequence[Any] = (),
    version: str | None = None,
    extra: Sequence[Any] = (),
    hiding: Hiding | None = None,
) -> Fingerprint:
    """What makes a callable the same callable.

    Counted are its code without comments, docstrings, layout, hints, position, module and file; its name; defaults
    and whatever it is given by a partial; of globals, closures and bound objects what it reads, as it is now; and the
    functions, classes and modules of the user's own that it refers to, transitively. Libraries count by name. What
    cannot be seen is named in `opaque`.

    Args:
        func: any callable.
        depends: more that counts: pathlib.Path by content, functions and classes by code, all else by value.
        version: stands in for all code: then only the name, the version and `depends` count, and the function is not
            looked at, but for secrets in its variables, which are hidden.
        extra: classes and functions that count like helpers, in any order (those of arguments, of custom
            workers).
        hiding: keys the digests of what stands under a secret name, and gets these.

    Raises:
        UnknownInstruction: code without source uses an instruction that is not known here. Nothing else.

    Cost: 1 to 3 ms for a function with a few helpers, a third of it once the process has seen the code. Source: own;
    the syntax tree as the normal form.
    """
    _digests.clear()
    look_again()
    name = function_name(func)
    graph = CodeGraph(_home(func), hiding)
    if version is not None:
        hide_what_is_at_hand(func, graph.hiding)
        graph.add_part("version", version.encode("utf-8", "surrogatepass"), version)
        roots = [joined(b"version", [version.encode("utf-8", "surrogatepass")])]
        code_parts: tuple[Part, ...] = ()
    else:
        roots = [_root(graph, func, name)]
        graph.drain()
        code_parts = _sorted(graph)
        roots += [graph.value(function_name(item), item) for item in sorted(extra, key=function_name)]
    roots += [dependency(graph, item) for item in depends]
    content = joined(b"fingerprint", [name.encode("utf-8", "surrogatepass"), *roots, *graph.drain()])
    opaque, packages = tuple(sorted(graph.opaque)), tuple(sorted(graph.packages.items()))
    imported = tuple(sorted(graph.imported.items()))
    found = tuple(graph.subclasses)
    return Fingerprint(name, blake16(content), _sorted(graph), opaque, packages, code_parts, imported, found)


def _sorted(graph: CodeGraph) -> tuple[Part, ...]:
    return tuple(sorted(graph.parts.values(), key=lambda part: part.label))


def code_digest(item: Any, hiding: Hiding) -> bytes:
    """The digest of a function, method, class or module inside a value.

    Cost: as `fingerprint`, then 1 us until the next fingerprint is taken: a run sees one state of the code.
    """
    is_method = isinstance(item, types.MethodType)
    key = (hiding.key, id(item.__func__), id(item.__self__)) if is_method else (hiding.key, id(item), 0)
    known = _digests.get(key)
    if known is None:
        graph = CodeGraph(hiding=Hiding(hiding.key))
        root = graph.refer(item)
        if len(_digests) >= _DIGESTS_MAX:
            _digests.clear()
        known = _digests[key] = (item, blake16(joined(b"code", [root, *graph.drain()])), graph.hiding)
    hiding.take(known[2])
    return known[1]


def function_name(func: Any) -> str:
    """The qualified name of a callable; of a partial that of its function, of an object that of its class."""
    while isinstance(func, functools.partial):
        func = func.func
    name = name_of(func) or type(func).__qualname__
    for place in ("<listcomp>.", "<setcomp>.", "<dictcomp>."):  # newer Pythons have no functions for these
        name = name.replace(place, "")
    return name


def _home(func: Any) -> str:
    while isinstance(func, functools.partial):
        func = func.func
    try:
        return str(func.__module__)
    except Exception:  # a callable without a module, or one that raises for what it does not know
        return "__main__"


def _root(graph: CodeGraph, func: Any, name: str) -> bytes:
    """The callable itself, its layers taken apart so that each has a label of its own."""
    if isinstance(func, functools.partial):
        return _partial(graph, func, name)
    call = _call_of(type(func))
    if isinstance(call, types.FunctionType) and is_users_class(type(func)) and not isinstance(func, type):
        func = types.MethodType(call, func)
    if isinstance(func, types.FunctionType | type):
        return graph.refer(func)
    if isinstance(func, types.MethodType):
        label = f"state of {type(func.__self__).__qualname__}"
        receiver = graph.receiver(label, func)
        if receiver is not None:
            return joined(b"method", [graph.refer(func.__func__, receiver)])
        return joined(b"method", [graph.refer(func.__func__), graph.value(label, func.__self__)])
    return graph.value(f"callable {name}", func)


def _partial(graph: CodeGraph, func: Any, name: str) -> bytes:
    """A partial: keywords that name a parameter have no order, those of `**kwargs` have."""
    known = parameters_of(func.func)
    keywords = list(func.keywords.items()) if known is None else known.in_order(func.keywords)
    given = []
    for place, value in enumerate(func.args):
        parameter = known.name_at(place) if known is not None else None
        what = f"partial {parameter} of" if parameter else f"partial argument {place} of"
        given.append(graph.value(f"{what} {name}", value))
    named = [
        joined(b"named", [key.encode("utf-8", "surrogatepass"), graph.value(f"partial {key} of {name}", value)])
        for key, value in keywords
    ]
    return joined(b"partial", [_root(graph, func.func, name), joined(b"", given), joined(b"", named)])


def _call_of(cls: type) -> Any:
    found = find_member(cls, "__call__")
    return found[1] if found is not None else None
