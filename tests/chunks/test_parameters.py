"""What may stand for a call's arguments; anything else names the item and shows the right form."""

from __future__ import annotations

import collections
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from cuebook import Checkpoint, chunk
from cuebook.chunks.records import portions


def shown(*args: Any, **kwargs: Any) -> str:
    return f"{args} {kwargs}"


def calls_made(parameters: Any, **options: Any) -> list[str]:
    return chunk(shown, parameters, where="thread", chunk_size=2, **options)


class Row(collections.namedtuple("Row", "a b")):
    pass


@pytest.mark.parametrize(
    ("item", "seen"),
    [
        ([1, 2], "(1, 2) {}"),
        ((1, 2), "(1, 2) {}"),
        ([], "() {}"),
        ((), "() {}"),
        ({}, "() {}"),
        ({"a": 1}, "() {'a': 1}"),
        (types.MappingProxyType({"a": 1}), "() {'a': 1}"),
        ([[1, 2]], "([1, 2],) {}"),
        ([(1, 2)], "((1, 2),) {}"),
        ([{"a": 1}], "({'a': 1},) {}"),
        (["ab"], "('ab',) {}"),
        ([None], "(None,) {}"),
        (Row(1, 2), "(1, 2) {}"),
    ],
)
@pytest.mark.parametrize("keeps", [True, False])
def test_lists_and_tuples_are_positional_and_mappings_are_keyword_arguments(
    item: Any, seen: str, keeps: bool, tmp_path: Path
) -> None:
    path = tmp_path / "x.cue" if keeps else None
    assert calls_made([item], path=path) == [seen]
    assert calls_made(iter([item]), path=path) == [seen]


ODD_FORMS = [(1, 2), Row(1, 2), types.MappingProxyType({"a": 1}), collections.OrderedDict(b=2), [], {}]


def test_every_form_arrives_in_another_process_as_it_does_here(tmp_path: Path) -> None:
    here = calls_made(ODD_FORMS)
    assert here == ["(1, 2) {}", "(1, 2) {}", "() {'a': 1}", "() {'b': 2}", "() {}", "() {}"]
    assert chunk(shown, ODD_FORMS, path=tmp_path / "x.cue") == here
    assert chunk(shown, iter(ODD_FORMS)) == here


@pytest.mark.parametrize("item", [1, "ab", b"ab", None, {1, 2}, frozenset(), 1.5, range(2), iter([1]), object()])
@pytest.mark.parametrize("place", [0, 2])
def test_a_wrong_item_of_a_list_is_named_and_no_call_is_made(item: Any, place: int, tmp_path: Path) -> None:
    made: list[int] = []
    parameters: list[Any] = [[0], [1], [2]]
    parameters[place] = item
    with pytest.raises(TypeError, match=rf"parameters\[{place}\] is .*\[\[1\], \[2\], \.\.\.\]"):
        chunk(made.append, parameters, where="thread", path=tmp_path / "x.cue")
    assert made == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("item", [5, "ab", None])
def test_a_wrong_item_of_an_iterator_is_named_and_what_was_done_before_it_is_kept(item: Any, tmp_path: Path) -> None:
    made: list[int] = []

    def f(x: int) -> int:
        made.append(x)
        return x

    for _ in range(2):
        with pytest.raises(TypeError, match=r"parameters\[2\]"):
            chunk(f, iter([[0], [1], item, [3]]), where="thread", version="1", path=tmp_path / "x.cue")
    assert set(made) <= {0, 1}
    assert len(set(made)) == len(made)


def test_keys_that_are_no_names_are_refused() -> None:
    with pytest.raises(TypeError, match=r"parameters\[1\]"):
        calls_made([{"a": 1}, {1: 2}])


@pytest.mark.parametrize("parameters", [5, None, 1.5, object()])
def test_what_is_not_iterable_is_refused_with_the_right_form(parameters: Any) -> None:
    with pytest.raises(TypeError, match=r"parameters is .*\[\[1, 4\], \[2, 5\]\]"):
        calls_made(parameters)


@pytest.mark.parametrize("parameters", ["ab", b"ab"])
def test_text_is_not_taken_for_a_list_of_calls(parameters: Any) -> None:
    with pytest.raises(TypeError):
        calls_made(parameters)


@pytest.mark.parametrize("make", [list, tuple, iter, lambda items: (item for item in items), collections.deque])
def test_any_iterable_will_do_also_an_empty_one(make: Any, tmp_path: Path) -> None:
    assert calls_made(make([[1], [2]]), path=tmp_path / "x.cue") == ["(1,) {}", "(2,) {}"]
    assert calls_made(make([]), path=tmp_path / "x.cue") == []
    assert calls_made(make([])) == []


def test_a_generator_that_raises_ends_the_run_with_its_own_exception_and_what_was_done_is_kept(tmp_path: Path) -> None:
    made: list[int] = []
    most = threading.Event()

    def f(x: int) -> int:
        made.append(x)
        if x == 94:
            most.set()
        return x

    def source() -> Any:
        for number in range(100):
            yield [number]
        assert most.wait(30)  # what is read ahead and not begun is not made
        raise LookupError("no more rows")

    for _ in range(2):
        with pytest.raises(LookupError, match="no more rows"):
            chunk(f, source(), where="thread", chunk_size=2, version="1", path=tmp_path / "x.cue")
    assert len(made) >= 90
    assert len(set(made)) == len(made)


def test_an_iterator_cannot_be_compared_as_a_whole() -> None:
    with pytest.raises(ValueError, match=r"list\(parameters\)"):
        calls_made(iter([[1]]), reuse="run")


def test_the_users_list_may_be_changed_while_the_run_goes_on() -> None:
    parameters = [[n] for n in range(50)]

    def f(x: int) -> int:
        parameters.clear()
        return x

    assert chunk(f, parameters, where="thread", chunk_size=2) == list(range(50))


def length(text: str) -> int:
    return len(text)


def test_arguments_of_more_than_a_message_holds_are_journaled_and_known_again(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    calls = [[f"{n:60000}"] for n in range(1200)]  # 72 MB
    output = chunk(length, calls, path=path, where="thread", chunk_size=1)
    assert output == [60000] * 1200
    loaded = Checkpoint.load(path)
    assert (loaded.done, loaded.total) == (1200, 1200)
    assert loaded.parameters[1199] == calls[1199]
    assert chunk(length, calls, path=path, where="thread", chunk_size=1) == output
    assert Checkpoint.load(path).runs[-1].reused == 1200


def test_one_argument_of_more_than_a_message_holds_is_kept_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    for _ in range(2):
        assert chunk(length, [["x" * (70 << 20)], ["y"]], path=path, where="thread") == [70 << 20, 1]
    assert path.stat().st_size < 1 << 20
    assert Checkpoint.load(path).runs[-1].reused == 2
    assert chunk(length, iter([["x" * (70 << 20)], ["y"]]), path=path, where="thread") == [70 << 20, 1]
    assert Checkpoint.load(path).runs[-1].reused == 2


def test_a_run_that_ended_while_its_arguments_were_journaled_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.cue"
    calls = [[f"{n:2000}"] for n in range(600)]
    monkeypatch.setattr("cuebook.persistence.history.run_writer.ARGUMENTS_BODY_BYTES_MAX", 1 << 18)
    monkeypatch.setattr("cuebook.chunks.records.PORTION_BYTES_MAX", 1 << 18)
    with monkeypatch.context() as patched:

        def torn(entries: Any) -> Any:
            yield next(portions(entries))
            raise OSError("the end of the program")

        patched.setattr("cuebook.chunks.opening.portions", torn)
        with pytest.raises(OSError, match="the end of the program"):
            chunk(length, calls, path=path, where="thread", chunk_size=1)
    loaded = Checkpoint.load(path)
    assert (loaded.done, loaded.completed.count(True), len(loaded.output)) == (0, 0, 600)
    assert 0 < len([item for item in loaded.parameters if item is not None]) < 600
    assert chunk(length, calls, path=path, where="thread", chunk_size=1) == [2000] * 600
    assert Checkpoint.load(path).parameters == calls
