"""Results read back: each call's once, its own or taken, or an error; never a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.errors import JournalCorrupt
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.history.replay import JournalState, state_of
from cuebook.persistence.history.results import origins, read_results
from cuebook.persistence.history.run import ReusedRange
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.record import Entry
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from tests.support.journals import write
from tests.support.runs import completed_values, folded, reused, run_entries

CALLS = [[index] for index in range(20)]


def results_of(path: Path, number: int, state: JournalState | None = None) -> dict[int, Any]:
    found: dict[int, Any] = {}
    with open_reader(path) as reader:
        for results in read_results(reader, state or state_of(reader), number, ValueDecoder(trusted=False)):
            for index, value in zip(results.indexes, results.values, strict=True):
                assert index not in found
                found[index] = value
    return found


def test_results_of_ranges_and_of_scattered_calls_are_read(tmp_path: Path) -> None:
    more = [completed_values(1, {9: "nine", 3: "three"}), completed_values(1, {4: 4, 5: None})]
    write(tmp_path / "a.cue", run_entries(1, CALLS, {0: 0, 1: 1}, *more))
    assert results_of(tmp_path / "a.cue", 1) == {0: 0, 1: 1, 9: "nine", 3: "three", 4: 4, 5: None}


def test_the_first_committed_result_of_a_call_counts(tmp_path: Path) -> None:
    more = [
        completed_values(1, {3: "first"}),
        completed_values(1, {2: 2, 3: "second"}),
        completed_values(1, {3: "third"}),
    ]
    write(tmp_path / "a.cue", run_entries(1, CALLS, {}, *more))
    assert results_of(tmp_path / "a.cue", 1) == {2: 2, 3: "first"}


def test_taken_results_are_those_of_the_run_that_made_them_through_several_runs(tmp_path: Path) -> None:
    write(
        tmp_path / "a.cue",
        run_entries(1, CALLS, {index: f"one {index}" for index in range(10)}),
        run_entries(2, CALLS, {0: "two 0", 11: "two 11"}, reused(2, (1, 2, 1, 8), (1, 0, 15, 1))),
        run_entries(3, CALLS, {19: "three"}, reused(3, (2, 0, 4, 9), (2, 15, 0, 1), (2, 11, 2, 1))),
    )
    expected = {4: "two 0", 0: "one 0", 2: "two 11", 19: "three"}
    expected |= {5 + offset: f"one {2 + offset}" for offset in range(8)}
    assert results_of(tmp_path / "a.cue", 3) == expected


def test_where_a_result_was_made_comes_with_it(tmp_path: Path) -> None:
    write(
        tmp_path / "a.cue",
        run_entries(1, CALLS, {7: "seven"}),
        run_entries(2, CALLS, {}, reused(2, (1, 7, 3, 1))),
    )
    with open_reader(tmp_path / "a.cue") as reader:
        (found,) = read_results(reader, state_of(reader), 2, ValueDecoder(trusted=False))
    assert (list(found.indexes), found.source_run, list(found.sources)) == ([3], 1, [7])


def test_results_committed_after_the_state_was_read_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, CALLS, {}, completed_values(1, {4: 4, 0: 0}), is_closed=False))
    with open_reader(path) as reader:
        state = state_of(reader)
    write(path, [completed_values(1, {1: 1})])
    assert results_of(path, 1, state) == {0: 0, 4: 4}
    assert results_of(path, 1) == {0: 0, 1: 1, 4: 4}


def test_a_result_that_cannot_be_found_is_an_error_not_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, CALLS, {0: 0, 1: 1}))
    with open_reader(path) as reader:
        state = state_of(reader)
    state.runs[1].done.take(len(state.runs[1].done), len(state.runs[1].done) + 1)
    with pytest.raises(JournalCorrupt, match="the result of call 2 of run 1 is missing"):
        results_of(path, 1, state)


def test_a_damaged_record_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, CALLS, {0: "a value"}))
    data = bytearray(path.read_bytes())
    data[data.index(b"a value")] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalCorrupt, match="record"):
        results_of(path, 1)


def test_a_large_value_is_read_from_its_blob(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    blobs = BlobStore(tmp_path / "a.cue.blobs")
    body, lengths = ValueEncoder(blobs=blobs).encode_many(["x" * 1_000_000])
    small = completed_values(1, {0: 0})
    head = small.head
    entry = Entry(small.kind, 1, head[:-4] + lengths[0].to_bytes(4, "little"), body)
    write(path, run_entries(1, CALLS, {}, entry))
    with open_reader(path) as reader:
        decoder = ValueDecoder(trusted=False, blobs=reader.blobs())
        (found,) = read_results(reader, state_of(reader), 1, decoder)
    assert found.values == ["x" * 1_000_000]


@settings(max_examples=150)
@given(st.data())
def test_origins_agree_with_following_each_call_singly(data: st.DataObject) -> None:
    """Against the replay's own, one call at a time."""
    done: list[set[int]] = [set()]
    entries: list[Entry] = []
    for number in range(1, 5):
        values = data.draw(st.sets(st.integers(0, 19), max_size=8))
        ranges = []
        taken = set(values)
        for _ in range(data.draw(st.integers(0, 4)) if number > 1 else 0):
            source = data.draw(st.integers(1, number - 1))
            low, start, count = (data.draw(st.integers(0, 12)) for _ in range(3))
            source_calls, own = set(range(low, low + count)), set(range(start, start + count))
            if count and start + count <= 20 and source_calls <= done[source] and not own & taken:
                ranges.append((source, low, start, count))
                taken |= own
        done.append(taken)
        more = [reused(number, *ranges)] if ranges else []
        entries += run_entries(number, CALLS, dict.fromkeys(sorted(values), 0), *more)
    state = folded(*entries)
    for number, run in state.runs.items():
        singly = {index: state.origin(number, index) for index in range(20) if run.reused_from(index)}
        ranges_found = origins(state, number)
        assert {index: source for each in ranges_found for index, source in _calls(each)} == singly


def _calls(each: ReusedRange) -> list[tuple[int, tuple[int, int]]]:
    return [(each.start + at, (each.source_run, each.source_start + at)) for at in range(each.count)]
