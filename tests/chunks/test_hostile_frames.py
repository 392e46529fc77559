"""A worker that sends messages of ours with nonsense in them: whatever it says, the run ends, and others' calls are whole."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, chunk
from cuebook.cli.command import main
from cuebook.engines.calls import protocol
from cuebook.engines.calls.protocol import Failure, Ready, Results, Returned, SetupFailed, StateSaved, StateWanted
from cuebook.persistence.upkeep.verification import verify
from cuebook.wire.codec import pack, unpack
from cuebook.wire.message import encode

MESSAGES: tuple[Any, ...] = (
    Ready(1, 2, None),
    SetupFailed(1, "raised", "ValueError", "no", "Traceback", None),
    Results(1, 0, 1, None, 0.1, b"", b"\x01"),
    Failure(1, 0, 1, 1.0, 0.1, "raised", "ValueError", "no", "Traceback", None, []),
    Returned(1, [0]),
    StateSaved(1, 0, 1, None, b"s"),
    StateWanted(1, 0, 1),
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


def check(path: Path, what: str, frame: bytes) -> None:
    """One call sends it, beside calls that say nothing."""
    calls = [[number, frame if number == 1 else b""] for number in range(4)]
    found = chunk(say, calls, path=path, workers=2, batch=1, errors="collect", timeout=PATIENCE_S, progress_bar=False)
    assert [found[0], *found[2:]] == [0, 2, 3], (what, found)
    assert found[1] == 1 or isinstance(found[1], CallFailed), (what, found[1])
    assert "\x1b" not in str(found[1]), what
    assert verify(path).ok
    for command in ("show", "show --failures", "export", "why"):
        assert main([command.split()[0], str(path), *command.split()[1:]]) == 0, (what, command)


@pytest.mark.parametrize("first", range(2))
def test_some_nonsense_in_each_message_costs_its_call_at_most(tmp_path: Path, first: int) -> None:
    chosen = list(messages())
    check(tmp_path / "x.cue", *chosen[37 + first * (len(chosen) // 2)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_nonsense_in_messages_costs_more_than_its_call(tmp_path: Path) -> None:
    for number, (what, frame) in enumerate(list(messages())[FIRST::EVERY]):
        check(tmp_path / f"{number}.cue", what, frame)
