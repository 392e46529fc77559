"""Whether a run may take earlier results from a journal that others can have written to: asked before any call.

Never answered by making the calls again: a night's work is not to be lost by the rule that protects it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cuebook.errors import JournalNotTrusted
from cuebook.persistence.history.marks import Marks
from cuebook.persistence.history.results import read_ranges
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.journal.reader import Reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.trust.texts import not_trusted
from cuebook.persistence.trust.verdicts import Verdict, Writers
from cuebook.persistence.values.plain_values import PlainDecoder

__all__ = ["Needed", "PlainOnly", "Source", "plain_only"]

Source = JournalWriter | Reader
"""A journal whose earlier runs are asked: one that is written to, or one that is only read."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What a run would take from its journal.

    Attributes:
        function: name of its function.
        results: calls of earlier runs whose results it takes, or may take.
        states: gives the numbers of the records of unfinished calls' checkpoints, from which it would go on.
    """

    function: str
    results: Sequence[ReusedRange]
    states: Callable[[], Sequence[int]]


@dataclass(frozen=True, slots=True)
class PlainOnly:
    """What may be taken of a journal where no code may come with it.

    Attributes:
        decoder: of earlier results. states: the bytes of checkpoints, which hold plain values, by their records.
    """

    decoder: PlainDecoder
    states: Mapping[int, bytes]


def plain_only(file: Source, trust: Writers, needed: Needed) -> PlainOnly | None:
    """How earlier results are to be read where no code may come with them; None where code may rebuild them.

    Args:
        file: the journal.
        trust: how far others are trusted.
        needed: what would be taken from it.

    Raises:
        JournalNotTrusted: what is needed can only be rebuilt by code, or everybody can have written it.
    Cost: where only a group can have written to it and is not trusted, one decode of all that is needed.
    """
    verdict = file.verdict()
    if verdict.writers <= trust:
        return None
    states = needed.states()
    if verdict.writers is Writers.ANYONE and (needed.results or states):
        what = "results" if needed.results else "checkpoints"
        text = f"{file.name} holds {what} of {needed.function} that this run would take"
        raise not_trusted(verdict, file.path, text)
    decoder = PlainDecoder(file.blobs(), _refusal(file, verdict, needed))
    _read_results(file, needed.results, decoder)
    kept = {seq: state for seq in states if (state := file.state(seq)) is not None}
    for state in kept.values():
        decoder.decode(state)
    return PlainOnly(decoder, kept)


def _refusal(file: Source, verdict: Verdict, needed: Needed) -> Callable[[str], JournalNotTrusted]:
    def refusal(name: str) -> JournalNotTrusted:
        text = f"{file.name} holds results of {needed.function} that only code can rebuild ({name})"
        return not_trusted(verdict, file.path, text)

    return refusal


def _read_results(file: Source, results: Sequence[ReusedRange], decoder: PlainDecoder) -> None:
    """Decode them all once, and drop them."""
    ranges, total = list[ReusedRange](), 0
    for each in results:
        ranges.append(ReusedRange(each.source_run, each.source_start, total, each.count))
        total += each.count
    for _ in read_ranges(file, ranges, decoder, seen=Marks()):
        pass
