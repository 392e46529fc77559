"""The value of a kept stage, and where its bytes lie: in its record, or in a file. Knows no job."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.identity.parts import Part
from cuebook.persistence.records.job_heads import StageKept
from cuebook.stages.value_forms import CODEC, EncodedValue, decode_value
from cuebook.wire.codec import pack, unpack
from cuebook.workplace.file_store import Content, FileStore
from cuebook.workplace.manifest import FileForm, FileVersion

__all__ = ["StageBody", "is_in_record", "keep_bytes", "read_value", "version_of"]

_IN_RECORD_MAX = 65_536
NOWHERE: Content = (b"", 0, ())


@dataclass(frozen=True, slots=True)
class StageBody:
    """The body of a stage's record.

    Attributes:
        parts: what its lineage was made of. packages: names and versions of libraries.
        data: the encoded value, where it is small; else None.
    """

    parts: tuple[Part, ...]
    packages: tuple[tuple[str, str], ...]
    data: bytes | None

    def encode(self, hide: Callable[[str], str]) -> bytes:
        """Its bytes; `hide` takes secrets out of texts."""
        parts = [[part.label, part.digest, hide(part.detail)] for part in self.parts]
        return pack([parts, [list(pair) for pair in self.packages], self.data])

    @classmethod
    def decode(cls, data: bytes) -> StageBody:
        """The body of these bytes.

        Raises:
            JournalCorrupt: they are none.
        """
        try:
            parts, packages, value = unpack(data)
            return cls(
                tuple(Part(str(label), str(digest), str(detail)) for label, digest, detail in parts),
                tuple((str(name), str(version)) for name, version in packages),
                value if isinstance(value, bytes) else None,
            )
        except (MalformedMessage, TypeError, ValueError) as error:
            raise JournalCorrupt(f"the body of a stage's record does not decode: {error}") from error


def keep_bytes(encoded: EncodedValue, files: FileStore) -> tuple[Content, bytes | None]:
    """Keep an encoded value: as a file, or, where it is small, as bytes that are to go into its record."""
    if encoded.form == CODEC and len(encoded.data) <= _IN_RECORD_MAX:
        return NOWHERE, encoded.data
    return files.keep(io.BytesIO(encoded.data)), None


def is_in_record(head: StageKept) -> bool:
    """Whether the record itself has the value."""
    return not head.digest


def version_of(head: StageKept) -> FileVersion:
    """The file that has the value."""
    return FileVersion(b"value", FileForm.FILE, 0o600, head.size, head.digest, head.pieces)


def read_value(
    head: StageKept, body: Callable[[], bytes], files: FileStore, *, func: Any = None, trusted: bool = True
) -> tuple[Any, Sequence[Any]]:
    """The value, and the `File`s in it.

    Args:
        body: gives the record's body. func: the stage's function. trusted: whether code may rebuild the value.

    Raises:
        JournalCorrupt: it is missing or damaged. RecoveryFailed: a part of it cannot be rebuilt here.
    """
    data = StageBody.decode(body()).data if is_in_record(head) else files.read(version_of(head))
    if data is None:
        raise JournalCorrupt(f"the record of stage {head.stage} has no value")
    try:
        return decode_value(head.form, data, func=func, trusted=trusted)
    except MalformedMessage as error:
        raise JournalCorrupt(f"the value of stage {head.stage} does not decode: {error}") from error
