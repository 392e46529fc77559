"""Exceptions with their tracebacks as plain data, and back: what another process formats of them is the same text.

A traceback has frames, and frames cannot be made; but a line of code that raises, compiled under the name, the file and
the place of the original, leaves one that looks the same to `traceback` and to whoever reads it. Knows no log record.
"""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from types import CodeType, TracebackType
from typing import Any

from cuebook.wording import error_text

__all__ = ["pack_error", "unpack_error"]

FRAMES_MAX = 200
"""Frames of one traceback that are kept: the outer and the inner half."""
ERRORS_MAX = 50
"""Exceptions of one chain, causes and members of groups included."""

_Place = tuple[str, str, str, str, int, int | None, int | None, int | None]
"""Module, file, name, qualified name, line, last line, first and last column of a frame."""


def pack_error(error: BaseException) -> list[dict[str, Any]]:
    """An exception, with what it was raised from and what it groups, as plain data; the first item is the exception."""
    nodes: list[dict[str, Any]] = []
    held = [error]
    while len(nodes) < len(held):
        current = held[len(nodes)]
        node: dict[str, Any] = {
            "value": _pickled(current),
            "type": [type(current).__module__, type(current).__qualname__],
            "text": error_text(current),
            "notes": [str(note) for note in getattr(current, "__notes__", ())],
            "frames": list(_frames(current.__traceback__)),
            "suppress": current.__suppress_context__,
        }
        nodes.append(node)
        links = {"cause": current.__cause__, "context": current.__context__}
        members = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        for key, other in [*links.items(), *enumerate(members)]:
            if other is not None and len(held) < ERRORS_MAX:
                known = next((place for place, one in enumerate(held) if one is other), None)
                if known is None:
                    known = len(held)
                    held.append(other)
                node.setdefault("links", []).append([key, known])
    return nodes


def _pickled(error: BaseException) -> bytes | None:
    try:
        return pickle.dumps(error)
    except Exception:
        import cloudpickle

        try:
            return bytes(cloudpickle.dumps(error))
        except Exception:
            return None


def _frames(tb: TracebackType | None) -> Iterator[_Place]:
    chain = []
    while tb is not None:
        chain.append(tb)
        tb = tb.tb_next
    half = FRAMES_MAX // 2
    for one in chain if len(chain) <= FRAMES_MAX else [*chain[:half], *chain[-half:]]:
        code = one.tb_frame.f_code
        line, last, first, end = next(islice(code.co_positions(), one.tb_lasti // 2, None), (None,) * 4)
        if line != one.tb_lineno:
            last = first = end = None
        module = one.tb_frame.f_globals.get("__name__")
        yield str(module), code.co_filename, code.co_name, code.co_qualname, one.tb_lineno, last, first, end


def unpack_error(nodes: list[dict[str, Any]]) -> BaseException:
    """The exception again. One whose class cannot be had here has another of the same name and text in its place.

    Cost: about 50 us a frame that was not seen before.
    """
    errors: dict[int, BaseException] = {}
    for place in reversed(range(len(nodes))):
        errors[place] = _rebuilt(nodes[place], [errors[at] for key, at in _members(nodes[place]) if at in errors])
    for place, node in enumerate(nodes):  # a group brings its members, and they are told where they come from
        for number, at in _members(node):
            group = errors[place]
            if isinstance(group, BaseExceptionGroup) and number < len(group.exceptions):
                errors[at] = group.exceptions[number]
    for place, node in enumerate(nodes):
        error = errors[place]
        error.__traceback__ = _traceback(node["frames"])
        for key, at in node.get("links", ()):
            if key == "cause":
                error.__cause__ = errors[at]
            elif key == "context":
                error.__context__ = errors[at]
        error.__suppress_context__ = node["suppress"]
    return errors[0]


def _members(node: dict[str, Any]) -> list[tuple[int, int]]:
    return [(key, at) for key, at in node.get("links", ()) if isinstance(key, int)]


def _rebuilt(node: dict[str, Any], members: list[BaseException]) -> BaseException:
    if node["value"] is not None:
        try:
            error = pickle.loads(node["value"])
        except Exception:
            error = None
        if isinstance(error, BaseException):
            return error
    module, qualname = node["type"]
    text = node["text"]
    namespace = {"__module__": module, "__qualname__": qualname, "__str__": lambda _: text}
    name = qualname.rpartition(".")[2]
    if members:
        are_plain = all(isinstance(member, Exception) for member in members)
        cls: Any = type(name, (ExceptionGroup if are_plain else BaseExceptionGroup,), namespace)
        error = cls(text, members)
    else:
        cls = type(name, (Exception,), namespace)
        error = cls(text)
    for note in node["notes"]:
        error.add_note(note)
    return error  # type: ignore[no-any-return]


def _traceback(places: list[_Place]) -> TracebackType | None:
    tb: TracebackType | None = None
    for place in reversed(places):
        module, filename = place[:2]
        try:
            exec(_raising(place), {"__name__": module, "__file__": filename}, {})
        except BaseException as error:
            assert error.__traceback__ is not None
            made = error.__traceback__.tb_next
            if made is not None:
                tb = TracebackType(tb, made.tb_frame, made.tb_lasti, place[4])
    return tb


@lru_cache(maxsize=512)
def _raising(place: _Place) -> CodeType:
    """Code that raises at this very place, and looks as if it were of that function."""
    _, filename, name, qualname, line, last, first, end = place
    statement = ast.Raise(ast.Name("Exception", ast.Load()), None)
    at = {"lineno": max(1, line), "col_offset": first or 0, "end_lineno": last, "end_col_offset": end}
    for node in (statement, statement.exc):
        for field, value in at.items():
            setattr(node, field, value)
    code: CodeType = compile(ast.Module([statement], []), filename, "exec")
    return code.replace(co_name=name, co_qualname=qualname)
