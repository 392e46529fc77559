"""Records that somebody has crafted, in a chain that is whole: one line on stderr from each command, or an answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook import Checkpoint, chunk
from cuebook.cli.command import main
from cuebook.errors import CuebookError
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry
from cuebook.wire.codec import pack, unpack

NUMBERS = (-1, 1 << 31, (1 << 33) - 1, 1 << 53, (1 << 64) - 1, float("nan"), float("-inf"), 1e300, -1e300)
OTHERS = (None, True, "\x1b[31m=1+1", b"x" * 7, [], [[1, 0, 1 << 40, 1]], [[1, 0, 0, 1 << 33]], {"a": 1})
BODIES = (None, b"", b"\xc1", b"\xdd\xff\xff\xff\xff", pack([b"x"]), pack([[1, 2]]), pack([[b"x", 5]]))
COMMANDS = ("show", "show --json", "why", "why --json", "export --all", "export --csv --all", "verify", "compact")


def f(n: int) -> int:
    if n == 5:
        raise ValueError("no")
    return n


def entries_of_a_life(folder: Path) -> list[Entry]:
    path = folder / "life.cue"
    for calls in ([[n] for n in range(6)], iter([[n] for n in range(8)])):
        chunk(f, calls, path=path, where="thread", errors="collect", progress_bar=False)
    with open_reader(path) as reader:
        return [Entry(record.kind, record.run, record.head, record.body) for record in reader.records()][1:]


def variants(entries: list[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """One record of each kind, with one of its fields, its run or its body exchanged."""
    kinds = {entry.kind: at for at, entry in reversed(list(enumerate(entries)))}
    for kind, at in kinds.items():
        entry, fields = entries[at], unpack(entries[at].head)
        for place in range(len(fields)):
            for value in (*NUMBERS, *OTHERS):
                changed = [*fields[:place], value, *fields[place + 1 :]]
                yield (
                    f"{kind.name}[{place}]={value!r}",
                    _with(entries, at, Entry(kind, entry.run, pack(changed), entry.body)),
                )
        for body in BODIES:
            yield f"{kind.name} body={body!r}", _with(entries, at, Entry(kind, entry.run, entry.head, body))


def _with(entries: list[Entry], at: int, entry: Entry) -> list[Entry]:
    return [*entries[:at], entry, *entries[at + 1 :]]


def read_everything(path: Path) -> None:
    try:
        found = Checkpoint.load(path)
        assert len(found.completed) <= 1 << 20 and found.parameters is not None
        assert found.output is not None and found.errors is not None
    except (CuebookError, LookupError) as error:
        assert not isinstance(error, KeyError | IndexError), error


def check(path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        name, *options = command.split()
        copy = path.with_name("copy.cue")
        shutil.copy(path, copy)
        began = time.process_time()
        code = main([name, str(copy), *options])
        assert time.process_time() - began < 2, (what, command)
        said = capsys.readouterr()
        assert code in {0, 1, 3} and "Traceback" not in said.err, (what, command)
        assert "\x1b" not in said.out + said.err, (what, command)
        copy.with_name("copy.cue.lock").unlink(missing_ok=True)
    read_everything(path)
    began = time.process_time()
    with contextlib.suppress(CuebookError):
        chunk(f, [[n] for n in range(6)], path=path, where="thread", errors="collect", progress_bar=False)
    assert time.process_time() - began < 2, (what, "chunk")


async def _write(path: Path, entries: list[Entry]) -> None:
    async with await JournalWriter.open(path) as journal:
        await journal.append(entries)


def sweep(folder: Path, capsys: pytest.CaptureFixture[str], *, every: int, first: int = 0) -> None:
    for number, (what, entries) in enumerate(variants(entries_of_a_life(folder))):
        if number % every == first:
            path = folder / f"{number}" / "x.cue"
            asyncio.run(_write(path, entries))
            capsys.readouterr()
            check(path, what, capsys)
            shutil.rmtree(path.parent)


@pytest.mark.parametrize("first", range(4))
def test_no_crafted_record_costs_more_than_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: int
) -> None:
    sweep(tmp_path, capsys, every=200, first=17 + 50 * first)


@pytest.mark.slow
def test_none_of_all_crafted_records_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(tmp_path, capsys, every=1)


def test_texts_that_spreadsheets_take_for_formulas_are_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.cue"
    texts = ["=1+1", "+1", "-1", "@x", "\x1b[31m", "plain"]
    chunk(str, [[text] for text in texts], path=path, where="thread")
    assert main(["export", "--csv", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    cells = [line.rsplit('"]"', 1)[-1].split(",")[1] for line in shown.splitlines()[1:]]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "\\x1b[31m", "plain"], os.linesep.join(cells)


def test_a_huge_whole_number_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, number = tmp_path / "x.cue", 7**9000
    chunk(pow, [[7, 9000]], path=path, where="thread")
    assert main(["export", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == {"$type": "int", "repr": hex(number)}
    for command in ("show", "show --json", "export --csv", "why"):
        name, *options = command.split()
        assert main([name, str(path), *options]) == 0
