"""A function that cannot be sent says which part of it is in the way, and what to do about that very part."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cuebook import FunctionNotShippable, chunk
from cuebook.chunks.packing import why_not_sent

LOCK = threading.Lock()


def generate() -> Iterator[int]:
    yield 1


NUMBERS = generate()
LOG = os.fdopen(os.dup(2), "w")


class Bound:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def method(self, x: int) -> int:
        return x

    def __call__(self, x: int) -> int:
        return x


def uses_lock(x: int) -> Any:
    return LOCK, x


def uses_numbers(_: int) -> int:
    return next(NUMBERS)


def uses_log(x: int) -> int:
    return LOG.write(str(x))


def has_default(x: int, lock: Any = LOCK) -> Any:
    return x, lock


def closure() -> Callable[[int], Any]:
    lock = threading.RLock()
    return lambda x: (lock, x)


SETUP = "Make what cannot be sent inside the function, or once a worker in the setup() of a cuebook.Worker"


@pytest.mark.parametrize(
    ("func", "part", "advice"),
    [
        (uses_lock, "It uses LOCK (lock).", SETUP),
        (uses_numbers, "It uses NUMBERS (generator).", "Use a list of what it gives, or make it inside the function"),
        (uses_log, "It uses LOG (TextIOWrapper).", "Open it inside the function, which gets its path"),
        (has_default, "It uses lock (lock).", SETUP),
        (closure(), "It uses lock (RLock).", SETUP),
        (Bound().method, "It uses self.lock (lock).", SETUP),
        (Bound(), "It uses self.lock (lock).", SETUP),
        (functools.partial(max, LOCK), "It uses argument 0 (lock).", SETUP),
        (functools.partial(uses_lock, x=LOCK), "It uses x (lock), LOCK (lock).", SETUP),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_the_error_names_the_part_and_the_advice_fits_it(func: Any, part: str, advice: str) -> None:
    text = why_not_sent(func, TypeError("cannot pickle it"))
    assert text.endswith(
        f'cannot be sent to a worker process: cannot pickle it. {part} {advice}; or use where="thread", which sends nothing.'
    )


def test_a_run_of_such_a_function_ends_before_any_call() -> None:
    with pytest.raises(
        FunctionNotShippable, match=r"_thread\.RLock.* It uses lock \(RLock\)\. Make what cannot be sent"
    ):
        chunk(closure(), [[1]], workers=1)
