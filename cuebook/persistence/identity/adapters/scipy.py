"""Scipy: sparse matrices without what they remember of themselves, distributions by their parameters."""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.adapters.numpy import elements
from cuebook.persistence.identity.digest import joined

__all__ = ["FORMS"]

_ARRAYS = {
    "csr": ("indptr", "indices", "data"),
    "csc": ("indptr", "indices", "data"),
    "bsr": ("indptr", "indices", "data"),
    "coo": ("data",),
    "dia": ("offsets", "data"),
    "lil": ("rows", "data"),
}
_PLACES = frozenset({"indptr", "indices", "offsets"})


def _sparse(walk: Any, value: Any) -> bytes:
    """A sparse array or matrix: format, shape, and where which values stand; flags and the size of numbers of places
    come and go with its use.
    """
    kind = str(value.format)
    parts = [walk.code(b"T", type(value)), kind.encode(), repr(tuple(value.shape)).encode()]
    if kind == "dok":
        return joined(b"sparse", [*parts, str(value.dtype).encode(), walk.pairs(b"d", list(value.items()))])
    if kind == "coo":
        coordinates = getattr(value, "coords", None) or (value.row, value.col)
        parts += [_places(walk, each) for each in coordinates]
    for name in _ARRAYS[kind]:
        array = getattr(value, name)
        parts.append(_places(walk, array) if name in _PLACES else elements(walk, array))
    return joined(b"sparse", parts)


def _places(walk: Any, array: Any) -> bytes:
    np = sys.modules["numpy"]
    return elements(walk, np.asarray(array, dtype=np.int64))


def _distribution(walk: Any, value: Any) -> bytes:
    """A distribution: its class, and what it was made with; the generator that it draws from where it has its own."""
    made_with = {name: part for name, part in value._updated_ctor_param().items() if name not in _TEXTS}
    drawn_from = walk.encode(value._random_state)
    return joined(b"distribution", [walk.code(b"T", type(value)), walk.encode(made_with), drawn_from])


_TEXTS = frozenset({"extradoc", "longname", "seed"})


def _frozen(walk: Any, value: Any) -> bytes:
    parts = [walk.encode(value.dist), walk.encode(tuple(value.args)), walk.pairs(b"d", sorted(value.kwds.items()))]
    return joined(b"frozen", [walk.code(b"T", type(value)), *parts])


def _random_variable(walk: Any, value: Any) -> bytes:
    """A distribution of the newer kind, without what it has computed so far."""
    policies = [value.validation_policy, value.cache_policy]
    tolerance = value._tol if isinstance(value._tol, float | int) else None
    parts = [walk.encode(value._original_parameters), walk.encode([*policies, tolerance])]
    return joined(b"variable", [walk.code(b"T", type(value)), *parts])


FORMS: dict[str, Any] = {
    "_spbase": _sparse,
    "spmatrix": _sparse,
    "rv_generic": _distribution,
    "rv_frozen": _frozen,
    "UnivariateDistribution": _random_variable,
}
