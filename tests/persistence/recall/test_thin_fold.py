"""A large journal, whose calls are folded in where they are asked for, says what one that is folded whole says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook import JournalCorrupt, chunk
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.run_writer import argument_entries
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.recall import recalled as recalling
from cuebook.persistence.recall.recalled import recalled
from cuebook.persistence.records.record import Entry
from cuebook.persistence.records.run_heads import Failed, Forgetting, Forgotten, Reason
from tests.support.journals import closed, completed, opened, state, write
from tests.support.salvage import forget, reused, tamper

CALLS = 6


@pytest.fixture(autouse=True)
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalling, "_WHOLE_MAX", 0)


def failed(run: int, index: int) -> Entry:
    return Failed(index, 1, 1.5, 0.5, Reason.RAISED, "ValueError", "no").entry(run)


def life(chance: random.Random, runs: int) -> Iterator[Entry]:
    """Runs one after the other and at once: results, failures, states, and what was taken from earlier runs."""
    done: dict[int, set[int]] = {}
    under_way = list[int]()
    number = 0
    while number < runs or under_way:
        if number < runs and (not under_way or chance.random() < 0.3):
            number += 1
            done[number] = set()
            under_way.append(number)
            yield opened(number, total=CALLS)
            yield from argument_entries(number, encode_blocks([[n] for n in range(CALLS)]), 0)
            continue
        run, index = chance.choice(under_way), chance.randrange(CALLS)
        source = chance.randint(1, number)
        match chance.randrange(6):
            case 0 | 1:
                done[run].add(index)
                yield completed(index, bytes([chance.randrange(128)]), run=run)
            case 2:
                yield failed(run, index)
            case 3 if chance.random() < 0.3:
                yield state(index, b"s", run=run)
            case 4 if source < run and index in done[source]:
                done[run].add(index)
                yield reused((source, index, index, 1), run_number=run)
            case 5 if chance.random() < 0.8:
                under_way.remove(run)
                if chance.random() < 0.9:
                    yield closed(run)


def told(run: RunState) -> dict[str, Any]:
    """All that is said of a run."""
    return {
        "done": list(run.done), "own": list(run.own), "failures": run.failures, "reused": run.reused,
        "states": run.states, "completed": run.completed, "seconds": run.seconds, "last_at": run.last_at,
        "results": [(seq, list(calls)) for seq, calls in run.results()], "known": run.known,
        "places": [run.locate(index) for index in range(CALLS)], "closed": run.closed, "forgotten": run.is_forgotten,
        "from": [run.reused_from(index) for index in range(CALLS)], "spans": run.records_of(0, CALLS),
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), runs=st.integers(1, 8), forgets=st.booleans())
def test_a_thin_fold_says_of_each_run_what_a_whole_one_says(
    tmp_path_factory: pytest.TempPathFactory, seed: int, runs: int, forgets: bool
) -> None:
    chance, path = random.Random(seed), tmp_path_factory.mktemp("thin") / "x.cue"
    entries = list(life(chance, runs))
    cut = chance.randint(1, len(entries))
    more = [*forgotten(chance, runs), *life_of(runs + 1), *forgotten(chance, runs + 1)] if forgets else []
    write(path, entries[:cut])
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        seen = list(known.state.runs)
        for number in chance.sample(seen, min(len(seen), 2)):
            assert told(known.state.runs[number]) == told(state_of(reader).runs[number])
    write(path, [*entries[cut:], *more] or [closed(seen[0])])
    if chance.random() < 0.5:
        recalling._known.clear()
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        whole = state_of(reader)
        assert list(known.state.runs) == list(whole.runs) and known.state.last_seq == whole.last_seq
        for number in chance.sample(list(whole.runs), len(whole.runs)):
            assert told(known.state.runs[number]) == told(whole.runs[number])
        assert list(known.state.with_states) == list(whole.with_states)


def forgotten(chance: random.Random, runs: int) -> list[Entry]:
    what = chance.choice([*Forgetting])
    if what is Forgetting.FUNCTION:
        return [Forgotten(what, None, "clean", None, 1.5).entry(0)]
    return [forget(what, chance.randint(1, runs), 2)]


def life_of(run: int) -> list[Entry]:
    return [opened(run, total=1), *argument_entries(run, encode_blocks([[0]]), 0), completed(0, run=run), closed(run)]


def test_of_runs_that_nobody_asks_for_no_call_is_folded(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    write(path, *(life_of(number) for number in range(1, 40)))
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        assert all("_seqs" not in vars(run) for run in known.state.runs.values())
        assert known.state.runs[7].completed == 1
        assert [number for number, run in known.state.runs.items() if "_seqs" in vars(run)] == [7]


def test_a_long_chain_of_runs_is_folded_without_recursion(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    chain = [life_of(1)] + [
        [
            opened(n, total=1),
            *argument_entries(n, encode_blocks([[0]]), 0),
            reused((n - 1, 0, 0, 1), run_number=n),
            closed(n),
        ]
        for n in range(2, 2000)
    ]
    write(path, [entry for run in chain for entry in run])
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        assert known.state.runs[1999].done.count() == 1
        assert known.state.origin(1999, 0) == (1, 0)


@pytest.mark.parametrize("what", [*Forgetting])
def test_something_forgotten_folds_in_no_run_that_it_has_nothing_to_do_with(tmp_path: Path, what: Forgetting) -> None:
    path = tmp_path / "x.cue"
    write(path, *(life_of(number) for number in range(1, 20)))
    forgets = Forgotten(
        what,
        None if what is Forgetting.FUNCTION else 7,
        "clean" if what is Forgetting.FUNCTION else None,
        0 if what is Forgetting.CALL else None,
        1.5,
    )
    write(path, [forgets.entry(0)])
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        folded = [number for number, run in known.state.runs.items() if "_seqs" in vars(run)]
        assert folded == ([7] if what is Forgetting.CALL else [])
        assert known.state.runs[7].own.ones == 0 and known.state.runs[7].completed == 1
        assert known.state.runs[8].own.ones == (what is not Forgetting.FUNCTION)


def test_damage_is_found_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    write(path, life_of(1), life_of(2))
    tamper(path, "UPDATE records SET head_check = head_check + 1 WHERE seq = 4")
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        assert known.state.runs[2].completed == 1
        for _ in range(2):
            with pytest.raises(JournalCorrupt, match="record 4 is damaged"):
                known.state.runs[1].completed  # noqa: B018 - asked for


def test_what_is_no_name_of_a_run_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    write(path, life_of(1))
    with open_reader(path) as reader, recalled(reader, reader.journal_id) as known:
        assert not hasattr(known.state.runs[1], "nothing")


def test_runs_find_the_results_of_earlier_ones_in_a_journal_that_is_folded_thin(tmp_path: Path) -> None:
    path, made = tmp_path / "x.cue", list[int]()

    def f(n: int) -> int:
        made.append(n)
        if n == 5:
            raise ValueError("no")
        return 2 * n

    for first in (0, 4, 2, 0):
        recalling._known.clear()
        found = chunk(f, [[n] for n in range(first, first + 8)], path=path, where="thread", errors="collect")
        assert [each for each in found if isinstance(each, int)] == [2 * n for n in range(first, first + 8) if n != 5]
    recalling._known.clear()
    chunk(f, ([n] for n in range(12) if n != 5), path=path, where="thread")
    assert sorted(n for n in made if n != 5) == [n for n in range(12) if n != 5], "each call once"
