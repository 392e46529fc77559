"""Values of a journal that is read, under the rules of trust: rebuilt, placeholders, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.errors import JournalNotTrusted
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.values import ValueDecoder

if TYPE_CHECKING:
    from cuebook.persistence.journal.reader import Reader

__all__ = ["Rebuilding"]


class Rebuilding:
    """Decodes values of one journal.

    Args:
        reader: the journal.
        trust: as the user gave it. None: what others may have written stays a placeholder; else it is refused.
        executes: False: nothing is rebuilt by code, whoever wrote it.

    Attributes:
        decoder: of values.
    """

    def __init__(self, reader: Reader, trust: str | None, *, executes: bool = True) -> None:
        self._verdict = reader.verdict()
        self._path: Path = reader.path
        self._refuses = trust is not None and executes
        self._placeholders = 0
        is_trusted = executes and self._verdict.writers <= trust_of(trust)
        self.decoder = ValueDecoder(trusted=is_trusted, blobs=reader.blobs())

    def check(self, found: Any) -> None:
        """Refuse what was decoded where only code can rebuild it, others may have written it, and trust was given.

        Raises:
            JournalNotTrusted: it is so.
        """
        decoder, before = self.decoder, self._placeholders
        self._placeholders = decoder.placeholders
        if decoder.placeholders > before and not decoder.trusted and self._refuses:
            raise self._refusal(found)

    def _refusal(self, found: Any) -> JournalNotTrusted:
        from cuebook.persistence.trust.texts import not_trusted
        from cuebook.persistence.values.placeholders import (
            Opaque,
            Unresolved,
            UnresolvedException,
            placeholder_in,
            type_of,
        )

        name = type_of(placeholder_in(found, Opaque, Unresolved, UnresolvedException))
        return not_trusted(self._verdict, self._path, f"{self._path} holds what only code can rebuild ({name})")
