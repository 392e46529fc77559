"""Journals of all kinds of records, changed at every byte, cut at every length, or exchanged for something else.

Each command has the true answer or one named error, within two seconds and 200 MB; so has each program that goes on with
it. `make test-all` tries every byte: SWEEP_PART, as in `0/4`, takes a part of them, and SWEEP_EACH so many of the
commands for each byte, in turn, where all of them take too long.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz.all_kinds import Sample, at_work, samples
from tests.fuzz.holding import Findings, answers, asked, check, use

PART, PARTS = map(int, os.environ.get("SWEEP_PART", "0/1").split("/"))
SWEEP = [pytest.mark.slow, pytest.mark.timeout(7200)]
PLACES = ("runs", "streams", "experiment", "job")
PAGE = 4096
EACH = int(os.environ.get("SWEEP_EACH", "99"))
"""Commands for a byte that is not zero; a third of that for one that is: most of those are room that nothing has used."""
USED_EVERY = 8 * max(1, 20 // EACH)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return samples(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(params=range(len(PLACES)), ids=PLACES)
def sample(request: pytest.FixtureRequest, made: list[Sample], tmp_path: Path) -> Iterator[Sample]:
    mine = made[request.param].moved(tmp_path / "here")
    with at_work(mine.root):
        yield mine


@pytest.mark.parametrize("step", [4099, pytest.param(1, marks=SWEEP)])
def test_a_changed_byte_gives_the_true_answer_or_one_error(sample: Sample, step: int) -> None:
    data = sample.path.read_bytes()
    true, chance, refused, findings = answers(sample, data), random.Random(PART), 0, Findings()
    for at in range(PART + step // 2, len(data), step * PARTS):
        changed = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        chosen = in_turn(true, at, EACH if data[at] else max(1, min(EACH, len(true)) // 3))
        with findings.noted():
            refused += check(sample, changed, f"byte {at} is {changed[at]}", chosen)
        if (at // PARTS) % USED_EVERY == 0:
            with findings.noted():
                use(sample, changed, f"byte {at} is {changed[at]}")
    findings.check()
    assert refused


def in_turn(true: dict[str, tuple[int, str]], at: int, count: int) -> dict[str, tuple[int, str]]:
    """So many of the commands, others for the next byte."""
    names = list(true)
    return {
        names[(at * count + each) % len(names)]: true[names[(at * count + each) % len(names)]] for each in range(count)
    }


@pytest.mark.parametrize("step", [8111, pytest.param(1, marks=SWEEP)])
def test_a_cut_gives_the_true_answer_or_one_error(sample: Sample, step: int) -> None:
    data = sample.path.read_bytes()
    true, findings = answers(sample, data), Findings()
    for length in range(PART + 1, len(data), step * PARTS):
        with findings.noted():
            check(sample, data[:length], f"cut at {length}", true)
    findings.check()


@pytest.mark.parametrize("step", [311, pytest.param(1, marks=SWEEP)])
def test_a_changed_byte_of_the_lock_gives_the_true_answer_or_one_error(sample: Sample, step: int) -> None:
    data, lock = sample.path.read_bytes(), sample.lock or b""
    true, findings = answers(sample, data), Findings()
    for at in range(PART + step // 2, len(lock), step * PARTS):
        changed = lock[:at] + bytes([lock[at] ^ 1 << at % 8]) + lock[at + 1 :]
        with findings.noted():
            check(replace(sample, lock=changed), data, f"byte {at} of the lock is {changed[at]}", true)
    findings.check()


@pytest.mark.parametrize("count", [1, pytest.param(1000, marks=SWEEP)])
def test_any_file_is_answered_or_refused(sample: Sample, count: int) -> None:
    data = sample.path.read_bytes()
    true, findings = answers(sample, data), Findings()
    for seed in range(PART, count, PARTS):
        with findings.noted():
            check(sample, random_file(data, random.Random(seed)), f"seed {seed}", true)
    findings.check()


def random_file(data: bytes, chance: random.Random) -> bytes:
    """Noise, noise behind true bytes, pages in another order, a page of noise."""
    pages = [data[at : at + PAGE] for at in range(0, len(data), PAGE)]
    which = chance.randrange(5)
    if which == 0:
        return chance.randbytes(chance.randrange(3 * PAGE))
    if which == 1:
        return data[: chance.choice((16, 100, PAGE))] + chance.randbytes(chance.randrange(3 * PAGE))
    if which == 2:
        return b"".join([pages[0], *chance.sample(pages[1:], len(pages) - 1)])
    if which == 3:
        pages[chance.randrange(len(pages))] = chance.randbytes(PAGE)
        return b"".join(pages)
    return b"".join(chance.choice(pages) for _ in range(chance.randint(1, 6)))


def test_databases_of_others_are_refused_by_every_command(sample: Sample, tmp_path: Path) -> None:
    for number, script in enumerate(OTHERS):
        path = tmp_path / f"{number}.db"
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        for command in sample.commands[number :: len(OTHERS)]:
            code, _ = asked(sample, command, path.read_bytes(), f"database {number}")
            assert code or command.split()[0] in {"exp", "job", "dataset", "lineage", "gc"}, command


_ENDLESS = (
    "CREATE VIEW records AS WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n) "
    "SELECT seq, 1 AS kind, 0 AS run, x'' AS head, x'' AS body, x'' AS hash FROM n"
)
_OURS = "PRAGMA application_id = 1129661762; PRAGMA user_version = 1;"
OTHERS = (
    "CREATE TABLE t (a)",
    "CREATE TABLE records (seq, kind)",
    f"{_OURS} CREATE TABLE records (seq INTEGER PRIMARY KEY, kind, run, head, body, hash)",
    f"{_OURS} {_ENDLESS}",
)
"""What is no journal: another table, one of a like name, one of ours without its triggers, one without an end."""
