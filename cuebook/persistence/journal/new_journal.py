"""What is said when a journal is made that others can write to: now, and not when its results are needed."""

from __future__ import annotations

import os
from pathlib import Path

from cuebook.notices import notice
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.trust.texts import new_journal_text
from cuebook.persistence.trust.verdicts import Writers

__all__ = ["say_if_not_private"]


def say_if_not_private(file: JournalWriter, trust: Writers) -> None:
    """Say so, once, if the journal was just made and others can write to it who are not trusted.

    Raises:
        JournalNotTrusted: something beside the file is not what it should be.
    """
    if file.take_news() and (verdict := file.verdict()).writers > trust:
        notice(new_journal_text(verdict, file.path))


def say_if_copy_is_not_private(place: str | os.PathLike[str], trust: Writers) -> None:
    """The same for a journal that a command has just made of another one."""
    medium = medium_of(place)
    verdict = medium.verdict()
    if verdict.writers > trust:
        notice(new_journal_text(verdict, Path(medium.name)))
