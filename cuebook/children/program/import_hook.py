"""Something to be done as soon as a module is imported, for modules that are too heavy to be imported for its sake.

Knows nothing of what is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

__all__ = ["forget", "when_imported"]


class _Finder:
    """First in `sys.meta_path`: finds nothing itself, and has what others find announce its end."""

    def __init__(self) -> None:
        self.waiting: dict[str, dict[str, Callable[[], None]]] = {}
        self._searched: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        if name not in self.waiting or name in self._searched:
            return None
        from importlib.util import find_spec

        self._searched.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._searched.discard(name)
        loader: Any = None if spec is None else spec.loader
        if not hasattr(loader, "exec_module") or isinstance(loader, type):
            return None
        execute = loader.exec_module

        def announce(module: Any) -> None:
            del loader.exec_module
            execute(module)
            for action in self.waiting.pop(name, {}).values():
                action()

        loader.exec_module = announce
        return spec


_finder = _Finder()


def when_imported(module: str, action: Callable[[], None], name: str) -> None:
    """Have `action` called once: now where the module is there, else at the end of its import, in that thread.

    Args:
        name: of the action; a later one of the same name takes its place.

    Raises:
        Exception: what `action` raises now; later, the import raises it.
    """
    if module in sys.modules:
        action()
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.waiting.setdefault(module, {})[name] = action


def forget(module: str, name: str) -> None:
    """The action of this name is not to be done any more."""
    _finder.waiting.get(module, {}).pop(name, None)
