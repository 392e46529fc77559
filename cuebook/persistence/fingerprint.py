"""The fingerprint of a function: equal where its behaviour is decided by equal code and equal bound values.

Knows no calls and no journal.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cuebook.persistence.class_identity import find_member
from cuebook.persistence.code_graph import CodeGraph
from cuebook.persistence.dependencies import dependency
from cuebook.persistence.digest import blake16, joined
from cuebook.persistence.fingerprint_parts import ALGORITHM, Change, Fingerprint, Part, compare, name_of
from cuebook.persistence.ownership import is_users_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cuebook.persistence.hiding import Hiding

__all__ = ["ALGORITHM", "Change", "Fingerprint", "Part", "code_digest", "compare", "fingerprint"]

_DIGESTS_MAX = 4096
_digests: dict[tuple[int, int, int], tuple[Any, bytes]] = {}
"""Of the code inside values, since the last fingerprint; each item is held, so that its id stays its own."""


def fingerprint(
    func: Any,
    *,
    depends: Sequence[Any] = (),
    version: str | None = None,
    extra: Sequence[Any] = (),
    hiding: Hiding | None = None,
) -> Fingerprint:
    """What makes a callable the same callable.

    Counted are its code without comments, docstrings, layout, position, module and file; its name; defaults,
    closure and whatever it is bound to (partial, the state of a bound object); the globals it uses as they
    are now; and the functions, classes and modules of the user's own that it refers to, transitively.
    Libraries count by name. Never raises: what cannot be seen is named in `opaque`.

    Args:
        func: any callable.
        depends: more that counts: pathlib.Path by content, functions and classes by code, all else by value.
        version: stands in for all code: then only the name, the version and `depends` count.
        extra: classes and functions that count like helpers, in any order (those of arguments, of custom
            workers).
        hiding: keys the digests of what stands under a secret name, and gets these.

    Cost: 1 to 5 ms for a function with a few helpers. Source: own; ast.unparse as the normal form.
    """
    _digests.clear()
    name = function_name(func)
    graph = CodeGraph(_home(func), hiding)
    if version is not None:
        graph.add_part("version", version.encode("utf-8", "surrogatepass"), version)
        roots = [joined(b"version", [version.encode("utf-8", "surrogatepass")])]
    else:
        roots = [_root(graph, func, name)]
        roots += [graph.value(function_name(item), item) for item in sorted(extra, key=function_name)]
    roots += [dependency(graph, item) for item in depends]
    content = joined(b"fingerprint", [name.encode("utf-8", "surrogatepass"), *roots, *graph.drain()])
    return Fingerprint(
        name,
        blake16(content),
        tuple(sorted(graph.parts.values(), key=lambda part: part.label)),
        tuple(sorted(graph.opaque)),
        tuple(sorted(graph.packages.items())),
    )


def code_digest(item: Any, hiding: Hiding) -> bytes:
    """The digest of a function, method, class or module inside a value.

    Cost: as `fingerprint`, then 1 us until the next fingerprint is taken: a run sees one state of the code.
    """
    is_method = isinstance(item, types.MethodType)
    key = (id(hiding), id(item.__func__), id(item.__self__)) if is_method else (id(hiding), id(item), 0)
    known = _digests.get(key)
    if known is None:
        graph = CodeGraph(hiding=hiding)
        root = graph.refer(item)
        if len(_digests) >= _DIGESTS_MAX:
            _digests.clear()
        known = _digests[key] = ((item, hiding), blake16(joined(b"code", [root, *graph.drain()])))
    return known[1]


def function_name(func: Any) -> str:
    """The qualified name of a callable; of a partial that of its function, of an object that of its class."""
    while isinstance(func, functools.partial):
        func = func.func
    return name_of(func) or type(func).__qualname__


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
        given = [graph.value(f"partial argument {place} of {name}", value) for place, value in enumerate(func.args)]
        named = [
            joined(b"named", [key.encode(), graph.value(f"partial {key} of {name}", value)])
            for key, value in sorted(func.keywords.items())
        ]
        return joined(b"partial", [_root(graph, func.func, name), joined(b"", given), joined(b"", named)])
    call = _call_of(type(func))
    if isinstance(call, types.FunctionType) and is_users_class(type(func)) and not isinstance(func, type):
        func = types.MethodType(call, func)
    if isinstance(func, types.FunctionType | type):
        return graph.refer(func)
    if isinstance(func, types.MethodType):
        label = f"state of {type(func.__self__).__qualname__}"
        return joined(b"method", [graph.refer(func), graph.bound(label, func.__self__)])
    return graph.value(f"callable {name}", func)


def _call_of(cls: type) -> Any:
    found = find_member(cls, "__call__")
    return found[1] if found is not None else None
