"""Values that cannot be rebuilt are said to be so: nobody gets a placeholder for a result, and none is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import Checkpoint, ResultNotRebuilt, Runtime, chunk
from cuebook.persistence.values.placeholders import Unresolved

HATED = "MOODY_HATES"


class Moody:
    """Can be rebuilt in every process but the one that it hates."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __setstate__(self, state: dict[str, Any]) -> None:
        if os.environ.get(HATED) == str(os.getpid()):
            raise RuntimeError("not today")
        self.__dict__.update(state)


@pytest.fixture(autouse=True)
def hates_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HATED, str(os.getpid()))


def some(x: int) -> Any:
    return [Moody(x)] if x % 5 == 3 else x


@pytest.fixture(params=["list", "iterator"])
def given(request: pytest.FixtureRequest) -> Callable[[], Any]:
    calls = [[n] for n in range(10)]
    return lambda: calls if request.param == "list" else iter(calls)


@pytest.mark.parametrize("kept", [True, False])
def test_a_result_that_cannot_be_rebuilt_fails_its_call_for_the_caller(
    given: Callable[[], Any], kept: bool, tmp_path: Path
) -> None:
    path = tmp_path / "x.cue" if kept else None
    for _ in range(2):
        with pytest.raises(ResultNotRebuilt, match=r"Moody: RuntimeError: not today"):
            chunk(some, given(), path=path)
        output = chunk(some, given(), path=path, errors="collect")
        assert [n for n in range(10) if output[n] != n] == [3, 8]
        for n in (3, 8):
            assert isinstance(output[n], ResultNotRebuilt)
            assert output[n].index == n


def test_it_is_kept_all_the_same_and_is_taken_when_it_can_be_rebuilt(
    given: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.cue"
    chunk(some, given(), path=path, errors="collect", version="1")
    picture = Checkpoint.load(path)
    assert picture.completed == [True] * 10
    assert type(picture.output[3][0]) is Unresolved
    monkeypatch.delenv(HATED)
    output = chunk(some, given(), path=path, version="1")
    assert (output[3][0].x, output[8][0].x) == (3, 8)
    assert Checkpoint.load(path).runs[-1].reused == 10


@pytest.mark.parametrize("errors", ["raise", "collect"])
def test_a_stream_says_so_too(given: Callable[[], Any], errors: str, tmp_path: Path) -> None:
    async def seen() -> dict[int, Any]:
        async with Runtime(tmp_path / "x.cue", errors=errors) as runtime:
            return {done.index: done async for done in runtime.stream(some, given())}

    for is_again in (False, True):
        if errors == "raise":
            with pytest.raises(ResultNotRebuilt, match="not today"):
                asyncio.run(seen())
            continue
        found = asyncio.run(seen())
        assert sorted(found) == list(range(10))
        assert {n for n, done in found.items() if isinstance(done.error, ResultNotRebuilt)} == {3, 8}
        assert all(done.value == n for n, done in found.items() if done.error is None)
        assert all(done.reused for done in found.values()) is is_again
