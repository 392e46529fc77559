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


class Findings:
    """What a sweep has found: it goes on, and tells of all at its end."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Within, what does not hold is noted."""
        try:
            yield
        except AssertionError as error:
            self.texts.append(str(error)[:1500])
            print("FOUND", self.texts[-1], flush=True)

    def check(self) -> None:
        """Nothing was found."""
        assert not self.texts, f"{len(self.texts)} findings:\n" + "\n".join(self.texts[:40])


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


def use(sample: Sample, data: bytes, what: object, *, is_crafted: bool = False) -> None:
    """Go on with a journal of these bytes, as programs do: what is given is right, or nothing is.

    Args:
        is_crafted: it may say what it likes.
    """
    for program in (_loaded, _opened, _called, _acted, _worked):
        right: list[bool] = []
        sample.restore(data)
        with said():
            hold(lambda _, program=program: right.append(program(sample)), b"", f"{what}: {program.__name__}")  # type: ignore[misc]
        assert is_crafted or right != [False], f"{what}: {program.__name__}: a wrong value"


def _loaded(sample: Sample) -> bool:
    with suppress(LookupError):
        found = Checkpoint.load(sample.path)
        assert found.output is not None and found.parameters is not None and found.errors is not None
        return all(value == n for n, value in enumerate(found.output) if isinstance(value, int))
    return True


def _opened(sample: Sample) -> bool:
    with suppress(LookupError), Journal.open(sample.path) as journal:
        for run in journal.runs:
            list(journal.results(run=run.number))
            journal.failures(run=run.number)
    return True


def _called(sample: Sample) -> bool:
    if sample.place != "runs.cue":
        return True
    found = chunk(f, [[n] for n in range(4)], path=sample.path, where="thread", errors="collect", progress_bar=False)
    return found[:3] == [0, 1, 2] and "ValueError" in str(found[3])


def _acted(sample: Sample) -> bool:
    if sample.place != "streams.cue":
        return True

    async def ask() -> int:
        async with Runtime(sample.path, progress_bar=False) as runtime:
            return await runtime.entity(Saver, "golden").ask(Balance(), timeout=20)

    return asyncio.run(ask()) == 11 * 5 - 3 + 5


def _worked(sample: Sample) -> bool:
    if sample.path.name != "job.cuebook":
        return True
    with cuebook.job("steps"):
        return ordered(1) == 1 and loaded(2) == [2]
