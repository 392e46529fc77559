"""What of data sets is dropped: old versions, then the files that nothing refers to. Safe beside running jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cuebook.stages.datasets import Dataset, DatasetShelf
from cuebook.stages.jobs import every_job
from cuebook.workplace.location import Workplace
from cuebook.workplace.manifest import Manifest

__all__ = ["DatasetRules", "DroppedDatasets", "collect_datasets", "needed_blobs", "needed_by_datasets"]


@dataclass(frozen=True, slots=True)
class DatasetRules:
    """Which versions are dropped; without any rule none is, and only files are that nothing refers to.

    Attributes:
        keep_last: how many of the newest versions of each data set stay, whatever else holds; at least 1.
        older_than_s: versions that were made so long ago are dropped.
        size_max: bytes of all values; the oldest versions beyond it are dropped.
    """

    keep_last: int | None = None
    older_than_s: float | None = None
    size_max: int | None = None


@dataclass(frozen=True, slots=True)
class DroppedDatasets:
    """What was dropped: versions of data sets, files, and their bytes."""

    versions: tuple[tuple[str, int], ...]
    files: int
    size: int


def collect_datasets(
    workplace: Workplace,
    rules: DatasetRules,
    *,
    needed_too: Callable[[bytes], bool] = lambda _: False,
    is_rehearsal: bool = False,
) -> DroppedDatasets:
    """Drop versions as the rules say, and the files that nothing refers to any more.

    Args:
        workplace: what is cleaned. rules: which versions go.
        needed_too: of which files others have need. is_rehearsal: nothing is dropped.

    Raises:
        WorkplaceBusy: files are being kept just now; the versions are dropped all the same.
        JournalError: the journal of a job cannot be read; no file is dropped.
    """
    shelf = DatasetShelf(workplace)
    dropped = _dropped([each for name in shelf.names() for each in shelf.of(name)], rules)
    if is_rehearsal:
        return DroppedDatasets(
            tuple((each.name, each.version) for each in dropped), 0, sum(each.size for each in dropped)
        )
    for each in dropped:
        shelf.versions.delete(each.name, each.version)
    is_ours = needed_by_datasets(workplace)
    files, size = workplace.files.collect(lambda digest: is_ours(digest) or needed_too(digest))
    return DroppedDatasets(tuple((each.name, each.version) for each in dropped), files, size)


def needed_by_datasets(workplace: Workplace) -> Callable[[bytes], bool]:
    """Tells of a file whether a data set needs it.

    It looks when it is asked first: inside of `FileStore.collect` nobody keeps files, and all that was kept is in a
    journal.
    """
    needed: list[set[bytes]] = []

    def is_needed(digest: bytes) -> bool:
        if not needed:
            needed.append(needed_blobs(workplace))
        return digest in needed[0]

    return is_needed


def needed_blobs(workplace: Workplace) -> set[bytes]:
    """The digests of all files that some version of a data set needs. A killed job holds nothing.

    Raises:
        JournalError: the journal of a job cannot be read; its files may be needed.
    """
    needed: set[bytes] = set()
    versions = DatasetShelf(workplace).versions
    for seen in every_job(workplace):
        for kept in seen.state.by_seq.values():
            head = kept.head
            if versions.is_there(head.stage, head.version):
                needed.update(digest for digest, _ in head.pieces)
                needed.add(head.digest)
                if head.outputs:
                    needed.update(Manifest.decode(head.outputs).blobs())
    return needed


def _dropped(found: list[Dataset], rules: DatasetRules) -> list[Dataset]:
    """Which versions go, oldest first."""
    newest: dict[str, list[Dataset]] = {}
    for each in found:
        newest.setdefault(each.name, []).append(each)
    keep = max(1, rules.keep_last or 1)
    staying = {id(each) for versions in newest.values() for each in versions[-keep:]}
    may_go = sorted((each for each in found if id(each) not in staying), key=lambda each: each.created)
    before = None if rules.older_than_s is None else time.time() - rules.older_than_s
    size = sum(each.size for each in found)
    going = []
    for each in may_go:
        is_old = before is not None and each.created < before
        is_over = rules.size_max is not None and size > rules.size_max
        is_surplus = rules.keep_last is not None and rules.older_than_s is None and rules.size_max is None
        if is_old or is_over or is_surplus:
            going.append(each)
            size -= each.size
    return going
