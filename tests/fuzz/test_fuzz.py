"""Any bytes end in an answer or in one named error, in bounded time and memory: decoders, folds and whole journals.

`make test-all` goes on for two minutes with bytes that differ each time; CUEBOOK_FUZZ_S says for how many seconds, and
CUEBOOK_FUZZ_SEED repeats a run. A failure names the seed of its example.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook import Checkpoint, Journal, chunk
from cuebook.cli.command import main
from cuebook.errors import CuebookError, InternalError
from tests.fuzz.holding import hold
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

SECONDS = float(os.environ.get("CUEBOOK_FUZZ_S", "120"))
SEED = int(os.environ.get("CUEBOOK_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 40)
COMMANDS = ("show", "show --json", "show --failures", "why", "export --all", "export --csv", "verify", "compact")


@pytest.mark.parametrize("name", TARGETS)
def test_true_bytes_are_read(name: str) -> None:
    make, target = TARGETS[name]
    for data in make():
        target(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), seed=st.integers(0, 1 << 40))
def test_any_bytes_are_read_or_refused_by_name(name: str, data: bytes, seed: int) -> None:
    make, target = TARGETS[name]
    hold(target, data, "of hypothesis")
    hold(target, mutated(make(), random.Random(seed)), seed)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("name", TARGETS)
def test_changed_bytes_are_read_or_refused_by_name_for_long(name: str) -> None:
    make, target = TARGETS[name]
    corpus, end, seed = make(), time.monotonic() + SECONDS / (len(TARGETS) + 1), SEED
    while time.monotonic() < end:
        seed += 1
        hold(target, mutated(corpus, random.Random(seed)), seed)


def f(n: int) -> int:
    if n == 3:
        raise ValueError("no")
    return n


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small journal with results, a failure, and results taken over."""
    path = tmp_path_factory.mktemp("whole") / "x.cue"
    for calls in ([[n] for n in range(5)], [[n] for n in range(6)]):
        chunk(f, calls, path=path, where="thread", errors="collect", progress_bar=False)
    return path.read_bytes()


def read_journal(path: Path) -> None:
    """All that there is to read it by, each on a copy: `compact` rewrites it."""
    found: list[BaseException] = []
    for command in COMMANDS:
        copy = path.with_name("copy.cue")
        shutil.copy(path, copy)
        name, *options = command.split()
        assert main([name, str(copy), *options]) in {0, 1, 3}, command
        for end in ("-wal", "-shm", ".lock"):
            copy.with_name(f"{copy.name}{end}").unlink(missing_ok=True)
    for read in (_load, _open):
        try:
            read(path)
        except (CuebookError, LookupError) as error:
            found.append(error)
    assert not any(isinstance(error, KeyError | IndexError | InternalError) for error in found), found


def _load(path: Path) -> None:
    loaded = Checkpoint.load(path)
    assert loaded.output is not None and loaded.parameters is not None and loaded.errors is not None


def _open(path: Path) -> None:
    with Journal.open(path) as journal:
        for run in journal.runs:
            list(journal.results(run=run.number))
            journal.failures(run=run.number)


def broken(folder: Path, data: bytes, capsys: pytest.CaptureFixture[str], what: object) -> None:
    """Read a journal of these bytes."""
    path = folder / "x.cue"
    path.write_bytes(data)
    hold(lambda _: read_journal(path), data[:0], what)
    said = capsys.readouterr()
    assert "Traceback (most recent" not in said.err and "\x1b" not in said.out + said.err, what
    for each in folder.iterdir():
        each.unlink()


@pytest.mark.parametrize("first", range(3))
def test_a_changed_byte_of_a_journal_ends_in_an_answer_or_one_error(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], first: int
) -> None:
    written = [at for at, byte in enumerate(whole) if byte]
    for at in written[first * 331 :: 1499]:
        broken(tmp_path, whole[:at] + bytes([whole[at] ^ 128]) + whole[at + 1 :], capsys, f"byte {at}")


def test_a_journal_cut_anywhere_ends_in_an_answer_or_one_error(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for length in (0, 1, 99, 511, 4096, 8191, 8245, len(whole) - 1):
        broken(tmp_path, whole[:length], capsys, f"cut at {length}")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_changed_journals_end_in_an_answer_or_one_error_for_long(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end, seed = time.monotonic() + SECONDS / (len(TARGETS) + 1), SEED
    while time.monotonic() < end:
        seed += 1
        broken(tmp_path, mutated([whole], random.Random(seed)), capsys, seed)


@pytest.mark.parametrize("size", [1 << 30, 1 << 40])
def test_a_journal_that_claims_to_be_huge_and_is_mostly_holes_costs_what_is_in_it(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    for pages in (None, size >> 12):
        path = tmp_path / "x.cue"
        data = whole if pages is None else whole[:28] + pages.to_bytes(4, "big") + whole[32:]
        path.write_bytes(data)
        os.truncate(path, size)
        for command in ("show", "verify", "export --all", "compact"):
            name, *options = command.split()
            hold(lambda _, name=name, options=options: main([name, str(path), *options]), b"", command)  # type: ignore[misc]
        path.write_bytes(data)
        os.truncate(path, size)
        for command, new in (("recover", ["-o", str(tmp_path / "new")]), ("backup", [str(tmp_path / "other")])):
            hold(lambda _, command=command, new=new: main([command, str(path), *new]), b"", command)  # type: ignore[misc]
        capsys.readouterr()
        for each in tmp_path.iterdir():
            each.unlink()
