"""What merely lives does not count; random generators count by their state, unless nobody has seeded them."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import io
import logging
import multiprocessing
import os
import queue
import selectors
import socket
import sqlite3
import ssl
import sys
import threading
import types
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.registry import register_identity
from cuebook.persistence.identity.value_digest import value_digest
from cuebook.persistence.identity.values import living
from tests.persistence.identity.living import walked


class Client:
    """A user's own client, as people write them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.loop = asyncio.new_event_loop()
        self.lock = threading.Lock()
        self.log = logging.getLogger("client")
        self.ready = asyncio.Event()
        self.jobs: queue.Queue[int] = queue.Queue()
        self.pool = concurrent.futures.ThreadPoolExecutor(1)

    def close(self) -> None:
        self.loop.close()
        self.pool.shutdown()


LIVING = {
    "a lock": threading.Lock,
    "a reentrant lock": threading.RLock,
    "a condition": threading.Condition,
    "an event": threading.Event,
    "a semaphore": lambda: threading.Semaphore(3),
    "local data of threads": threading.local,
    "a thread": threading.Thread,
    "a queue": queue.Queue,
    "a simple queue": queue.SimpleQueue,
    "a future": concurrent.futures.Future,
    "an executor": lambda: concurrent.futures.ThreadPoolExecutor(1),
    "a selector": selectors.DefaultSelector,
    "a socket": socket.socket,
    "an SSL context": ssl.create_default_context,
    "a logger": lambda: logging.getLogger("some.logger"),
    "an adapter of loggers": lambda: logging.LoggerAdapter(logging.getLogger("x"), {"n": os.getpid()}),
    "a handler of logs": logging.StreamHandler,
    "a lock of asyncio": asyncio.Lock,
    "a queue of asyncio": asyncio.Queue,
    "a semaphore of asyncio": lambda: asyncio.Semaphore(2),
    "a connection": lambda: sqlite3.connect(":memory:"),
    "a context": contextvars.copy_context,
    "a lock of processes": lambda: multiprocessing.get_context("fork").Lock(),
    "standard output": lambda: sys.stdout,
    "standard error": lambda: sys.__stderr__,
    "a file that is written to": lambda: os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"),
}


@pytest.mark.parametrize("make", LIVING.values(), ids=LIVING)
def test_what_lives_counts_by_its_class_and_is_not_named(make: Any) -> None:
    one, other = make(), make()
    walk = walked([one, 1])
    assert value_digest([one, 1]) == value_digest([other, 1])
    assert not walk.opaque and not walk.unseeded
    for each in (one, other):
        if (
            hasattr(each, "close")
            and not isinstance(each, io.TextIOBase | asyncio.Lock)
            or isinstance(each, io.TextIOBase)
            and each not in (sys.stdout, sys.__stderr__)
        ):
            each.close()


def test_loops_tasks_and_futures_of_asyncio_live() -> None:
    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        return [value_digest([loop, asyncio.current_task(), loop.create_future(), loop.call_soon(print, "")])]

    class Silent:
        def write(self, text: str) -> None:
            del text

    before, sys.stdout = sys.stdout, Silent()  # type: ignore[assignment]
    try:
        assert asyncio.run(main()) == asyncio.run(main())
    finally:
        sys.stdout = before


def test_an_object_of_the_users_counts_by_what_of_it_does_not_live() -> None:
    one, same, other = Client("a"), Client("a"), Client("b")
    one.lock.acquire()
    one.jobs.put(1)
    one.pool.submit(len, "")
    assert value_digest(one) == value_digest(same) != value_digest(other)
    assert not walked(one).opaque
    for client in (one, same, other):
        client.close()


class Job(threading.Thread):
    """A thread of the user's own, with data of his own."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def run(self) -> None:
        print(self.size)


def test_of_a_living_class_of_the_users_own_what_its_code_uses_counts() -> None:
    assert value_digest(Job(1)) == value_digest(Job(1)) != value_digest(Job(2))


@pytest.mark.parametrize("package", ["aiohttp", "httpx", "requests", "redis", "sqlalchemy", "openai"])
def test_clients_of_libraries_live_before_and_after_their_use(package: str) -> None:
    """The class is known by the names of its bases; nothing of the library is imported for it."""
    home = types.ModuleType(f"{package}.inner")
    name = {"aiohttp": "ClientSession", "requests": "Session", "redis": "Redis", "sqlalchemy": "Engine"}
    base = type(name.get(package, "BaseClient"), (), {"__module__": f"{package}.inner"})
    sub = type("Special", (base,), {"__module__": f"{package}.inner"})
    home.__file__ = str(Path(os.__file__).parent / "site-packages" / package / "inner.py")
    sys.modules[home.__name__] = home
    try:
        one, other = sub(), sub()
        one.requests, one.began = 5, object()
        assert value_digest(one) == value_digest(other)
        assert not walked(one).opaque
    finally:
        del sys.modules[home.__name__]


def test_a_real_client_lives() -> None:
    httpx = pytest.importorskip("httpx")
    with httpx.Client(headers={"X": "1"}) as one, httpx.Client() as other:
        assert value_digest(one) == value_digest(other)
        assert not walked(one).opaque


def test_an_object_of_an_unknown_library_with_a_connection_is_named_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Inner:
        loop: Any = None

    class Outer:
        def __init__(self, size: int) -> None:
            self.inner, self.size = Inner(), size

    monkeypatch.setattr(living, "is_users_class", lambda cls: cls not in (Inner, Outer))
    outer = Outer(3)
    assert not walked(outer).opaque and value_digest(outer) != value_digest(Outer(4))
    outer.inner.loop = asyncio.new_event_loop()
    assert list(walked(outer).opaque) == [f"{__name__}.{Outer.__qualname__}"]
    outer.inner.loop.close()


# Marks of a process


class Marked:
    """What some libraries put into their objects."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pid = os.getpid()
        self.own_id = id(self)
        self.title = f"<Marked object at {id(self):#x}>"


def test_marks_of_the_process_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Marked(1), Marked(1)
    assert value_digest(one) == value_digest(other) != value_digest(Marked(2))
    before = value_digest(Marked(1))
    monkeypatch.setattr(os, "getpid", lambda: 99)
    assert value_digest(Marked(1)) == before


class Drawn:
    """Its pickled state is another one each time."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self.size, "id": uuid.uuid4().hex}


class Kept(Drawn):
    def __getstate__(self) -> dict[str, Any]:
        return {"size": self.size, "table": [1, 2, {"a": math_nan}], "array": np.zeros(3)}


math_nan = float("nan")


def test_an_object_that_gives_another_state_each_time_is_named_as_such() -> None:
    assert list(walked(Drawn(1)).opaque) == [f"{__name__}.Drawn, whose state is another one each time it is asked"]
    assert not walked(Kept(1)).opaque
    assert value_digest(Kept(1)) == value_digest(Kept(1)) != value_digest(Kept(2))


# What users and libraries say


class Model:
    def __init__(self, version: int) -> None:
        self.version = version
        self.made_at = object()


class SubModel(Model):
    pass


class Token:
    def __init__(self, token: Any, rest: Any) -> None:
        self.token, self.rest = token, rest

    def __dask_tokenize__(self) -> Any:
        return self.token


class Spoken(Token):
    pass


def test_registered_identity_counts_in_place_of_the_state() -> None:
    register_identity(Model, lambda model: model.version)
    assert value_digest(Model(1)) == value_digest(Model(1)) != value_digest(Model(2))
    assert value_digest(SubModel(1)) == value_digest(SubModel(1))
    assert value_digest(SubModel(1)) != value_digest(Model(1))
    assert value_digest([{"k": Model(1)}]) == value_digest([{"k": Model(1)}])
    register_identity(Model, lambda model: None)
    assert value_digest(Model(1)) == value_digest(Model(2))


def test_dask_tokenize_is_honoured_and_a_registration_comes_first() -> None:
    assert value_digest(Token((1, [2]), 3)) == value_digest(Token((1, [2]), 4)) != value_digest(Token((1, [3]), 3))
    register_identity(Spoken, lambda each: each.rest)
    assert value_digest(Spoken(1, 3)) == value_digest(Spoken(2, 3)) != value_digest(Spoken(1, 4))


def test_a_registered_function_that_raises_is_named() -> None:
    class Odd:
        pass

    register_identity(Odd, lambda each: each.missing)
    assert list(walked(Odd()).opaque) == [
        f"{__name__}.{Odd.__qualname__}, whose registered identity raises AttributeError"
    ]


@pytest.mark.parametrize("wrong", [(3, len), (collections.Counter, 3), ("Model", len)])
def test_wrong_registrations_are_refused(wrong: tuple[Any, Any]) -> None:
    with pytest.raises(TypeError, match="register_identity"):
        register_identity(*wrong)
