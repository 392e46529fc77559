"""What is said when a journal is made that others can write to: now, and not when its results are needed."""

from __future__ import annotations

from cuebook.notices import notice
from cuebook.persistence.journal.file import JournalFile
from cuebook.persistence.trust.texts import new_journal_text
from cuebook.persistence.trust.verdicts import Writers

__all__ = ["say_if_not_private"]


def say_if_not_private(file: JournalFile, trust: Writers) -> None:
    """Say so, once, if the journal was just made and others can write to it who are not trusted.

    Raises:
        JournalNotTrusted: something beside the file is not what it should be.
    """
    if file.take_news() and (verdict := file.verdict()).writers > trust:
        notice(new_journal_text(verdict, file.path))
