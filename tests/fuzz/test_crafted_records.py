"""Records that somebody has crafted, of all kinds, in a chain that is whole: one line on stderr, or an answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Kind
from cuebook.wire.codec import pack, unpack
from tests.fuzz.all_kinds import Sample, at_work, samples
from tests.fuzz.holding import Findings, asked, use

PART, PARTS = map(int, os.environ.get("SWEEP_PART", "0/1").split("/"))
NUMBERS = (-1, 1 << 31, (1 << 33) - 1, 1 << 53, (1 << 64) - 1, float("nan"), float("-inf"), 1e300, -1e300)
OTHERS = (None, True, "\x1b[31m=1+1", b"x" * 7, [], [[1, 0, 1 << 40, 1]], [[1, 0, 0, 1 << 33]], {"a": 1})
BODIES = (None, b"", b"\xc1", b"\xdd\xff\xff\xff\xff", pack([b"x"]), pack([[1, 2]]), pack([[b"x", 5]]))
RUNS = (-9, 0, 3, 1 << 62)
PLACES = ("runs", "streams", "experiment", "job")
SWEEP = [pytest.mark.slow, pytest.mark.timeout(7200)]


def variants(entries: list[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """One record of each kind, with one of its fields, its run or its body exchanged; records gone, doubled, moved."""
    last = {entry.kind: at for at, entry in enumerate(entries)}
    for kind, at in last.items():
        entry = entries[at]
        for what, head in _heads(unpack(entry.head)):
            yield f"{kind.name}{what}", _with(entries, at, Entry(kind, entry.run, pack(head), entry.body))
        for body in BODIES:
            yield f"{kind.name} body={body!r}", _with(entries, at, Entry(kind, entry.run, entry.head, body))
        for run in RUNS:
            yield f"{kind.name} run={run}", _with(entries, at, Entry(kind, run, entry.head, entry.body))
        for other in Kind:
            yield f"{kind.name} as {other.name}", _with(entries, at, Entry(other, entry.run, entry.head, entry.body))
        yield f"no {kind.name}", entries[:at] + entries[at + 1 :]
        yield f"{kind.name} twice", [*entries[: at + 1], *entries[at:]]
        yield f"{kind.name} first", [entry, *entries[:at], *entries[at + 1 :]]


def _heads(fields: Any) -> Iterator[tuple[str, Any]]:
    """Each field exchanged, and each of those within a field, two levels down."""
    places = list(fields) if isinstance(fields, dict) else range(len(fields))
    for place in places:
        for value in (*NUMBERS, *OTHERS):
            yield f"[{place!r}]={value!r}", _put(fields, place, value)
        if isinstance(fields[place], list | dict) and fields[place]:
            for what, inner in _heads(fields[place]):
                yield f"[{place!r}]{what}", _put(fields, place, inner)


def _put(fields: Any, place: Any, value: Any) -> Any:
    changed = fields.copy()
    changed[place] = value
    return changed


def _with(entries: list[Entry], at: int, entry: Entry) -> list[Entry]:
    return [*entries[:at], entry, *entries[at + 1 :]]


def entries_of(path: Path) -> list[Entry]:
    """All but the first."""
    with open_reader(path) as reader:
        return [Entry(record.kind, record.run, record.head, record.body) for record in reader.records()][1:]


def written(path: Path, entries: list[Entry]) -> bytes:
    """The bytes of a journal of these."""

    async def write() -> None:
        async with await JournalWriter.open(path) as journal:
            await journal.append(entries)

    path.unlink(missing_ok=True)
    Path(f"{path}.lock").unlink(missing_ok=True)
    asyncio.run(write())
    return path.read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return samples(tmp_path_factory.mktemp("kinds"))


@pytest.mark.parametrize("every", [331, pytest.param(1, marks=SWEEP)])
@pytest.mark.parametrize("which", range(len(PLACES)), ids=PLACES)
def test_no_crafted_record_costs_more_than_an_error(made: list[Sample], tmp_path: Path, which: int, every: int) -> None:
    sample = replace(made[which].moved(tmp_path / "here"), lock=None)
    findings = Findings()
    with at_work(sample.root):
        for number, (what, entries) in enumerate(variants(entries_of(sample.path))):
            if number % (every * PARTS) == every // 2 * PARTS + PART:
                data = written(tmp_path / "crafted.cue", entries)
                for command in sample.commands:
                    with findings.noted():
                        asked(sample, command, data, what)
                with findings.noted():
                    use(sample, data, what, is_crafted=True)
    findings.check()
