"""Where the durable actors of one system are kept: its journal, and the codec of what is in it. Knows no actor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cuebook.durable.events.kept_decoder import KeptDecoder
from cuebook.errors import JournalNotTrusted
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.trust.texts import not_trusted
from cuebook.persistence.trust.verdicts import Verdict, Writers
from cuebook.persistence.values import ValueEncoder
from cuebook.runtime.refs.ref import ActorRef

__all__ = ["Ledger", "LedgerSource", "ledger_of", "offer_ledger"]

_NAME = "ledger"


class Ledger:
    """An open journal as durable actors use it.

    Attributes:
        journal: the actor that appends. file: what is read from.
        encoder, decoder: of events and states. refusal: makes the error of what only code could rebuild, where others
            can have written to the journal who are not trusted; None: code may.
        failures: how often in a row something that an actor owes has failed, by stream and key; outlives incarnations.
    """

    def __init__(self, file: JournalWriter, journal: ActorRef, trust: Writers = Writers.NOBODY) -> None:
        verdict = file.verdict()
        blobs = file.blobs()
        self.file = file
        self.journal = journal
        self.refusal: Refusal | None = None if verdict.writers <= trust else _refusal(file, verdict)
        self.encoder = ValueEncoder(blobs=blobs, label="event")
        self.decoder = KeptDecoder(trusted=self.refusal is None, blobs=blobs, upcasters={})
        self.failures: dict[tuple[int, str], int] = {}


def _refusal(file: JournalWriter, verdict: Verdict) -> Callable[[str], JournalNotTrusted]:
    return lambda name: not_trusted(verdict, file.path, f"{file.name} holds what only code can rebuild ({name})")


Refusal = Callable[[str], JournalNotTrusted]
"""Makes the error of a class that would be needed, `module.Class`."""

LedgerSource = Callable[[], Awaitable[Ledger]]
"""Gives the ledger of a system, and opens its journal first where need be."""


def ledger_of(extensions: dict[str, Any], owner: str) -> LedgerSource:
    """The source that a system was given.

    Raises:
        RuntimeError: it was given none.
    """
    source: LedgerSource | None = extensions.get(_NAME)
    if source is None:
        raise RuntimeError(f'{owner} has no journal to be kept in: start it in a Runtime(path="...")')
    return source


def offer_ledger(extensions: dict[str, Any], source: LedgerSource) -> None:
    """Give a system its ledger."""
    extensions[_NAME] = source
