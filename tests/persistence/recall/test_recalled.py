"""What a process remembers of a journal: no more than the journal says, whatever became of it since."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook import chunk
from cuebook.persistence.history.arguments import Block, block_keys, encode_blocks
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run_writer import argument_entries, same_arguments_entry
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.recall.first_look import ArgumentsAt, places_by_bytes
from cuebook.persistence.recall.recalled import recalled
from cuebook.persistence.records.record import Entry
from tests.support.journals import completed, opened, write


def run_of(number: int, calls: Sequence[Any]) -> list[Entry]:
    return [opened(number, total=len(calls)), *argument_entries(number, encode_blocks(calls), 0)]


def ask(path: Path, *wanted: list[Any]) -> set[int] | None:
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        assert known.state.last_seq == state_of(reader).last_seq
        found = known.places_of(reader, encode_blocks(list(wanted)), lambda run: True)
        return None if found is None else set(found)


def test_what_is_appended_is_read_and_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    write(path, run_of(1, [[n] for n in range(300)]), [completed(0)])
    assert ask(path, [7]) == {1} and ask(path, [301]) == set(), "a first run looks through the bytes of what is there"
    assert ask(path, *[[n] for n in range(70)]) == {1}
    assert ask(path, [7]) == {1} and ask(path, [300]) == set()
    write(path, run_of(2, [[n] for n in range(290, 400)]))
    assert ask(path, [300]) == {2} and ask(path, [295]) == {1, 2}
    block = encode_blocks([[0]])[0]
    write(path, [opened(3, total=300), same_arguments_entry(3, 300, block.form, 1)])
    assert ask(path, [7]) == {1, 3}, "a run that took the arguments of another one has them as well"


def test_another_journal_with_the_same_name_and_id_is_read_anew(tmp_path: Path) -> None:
    path, copy = tmp_path / "x.cue", tmp_path / "copy.cue"
    write(path, run_of(1, [[n] for n in range(100)]))
    copy.write_bytes(path.read_bytes())
    write(path, run_of(2, [[500]]))
    assert ask(path, [500]) == {2} and ask(path, [500]) == {2}
    write(copy, run_of(2, [[600]]), run_of(3, [[700]]))
    os.replace(copy, path)
    (tmp_path / "x.cue.lock").unlink()
    assert ask(path, [500]) == set() and ask(path, [500]) == set() and ask(path, [700]) == {3}


def test_runs_of_one_process_find_results_whoever_made_them(tmp_path: Path) -> None:
    cue, made = tmp_path / "x.cue", list[int]()

    def f(n: int) -> int:
        made.append(n)
        return 2 * n

    for first in range(0, 60, 7):
        wanted = [[n] for n in range(first, first + 20)]
        assert chunk(f, wanted, path=cue, where="thread") == [2 * n for n in range(first, first + 20)]
        assert chunk(f, [[first + 3], [first]], path=cue, where="thread") == [2 * first + 6, 2 * first]
    assert sorted(made) == list(range(76)), "each call once, though each run knew the journal from the run before"


ARGUMENTS = st.one_of(
    st.integers(-(1 << 63), 1 << 63), st.floats(), st.text(max_size=3), st.none(), st.binary(max_size=3)
)
CALLS = st.lists(st.lists(ARGUMENTS, max_size=2), min_size=1, max_size=6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(CALLS, st.booleans()), min_size=1, max_size=4), CALLS, st.booleans())
def test_a_look_through_the_bytes_leaves_out_no_run_that_had_a_call(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[list[Any], bool]], calls: list[Any], keeps: bool
) -> None:
    path = tmp_path_factory.mktemp("look") / "x.cue"
    blocks = [encode_blocks(of_run, keep=is_kept) for of_run, is_kept in runs]
    write(path, *([opened(n, total=len(runs[n - 1][0])), *argument_entries(n, b, 0)] for n, b in enumerate(blocks, 1)))
    wanted = encode_blocks(calls, keep=keeps)
    with open_reader(path) as reader:
        told = [each for run in state_of(reader).runs.values() for each in run.arguments]
        found = places_by_bytes(reader, [ArgumentsAt(*each) for each in sorted(told, key=lambda each: each[0])], wanted)
    sought = keys_of(wanted)
    for number, of_run in enumerate(blocks, 1):
        assert number in found or not sought & keys_of(of_run)


def keys_of(blocks: Sequence[Block]) -> set[bytes]:
    return {key for block in blocks for key in block_keys(block)}
