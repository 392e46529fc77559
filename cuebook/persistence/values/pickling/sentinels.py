"""Objects that are what they are by identity alone (`MISSING`): in another process the one of its own module.

Knows no pickler.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from cuebook.persistence.identity.code.imported import is_sent_by_value
from cuebook.persistence.values.pickling.objects import HEAP_TYPE

__all__ = ["may_be_sentinel", "reduced_sentinel"]


def reduced_sentinel(obj: Any) -> tuple[Any, ...] | None:
    """What a pickler's `reducer_override` answers for an object without state that an imported module names.

    None for any other object: one with a state may have been changed since, so the state is what counts.

    Cost: a look at one module's names; for a bare `object()`, at those of all modules.
    """
    cls = type(obj)
    if getattr(obj, "__dict__", None) or _has_state(obj):
        return None
    for name in list(sys.modules) if cls is object else [cls.__module__]:
        module = sys.modules.get(name)
        if isinstance(module, ModuleType) and not is_sent_by_value(name):
            for key, value in list(vars(module).items()):
                if value is obj:
                    return getattr, (module, key)
    return None


def may_be_sentinel(cls: Any) -> bool:
    """Whether objects of a class hold nothing but attributes, and leave their pickling to pickle."""
    is_plain = cls.__reduce_ex__ is object.__reduce_ex__ and cls.__reduce__ is object.__reduce__
    return is_plain and next(base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE) is object


def _has_state(obj: Any) -> bool:
    try:
        return obj.__getstate__() is not None
    except Exception:  # the user's own, and it raises
        return True
