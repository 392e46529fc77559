"""Why calls are reused or made afresh, from records and keys alone."""

from __future__ import annotations

from collections.abc import Iterator

from cuebook.cli.explaining.explanation import explain, explanation_lines, explanation_object
from cuebook.cli.explaining.reasons import Fresh, base_of, compared, fresh_indexes, sorted_out, twins
from cuebook.persistence.history.arguments import call_key
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.identity.values.outline import outline_of_parts
from cuebook.persistence.identity.values.walk import ValueWalk
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Forgetting, Forgotten, Reuse
from tests.support.runs import failed, folded, reused, run_entries


class Lists:
    """The arguments of runs, held as lists."""

    def __init__(self, *runs: list[object]) -> None:
        self.runs = dict(enumerate(runs, start=1))

    def call(self, run: int, index: int) -> object:
        return self.runs[run][index]

    def keys(self, run: int) -> Iterator[bytes]:
        return (call_key(call) for call in self.runs[run])

    def outline(self, run: int, index: int) -> str:
        call = self.runs[run][index]
        assert isinstance(call, list)
        return outline_of_parts([(str(place), value) for place, value in enumerate(call)], ValueWalk())


def calls(*values: int) -> list[list[int]]:
    return [[value] for value in values]


def reasons(state: JournalState, *runs: list[list[int]]) -> dict[Fresh, tuple[int, list[int]]]:
    run = state.runs[len(runs)]
    found = sorted_out(run, twins(state, run), Lists(*runs).keys)
    return {fate: (each.count, each.examples) for fate, each in found.items()}


def text(state: JournalState, *runs: list[list[int]]) -> str:
    return "\n".join(explanation_lines(explain(state, state.runs[len(runs)], Lists(*runs))))


def forget(what: Forgetting, run: int | None = None, index: int | None = None) -> Entry:
    return Entry(Kind.FORGOTTEN, run or 0, Forgotten(what, run, None, index, 0.0).encode())


def test_new_arguments_are_told_from_failed_and_unfinished_ones() -> None:
    first, second = calls(0, 1, 2, 3), calls(3, 2, 1, 0, 9)
    state = folded(
        *run_entries(1, first, {0: 0, 1: 1}, failed(1, 2, ValueError("x"))),
        *run_entries(2, second, {}, reused(2, (1, 0, 3, 1), (1, 1, 2, 1))),
    )
    assert reasons(state, first, second) == {
        Fresh.NEW: (1, [4]),
        Fresh.FAILED: (1, [1]),
        Fresh.UNFINISHED: (1, [0]),
    }


def test_a_forgotten_call_is_said_to_be_forgotten_also_where_a_later_run_had_taken_it() -> None:
    both = calls(0, 1)
    state = folded(
        *run_entries(1, both, {0: 0, 1: 1}),
        *run_entries(2, both, {}, reused(2, (1, 0, 0, 2))),
        forget(Forgetting.CALL, 2, 1),
        *run_entries(3, both, {1: 5}, reused(3, (1, 0, 0, 1))),
    )
    assert reasons(state, both, both, both) == {Fresh.FORGOTTEN: (1, [1])}


def test_one_equal_call_more_than_before_is_no_new_argument() -> None:
    first, second = calls(7), calls(7, 7)
    state = folded(*run_entries(1, first, {0: 0}), *run_entries(2, second, {1: 0}, reused(2, (1, 0, 0, 1))))
    assert reasons(state, first, second) == {Fresh.TAKEN: (1, [1])}


def test_a_result_that_an_earlier_run_took_is_not_called_forgotten() -> None:
    one, two = calls(7), calls(7, 7)
    state = folded(
        *run_entries(1, one, {0: 0}),
        *run_entries(2, one, {}, reused(2, (1, 0, 0, 1))),
        *run_entries(3, two, {1: 0}, reused(3, (1, 0, 0, 1))),
    )
    assert reasons(state, one, one, two) == {Fresh.TAKEN: (1, [1])}


def test_what_went_wrong_last_counts() -> None:
    both = calls(5)
    state = folded(
        *run_entries(1, both, {}, failed(1, 0, ValueError("x"))),
        *run_entries(2, both, {}, is_closed=False),
        *run_entries(3, both, {0: 1}),
    )
    assert reasons(state, both, both, both) == {Fresh.UNFINISHED: (1, [0])}


def test_runs_of_another_function_do_not_count() -> None:
    both = calls(0, 1)
    state = folded(
        *run_entries(1, both, {0: 0}, fingerprint=b"1" * 16), *run_entries(2, both, {0: 0}, fingerprint=b"2" * 16)
    )
    assert twins(state, state.runs[2]) == []
    assert "every call was made afresh" in text(state, both, both)


def test_fresh_calls_are_those_outside_all_ranges_taken() -> None:
    ten = calls(*range(10))
    state = folded(
        *run_entries(1, ten, dict.fromkeys(range(10), 0)),
        *run_entries(2, ten, {}, reused(2, (1, 0, 6, 2), (1, 5, 1, 2))),
    )
    assert list(fresh_indexes(state.runs[2])) == [0, 3, 4, 5, 8, 9]


def test_the_base_is_the_last_run_of_the_same_name_else_the_last_one() -> None:
    state = folded(
        *run_entries(1, [], {}, function="f"),
        *run_entries(2, [], {}, function="g"),
        *run_entries(3, [], {}, function="f"),
        *run_entries(4, [], {}, function="h"),
    )
    bases = [base_of(state, run) for run in state.runs.values()]
    assert [None if base is None else base.number for base in bases] == [None, 1, 1, 3]


def test_changed_parts_are_named_with_their_details() -> None:
    before = (("code of helper", "aa", "def helper(x):\n    return x + K"), ("global K", "bb", "3"))
    after = (
        ("code of helper", "cc", "def helper(x):\n    return x - K"),
        ("global K", "dd", "4"),
        ("closure s", "ee", "1"),
    )
    state = folded(
        *run_entries(1, [], {}, parts=before),
        *run_entries(2, [], {}, parts=after, fingerprint=b"2" * 16),
    )
    said = text(state, [], [])
    assert "The function changed since run 1:" in said
    assert "  global K: 3 -> 4" in said
    assert "    -    return x + K\n    +    return x - K" in said
    assert "  closure s: added, 1" in said


def test_parts_recorded_by_an_earlier_run_are_compared_too() -> None:
    state = folded(
        *run_entries(1, [], {}, parts=(("global K", "aa", "3"),)),
        *run_entries(2, [], {}, parts=(), options={"parts_of": 1}),
        *run_entries(3, [], {}, parts=(("global K", "bb", "4"),), fingerprint=b"3" * 16),
    )
    found = compared(state, state.runs[2], state.runs[3])
    assert found.changes is not None
    assert [(change.label, change.before, change.after) for change in found.changes] == [("global K", "3", "4")]


def test_parts_that_are_gone_from_the_journal_are_said_to_be_unknown() -> None:
    state = folded(
        *run_entries(1, [], {}, parts=(), options={"parts_of": 77}),
        *run_entries(2, [], {}, fingerprint=b"3" * 16),
    )
    assert "what changed is not known" in text(state, [], [])


def test_a_part_that_differs_beyond_what_is_shown_of_it_is_not_said_to_be_equal() -> None:
    state = folded(
        *run_entries(1, [], {}, parts=(("global TABLE", "aa", "[1, 2, ...]"),)),
        *run_entries(2, [], {}, parts=(("global TABLE", "bb", "[1, 2, ...]"),), fingerprint=b"3" * 16),
    )
    assert "global TABLE: differs" in text(state, [], [])


def test_other_identity_rules_are_not_called_other_code() -> None:
    state = folded(*run_entries(1, [], {}), *run_entries(2, [], {}, algorithm=2, fingerprint=b"3" * 16))
    said = text(state, [], [])
    assert "The identity rules changed since run 1" in said
    assert "The function changed" not in said


def test_a_function_that_was_changed_back_is_recognised() -> None:
    one = calls(1)
    state = folded(
        *run_entries(1, one, {0: 1}, fingerprint=b"1" * 16),
        *run_entries(2, one, {0: 1}, fingerprint=b"2" * 16),
        *run_entries(3, one, {}, reused(3, (1, 0, 0, 1)), fingerprint=b"1" * 16),
    )
    assert "It is the function of run 1 again." in text(state, one, one, one)


def test_packages_of_other_versions_are_named_as_not_counting() -> None:
    state = folded(
        *run_entries(1, [], {}, packages=(("numpy", "1.26"),)), *run_entries(2, [], {}, packages=(("numpy", "2.0"),))
    )
    assert "numpy was 1.26 and is 2.0; packages do not count" in text(state, [], [])


def test_a_first_run_has_nothing_to_be_compared_with() -> None:
    state = folded(*run_entries(1, calls(1), {0: 1}))
    assert "is the first in this journal" in text(state, calls(1))
    assert explanation_object(explain(state, state.runs[1], Lists(calls(1))))["compared_with"] is None


def test_whole_list_reuse_is_named_where_it_is_the_reason() -> None:
    first, second = calls(0, 1), calls(0, 1, 2)
    state = folded(*run_entries(1, first, {0: 0, 1: 1}), *run_entries(2, second, {0: 0, 1: 1, 2: 2}, reuse=Reuse.RUN))
    said = text(state, first, second)
    assert 'reuse="run" takes results only where the whole list is the same' in said
    assert "2 calls are equal to calls of earlier runs, and no result of theirs was taken" in said


def test_the_answer_for_programs_has_the_same_facts() -> None:
    first, second = calls(0), calls(0, 9)
    state = folded(*run_entries(1, first, {0: 0}), *run_entries(2, second, {1: 0}, reused(2, (1, 0, 0, 1))))
    found = explanation_object(explain(state, state.runs[2], Lists(first, second)))
    assert (found["reused"], found["fresh"], found["reused_from"], found["same_function"]) == (1, 1, {"1": 1}, True)
    assert found["reasons"] == [{"reason": "new arguments", "calls": 1, "examples": [{"index": 1, "arguments": [9]}]}]
