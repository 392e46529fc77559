"""Chunker of the drop-in: a set of actors with defaults for their calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cuebook.compat.thread_chunks import Checkpoint, Chunker, LabelledActor, config


def double(number: int) -> int:
    return 2 * number


def triple(number: int) -> int:
    return 3 * number


def test_exactly_one_of_function_and_actors_is_given() -> None:
    for given in ({}, {"func": double, "actors": [LabelledActor(double)], "chunk_size": 1}):
        with pytest.raises(ValueError, match="must be specified but not both"):
            Chunker(**given)


def test_its_attributes_are_those_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "default_chunk_size", 3)
    monkeypatch.setattr(config, "progress_bar", False)

    plain, given = Chunker(double), Chunker(double, chunk_size=2, progress_bar=True, persistent=True, path="a.pkl")

    assert (len(plain.actors), plain.chunk_size, plain.progress_bar) == (3, 3, False)
    assert (plain.persistent, plain.path) == (False, None)
    assert (given.chunk_size, given.progress_bar, given.persistent, given.path) == (2, True, True, "a.pkl")
    assert all(actor.get_func() is double for actor in plain.actors)


def test_a_function_given_to_a_call_replaces_the_one_before_for_good() -> None:
    chunker = Chunker(double, chunk_size=2)

    assert [chunker([[1], [2]]), chunker([[1], [2]], triple), chunker([[4]])] == [[2, 4], [3, 6], [12]]


def test_a_call_may_have_a_path_and_a_bar_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(
        "cuebook.compat.thread_chunks.chunker.durable_chunk",
        lambda *_, path, progress_bar, **__: given.append((path, progress_bar)),
    )
    chunker = Chunker(double, chunk_size=1, progress_bar=False, path="own.pkl")

    chunker([[1]])
    chunker([[1]], path="other", progress_bar=True)

    assert given == [("own.pkl", False), ("other_Checkpoint.pkl", True)]


def test_it_keeps_and_reuses_results_as_chunk_does(tmp_path: Path) -> None:
    chunker = Chunker(double, chunk_size=2, path=str(tmp_path / "a.pkl"))

    assert [chunker([[1], [2], [3]]) for _ in range(2)] == [[2, 4, 6]] * 2
    assert Checkpoint.load(chunker.path).done == 3
