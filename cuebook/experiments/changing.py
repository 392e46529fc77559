"""What is done with checkpoints afterwards: applied, exported, compared, removed, collected, made a Git branch.

Knows no process of a program.
"""

from __future__ import annotations

import difflib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.heads import WorkspaceHead
from cuebook.experiments.lines import Lines, Ref
from cuebook.experiments.queue import Place, RunQueue
from cuebook.experiments.running import say_settled, take_workspace
from cuebook.experiments.settling import bring_back, is_running, settle_lost
from cuebook.experiments.writer import LineWriter
from cuebook.persistence.history.experiments.line import LineState
from cuebook.workplace.manifest import FileVersion, Manifest, shown
from cuebook.workplace.restore import Restored, restore
from cuebook.workplace.survey import survey

__all__ = ["Collected", "Keeping", "apply", "collect", "compare", "export", "remove"]

_TEXT_BYTES_MAX = 1 << 20
KNOWN_FOLDERS = frozenset(
    {".gitignore", "aside", "datasets", "experiments", "files", "files.lock", "jobs", "queue", "temp", "workspaces"}
)
"""What there is in `.cuebook/` that keeps no files but those of experiments."""


def apply(lines: Lines, root: Path, ref: Ref, *, forces: bool) -> Restored:
    """Give a workspace the outputs of a checkpoint; the next run goes on from there.

    Raises:
        ExperimentError: outputs there were changed since they were kept, and it is not forced. Nothing was changed.
        WorkplaceBusy: somebody runs there.
    """
    head = WorkspaceHead(lines.workplace, root)
    take_workspace(head)
    try:
        say_settled(settle_lost(lines, head, root), root)
        manifest = lines.manifest_of(ref)
        if not forces:
            _check_unchanged(lines, root, head.read(), manifest)
        done = bring_back(lines, root, manifest, ref.name, current=head.read())
        head.write(ref)
        return done
    finally:
        head.lock.release()


def _check_unchanged(lines: Lines, root: Path, current: Ref | None, wanted: Manifest) -> None:
    there = Manifest()
    if current is not None and current.name in lines.names():
        there = lines.manifest_of(current)
    found = survey(root, there)
    changed = [name for name, version in found.items() if not version.is_same(there.by_name().get(name))]
    for name, version in survey(root, wanted).items():
        if name not in found and not version.is_same(wanted.by_name().get(name)):
            changed.append(name)
    if changed:
        names = ", ".join(shown(name) for name in dict.fromkeys(changed))
        raise ExperimentError(f"{names} changed since the last checkpoint: --force keeps it aside")


def export(lines: Lines, ref: Ref, folder: Path) -> Manifest:
    """Write the outputs of a checkpoint into a new or empty folder.

    Raises:
        ExperimentError: there is something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExperimentError(f"{folder} is not empty")
    manifest = lines.manifest_of(ref)
    folder.mkdir(parents=True, exist_ok=True)
    restore(manifest, folder, lines.workplace.files, aside=None)
    return manifest


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two checkpoints.

    Attributes:
        files: name, and `added`, `removed` or `changed`. texts: unified differences of text files, by name.
        metrics, params: by name the two values.
    """

    files: list[tuple[str, str]]
    texts: dict[str, str]
    metrics: dict[str, tuple[Any, Any]]
    params: dict[str, tuple[Any, Any]]


def compare(lines: Lines, old: Ref, new: Ref) -> Difference:
    """Two checkpoints, compared."""
    before, after = lines.manifest_of(old).by_name(), lines.manifest_of(new).by_name()
    files, texts = [], {}
    for name in sorted({*before, *after}):
        left, right = before.get(name), after.get(name)
        if left is not None and left.is_same(right):
            continue
        files.append((shown(name), "added" if left is None else "removed" if right is None else "changed"))
        text = _text_difference(lines, left, right)
        if text:
            texts[shown(name)] = text
    facts = [_facts(lines, ref) for ref in (old, new)]
    return Difference(files, texts, *(_changed(facts[0][kind], facts[1][kind]) for kind in (0, 1)))


def _facts(lines: Lines, ref: Ref) -> tuple[dict[str, Any], dict[str, Any]]:
    line = lines.load(ref.name)
    assert line is not None
    head = next(head for head, _ in line.checkpoints if head.number == ref.number)
    return head.metrics, dict(line.attempt.facts.get("params", {})) if line.attempt else {}


def _changed(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)}


def _text_difference(lines: Lines, old: FileVersion | None, new: FileVersion | None) -> str:
    versions = [version for version in (old, new) if version is not None]
    if any(not list(version.blobs) or version.size > _TEXT_BYTES_MAX for version in versions):
        return ""
    try:
        left, right = ([] if each is None else _lines_of(lines, each) for each in (old, new))
    except UnicodeDecodeError:
        return ""
    name = shown(versions[0].name)
    return "\n".join(difflib.unified_diff(left, right, f"a/{name}", f"b/{name}", lineterm=""))


def _lines_of(lines: Lines, version: FileVersion) -> list[str]:
    return lines.workplace.files.read(version).decode("utf-8").splitlines()


def remove(lines: Lines, name: str) -> None:
    """Take an experiment away; `collect` takes its files.

    Raises:
        ExperimentError: there is none, it is running, or a workspace stands on it or another one was begun from it.
    """
    if name not in lines.names():
        raise ExperimentError(f"there is no experiment {name}")
    if lines.journal_of(name).exists() and is_running(lines, name):
        raise ExperimentError(f"experiment {name} is running: end it first")
    gone = lines.folder / f"-{name}-{os.getpid()}"
    (lines.folder / name).rename(gone)  # no experiment any more, whatever becomes of what is in it
    shutil.rmtree(gone)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which checkpoints stay; each rule that is given adds some. Without any, all of them stay.

    Attributes:
        last: so many of the newest of each experiment. best: of each the one with the least of this metric (the most,
            where it begins with "-"). newer_s: those that are not older. size_bytes: then the newest, up to this.
    """

    last: int | None = None
    best: str | None = None
    newer_s: float | None = None
    size_bytes: int | None = None

    @property
    def has_rules(self) -> bool:
        """Whether any rule is given."""
        return not (self.last is None and self.best is None and self.newer_s is None and self.size_bytes is None)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected: checkpoints whose files are no longer kept, blobs, and their bytes."""

    checkpoints: int
    blobs: int
    size_bytes: int


async def collect(lines: Lines, keeping: Keeping, needed_too: Callable[[bytes], bool] = lambda _: False) -> Collected:
    """Drop the files of checkpoints that no rule keeps, then delete what nothing refers to any more.

    The newest checkpoint of each experiment stays, and all of one that runs.

    Args:
        lines: the experiments. keeping: the rules. needed_too: of which blobs others have need.

    Raises:
        WorkplaceBusy: somebody keeps files just now; checkpoints may have been dropped, their files are still there.
    """
    dropped = 0
    if keeping.has_rules:
        chosen = _to_drop(list(lines.all()), keeping, lines, time.time())
        for name, numbers in chosen.items():
            if numbers and not is_running(lines, name):
                writer = await LineWriter.open(lines, name)
                try:
                    await writer.drop(numbers)
                finally:
                    await writer.close()
                dropped += sum(number > 0 for number in numbers)  # 0 is what there was before the first
    is_ours = needed_by_experiments(lines)
    count, size = lines.workplace.files.collect(lambda digest: is_ours(digest) or needed_too(digest))
    return Collected(dropped, count, size)


def needed_by_experiments(lines: Lines) -> Callable[[bytes], bool]:
    """Tells of a blob whether an experiment needs it.

    It looks when it is asked first: inside of `FileStore.collect` nobody keeps files, and all that was kept is in a
    journal. Where a journal cannot be read that raises JournalError, and nothing is deleted.
    """
    needed: list[set[bytes]] = []

    def is_needed(digest: bytes) -> bool:
        if not needed:
            needed.append(set(_needed(lines)))
        return digest in needed[0]

    return is_needed


def _needed(lines: Lines) -> Iterator[bytes]:
    queue = RunQueue(lines)
    for entry in (each for place in Place for each in queue.entries(place) if each.outcome != "finished"):
        yield bytes.fromhex(entry.files[0])
        yield from entry.manifest(lines).blobs()
    for name in lines.names():
        line = lines.load(name)  # one that cannot be read is an error: its files may be needed
        for head, seq in [] if line is None else line.checkpoints:
            yield from (pair[0] for pair in (head.files, head.state) if pair)
            if line is not None and head.number not in line.dropped:
                yield from lines.manifest(name, head, seq).blobs()


def _to_drop(found: list[LineState], keeping: Keeping, lines: Lines, now: float) -> dict[str, list[int]]:
    staying = {(line.opened.name, number) for line in found for number in _staying(line, keeping, now)}
    if keeping.size_bytes is not None:
        staying |= set(_within(found, keeping.size_bytes, lines, staying))
    return {
        line.opened.name: [
            head.number
            for head, _ in line.checkpoints
            if head.number not in line.dropped and (line.opened.name, head.number) not in staying
        ]
        for line in found
    }


def _staying(line: LineState, keeping: Keeping, now: float) -> Iterator[int]:
    heads = [head for head, _ in line.checkpoints if head.number not in line.dropped]
    yield from (head.number for head in heads[-max(keeping.last or 0, 1) :])
    if keeping.newer_s is not None:
        yield from (head.number for head in heads if now - head.at <= keeping.newer_s)
    if keeping.best is not None:
        key = keeping.best.lstrip("-")
        sign = -1 if keeping.best.startswith("-") else 1
        rated = [(sign * head.metrics[key], head.number) for head in heads if _is_number(head.metrics.get(key))]
        if rated:
            yield min(rated)[1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value


def _within(
    found: list[LineState], limit: int, lines: Lines, staying: set[tuple[str, int]]
) -> Iterator[tuple[str, int]]:
    """The newest of all, as long as what they need beside those that stay has room."""
    heads = [(head, seq, line) for line in found for head, seq in line.checkpoints if head.number not in line.dropped]
    seen: set[bytes] = set()
    size = 0
    heads.sort(key=lambda each: ((each[2].opened.name, each[0].number) in staying, each[0].at), reverse=True)
    for head, seq, line in heads:
        manifest = lines.manifest(line.opened.name, head, seq)
        new = {(b, n) for f in manifest.files for b, n in (f.pieces or ((f.digest, f.size),)) if b not in seen}
        size += sum(length for _, length in new)
        if size > limit:
            return
        seen |= {digest for digest, _ in new}
        yield line.opened.name, head.number
