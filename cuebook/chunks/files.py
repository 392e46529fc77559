"""Files that calls take and return: what is known of their content, and which results name one that is lost."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from cuebook.chunks.identity import Identity
from cuebook.persistence.history.arguments import shown_calls
from cuebook.persistence.history.arguments_read import CallArguments
from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.history.marks import Marks
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.results import read_ranges
from cuebook.persistence.history.reuse import Claim, EarlierRun
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.identity.files import File, are_used, remember
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.file_forms import FILE_MARK
from cuebook.persistence.values.whole import split_values

__all__ = ["LostFile", "lost_files", "lost_files_in", "on_lost_files", "on_paths", "remember_files", "without"]

_PATHS_LOOKED_AT = 100
_NAMES_MAX = 3
_PATH_CHARACTERS_MAX = 4096


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that a call of an earlier run returned, and that is gone or has changed since."""

    run: int
    index: int
    path: str


class _FilesIn:
    """A decoder that gives the Files in values, and opens no value that has none."""

    def decode(self, data: bytes | memoryview) -> list[File]:
        """Those of one value."""
        if FILE_MARK not in bytes(data):
            return []
        decoder = ValueDecoder(trusted=False)
        found: list[File] = []
        decoder.files = found
        decoder.decode(data)
        return found

    def decode_many(self, data: bytes | memoryview, count: int) -> list[list[File]]:
        """Those of each of several values."""
        plain = bytes(data)
        if FILE_MARK not in plain:
            return [[]] * count
        return [self.decode(part) for part in split_values(plain, count)]


def lost_files(file: JournalRecords, history: JournalState, claims: Sequence[Claim]) -> list[LostFile]:
    """The files that claimed results name and that are gone or have changed.

    Cost: one search through the bytes of these results; a file is read only where its size, times or inode have
        changed.
    """
    if not claims:
        return []
    ranges = [ReusedRange(claim.source_run, claim.source_start, claim.start, claim.count) for claim in claims]
    lost: list[LostFile] = []
    for results in read_ranges(file, ranges, _FilesIn(), seen=Marks(), state=history, holding=FILE_MARK):
        for index, files in zip(results.sources, results.values, strict=True):
            lost.extend(_lost(files, results.source_run, index))
    return lost


def lost_files_in(encoded: bytes, run: int, index: int) -> list[LostFile]:
    """The same for one result."""
    return _lost(_FilesIn().decode(encoded), run, index)


def _lost(files: Sequence[File], run: int, index: int) -> list[LostFile]:
    return [LostFile(run, index, str(file.path)) for file in files if not file.is_unchanged()]


def without(earlier: Sequence[EarlierRun], lost: Collection[LostFile]) -> list[EarlierRun]:
    """Earlier runs, without the results that name a lost file."""
    kept = {run.number: replace(run, completed=bytearray(run.completed)) for run in earlier}
    for each in lost:
        kept[each.run].completed[each.index] = 0
    return list(kept.values())


def on_lost_files(name: str, lost: Sequence[LostFile]) -> str:
    """What the user is told of lost files."""
    paths = list(dict.fromkeys(each.path for each in sorted(lost, key=lambda each: (each.run, each.index))))
    calls = len({(each.run, each.index) for each in lost})
    shown = f"{', '.join(paths[:_NAMES_MAX])}{', ...' if len(paths) > _NAMES_MAX else ''}"
    which = f"{calls:,} result{'' if calls == 1 else 's'} of {name} {'names a file' if calls == 1 else 'name files'}"
    return f"{which} gone or changed since ({shown}): {'this call is' if calls == 1 else 'these calls are'} made again"


def remember_files(file: JournalRecords, history: JournalState, identity: Identity) -> None:
    """Take for known what the newest run of this function has recorded of the files among its arguments.

    So a file that has not changed is not read again. Costs nothing in a program that uses no `File`.
    """
    if not are_used():
        return
    runs = history.by_function.get(identity.fingerprint.name)
    if not runs:
        return
    decoder = ValueDecoder(trusted=False)
    found: list[File] = []
    decoder.files = found
    for block in CallArguments(file, history, decoder).blocks(runs[-1].number):
        if block.shown is not None and FILE_MARK in block.shown:
            shown_calls(block, decoder)
    remember((each.path, each.stamp) for each in found if each.stamp is not None)


def on_paths(form: CallForm, calls: Sequence[Any]) -> str | None:
    """Advice for a call whose argument is the path of a file; None where there is none among the first calls."""
    for name, value in _texts(form, calls[:_PATHS_LOOKED_AT]):
        if _is_file(value):
            return (
                f"argument {name} is the path of a file ({os.fspath(value)}), whose content does not count; "
                "with cuebook.File(path) in its place it does"
            )
    return None


def _texts(form: CallForm, calls: Sequence[Any]) -> Iterator[tuple[str, str | PurePath]]:
    for call in calls:
        for name, value in form.named(call):
            if isinstance(value, str | PurePath):
                yield name, value


def _is_file(value: str | PurePath) -> bool:
    text = os.fspath(value)
    if not 0 < len(text) <= _PATH_CHARACTERS_MAX or "\0" in text or "\n" in text:
        return False
    try:
        return os.path.isfile(text)
    except (OSError, ValueError):
        return False
