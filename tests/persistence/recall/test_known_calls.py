"""Which runs had which calls: an index that names each place where a call is, kept in the journal or not, and which is
believed nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook import chunk
from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.arguments import Block, encode_blocks
from cuebook.persistence.history.run_writer import argument_entries
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.recall import calls_part
from cuebook.persistence.recall import recalled as recalling
from cuebook.persistence.recall.calls_part import short_keys
from cuebook.persistence.recall.known_calls import Given, KnownCalls
from cuebook.persistence.records.contents_heads import CallsKnown, known_blocks
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import Arguments
from tests.support.journals import add, opened, write
from tests.support.salvage import tamper


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from cuebook.persistence.recall import known_calls

    monkeypatch.setattr(calls_part, "BLOCKS_MAX", 3)
    monkeypatch.setattr(known_calls, "BLOCKS_MAX", 3)


def run_of(number: int, calls: Sequence[Any], *, keep: bool = True) -> list[Entry]:
    return [opened(number, total=len(calls)), *argument_entries(number, encode_blocks(calls, keep=keep), 0)]


def noted(reader: Reader) -> KnownCalls:
    known = KnownCalls()
    for record in reader.records(kinds=(Kind.ARGUMENTS, Kind.CALLS_KNOWN), bodies=False):
        if record.kind is Kind.ARGUMENTS:
            known.note_given(Given(record.seq, record.run, Arguments.decode(record.head)))
        else:
            known.note_known(record)
    return known


def check(known: KnownCalls, reader: Reader, runs: Sequence[Sequence[Any]]) -> None:
    """All that is not said to be unknown is found, and nothing else."""
    behind = {each.run for each in known.unknown()}
    for call in {str(call): call for run in runs for call in run}.values():
        found = known.places(reader, short_keys(encode_blocks([call])))
        for number, run in enumerate(runs, 1):
            places = {at >> 8 for at, other in enumerate(run) if other == call}
            if number not in behind:
                assert found.get(number, set()) == places


RUNS = st.lists(st.tuples(st.integers(0, 600), st.integers(1, 700), st.booleans()), min_size=1, max_size=5)


@settings(max_examples=8, deadline=None)
@given(shapes=RUNS, steps=st.lists(st.integers(1, 500), max_size=8), seed=st.integers(0, 1 << 32))
def test_each_call_is_found_where_it_is_whoever_made_the_index(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int, bool]], steps: list[int], seed: int
) -> None:
    path, chance = tmp_path_factory.mktemp("known") / "x.cue", random.Random(seed)
    runs = [[[n] for n in range(first, first + count)] for first, count, _ in shapes]
    kept = [keep for *_, keep in shapes]
    write(path, *(run_of(number, run, keep=kept[number - 1]) for number, run in enumerate(runs, 1)))
    sample = [chance.sample(run, min(len(run), 3)) for run in runs]
    for step in [*steps, None]:
        with open_reader(path) as reader:
            known = noted(reader)
            known.learn(reader, step)
            assert step is not None or not known.unknown()
            wanted = [*{str(call): call for calls in sample for call in calls}.values()]
            found = known.places(reader, short_keys(encode_blocks(wanted)))
            behind = {each.run for each in known.unknown()}
            for number, run in enumerate(runs, 1):
                assert number in behind or found.get(number, set()) == {
                    at >> 8 for at, call in enumerate(run) if call in wanted
                }
            entries = known.unsaved()
        if entries:
            write(path, entries)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 700), st.integers(-3, 700)), max_size=6))
def test_a_call_is_found_where_it_was_made_and_not_where_it_took_a_result(spans: list[tuple[int, int]]) -> None:
    known = KnownCalls()
    known.note_reused(1, spans[::2])
    known.note_reused(1, spans[1::2])
    reused = [n for low, high in spans for n in range(low, high) if low >= 0]
    disjoint = len(reused) == len(set(reused))
    for start, count in ((0, 256), (256, 256), (512, 100)):
        found = known._without_results(1, start, count)
        right = {n - start for n in reused if start <= n < start + count}
        assert found == right if disjoint else found <= right


def test_runs_that_took_a_result_are_not_asked_for_it(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    for number in range(6):
        assert chunk(twice, [[0], [number + 1]], path=path, where="thread") == [0, 2 * number + 2]
    with open_reader(path) as reader, recalling.recalled(reader, reader.journal_id) as known:
        known.catch_up(reader)
        found = known.places_of(reader, encode_blocks([[0]] * 3), lambda run: True)
        assert found is not None and set(found) == {1}


def test_what_is_kept_is_read_and_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    runs = [[[n] for n in range(1000)], [[n] for n in range(900, 1500)]]
    write(path, *(run_of(number, run) for number, run in enumerate(runs, 1)))
    with open_reader(path) as reader:
        known = noted(reader)
        assert known.is_due(999) and not known.unsaved()
        known.learn(reader, None)
        entries = known.unsaved()
    write(path, entries, entries)  # by two runs that began at once
    with open_reader(path) as reader:
        known = noted(reader)
        assert len(entries) == 2 and not known.is_due(999) and not known.unsaved()
        check(known, reader, runs)
        assert [each.run for each in known.unknown()] == [2], "its last block is not in a whole part"


@pytest.mark.parametrize("which", [0, 1])
def test_a_part_that_is_damaged_is_made_again(tmp_path: Path, which: int) -> None:
    path = tmp_path / "x.cue"
    runs = [[[n] for n in range(1600)]]
    write(path, run_of(1, runs[0]))
    with open_reader(path) as reader:
        known = noted(reader)
        known.learn(reader, None)
        seqs = [each.seq for each in write(path, known.unsaved(), [opened(8)])[-3:]]
    tamper(path, f"UPDATE records SET body = zeroblob(length(body)) WHERE seq = {seqs[which]}")
    for is_mended in (False, True):
        with open_reader(path) as reader:
            known = noted(reader)
            known.places(reader, {1})
            known.learn(reader, None)
            check(known, reader, runs)
            entries = known.unsaved()
        assert bool(entries) is not is_mended
        add(path, [*entries, opened(9 + is_mended)])


def twice(n: int) -> int:
    return 2 * n


HOSTILE = [
    CallsKnown(0, 0, 10**6, 0, 0, 0),
    CallsKnown(0, 0, 3, 1 << 63, 0, 0),
    CallsKnown(0, 0, 9, -5, 1, 1),
    CallsKnown(0, 0, -9, 5, 1, 1),
    CallsKnown(0, 0, 3, 1, 1, 1 << 60),
    CallsKnown(0, 0, 3, 1, 1 << 60, 1),
    CallsKnown(0, 0, 3, 1, -1, -1),
    CallsKnown(5, 0, 3, 1, 1, 1),
]


@pytest.mark.parametrize("head", HOSTILE)
def test_records_that_lie_about_calls_give_no_wrong_value(tmp_path: Path, head: CallsKnown) -> None:
    path = tmp_path / "x.cue"
    chunk(twice, [[n] for n in range(5)], path=path, where="thread")
    bodies = [None, b"", bytes(21), b"\xff" * 21, random.Random(1).randbytes(10_000)]
    write(path, [head.entry(0, body) for body in bodies])
    for first in (0, 3):
        recalling._known.clear()
        wanted = [[n] for n in range(first, first + 5)]
        assert chunk(twice, wanted, path=path, where="thread") == [2 * n for n in range(first, first + 5)]


@settings(max_examples=200, deadline=None)
@given(
    numbers=st.lists(st.integers(-2, 1 << 40), min_size=6, max_size=6),
    body=st.binary(max_size=200),
    key=st.integers(0, 9),
)
def test_a_body_is_what_its_head_says_or_is_refused_and_tells_places_at_most(
    numbers: list[int], body: bytes, key: int
) -> None:
    head = CallsKnown(*numbers)
    record = Record(9, Kind.CALLS_KNOWN, 0, head.encode(), body, b"")
    try:
        part = calls_part.CallsPart(known_blocks(head, record))
    except JournalCorrupt:
        return
    assert len(part.places({key, 0})) <= 256


def test_the_keys_of_a_block_are_told_in_order() -> None:
    part, chance = calls_part.CallsPart(), random.Random(7)
    blocks: list[Block] = [encode_blocks([[chance.random()] for _ in range(count)])[0] for count in (200, 3, 70)]
    for number, block in enumerate(blocks):
        part.add(number, 256 * number, block)
        told = part.as_told()
        assert list(told.keys) == sorted(told.keys) and len(told.keys) == len(told.blocks) == len(part)
    for number, block in enumerate(blocks):
        for few in (short_keys([block]), {min(short_keys([block]))}):
            assert (number, 256 * number) in part.places(few)


def test_what_some_runs_have_looked_through_the_next_one_keeps_for_all_after_it(tmp_path: Path) -> None:
    path, kept = tmp_path / "x.cue", list[int]()
    chunk(twice, [[n] for n in range(1000)], path=path, where="thread")
    for number in range(4):
        recalling._known.clear()
        wanted = [number, 10**6 + number]
        assert chunk(twice, [[n] for n in wanted], path=path, where="thread") == [2 * n for n in wanted]
        with open_reader(path) as reader:
            kept.append(sum(record.kind is Kind.CALLS_KNOWN for record in reader.records()))
    assert kept == [0, 0, 1, 1]
