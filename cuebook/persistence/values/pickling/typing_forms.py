"""Types that `typing` makes in the user's script: parameters, new types, aliases. They pickle by name alone.

Knows no pickler. Its functions without an underscore in front are named in stored pickles.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

__all__ = ["is_named_type", "named_type", "reduced_type"]

_KEYWORDS = {
    "ParamSpec": {"bound": "__bound__", "covariant": "__covariant__", "contravariant": "__contravariant__"},
    "TypeVarTuple": {},
    "NewType": {"tp": "__supertype__"},
    "TypeAliasType": {"value": "__value__", "type_params": "__type_params__"},
}
"""By class: the keywords that make one, and the attributes that hold them."""


def is_named_type(kind: type) -> bool:
    """Whether objects of a class are such types."""
    return kind.__module__ == "typing" and kind.__name__ in _KEYWORDS


def reduced_type(obj: Any) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for such a type that no import finds."""
    kind = type(obj).__name__
    keywords = {keyword: getattr(obj, name) for keyword, name in _KEYWORDS[kind].items()}
    return named_type, (kind, obj.__name__, obj.__module__, keywords)


def named_type(kind: str, name: str, module: str, keywords: dict[str, Any]) -> Any:
    """Such a type: this process's own of that name where it is the same, else made anew."""
    import typing

    own = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    if type(own) is getattr(typing, kind) and _is_made_of(own, keywords):
        return own
    made = getattr(typing, kind)(name, **keywords)
    with suppress(AttributeError):
        made.__module__ = module
    return made


def _is_made_of(own: Any, keywords: dict[str, Any]) -> bool:
    names = _KEYWORDS[type(own).__name__]
    try:
        return all(bool(getattr(own, names[keyword]) == value) for keyword, value in keywords.items())
    except Exception:  # an alias whose value is computed when it is asked for
        return False
