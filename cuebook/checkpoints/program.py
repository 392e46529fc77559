"""A program's own checkpoints: it asks the runner that started it, and waits until the runner has kept its outputs.

One request a connection: a line of JSON, then as many bytes of state as it says; the answer likewise. Knows no journal.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any

from cuebook.errors import CheckpointRefused, RunnerGone

__all__ = ["HEAD_BYTES_MAX", "RUNNER", "ask", "find_state", "keep", "plain_metrics"]

RUNNER = "CUEBOOK_RUNNER"
"""Names the socket of the runner; set for the program and whatever it starts."""
HEAD_BYTES_MAX = 1 << 20


def keep(state: Any, label: str | None, metrics: dict[str, Any] | None) -> Any:
    """Have the outputs kept; gives the checkpoint's number once it is committed.

    Raises:
        RunnerGone, CheckpointRefused: see there. ValueNotKept: the state cannot be kept.
    """
    data = None
    if state is not None:
        from cuebook.persistence.values import ValueEncoder

        data = ValueEncoder(portable=True, label="state").encode(state)
    answer, _ = ask({"do": "checkpoint", "label": label, "metrics": plain_metrics(metrics)}, data)
    return answer["number"]


def find_state(default: Any) -> Any:
    """The state of the checkpoint that this attempt goes on from, else `default`."""
    answer, data = ask({"do": "state"})
    if answer["size"] is None:
        return default
    from cuebook.persistence.values import ValueDecoder

    return ValueDecoder().decode(data)


def plain_metrics(metrics: dict[str, Any] | None) -> dict[str, Any]:
    """Metrics as JSON has them: numbers of numpy and torch become those of Python.

    Raises:
        TypeError: they are no mapping of names to numbers, texts or truth values.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, dict) or any(type(name) is not str for name in metrics):
        raise TypeError(f"metrics={metrics!r} must be a dict with names as keys")
    return {name: _plain(name, value) for name, value in metrics.items()}


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value if type(value) in (bool, int, float, str, type(None)) else _narrowed(value)
    item = getattr(value, "item", None)  # a number of numpy, torch, jax
    if callable(item) and not getattr(value, "shape", None):
        with contextlib.suppress(TypeError, ValueError):
            return _plain(name, item())
    raise TypeError(f"metric {name}={value!r} must be a number, a text or a truth value")


def _narrowed(value: Any) -> Any:
    return next(kind(value) for kind in (bool, int, float, str) if isinstance(value, kind))


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
