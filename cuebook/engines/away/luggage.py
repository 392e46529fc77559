"""What goes along with orders to another machine: buffers and blobs that they refer to, each once. Knows no line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cuebook.engines.away.line import Cargo
from cuebook.engines.calls.protocol import Setup, calls_fields
from cuebook.errors import CuebookError
from cuebook.persistence.blobs.beside import BesideReader
from cuebook.persistence.blobs.port import BlobPlace, Blobs
from cuebook.persistence.stores.media import blobs_at
from cuebook.persistence.values.blob_references import blob_references
from cuebook.wire.message import decode

__all__ = ["Luggage"]

NAMES_MAX = 128
"""So many buffers are kept on the other machine; those that were not used for longest go first."""


class Luggage:
    """Of one worker on another machine: what is there already, and what has to go along."""

    def __init__(self) -> None:
        self._beside: BesideReader | None = None
        self._blobs: Blobs | None = None
        self._there: dict[bytes, None] = {}

    def heed(self, frames: Iterable[bytes]) -> None:
        """Learn where a run's buffers and blobs are, from its Setup."""
        for frame in frames:
            if calls_fields(frame) is None:
                order = decode(frame)
                if isinstance(order, Setup):
                    self._beside = BesideReader(order.options["spill"])
                    self._blobs = blobs_at(BlobPlace(*order.options["blobs"]))

    def packed(self, frames: list[bytes], urgent: list[bytes]) -> Cargo:
        """Orders with what they need beside them. What is gone by now is left out: its call fails, and says so."""
        names = [name for frame in frames for name in _names_in(frame)]
        luggage = [(name, content) for name in dict.fromkeys(names) if (content := self._content(name)) is not None]
        for name in names:
            self._there.pop(name, None)
            self._there[name] = None
        surplus = list(self._there)[: max(0, len(self._there) - max(NAMES_MAX, len(set(names))))]
        for name in surplus:
            del self._there[name]
        digests = {digest for frame in urgent for digest in blob_references(frame)}
        blobs = [content for digest in digests if (content := self._blob(digest)) is not None]
        return Cargo(frames, urgent, luggage, blobs, surplus)

    def keep(self, contents: Iterable[bytes]) -> None:
        """Put large results where this machine's processes read them, before anybody is told of them."""
        for content in contents:
            if self._blobs is not None:
                self._blobs.write(content)

    def _content(self, name: bytes) -> bytes | None:
        if name in self._there or self._beside is None:
            return None
        try:
            return self._beside.whole(name)
        except CuebookError:
            return None

    def _blob(self, digest: bytes) -> bytes | None:
        try:
            return None if self._blobs is None else self._blobs.whole(digest)
        except CuebookError:
            return None


def _names_in(frame: bytes) -> list[bytes]:
    if calls_fields(frame) is not None:
        return list(blob_references(frame))
    order: Any = decode(frame)
    return [name for name, *_ in order.beside or ()] if isinstance(order, Setup) else []
