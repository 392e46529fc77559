"""Values that need no code to be rebuilt, from a journal that is not trusted to bring any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuebook.persistence.blobs.port import Blobs
from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved, UnresolvedException, placeholder_in, type_of

__all__ = ["PlainDecoder"]


class PlainDecoder:
    """Decodes as `ValueDecoder` does without trust, and gives no placeholders: it raises where one would stand.

    Args:
        blobs: of the journal.
        refusal: makes the error of the class that is needed, as `module.Class`.
    """

    def __init__(self, blobs: Blobs, refusal: Callable[[str], Exception]) -> None:
        self._decoder = ValueDecoder(trusted=False, blobs=blobs)
        self._refusal = refusal

    def decode(self, data: bytes | memoryview) -> Any:
        """The value of these bytes; raises as `ValueDecoder.decode`, and what `refusal` makes."""
        before = self._decoder.placeholders
        return self._checked(self._decoder.decode(data), before)

    def decode_many(self, data: bytes | memoryview, count: int) -> list[Any]:
        """The values of `count` encodings one after the other; as `decode`."""
        before = self._decoder.placeholders
        values: list[Any] = self._checked(self._decoder.decode_many(data, count), before)
        return values

    def _checked(self, value: Any, before: int) -> Any:
        if self._decoder.placeholders == before:
            return value
        raise self._refusal(type_of(placeholder_in(value, Opaque, Unresolved, UnresolvedException)))
