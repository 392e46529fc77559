"""A program's own checkpoints: it asks the runner that started it, and waits until the runner has kept its outputs.

One request a connection: a line of JSON, then as many bytes of state as it says; the answer likewise. Knows no journal.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from cuebook.errors import CheckpointRefused, RunnerGone

__all__ = ["HEAD_BYTES_MAX", "RUNNER", "ask", "find_state", "keep"]

RUNNER = "CUEBOOK_RUNNER"
"""Names the socket of the runner; set for the program and whatever it starts."""
HEAD_BYTES_MAX = 1 << 20


def keep(state: Any, label: str | None, metrics: dict[str, Any]) -> Any:
    """Have the outputs kept, with plain metrics; gives the checkpoint's number once it is committed.

    Raises:
        RunnerGone, CheckpointRefused: see there. ValueNotKept: the state cannot be kept.
    """
    data = None
    if state is not None:
        from cuebook.persistence.values import ValueEncoder

        data = ValueEncoder(portable=True, label="state").encode(state)
    answer, _ = ask({"do": "checkpoint", "label": label, "metrics": metrics}, data)
    return answer["number"]


def find_state(default: Any) -> Any:
    """The state of the checkpoint that this attempt goes on from, else `default`."""
    answer, data = ask({"do": "state"})
    if answer["size"] is None:
        return default
    from cuebook.persistence.values import ValueDecoder

    return ValueDecoder().decode(data)


def ask(request: dict[str, Any], data: bytes | None = None) -> tuple[dict[str, Any], bytes]:
    """One question to the runner, and its answer with the bytes behind it.

    Raises:
        RunnerGone: nobody answers. CheckpointRefused: the runner says why it could not be done.
    """
    path = os.environ.get(RUNNER, "")
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(path)
            head = {**request, "size": None if data is None else len(data)}
            link.sendall(json.dumps(head).encode() + b"\n" + (data or b""))
            with link.makefile("rb") as answers:
                line = answers.readline(HEAD_BYTES_MAX)
                answer: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
                size = answer.get("size") or 0
                found = answers.read(size)
    except OSError as error:
        raise RunnerGone(f"the runner of this experiment is gone ({error.strerror or error})") from error
    if not answer or len(found) < size:
        raise RunnerGone("the runner of this experiment has gone while it was to make a checkpoint")
    if "error" in answer:
        raise CheckpointRefused(str(answer["error"]))
    return answer, found
