"""Lining up calls with earlier results: as many as there are, each result once, whatever was moved."""

from __future__ import annotations

import collections
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.persistence.history.arguments import BLOCK_CALLS, Block, call_key, encode_blocks
from cuebook.persistence.history.reuse import Claim, EarlierRun, line_up, set_places
from cuebook.persistence.history.reuse_cursor import Cursor

ARGUMENTS: list[Any] = [0, 1, 2, 1.0, True, (1,), math.nan, "a", {"k": {1}}]


def in_pieces(calls: list[Any], sizes: list[int]) -> list[Block]:
    """Blocks as an iterator's run has them: of any length."""
    blocks: list[Block] = []
    at = 0
    for size in [*sizes, len(calls)]:
        blocks += encode_blocks(calls[at : at + size])
        at += size
    return blocks


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Any], list[tuple[list[Any], EarlierRun]]]:
    """New calls, and earlier runs that often begin alike."""
    call = st.sampled_from(ARGUMENTS).map(lambda value: [value])
    base = draw(st.lists(call, max_size=30))
    runs = []
    for number in draw(st.permutations([1, 2, 3])):
        calls = draw(
            st.sampled_from([base, base[::-1], base[1:], base + base[:3], [[0], *base]]) | st.lists(call, max_size=20)
        )
        completed = bytearray(draw(st.lists(st.sampled_from([0, 1, 1]), min_size=len(calls), max_size=len(calls))))
        blocks = in_pieces(calls, draw(st.lists(st.integers(1, 7), max_size=4)))
        runs.append((calls, EarlierRun(number, blocks, completed)))
    return base, runs


def check(new: list[Any], runs: list[tuple[list[Any], EarlierRun]], pairs: list[tuple[int, int, int]]) -> None:
    """Pairs (new place, run, place there) against a model of multisets."""
    by_number = {run.number: (calls, run) for calls, run in runs}
    assert len({place for place, _, _ in pairs}) == len(pairs)
    assert len({source for _, *source in map(tuple, pairs) for source in [tuple(source)]}) == len(pairs)
    for place, number, source in pairs:
        calls, run = by_number[number]
        assert run.completed[source]
        assert call_key(calls[source]) == call_key(new[place])
    wanted = collections.Counter(map(call_key, new))
    there = collections.Counter(
        call_key(call) for calls, run in runs for call, done in zip(calls, run.completed, strict=True) if done
    )
    assert len(pairs) == (wanted & there).total()


def spread(claims: list[Claim]) -> list[tuple[int, int, int]]:
    return [
        (claim.start + step, claim.source_run, claim.source_start + step)
        for claim in claims
        for step in range(claim.count)
    ]


@settings(max_examples=150)
@given(plans(), st.lists(st.integers(1, 7), max_size=4))
def test_as_many_calls_as_can_take_a_result_and_each_result_once(plan: Any, sizes: list[int]) -> None:
    new, runs = plan
    claims = line_up(in_pieces(new, sizes), [run for _, run in runs])
    check(new, runs, spread(claims))
    assert claims == sorted(claims, key=lambda claim: claim.start)
    assert claims == line_up(in_pieces(new, sizes), [run for _, run in reversed(runs)])
    for one, following in zip(claims, claims[1:], strict=False):
        joins = (one.source_run, one.source_start + one.count, one.start + one.count)
        assert joins != (following.source_run, following.source_start, following.start)


@settings(max_examples=150)
@given(plans())
def test_a_cursor_claims_as_many_one_call_at_a_time(plan: Any) -> None:
    new, runs = plan
    pairs = []
    with Cursor([run for _, run in runs]) as cursor:
        for place, call in enumerate(new):
            found = cursor.claim(call)
            if found is not None:
                pairs.append((place, *found))
    check(new, runs, pairs)


def test_planning_leaves_the_earlier_runs_as_they_were() -> None:
    run = EarlierRun(1, encode_blocks([[1], [2]]), bytearray(b"\1\1"))
    assert run.total == 2
    with Cursor([run]) as cursor:
        assert cursor.claim([1]) == (1, 0)
    assert line_up(encode_blocks([[2], [1]]), [run]) != []
    assert run.completed == b"\1\1"


def test_an_equal_list_is_one_claim() -> None:
    calls = [[number] for number in range(1000)]
    run = EarlierRun(4, encode_blocks(calls), bytearray(b"\1" * 1000))
    assert line_up(encode_blocks(calls), [run]) == [Claim(4, 0, 0, 1000)]
    assert line_up(encode_blocks([[-1], *calls]), [run]) == [Claim(4, 0, 1, 1000)]
    assert line_up(encode_blocks(calls[500:]), [run]) == [Claim(4, 500, 0, 500)]
    assert line_up(encode_blocks(calls, keep=False), [run]) == [Claim(4, 0, 0, 1000)]


def test_gaps_are_left_and_filled_by_the_next_run() -> None:
    calls = [[number] for number in range(600)]
    first, second = bytearray(b"\1" * 600), bytearray(600)
    for gap in (0, 300, 599):
        first[gap], second[gap] = 0, 1
    blocks = encode_blocks(calls)
    assert line_up(blocks, [EarlierRun(1, blocks, first)]) == [Claim(1, 1, 1, 299), Claim(1, 301, 301, 298)]
    both = line_up(blocks, [EarlierRun(1, blocks, first), EarlierRun(2, blocks, second)])
    assert [(claim.source_run, claim.start, claim.count) for claim in both] == [
        (2, 0, 1), (1, 1, 299), (2, 300, 1), (1, 301, 298), (2, 599, 1),
    ]  # fmt: skip


def test_equal_calls_need_a_result_each() -> None:
    run = EarlierRun(1, encode_blocks([[1], [1]]), bytearray(b"\1\1"))
    assert line_up(encode_blocks([[1], [1], [1]]), [run]) == [Claim(1, 0, 0, 2)]
    with Cursor([run]) as cursor:
        assert [cursor.claim([1]) for _ in range(3)] == [(1, 0), (1, 1), None]


def test_the_newest_result_is_taken() -> None:
    blocks = encode_blocks([[1]])
    runs = [EarlierRun(number, blocks, bytearray(b"\1")) for number in (2, 9, 5)]
    assert line_up(blocks, runs) == [Claim(9, 0, 0, 1)]
    assert line_up(encode_blocks([[0], [1]]), runs) == [Claim(9, 0, 1, 1)]
    with Cursor(runs) as cursor:
        assert cursor.claim([1]) == (9, 0)


def test_nothing_to_claim_is_no_error() -> None:
    assert line_up([], []) == []
    assert line_up(encode_blocks([[1]]), []) == []
    assert line_up([], [EarlierRun(1, encode_blocks([[1]]), bytearray(b"\1"))]) == []
    assert Cursor([]).claim([1]) is None
    cursor = Cursor([EarlierRun(1, encode_blocks([[1]]), bytearray(b"\1"))])
    cursor.close()
    assert cursor.claim([1]) is None


def test_an_aligned_source_builds_no_index_and_a_moved_one_does() -> None:
    calls = [[number] for number in range(3 * BLOCK_CALLS)]
    run = EarlierRun(1, encode_blocks(calls), bytearray(b"\1" * len(calls)))
    with Cursor([run]) as cursor:
        assert [cursor.claim(call) for call in calls] == [(1, place) for place in range(len(calls))]
        assert cursor._index is None
        assert cursor.claim([1]) is None
    with Cursor([run]) as cursor:
        assert [cursor.claim(call) for call in reversed(calls)] == [(1, place) for place in reversed(range(len(calls)))]


def test_a_result_claimed_at_its_place_after_the_index_was_built_is_not_found_in_it_again() -> None:
    run = EarlierRun(1, encode_blocks([[0], [1], [2]]), bytearray(b"\0\1\1"))
    with Cursor([run]) as cursor:
        assert [cursor.claim(call) for call in ([0], [1], [1], [2])] == [None, (1, 1), None, (1, 2)]


def test_many_equal_calls_do_not_slow_down_or_fill_memory() -> None:
    count = 20_000
    run = EarlierRun(1, encode_blocks([[0]] * count), bytearray(b"\1" * count))
    with Cursor([run]) as cursor:
        assert cursor.claim(["elsewhere"]) is None
        tracemalloc.start()
        found = sum(cursor.claim([0]) is not None for _ in range(count))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found == count
    assert peak < 300_000


def test_ranges_of_set_places_are_maximal() -> None:
    assert list(set_places(bytearray(b"\0\1\1\0\1"), 0, 5)) == [(1, 3), (4, 5)]
    assert list(set_places(bytearray(b"\1\1\1"), 1, 2)) == [(1, 2)]
    assert list(set_places(bytearray(3), 0, 3)) == []


def test_a_result_is_claimed_once_over_all_the_rounds_of_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.persistence.history.reuse._LOOKED_UP_AT_ONCE", 3)
    calls = [[number] for number in range(10)]
    run = EarlierRun(1, encode_blocks(calls), bytearray(b"\1" * 10))
    new = in_pieces([[99], *calls, *calls], [2] * 20)
    assert line_up(new, [run]) == [Claim(1, 0, 1, 10)]
