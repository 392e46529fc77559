"""Orders that were written on another machine, made to fit this one. Knows no line."""

# ruff: noqa: PTH102 - as all that deals with these folders

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

from cuebook.engines.away.landmark import Sight, sight
from cuebook.engines.away.line import Cargo
from cuebook.engines.calls.protocol import Setup, calls_fields
from cuebook.persistence.blobs.beside import drop_copy, put_copy
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.port import BlobPlace
from cuebook.persistence.values.blob_references import blob_references
from cuebook.wire.message import decode, encode

__all__ = ["Resettling"]

KEPT_BYTES_MAX = 1 << 30
"""Results that were sent stay here up to this size: an equal one is not written again, and has to be found."""


class Resettling:
    """What a worker on another machine than its parent's needs beside its orders.

    Parameters:
        folder: of its own, for buffers and results on their way.
    """

    def __init__(self, folder: str) -> None:
        self._beside = os.path.join(folder, "beside")
        self._blobs = BlobStore(os.path.join(folder, "blobs"))
        self._shares_blobs = False
        self._sent: dict[bytes, int] = {}
        os.mkdir(self._beside, mode=0o700)

    def unpack(self, cargo: Cargo) -> None:
        """Put down what came along with some orders."""
        for name in cargo.drop:
            drop_copy(self._beside, name)
        for name, content in cargo.luggage:
            put_copy(self._beside, name, content)
        if not self._shares_blobs:
            for content in cargo.blobs:
                self._blobs.write(content)

    def settled(self, frame: bytes) -> bytes:
        """An order as it has to be here."""
        if calls_fields(frame) is not None:
            return frame
        order = decode(frame)
        return encode(replace(order, options=self._options(order.options))) if isinstance(order, Setup) else frame

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        seen = options.get("blobs_sight")
        place = BlobPlace(*options["blobs"])
        self._shares_blobs = seen is not None and place.kind == "folder" and sight(place.where) == Sight(*seen)
        cwd = options.get("cwd")
        there = [entry for entry in options.get("sys_path") or () if entry not in sys.path and os.path.exists(entry)]
        return {
            **options,
            "sys_path": [*sys.path, *there],
            "cwd": cwd if cwd and os.path.isdir(cwd) else None,
            "kept_sources": None,
            "spill": self._beside,
            "blobs": [*(place if self._shares_blobs else self._blobs.place)],
        }

    def results(self, frames: list[bytes]) -> list[bytes]:
        """The content of each large value that some of the worker's messages refer to."""
        if self._shares_blobs:
            return []
        found = []
        for digest in {digest for frame in frames for digest in blob_references(frame)}:
            content = self._blobs.whole(digest)
            if content is not None:
                found.append(content)
                self._sent[digest] = len(content)
        if sum(self._sent.values()) > KEPT_BYTES_MAX:
            for digest in self._sent:
                self._blobs.remove(digest)
            self._sent.clear()
        return found
