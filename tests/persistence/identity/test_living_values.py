"""What merely lives does not count; random generators count by their state, unless nobody has seeded them."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import hashlib
import hmac
import io
import itertools
import logging
import multiprocessing
import os
import queue
import random
import secrets
import selectors
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import threading
import types
import uuid
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import compare, fingerprint
from cuebook.persistence.identity.registry import register_identity
from cuebook.persistence.identity.value_digest import value_digest, walked_digest
from cuebook.persistence.identity.values import living
from cuebook.persistence.identity.values.walk import ValueWalk

ROOT = Path(__file__).resolve().parents[3]


def walked(value: Any) -> ValueWalk:
    walk = ValueWalk()
    walked_digest(walk, lambda walk: walk.encode(value))
    return walk


def keyed(text: bytes) -> hmac.HMAC:
    return hmac.new(b"key", text, "sha256")


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


# Random generators


def test_a_generator_counts_by_its_state() -> None:
    seeds = [random.Random(1), random.Random(2), np.random.default_rng(1), np.random.default_rng(2)]
    seeds += [np.random.RandomState(1), np.random.RandomState(2), np.random.MT19937(1), np.random.PCG64(1)]
    seeds += [np.random.SeedSequence(1), np.random.SeedSequence(2), np.random.SeedSequence(1).spawn(2)[1]]
    assert len({value_digest(each) for each in seeds}) == len(seeds)
    for make in (random.Random, np.random.default_rng, np.random.RandomState, np.random.SeedSequence):
        assert value_digest(make(7)) == value_digest(make(7))
    used = random.Random(1)
    used.random()
    assert value_digest(used) != value_digest(random.Random(1))
    drawn = np.random.default_rng(1)
    drawn.random()
    assert value_digest(drawn) != value_digest(np.random.default_rng(1))


def test_generators_that_nobody_owns_never_count() -> None:
    hidden = [random.random, random._inst, np.random.rand, np.random.mtrand._rand, random.SystemRandom()]  # type: ignore[attr-defined]
    before = value_digest(hidden)
    random.random()
    np.random.rand()  # noqa: NPY002
    assert value_digest(hidden) == before
    assert not walked(hidden).opaque and not walked(hidden).unseeded


def test_a_numpy_generator_that_the_system_has_seeded_does_not_count_and_is_named() -> None:
    one, other = np.random.default_rng(), np.random.default_rng()
    assert value_digest([one, 1]) == value_digest([other, 1])
    assert list(walked(one).unseeded) == ["numpy.random._generator.Generator"]
    assert list(walked(np.random.RandomState()).unseeded) == ["numpy.random.mtrand.RandomState"]
    assert list(walked(np.random.PCG64()).unseeded) == ["numpy.random._pcg64.PCG64"]
    assert not walked(one).opaque
    children = [np.random.default_rng(seed) for seed in np.random.SeedSequence().spawn(3)]
    assert len({value_digest(child) for child in children}) == 3


def test_a_large_seed_that_somebody_has_chosen_counts() -> None:
    first = np.random.default_rng(122807528840384100672342137672332424406)
    second = np.random.default_rng(122807528840384100672342137672332424407)
    assert value_digest(first) != value_digest(second)
    assert not walked(first).unseeded
    settings = {"seed": secrets.randbits(128) | 1 << 127}
    assert not walked(np.random.default_rng(settings["seed"])).unseeded
    assert not walked(np.random.default_rng([1, 2, 3])).unseeded


def test_a_large_seed_of_the_command_line_counts() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np; from cuebook.persistence.identity.values.walk import ValueWalk\n"
        "rng = np.random.default_rng(int(sys.argv[2])); walk = ValueWalk(); walk.encode(rng); print(len(walk.unseeded))"
    )
    command = [sys.executable, "-c", script, str(ROOT), str(1 << 100)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "0"


# Other state that was left out


def test_streams_in_memory_iterators_and_compiled_objects_count() -> None:
    def text(content: str, place: int = 0) -> io.StringIO:
        stream = io.StringIO(content)
        stream.seek(place)
        return stream

    values = [
        text("a"), text("b"), text("ab"), text("ab", 1), io.BytesIO(b"a"), io.BytesIO(b"b"), iter([1, 2]), iter([1, 3]),
        itertools.count(1), itertools.count(2), itertools.cycle("ab"), zip([1], [2]), zip([1], [3]), enumerate("ab"),
        map(len, ["a"]), map(str, ["a"]), struct.Struct("<i"), struct.Struct("<q"), {1: 2}.keys(), {2: 2}.keys(),
        {1: 2}.values(), {1: 2}.items(), compile("x + 1", "f", "eval"), compile("x + 2", "f", "eval"),
        contextvars.ContextVar("a", default=1), contextvars.ContextVar("a", default=2), contextvars.ContextVar("a"),
        contextvars.ContextVar("b"),
    ]  # fmt: skip
    digests = [value_digest(value) for value in values]
    assert len(set(digests)) == len(values)
    assert [value_digest(value) for value in values] == digests
    assert value_digest(text("ab", 1)) == value_digest(text("ab", 1))
    assert value_digest(contextvars.ContextVar("a", default=[1])) == value_digest(
        contextvars.ContextVar("a", default=[1])
    )


def test_a_context_variable_counts_by_its_default_and_by_what_it_is_set_to_here() -> None:
    """Calls in threads and coroutines run in a copy of the program's context, and see what is set there."""
    variable = contextvars.ContextVar("v", default=1)
    unset = value_digest(variable)
    assert value_digest(contextvars.ContextVar("v", default=1)) == unset
    assert value_digest(contextvars.ContextVar("v", default=2)) != unset
    variable.set(5)
    five = value_digest(variable)
    assert contextvars.Context().run(value_digest, variable) == unset != five
    variable.set(6)
    assert value_digest(variable) not in (unset, five)


def test_what_a_context_variable_is_set_to_is_a_part_that_workers_do_not_compare() -> None:
    variable = contextvars.ContextVar("v", default=1)

    def f() -> object:
        return variable.get()

    before = fingerprint(f)
    variable.set(5)
    after = fingerprint(f)

    [change] = compare(before.parts, after.parts)
    assert (change.label[-13:], change.kind, change.after) == (" as it is set", "added", "5")
    assert change.label not in dict(after.imported)


@pytest.mark.parametrize("make", [hashlib.sha256, hashlib.sha3_256, hashlib.blake2b, hashlib.shake_128, keyed])
def test_hashes_count_by_what_they_have_taken_in(make: Any) -> None:
    one, same, other = make(b"ab"), make(b"a"), make(b"ac")
    same.update(b"b")
    assert value_digest(one) == value_digest(same) != value_digest(other)
    assert value_digest(hashlib.md5(b"ab")) not in (value_digest(one), value_digest(hashlib.sha1(b"ab")))


def test_weak_references_count_by_what_they_refer_to() -> None:
    class Node:
        def __init__(self, n: int) -> None:
            self.n = n
            self.me = weakref.ref(self)

    one, same, other = Node(1), Node(1), Node(2)
    assert value_digest(one) == value_digest(same) != value_digest(other)
    assert value_digest(weakref.WeakSet([one])) == value_digest(weakref.WeakSet([same]))
    table = weakref.WeakValueDictionary({"a": one})
    assert value_digest(table) != value_digest(weakref.WeakValueDictionary({"a": other}))


def test_a_ufunc_made_of_a_function_counts_by_that_function() -> None:
    add, twice = np.frompyfunc(lambda x: x + 1, 1, 1), np.frompyfunc(lambda x: x * 2, 1, 1)
    again = np.frompyfunc(lambda x: x + 1, 1, 1)
    assert value_digest(add) == value_digest(again) != value_digest(twice)
    assert value_digest(np.add) != value_digest(np.multiply)


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
