"""Every kind of callable: what a helper counts through."""

from __future__ import annotations

import asyncio
import functools
import math
import operator
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from tests.persistence.identity.fingerprinted import Workshop

pytestmark = pytest.mark.quick


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    known = set(sys.modules)
    yield Workshop(tmp_path)
    for name in set(sys.modules) - known:
        if name.startswith(("users_", "upkg")):
            del sys.modules[name]


KINDS = """
    import asyncio, functools, contextlib
    def h(x): return x + 1
    async def coroutine(x):
        await asyncio.sleep(0)
        return h(x)
    def generator(x): yield h(x)
    async def stream(x): yield h(x)
    @functools.lru_cache(maxsize=3)
    def cached(x): return h(x)
    @functools.singledispatch
    def single(x): return 0
    @single.register
    def _(x: int): return h(x)
    @contextlib.contextmanager
    def managed(x): yield h(x)
    class Task:
        def __init__(self, fn): self.fn = fn
        def __call__(self, x): return self.fn(x)
    task = Task(h)
    nested = functools.partial(functools.partial(Task(h), 1), k=2)
    class Static:
        @staticmethod
        def s(x): return h(x)
        @classmethod
        def c(cls, x): return h(x)
        partly = functools.partialmethod(lambda self, k, x: h(x), 1)
    static, klass = Static.s, Static.c
    table = {"a": h}
    def by_table(x): return table["a"](x)
    def by_default(x, fn=h): return fn(x)
    def attributed(x): return attributed.k + h(x)
    attributed.k = 1
"""


@pytest.mark.parametrize(
    "name",
    [
        "coroutine",
        "generator",
        "stream",
        "cached",
        "single",
        "managed",
        "task",
        "nested",
        "static",
        "klass",
        "by_table",
        "by_default",
        "attributed",
        "Static",
    ],
)
def test_a_helper_counts_through_every_kind_of_callable(shop: Workshop, name: str) -> None:
    assert not shop.is_same(KINDS, "def h(x): return x + 1", "def h(x): return x + 2", name)
    assert shop.is_same(KINDS, "def h(x): return x + 1", "def h(x):\n        # why\n        return x + 1", name)


def test_the_settings_of_a_cache_and_attributes_of_functions_count(shop: Workshop) -> None:
    assert not shop.is_same(KINDS, "maxsize=3", "maxsize=4", "cached")
    assert not shop.is_same(KINDS, "attributed.k = 1", "attributed.k = 2", "attributed")


def test_calls_that_fill_a_cache_do_not_count(shop: Workshop) -> None:
    module = shop.module(KINDS)
    before = [fingerprint(module.cached).digest, fingerprint(module.single).digest]
    module.cached(1)
    module.single(2)
    module.single("x")
    assert [fingerprint(module.cached).digest, fingerprint(module.single).digest] == before


def test_c_functions_are_known_by_name() -> None:
    callables = [
        len,
        math.sqrt,
        np.add,
        np.subtract,
        np.linalg.norm,
        str.upper,
        "a".upper,
        "b".upper,
        [1].count,
        operator.add,
    ]
    callables += [
        operator.itemgetter(1),
        operator.itemgetter(2),
        operator.attrgetter("a"),
        int,
        dict.fromkeys,
        asyncio.sleep,
    ]
    digests = [fingerprint(each).digest for each in callables]
    assert len(set(digests)) == len(callables)
    assert digests == [fingerprint(each).digest for each in callables]


def test_a_decorator_that_changes_nothing_does_not_count(shop: Workshop) -> None:
    source = """
        def register(fn): return fn
        @register
        def f(x): return x
    """
    assert shop.is_same(source, "@register", "")


def test_an_import_inside_counts_even_if_its_name_is_used_in_no_visible_way(shop: Workshop) -> None:
    names = [shop.module(f"def g(x): return x + {number}\n").__name__ for number in (1, 2)]
    source = 'def f(x):\n    from {} import g\n    return locals()["g"](x)\n'
    found = [fingerprint(shop.module(source.format(name)).f) for name in names]
    codes = [[part.digest for part in each.parts if part.detail.startswith("def g")] for each in found]
    assert codes[0] and codes[1] and codes[0] != codes[1]


def test_library_classes_and_functions_count_by_name_alone(shop: Workshop) -> None:
    source = """
        from collections import Counter
        from json import dumps
        import email.message
        def f(x): return dumps(Counter(x)), email.message.Message()
    """
    found = fingerprint(shop.module(source).f)
    assert [part.label for part in found.parts] == ["code of f", "global Counter", "global dumps", "global email"]
    assert [part.detail for part in found.parts[1:]] == ["collections.Counter", "json.dumps", "email"]


def test_what_a_librarys_wrapper_names_as_wrapped_counts(shop: Workshop) -> None:
    digests = []
    for number in (1, 2, 1):
        user = shop.module(f"def g(x): return {number}\n").g
        wrapper = types.FunctionType(textwrap.dedent.__code__, textwrap.dedent.__globals__)
        digests.append(fingerprint(functools.update_wrapper(wrapper, user)).digest)
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]
