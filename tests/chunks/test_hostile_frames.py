"""A worker that sends messages of ours with nonsense in them: whatever it says, the run ends, and others' calls are whole."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Runtime
from cuebook.actors.hearing import heard
from cuebook.cli.command import main
from cuebook.engines.calls import protocol
from cuebook.engines.calls.protocol import Failure, Ready, Results, Returned, SetupFailed, StateSaved, StateWanted
from cuebook.errors import MalformedMessage
from cuebook.persistence.records.bodies import completed_record
from cuebook.persistence.upkeep.verification import verify
from cuebook.wire.codec import pack, unpack
from cuebook.wire.message import encode

FIRST_RUN = -1
"""What the first run of a Runtime is known by in its messages."""
_HEAD = completed_record([1], [0.0], [0.001], [b"\x01"], is_range=True)[0].encode()
MESSAGES: tuple[Any, ...] = (
    Ready(FIRST_RUN, 2, None),
    SetupFailed(FIRST_RUN, "raised", "ValueError", "no", "Traceback", None),
    Results(FIRST_RUN, 1, 1, None, 0.1, _HEAD, b"\x01"),
    Failure(FIRST_RUN, 1, 1, 1.0, 0.1, "raised", "ValueError", "no", "Traceback", None, []),
    Returned(FIRST_RUN, [1]),
    StateSaved(FIRST_RUN, 1, 1, None, b"s"),
    StateWanted(FIRST_RUN, 1, 1),
    protocol.StateFound(1, b"s"),
    protocol.Quit(),
)
VALUES: tuple[Any, ...] = (
    -1, 1 << 33, 1 << 63, float("nan"), float("inf"), -1e300, "\x1b[31m", b"\xc1", None, True, [], [1 << 40], [-1],
    ["x"], {"a": 1}, [[1, [2]]],
)  # fmt: skip
PATIENCE_S = 20.0
FIRST, EVERY = map(int, os.environ.get("SWEEP_PART", "0/8").split("/"))
"""Which of them the sweep takes: an eighth."""


def messages() -> Iterator[tuple[str, bytes]]:
    """Each message with each of its fields exchanged, and as it is."""
    for message in MESSAGES:
        name, values = type(message).__name__, unpack(encode(message))
        yield name, encode(message)
        for place in range(len(values)):
            for value in VALUES:
                yield f"{name}[{place}]={value!r}", pack([*values[:place], value, *values[place + 1 :]])


def say(number: int, frame: bytes) -> int:
    """Send it, and go on as if nothing were."""
    if frame:
        said = len(frame).to_bytes(4, "little") + frame
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.write(descriptor, said)
            except OSError:
                continue
        time.sleep(0.3)  # where it is refused, its worker ends now, and is seen to be at this call
    return number


async def run(path: Path, frame: bytes) -> list[Any]:
    """One call sends it, beside calls that say nothing."""
    calls = [[number, frame if number == 1 else b""] for number in range(4)]
    async with Runtime(path, workers=2, batch=1, progress_bar=False) as runtime:
        return await runtime.chunk(say, calls, errors="collect", timeout=PATIENCE_S)


def check(path: Path, what: str, frame: bytes) -> None:
    """The other calls have their results, and the journal is whole."""
    found = asyncio.run(run(path, frame))
    assert [found[0], *found[2:]] == [0, 2, 3], (what, found)
    assert found[1] == 1 or isinstance(found[1], CallFailed), (what, found[1])
    assert verify(path).ok
    for command in ("show", "show --failures", "export", "why"):
        assert main([command.split()[0], str(path), *command.split()[1:]]) == 0, (what, command)


@pytest.mark.parametrize("first", range(2))
def test_some_nonsense_in_each_message_costs_its_call_at_most(tmp_path: Path, first: int) -> None:
    chosen = list(messages())
    check(tmp_path / "x.cue", *chosen[37 + first * (len(chosen) // 2)])


@pytest.mark.parametrize("message", MESSAGES[1:4], ids=lambda message: type(message).__name__)
def test_a_message_that_belongs_to_no_question_loses_no_call(tmp_path: Path, message: Any) -> None:
    check(tmp_path / "x.cue", "as it is", encode(message))


def test_what_cannot_be_put_on_record_is_no_message() -> None:
    sound = MESSAGES[2]
    assert heard(encode(sound)) == sound
    for changes in (
        {"head": b"\xc1"}, {"count": 2}, {"count": 1 << 40}, {"start": 2}, {"start": -5}, {"indexes": [2]},
        {"seconds": float("nan")}, {"body": b"\x01\x02"}, {"indexes": ["x"]},
    ):  # fmt: skip
        with pytest.raises(MalformedMessage):
            heard(encode(replace(sound, **changes)))
    for changed in ({"started": float("inf")}, {"index": -1}, {"attempt": 0}, {"reason": "nonsense"}):
        with pytest.raises(MalformedMessage):
            heard(encode(replace(MESSAGES[3], **changed)))
    with pytest.raises(MalformedMessage):
        heard(encode(Returned(FIRST_RUN, [[1]])))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_nonsense_in_messages_costs_more_than_its_call(tmp_path: Path) -> None:
    for number, (what, frame) in enumerate(list(messages())[FIRST::EVERY]):
        check(tmp_path / f"{number}.cue", what, frame)
