"""Values inside messages: what a call may give back, a message may hold. Each in the form of the value codec.

Pickles among them are opened only where they were made: they carry a key that the processes of one program share.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from cuebook.errors import CuebookError, MalformedMessage
from cuebook.persistence.identity.code.imported import is_importable
from cuebook.persistence.values.codes import Code
from cuebook.persistence.values.decoder import ValueDecoder
from cuebook.persistence.values.encoder import ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved, UnresolvedException, placeholder_in, type_of
from cuebook.wire.codec import ExtType
from cuebook.wire.message import carry, extended, opened

__all__ = ["adopt_key", "carry_values", "classes_of_the_script", "opening_pickles", "own_key"]

VALUE_CODE = 3
"""Among the extension types of messages."""
_PLAIN = b"\0"
_PICKLED = b"\1"
_KEY_BYTES = 16


def carry_values() -> None:
    """Let messages of this process hold any value from now on. Cost: none for those that do not."""
    carry(VALUE_CODE, _packed, _unpacked)


def own_key() -> bytes:
    """What this program's pickles are known by."""
    return _process.key


def classes_of_the_script() -> Sequence[type]:
    """Classes that values in messages name, and that another process cannot import; in the order of their first use, so
    that what came since is at the end.
    """
    return _process.classes


def adopt_key(key: bytes, *, imports: bool) -> None:
    """Be one of the processes of another's program.

    Parameters:
        imports: whether modules of classes are imported, where they are not loaded.
    """
    _process.key, _process.imports = key, imports


@contextlib.contextmanager
def opening_pickles(is_allowed: bool) -> Iterator[None]:
    """In this block and thread, open the pickles of messages whoever made them: they come from a trusted journal."""
    before, _here.is_trusting = _here.is_trusting, is_allowed
    try:
        yield
    finally:
        _here.is_trusting = before


class _Process:
    def __init__(self) -> None:
        self.key = os.urandom(_KEY_BYTES)
        self.imports = False
        self.classes: list[type] = []

    def note(self, cls: type) -> None:
        """A value of this class is in a message."""
        if not (is_importable(cls) or cls in self.classes):
            self.classes.append(cls)


class _Here(threading.local):
    def __init__(self) -> None:
        self.is_trusting = False
        self.encoder = _CarryingEncoder(label="value")


class _CarryingEncoder(ValueEncoder):
    """Notes whether a pickle was needed; refs and messages go in their own form."""

    has_pickled = False

    def pickled(self, value: Any) -> Any:
        """As that of any encoder."""
        self.has_pickled = True
        return super().pickled(value)

    def _find_form(self, cls: type) -> Any:
        if extended(cls) is not None:
            self._forms[cls] = _own_form
        else:
            _process.note(cls)
        return super()._find_form(cls)


def _own_form(value: Any, encoding: Any) -> ExtType:
    code, data = extended(type(value))(value)  # type: ignore[misc]
    return ExtType(Code.IN_MESSAGE, encoding.bare([code, data]))


class _CarriedDecoder(ValueDecoder):
    """Finds classes in modules that are loaded."""

    def resolve(self, module: str, qualname: str) -> Any:
        """LookupError where the module is not loaded, and none is imported."""
        if self.trusted and _process.imports:
            return super().resolve(module, qualname)
        try:
            return attrgetter(qualname)(sys.modules[module])
        except (KeyError, AttributeError):
            raise LookupError(f"no {module}.{qualname} is loaded here") from None

    def _late_opening(self, code: int) -> Any:
        if code == Code.IN_MESSAGE:
            self._openings[code] = _open_own
        return super()._late_opening(code) if code not in self._openings else self._openings[code]

    def _twin(self) -> ValueDecoder:
        return _CarriedDecoder(trusted=self.trusted)


def _open_own(data: bytes, decoding: Any) -> Any:
    return opened(*decoding.nested(data))


def _packed(value: Any) -> bytes:
    """The bytes of a value. Raises TypeError with the reason where it cannot be kept."""
    encoder = _here.encoder
    encoder.has_pickled = False
    try:
        data = encoder.encode(value)
    except CuebookError as error:
        raise TypeError(str(error)) from error
    return _PICKLED + _process.key + data if encoder.has_pickled else _PLAIN + data


def _unpacked(data: bytes) -> Any:
    """The value of these bytes. Raises MalformedMessage."""
    is_pickled = data[:1] == _PICKLED
    start = 1 + _KEY_BYTES * is_pickled
    is_ours = not is_pickled or data[1:start] == _process.key or _here.is_trusting
    decoder = _CarriedDecoder(trusted=_process.imports or (is_pickled and is_ours))
    value = decoder.decode(memoryview(data)[start:])
    part = placeholder_in(value, Opaque, Unresolved, UnresolvedException) if decoder.placeholders else None
    if part is not None:
        why = part.reason if type(part) is Unresolved else "its pickle is another program's"
        raise MalformedMessage(f"a {type_of(part)} cannot be read here: {why}")
    return value


_process = _Process()
_here = _Here()
