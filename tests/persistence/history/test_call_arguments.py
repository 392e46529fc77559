"""Arguments read back: those that were given, wherever in the journal they lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.arguments import Unkept, call_key, encode_blocks
from cuebook.persistence.history.arguments_read import CallArguments, segments
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run_writer import argument_entries
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.records.record import Entry
from cuebook.persistence.values import ValueDecoder
from tests.support.journals import write
from tests.support.runs import folded, run_entries, same_arguments


def arguments_of(reader: Reader) -> CallArguments:
    return CallArguments(reader, state_of(reader), ValueDecoder(trusted=False))


def given_calls(*entries: list[Entry] | Entry) -> list[Entry]:
    return [each for entry in entries for each in (entry if isinstance(entry, list) else [entry])]


def test_all_calls_and_single_calls_are_those_that_were_given(tmp_path: Path) -> None:
    calls = [[index] if index % 300 else {"x": index} for index in range(1000)]
    write(tmp_path / "a.cue", run_entries(1, calls, {}))
    with open_reader(tmp_path / "a.cue") as reader:
        arguments = arguments_of(reader)
        assert list(arguments.calls(1)) == calls
        assert list(arguments.keys(1)) == [call_key(call) for call in calls]
        assert [arguments.call(1, index) for index in (0, 999, 255, 256, 0, 300)] == [
            calls[index] for index in (0, 999, 255, 256, 0, 300)
        ]
        assert arguments.call(1, 1000) is None


def test_calls_that_came_in_many_small_records_are_read_in_any_order(tmp_path: Path) -> None:
    calls = [[f"call {index}"] for index in range(500)]
    records = [argument_entries(1, encode_blocks(calls[at : at + 5]), at) for at in range(0, 500, 5)]
    write(tmp_path / "a.cue", run_entries(1, calls, {}, *given_calls(*records)))
    with open_reader(tmp_path / "a.cue") as reader:
        arguments = arguments_of(reader)
        assert [arguments.call(1, index) for index in range(499, -1, -7)] == calls[::-7]
        assert list(arguments.calls(1)) == calls


def test_arguments_named_by_earlier_runs_are_followed_through_several_of_them(tmp_path: Path) -> None:
    calls = [[index] for index in range(700)]
    more = [["more"], ["and more"]]
    write(
        tmp_path / "a.cue",
        run_entries(1, calls, {}),
        run_entries(
            2, calls + more, {}, same_arguments(2, 0, 700, (1, 0)), *argument_entries(2, encode_blocks(more), 700)
        ),
        run_entries(3, calls[256:] + more, {}, same_arguments(3, 0, 446, (2, 256)), total=446),
    )
    with open_reader(tmp_path / "a.cue") as reader:
        arguments = arguments_of(reader)
        assert list(arguments.calls(2)) == calls + more
        assert list(arguments.calls(3)) == calls[256:] + more
        assert arguments.call(3, 445) == ["and more"]
        assert list(arguments.keys(3)) == [call_key(call) for call in calls[256:] + more]


def test_a_reference_may_begin_and_end_in_the_middle_of_a_block(tmp_path: Path) -> None:
    calls = [[index] for index in range(1000)]
    write(
        tmp_path / "a.cue",
        run_entries(1, calls, {}),
        run_entries(2, calls[300:610], {}, same_arguments(2, 0, 310, (1, 300))),
    )
    with open_reader(tmp_path / "a.cue") as reader:
        arguments = arguments_of(reader)
        assert list(arguments.calls(2)) == calls[300:610]
        assert list(arguments.keys(2)) == [call_key(call) for call in calls[300:610]]
        assert [arguments.call(2, index) for index in (0, 212, 309)] == [[300], [512], [609]]
        assert arguments.call(2, 310) is None


def test_arguments_that_were_not_kept_are_told_by_their_digest(tmp_path: Path) -> None:
    records = argument_entries(1, encode_blocks([[1], [2]], keep=False), 0)
    write(tmp_path / "a.cue", run_entries(1, [[1], [2]], {}, *records))
    with open_reader(tmp_path / "a.cue") as reader:
        assert list(arguments_of(reader).calls(1)) == [Unkept(call_key([n]).hex(), "") for n in (1, 2)]


@given(st.data())
def test_segments_cover_each_call_once_in_order(data: st.DataObject) -> None:
    counts = [data.draw(st.integers(1, 600)) for _ in range(data.draw(st.integers(1, 4)))]
    entries: list[Entry] = []
    for number, count in enumerate(counts, start=1):
        shared = data.draw(st.integers(0, min(count, counts[number - 2]))) if number > 1 else 0
        own = argument_entries(number, encode_blocks([[0]] * (count - shared)), shared)
        parts = [same_arguments(number, 0, shared, (number - 1, 0)), *own] if shared else own
        entries += run_entries(number, [[0]] * count, {}, *parts)
    state = folded(*entries)
    for number, count in enumerate(counts, start=1):
        covered = [(each.start, each.start + each.count) for each in segments(state, number)]
        assert [place for start, end in covered for place in range(start, end)] == list(range(count))


@pytest.mark.parametrize("source", [(7, 0), (2, 0), (1, 2)])
def test_a_reference_to_arguments_that_are_not_there_is_damage(source: tuple[int, int]) -> None:
    state = folded(
        *run_entries(1, [[0], [1], [2]], {}), *run_entries(2, [[0]] * 3, {}, same_arguments(2, 0, 3, source))
    )
    with pytest.raises(JournalCorrupt):
        segments(state, 2)
