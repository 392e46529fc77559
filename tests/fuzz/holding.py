"""Reading within bounds: an answer, or one named error, in a time and a memory that the bytes do not decide."""

from __future__ import annotations

import asyncio
import io
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import cuebook
from cuebook import Checkpoint, Journal, chunk
from cuebook.api.runtime import Runtime
from cuebook.errors import CuebookError, InternalError
from tests.durable.bank import Balance, Saver
from tests.fuzz.all_kinds import Sample, f, loaded, ordered

EACH_S, MEMORY_KIB = 2.0, 200 << 10
CODES = {0, 1, 3}
MAKING = {"recover", "backup", "compact"}
"""Commands that tell how much they have saved, not what."""


def hold(target: Callable[[bytes], Any], data: bytes, seed: object) -> None:
    """Let a target read these bytes, within its bounds."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        target(data)
    except InternalError:
        raise
    except CuebookError:
        pass
    except BaseException as error:
        raise AssertionError(f"seed {seed}: {data[:300]!r}: {error!r}") from error
    assert time.process_time() - began < EACH_S, f"seed {seed}: took too long: {data[:300]!r}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEMORY_KIB, f"seed {seed}: took {grown} KiB: {data[:300]!r}"


@contextmanager
def said() -> Iterator[list[str]]:
    """What is written to standard output and error; the list has both afterwards."""
    before = sys.stdout, sys.stderr
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in before]
    found: list[str] = []
    sys.stdout, sys.stderr = streams
    try:
        yield found
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.flush()
            found.append(stream.detach().getvalue().decode(errors="replace"))  # type: ignore[attr-defined]


def asked(sample: Sample, command: str, data: bytes, what: object) -> tuple[int, str]:
    """The exit code and the answer of a command for a journal of these bytes."""
    sample.restore(data)
    codes: list[int] = []
    with said() as texts:
        hold(lambda _: codes.append(sample.run(command)), b"", f"{what}: {command}")
    assert codes, f"{what}: {command}: an error went through"
    assert codes[0] in CODES, f"{what}: {command}: code {codes[0]}: {texts[1]}"
    assert "Traceback (most recent" not in texts[1], f"{what}: {command}: {texts[1]}"
    assert "\x1b" not in texts[0] + texts[1], f"{what}: {command}: an escape"
    if codes[0]:
        lines = [line for line in texts[1].splitlines() if line.startswith("Error: ")]
        assert len(lines) <= 1, f"{what}: {command}: {texts[1]}"
    return codes[0], "" if texts[1] else texts[0]


def answers(sample: Sample, data: bytes) -> dict[str, tuple[int, str]]:
    """Of all its commands."""
    return {command: asked(sample, command, data, "whole") for command in sample.commands}


def check(sample: Sample, data: bytes, what: object, true: dict[str, tuple[int, str]]) -> int:
    """Each command has the true answer or an error; gives how many had an error."""
    refused = 0
    for command, truth in true.items():
        code, answer = asked(sample, command, data, what)
        refused += code != 0
        is_same = command.split()[0] in MAKING or answer in ("", truth[1])
        assert code or is_same, f"{what}: {command}: another answer: {answer}"
    return refused


def use(sample: Sample, data: bytes, what: object) -> None:
    """Go on with a journal of these bytes, as programs do: what is given is right, or nothing is."""
    for program in (_loaded, _opened, _called, _acted, _worked):
        sample.restore(data)
        with said():
            hold(lambda _, program=program: program(sample), b"", f"{what}: {program.__name__}")  # type: ignore[misc]


def _loaded(sample: Sample) -> None:
    with suppress(LookupError):
        found = Checkpoint.load(sample.path)
        assert found.output is not None and found.parameters is not None and found.errors is not None
        assert all(value == n for n, value in enumerate(found.output) if isinstance(value, int))


def _opened(sample: Sample) -> None:
    with suppress(LookupError), Journal.open(sample.path) as journal:
        for run in journal.runs:
            list(journal.results(run=run.number))
            journal.failures(run=run.number)


def _called(sample: Sample) -> None:
    if sample.path.suffix == ".cue":
        found = chunk(
            f, [[n] for n in range(4)], path=sample.path, where="thread", errors="collect", progress_bar=False
        )
        assert found[:3] == [0, 1, 2] and "ValueError" in str(found[3])


def _acted(sample: Sample) -> None:
    if sample.place != "streams.cue":
        return

    async def ask() -> int:
        async with Runtime(sample.path, progress_bar=False) as runtime:
            return await runtime.entity(Saver, "golden").ask(Balance(), timeout=20)

    assert asyncio.run(ask()) == 11 * 5 - 3 + 5


def _worked(sample: Sample) -> None:
    if sample.path.name == "job.cuebook":
        with cuebook.job("steps"):
            assert ordered(1) == 1 and loaded(2) == [2]
