"""An argument that cannot be sent says where it is and what to pass instead; it is never told to return something."""

from __future__ import annotations

import atexit
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, chunk

PAIR = socket.socketpair()
atexit.register(lambda: [end.close() for end in PAIR])


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


def generate() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("make", "where", "advice"),
    [
        (
            lambda: threading.Lock(),
            "arguments[1]: _thread.lock",
            "make it in the call, or once a worker in the setup()",
        ),
        (lambda: {"a": [threading.Lock()]}, "arguments[1]['a'][0]: _thread.lock", "setup() of a cuebook.Worker"),
        (lambda: Holder(threading.Lock()), "arguments[1].held: _thread.lock", 'use where="thread"'),
        (lambda: sys.__stderr__, "arguments[1]: _io.TextIOWrapper", "pass its path, and open it in the call"),
        (generate, "arguments[1]: generator", "pass a list of what it gives"),
        (lambda: PAIR[0], "arguments[1]: socket.socket", "setup() of a cuebook.Worker"),
    ],
)
@pytest.mark.parametrize("keeps", [False, True])
def test_the_error_names_the_part_and_the_way_out(
    make: Any, where: str, advice: str, keeps: bool, tmp_path: Path
) -> None:
    [failed] = chunk(print, [[1, make()]], chunk_size=1, errors="collect", path=tmp_path / "x.cue" if keeps else None)
    assert isinstance(failed, CallFailed)
    assert where in failed.error_text
    assert "cannot be sent to a worker" in failed.error_text
    assert advice in failed.error_text
    assert "return" not in failed.error_text
    assert failed.error_text.count("cannot be sent") == 1
