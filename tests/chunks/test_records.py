"""Neighbouring claims are told as one, and nothing is told twice or left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cuebook.chunks.reusing import unclaimed
from cuebook.persistence.history.reuse import Claim
from cuebook.persistence.history.run_writer import RANGES_MAX, merged, reused_entries
from cuebook.persistence.records.run_heads import Reused


def spread(claims: list[Claim]) -> list[tuple[int, int, int]]:
    """Every call for itself: (source run, its call, our call)."""
    return [(c.source_run, c.source_start + n, c.start + n) for c in claims for n in range(c.count)]


claims_lists = st.lists(
    st.builds(
        Claim,
        source_run=st.integers(1, 2),
        source_start=st.integers(0, 6),
        start=st.integers(0, 6),
        count=st.integers(1, 3),
    ),
    max_size=12,
)


@given(claims_lists)
def test_merging_changes_no_call_of_any_claim(claims: list[Claim]) -> None:
    assert spread(merged(claims)) == spread(claims)


@given(claims_lists)
def test_merging_leaves_no_neighbours_apart_and_is_done_in_one_go(claims: list[Claim]) -> None:
    once = merged(claims)
    assert merged(once) == once


@given(st.integers(0, 40), st.lists(st.integers(0, 40), unique=True))
def test_what_is_left_to_do_is_just_what_is_not_claimed(total: int, reused: list[int]) -> None:
    claims = merged([Claim(1, index, index, 1) for index in reused if index < total])
    left = unclaimed(total, claims)
    assert [index for part in left for index in part] == [index for index in range(total) if index not in reused]
    assert all(len(part) for part in left)


def test_the_order_of_claims_does_not_matter() -> None:
    assert unclaimed(10, [Claim(1, 0, 8, 2), Claim(1, 5, 0, 3)]) == [range(3, 8)]


def test_many_ranges_are_told_in_several_records() -> None:
    claims = [Claim(1, 2 * n, 2 * n, 1) for n in range(RANGES_MAX + 1)]
    entries = reused_entries(7, claims)
    assert [len(Reused.decode(entry.head).ranges) for entry in entries] == [RANGES_MAX, 1]
    assert reused_entries(7, []) == []
