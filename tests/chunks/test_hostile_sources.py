"""Sources of parameters that end in odd ways: the run always ends, with what they raised, and never with less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import Runtime, chunk
from tests.support.runs import script


@pytest.mark.parametrize("raised", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_what_a_generator_raises_reaches_the_caller_though_it_is_no_exception(raised: str, tmp_path: Path) -> None:
    done = script(
        tmp_path,
        f"""
        from cuebook import chunk

        def source():
            yield [1]
            raise {raised}

        for attempt in range(2):
            try:
                chunk(abs, source(), where="thread", path="x.cue")
            except BaseException as error:
                print(type(error).__name__)
        print(chunk(abs, [[1], [-2]], where="thread", path="x.cue"))
        """,
    )
    assert done.stdout.split("\n")[:3] == [raised.partition("(")[0]] * 2 + ["[1, 2]"], done.stderr
    assert done.stderr == ""


class Unspeakable(Exception):
    def __repr__(self) -> str:
        raise ValueError("no text")

    __str__ = __repr__


def test_an_exception_without_a_text_does_not_pass_for_the_end_of_the_parameters() -> None:
    def source() -> Iterator[list[int]]:
        yield [1]
        raise Unspeakable

    with pytest.raises(Unspeakable):
        chunk(abs, source(), where="thread")


class Odd(dict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        raise SystemExit(5)


@pytest.mark.parametrize("item", [Odd(a=1), 5])
def test_a_call_that_cannot_be_looked_at_ends_the_run(item: Any) -> None:
    with pytest.raises((SystemExit, TypeError)):
        chunk(abs, iter([[1], item, [2]]), where="thread")


@pytest.mark.parametrize("raised", [asyncio.CancelledError, SystemExit, LookupError])
def test_an_async_source_that_raises_ends_the_run_whatever_it_raises(raised: type[BaseException]) -> None:
    async def source() -> AsyncIterator[list[int]]:
        yield [1]
        raise raised

    async def main() -> None:
        async with Runtime(where="thread") as runtime, asyncio.timeout(30):
            await runtime.chunk(abs, source())

    with pytest.raises(RuntimeError if raised is asyncio.CancelledError else raised) as caught:
        asyncio.run(main())
    assert raised in (type(caught.value), type(caught.value.__cause__))


class Leaving:
    def __reduce__(self) -> Any:
        raise SystemExit(5)


def test_an_argument_whose_pickling_leaves_the_program_fails_its_call_alone() -> None:
    failed, fine = chunk(type, [[Leaving()], [1]], errors="collect")
    assert failed.error_type == "SystemExit"
    assert fine is int
