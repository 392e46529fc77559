"""Which part of a value cannot be kept: the path to the innermost one, and what to do instead.

Knows no forms: it tries the parts one by one. It runs only after a value was refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.errors import ValueNotKept
from cuebook.persistence.values.codes import TOO_DEEP, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["explain"]

STEPS_MAX = 100
TEXT_MAX = 300


def explain(value: Any, path: str, trial: tuple[Callable[[Any], str | None], str]) -> ValueNotKept:
    """The error for a value that was refused, with the path to the innermost part that is refused alone.

    Parameters:
        value: the refused value.
        path: what the value itself is called.
        trial: a function that says why a part is refused (None: it is kept), and the reason for the whole.

    Cost: up to one encoding of the value for each level of nesting.
    """
    refusal, reason = trial
    for _ in range(STEPS_MAX):
        if reason == TOO_DEEP:
            break
        try:
            found = _refused_part(value, refusal)
        except Exception:  # a class of the user's that raises where it is looked at: the path ends here
            break
        if found is None:
            break
        step, value, reason = found
        path += step
    if len(reason) > TEXT_MAX:
        reason = f"{reason[:TEXT_MAX]}..."
    if _is_argument(path):
        return ValueNotKept(f"{path}: {type_name(type(value))} cannot be sent to a worker: {reason}; {_instead(value)}")
    advice = "return plain data, a path, or an object that can be pickled"
    if "pickle=False" in reason:
        advice = "return plain data or a dataclass, or allow pickle"
    return ValueNotKept(f"{path}: {type_name(type(value))} cannot be kept: {reason}; {advice}")


def _is_argument(path: str) -> bool:
    return path.startswith("arguments")


def _instead(value: Any) -> str:
    """What to pass in the place of an argument that cannot be sent."""
    cls = type(value)
    if cls.__module__ == "_io":
        return "pass its path, and open it in the call"
    if hasattr(cls, "__next__"):
        return "pass a list of what it gives, or make it in the call"
    if cls.__module__ in ("_thread", "threading", "_socket", "socket", "ssl", "sqlite3", "_sqlite3"):
        return (
            "make it in the call, or once a worker in the setup() of a cuebook.Worker; "
            'or use where="thread", which sends nothing'
        )
    return 'pass plain data, a path, or an object that can be pickled; or use where="thread", which sends nothing'


def _refused_part(value: Any, refusal: Callable[[Any], str | None]) -> tuple[str, Any, str] | None:
    for step, part in _parts(value):
        reason = refusal(part)
        if reason is not None:
            return step, part, reason
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value is made of, as far as it can be seen, each with the step that leads to it."""
    if isinstance(value, dict):
        for key, part in list(value.items()):
            yield f"[{_short(key)}]", part
        for key in list(value):
            yield f".key {_short(key)}", key
    elif isinstance(value, (set, frozenset)):
        for part in list(value):
            yield f".member {_short(part)}", part
    elif isinstance(value, (list, tuple)) or type(value).__name__ == "deque":
        for place, part in enumerate(list(value)):
            yield f"[{place}]", part
    if not isinstance(value, type):
        yield from _attributes(value)
        yield from _closure(value)


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    held = getattr(value, "__dict__", None)
    if isinstance(held, dict):
        for name, part in list(held.items()):
            yield f".{name}", part
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name not in {"__dict__", "__weakref__"} and hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _closure(value: Any) -> Iterator[tuple[str, Any]]:
    code = getattr(value, "__code__", None)
    cells = getattr(value, "__closure__", None)
    for name, cell in zip(getattr(code, "co_freevars", ()), cells or (), strict=False):
        try:
            yield f".<closure {name}>", cell.cell_contents
        except ValueError:  # an empty cell
            continue


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 60 else f"{text[:57]}..."
