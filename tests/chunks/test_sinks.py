"""What a run gives back, and what that costs the program around it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from cuebook.chunks.sinks import grow_old

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def _frozen_by_nobody() -> Iterator[None]:
    gc.collect()
    yield
    gc.unfreeze()


def is_old(items: list[object]) -> bool:
    return any(each is items for each in gc.get_objects(generation=2))


def test_a_large_list_is_old_for_the_collector_at_once_and_a_small_one_is_not() -> None:
    small: list[object] = [None] * 1000
    grow_old(small)
    assert not is_old(small)
    large: list[object] = [None] * 100_000
    assert not is_old(large)
    grow_old(large)
    assert is_old(large)
    assert gc.get_freeze_count() == 0


def test_what_a_program_has_frozen_stays_so() -> None:
    gc.freeze()
    count = gc.get_freeze_count()
    grow_old([None] * 100_000)
    assert gc.get_freeze_count() == count
