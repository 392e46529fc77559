"""Random generators that a worker's calls will draw from, and their state. Knows no other worker.

Light: nothing is imported that the function has not imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["generators_of"]

DEPTH_MAX = 4
"""Objects within objects, from the function on."""
LOOKS_MAX = 2_000
_LIBRARY_FOLDERS = ("/site-packages/", "/dist-packages/", "/cuebook/")


def generators_of(*roots: Any) -> list[Any]:
    """What draws random numbers here: each generator's place, and a digest of its state.

    Args:
        roots: the function, and the user's Worker.

    Returns:
        The hidden generators of `random` and `numpy.random`, and those that the roots hold or use as globals, by name.

    Cost: about 100 us; nothing where no module for random numbers is loaded.
    """
    if not any(name in sys.modules for name in ("random", "numpy.random.mtrand", "torch")):
        return []
    search = _Search()
    for root in roots:
        search.look(root, "", 0)
    return [*_hidden(), *search.found.items()]


def _hidden() -> Iterator[tuple[str, bytes]]:
    for name, attribute, shown in (("random", "_inst", "random"), ("numpy.random.mtrand", "_rand", "numpy.random")):
        generator = getattr(sys.modules.get(name), attribute, None)
        state = None if generator is None else _state_of(generator)
        if state is not None:
            yield f"the global generator of {shown}", state


def _state_of(item: Any) -> bytes | None:
    """A digest of a generator's state; None where an object is none."""
    from hashlib import blake2b

    module = sys.modules.get("random")
    mtrand = sys.modules.get("numpy.random.mtrand")
    numpy_random = sys.modules.get("numpy.random")
    torch = sys.modules.get("torch")
    state: Any = None
    if module is not None and isinstance(item, module.Random) and not isinstance(item, module.SystemRandom):
        state = item.getstate()
    elif mtrand is not None and isinstance(item, mtrand.RandomState):
        state = item.get_state(legacy=False)
    elif numpy_random is not None and isinstance(item, numpy_random.Generator):
        state = item.bit_generator.state
    elif numpy_random is not None and isinstance(item, numpy_random.BitGenerator):
        state = item.state
    elif torch is not None and isinstance(item, torch.Generator):
        state = item.get_state().tolist()
    return None if state is None else blake2b(_plain(state).encode(), digest_size=16).digest()


def _plain(state: Any) -> str:
    """A state as text, arrays in full."""
    if isinstance(state, dict):
        return str({key: _plain(value) for key, value in state.items()})
    return str(state.tolist() if hasattr(state, "tolist") else state)


class _Search:
    """A walk over what a function holds and uses."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self._seen: set[int] = set()
        self._held: list[Any] = []

    def look(self, item: Any, label: str, depth: int) -> None:
        if depth > DEPTH_MAX or id(item) in self._seen or len(self._seen) > LOOKS_MAX:
            return
        self._seen.add(id(item))
        self._held.append(item)  # so that its id stays its own
        try:
            state = _state_of(item)
        except Exception:  # an object that is not quite what its class says
            return
        if state is not None:
            kind = type(item)
            self.found[f"{label or 'the function'} ({kind.__module__.partition('.')[0]}'s {kind.__qualname__})"] = state
            return
        for part, name in _parts(item, label):
            self.look(part, name, depth + 1)


def _parts(item: Any, label: str) -> Iterator[tuple[Any, str]]:
    """What an item holds or uses, and how that is called."""
    if isinstance(item, partial):
        yield item.func, label
        yield from ((value, "an argument of a partial") for value in (*item.args, *item.keywords.values()))
    elif isinstance(item, MethodType):
        yield item.__func__, label
        yield item.__self__, label
    elif isinstance(item, FunctionType):
        yield from _parts_of_function(item)
    elif isinstance(item, dict):
        yield from ((value, f"{label}[{key!r}]") for key, value in list(item.items())[:100])
    elif isinstance(item, list | tuple | set | frozenset):
        yield from ((value, f"{label}[{place}]") for place, value in enumerate(list(item)[:100]))
    elif isinstance(item, type):
        if _is_users(sys.modules.get(item.__module__)):
            yield from ((value, f"{item.__qualname__}.{name}") for name, value in list(vars(item).items()))
    elif not isinstance(item, ModuleType | CodeType | str | bytes | int | float | None):
        attributes = getattr(item, "__dict__", None)
        if isinstance(attributes, dict):
            yield type(item), label
            yield from ((value, f"{label or 'self'}.{name}") for name, value in list(attributes.items())[:100])


def _parts_of_function(function: FunctionType) -> Iterator[tuple[Any, str]]:
    code = function.__code__
    if any(folder in code.co_filename for folder in _LIBRARY_FOLDERS) or _is_standard(code.co_filename):
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield cell.cell_contents, name
        except ValueError:
            continue
    yield from ((value, "a default value") for value in (*(function.__defaults__ or ()), *_named(function)))
    names = set(_names(code))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            if _is_users(value):
                yield from ((vars(value)[inner], f"{name}.{inner}") for inner in names & vars(value).keys())
        else:
            yield value, name


def _named(function: FunctionType) -> tuple[Any, ...]:
    return tuple((function.__kwdefaults__ or {}).values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_users(module: Any) -> bool:
    filename = getattr(module, "__file__", None)
    if not isinstance(filename, str):
        return getattr(module, "__name__", "__main__") == "__main__"
    return not any(folder in filename for folder in _LIBRARY_FOLDERS) and not _is_standard(filename)


def _is_standard(filename: str) -> bool:
    import os

    return filename.startswith(("<frozen", os.path.dirname(os.__file__)))
