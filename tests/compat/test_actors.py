"""Actors of the drop-in: plain objects in the program, whose copies in the workers have a state of their own."""

from __future__ import annotations

import gc
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook.compat.thread_chunks import Chunker, LabelledActor, chunk, config, crews
from cuebook.errors import FunctionNotShippable
from tests.support.programs import run_script


def double(number: int) -> int:
    return 2 * number


def triple(number: int) -> int:
    return 3 * number


def pid_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


class Counting(LabelledActor):
    """Counts its calls, and tells where and as which actor it runs."""

    def __init__(self, func: Any, start: int = 0) -> None:
        super().__init__(func)
        self.calls = start

    def run(self, label: Any, *args: Any) -> tuple[Any, Any]:
        self.calls += 1
        label, value = super().run(label, *args)
        return label, (value, label, self.calls, os.getpid())


class Scaling(LabelledActor):
    def __init__(self, func: Any, factor: int, log: str) -> None:
        super().__init__(func)
        self.factor = factor
        self.log = log

    def run(self, label: Any, *args: Any) -> tuple[Any, Any]:
        with open(self.log, "a") as log:
            log.write(f"{args[0]}\n")
        label, value = super().run(label, *args)
        return label, value * self.factor


class Careless(LabelledActor):
    def run(self, label: Any, *args: Any) -> Any:
        del label
        return self._func(*args)


class Locked(LabelledActor):
    def __init__(self, func: Any) -> None:
        super().__init__(func)
        self.lock = threading.Lock()


def test_an_actor_runs_its_function_and_gives_the_label_back() -> None:
    actor = LabelledActor(double)

    assert actor.run("label", 3) == ("label", 6)
    assert actor.get_func() is double
    actor.set_func(triple)
    assert actor.run(("a", 1), 3) == (("a", 1), 9)


def test_actors_stay_warm_between_calls_and_while_one_of_them_is_held() -> None:
    """The processes are those of the Chunker that made the actors, also once it is gone."""
    chunker = Chunker(pid_of, chunk_size=1, persistent=True)
    first = chunker([[1], [2]])
    actors = chunker.actors
    del chunker

    second = chunk(None, [[3]], actors, chunk_size=1)

    assert {pid for _, pid in first + second} == {first[0][1]}
    assert first[0][1] != os.getpid()


def test_a_function_given_with_actors_replaces_theirs_for_good() -> None:
    actors = Chunker(double, chunk_size=2).actors

    assert chunk(triple, [[1], [2], [3]], actors, chunk_size=2) == [3, 6, 9]
    assert actors[0].get_func() is triple
    assert chunk(None, [[1]], actors, chunk_size=2) == [3]


@pytest.mark.parametrize("size", [1, 3])
def test_another_number_of_actors_than_chunk_size_is_refused(size: int) -> None:
    actors = [LabelledActor(double), LabelledActor(double)]

    with pytest.raises(ValueError, match="does not agree with the number of `actors`"):
        chunk(None, [[1]], actors, chunk_size=size)
    with pytest.raises(ValueError, match="does not agree with the number of `actors`"):
        Chunker(actors=actors, chunk_size=size)


def test_the_default_chunk_size_has_to_agree_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "default_chunk_size", 3)

    with pytest.raises(ValueError, match="does not agree"):
        chunk(None, [[1]], [LabelledActor(double)])
    assert Chunker(actors=[LabelledActor(double)] * 3).chunk_size == 3


def test_no_actors_at_all_are_refused() -> None:
    for use in (lambda: chunk(None, [], [], chunk_size=0), lambda: Chunker(double, chunk_size=0)([[1]])):
        with pytest.raises(ValueError, match="must be at least 1"):
            use()


def test_what_is_no_actor_is_refused() -> None:
    with pytest.raises(TypeError, match="LabelledActor"):
        chunk(double, [[1]], ["no actor"], chunk_size=1)


def test_the_state_of_custom_actors_lives_on_in_their_workers() -> None:
    """From call to call, and from chunk() to chunk(); labels are (place of the call, place of the actor)."""
    actors = [Counting(double) for _ in range(2)]

    answers = [chunk(None, [[n] for n in range(6)], actors, chunk_size=2) for _ in range(2)]

    for place in (0, 1):
        mine = [(count, pid) for _, label, count, pid in answers[0] + answers[1] if label[1] == place]
        assert sorted(count for count, _ in mine) == list(range(1, len(mine) + 1))
        assert len({pid for _, pid in mine}) <= 1
    assert [(value, label[0]) for value, label, _, _ in answers[1]] == [(2 * n, n) for n in range(6)]
    assert [actor.calls for actor in actors] == [0, 0]


def test_a_new_function_leaves_the_state_of_custom_actors_alone() -> None:
    actors = [Counting(double)]
    chunk(None, [[1], [2]], actors, chunk_size=1)

    ((value, _, count, _),) = chunk(triple, [[1]], actors, chunk_size=1)

    assert (value, count) == (3, 3)


def test_an_actor_that_was_changed_here_is_copied_anew() -> None:
    actors = [Counting(double)]
    chunk(None, [[1], [2]], actors, chunk_size=1)

    actors[0].calls = 40

    assert chunk(None, [[1]], actors, chunk_size=1)[0][2] == 41


def test_every_actor_runs_its_own_function(tmp_path: Path) -> None:
    """Such as one for each device."""

    def meets(mine: str, other: str) -> Any:
        def function(number: int) -> tuple[int, str]:
            (tmp_path / mine).touch()
            until = time.monotonic() + 10
            while not (tmp_path / other).exists() and time.monotonic() < until:
                time.sleep(0.01)
            return number, mine

        return function

    actors = [LabelledActor(meets("one", "two")), LabelledActor(meets("two", "one"))]

    answers = chunk(None, [[0], [1]], actors, chunk_size=2)

    assert [number for number, _ in answers] == [0, 1]
    assert {name for _, name in answers} == {"one", "two"}


def test_results_of_custom_actors_are_reused_only_where_the_actors_are_the_same(tmp_path: Path) -> None:
    """By class and state; their number does not count."""
    log, path = tmp_path / "log", tmp_path / "a.pkl"

    def scaled(factor: int, size: int) -> list[Any]:
        actors = [Scaling(double, factor, str(log)) for _ in range(size)]
        return chunk(None, [[1], [2]], actors, chunk_size=size, path=path)

    assert [scaled(10, 1), scaled(10, 2)] == [[20, 40], [20, 40]]
    assert log.read_text().split() == ["1", "2"]
    assert scaled(100, 1) == [200, 400]
    assert chunk(double, [[1], [2]], chunk_size=1, path=path) == [2, 4]


def test_plain_actors_reuse_what_the_function_alone_has_done(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    first = chunk(pid_of, [[1]], chunk_size=1, path=path)

    assert Chunker(pid_of, chunk_size=2, path=path)([[1]]) == first
    assert chunk(None, [[1]], [LabelledActor(pid_of)], chunk_size=1, path=path) == first


def test_a_run_that_does_not_return_label_and_result_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"Careless\.run returned 2; it must return the label and the result"):
        chunk(None, [[1]], [Careless(double)], chunk_size=1)


def test_an_actor_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(FunctionNotShippable, match="the actor Locked cannot be sent"):
        chunk(None, [[1]], [Locked(double)], chunk_size=1)


def test_workers_quit_when_nobody_holds_their_actors_any_more() -> None:
    chunker = Chunker(pid_of, chunk_size=1)
    ((_, pid),) = chunker([[1]])
    keys = set(map(id, chunker.actors))

    del chunker
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "cuebook-dismiss":
            thread.join(timeout=10)

    assert not keys & set(crews._crews)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_part_of_another_set_of_actors_is_a_crew_of_its_own() -> None:
    actors = Chunker(double, chunk_size=2).actors
    assert chunk(None, [[1]], actors, chunk_size=2) == [2]

    assert len(crews.crew_of(actors[:1]).workers) == 1
    assert chunk(None, [[1]], actors[:1], chunk_size=1) == [2]
    assert chunk(None, [[1], [2]], [*actors, LabelledActor(double)], chunk_size=3) == [2, 4]


def test_threads_that_share_actors_take_turns() -> None:
    """So there are never more calls at once than actors."""

    def slow_pid(number: int) -> tuple[int, int]:
        time.sleep(0.02)
        return number, os.getpid()

    actors = Chunker(slow_pid, chunk_size=1).actors
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.extend(chunk(None, [[n]], actors, chunk_size=1))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(number for number, _ in answers) == [0, 1, 2, 3]
    assert len({pid for _, pid in answers}) == 1


def test_the_state_of_an_actor_of_a_script_lives_on_from_its_very_first_call(tmp_path: Path) -> None:
    body = """
from cuebook.compat.thread_chunks import LabelledActor, chunk
class Tally(LabelledActor):
    def __init__(self, func):
        super().__init__(func)
        self.calls = 0
    def run(self, label, *args):
        self.calls += 1
        return label, self.calls
actors = [Tally(abs)]
print([chunk(None, [[1], [2]], actors=actors, chunk_size=1) for _ in range(3)])
"""
    assert run_script(tmp_path, body).strip() == "[[1, 2], [3, 4], [5, 6]]"
