"""What nobody can see of a function is named, and never an error."""

from __future__ import annotations

import functools
import logging
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.value_digest import value_digest, walked_digest
from cuebook.persistence.identity.values.walk import ValueWalk
from tests.persistence.identity.fingerprinted import Workshop

pytestmark = pytest.mark.quick


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    known = set(sys.modules)
    yield Workshop(tmp_path)
    for name in set(sys.modules) - known:
        if name.startswith(("users_", "upkg")):
            del sys.modules[name]


def test_what_cannot_be_seen_is_named(shop: Workshop) -> None:
    source = """
        import threading, random
        LOCK = threading.Lock()
        RANDOM = random.Random(1)
        rows = __import__("re").match("a", "a")
        stream = (n for n in range(3))
        def f(x):
            with LOCK:
                return RANDOM.random(), next(stream), rows
    """
    modules = [shop.module(source) for _ in range(2)]
    found = [fingerprint(module.f) for module in modules]
    assert found[0].opaque == (
        "global rows (re.Match)",
        "global stream (builtins.generator)",
    )
    assert found[0].digest == found[1].digest


def test_a_logger_neither_counts_nor_is_named() -> None:
    log = logging.getLogger("one")

    def f(x: int) -> None:
        log.info("%s", x)

    before = fingerprint(f)
    log = logging.getLogger("another")
    assert fingerprint(f).digest == before.digest
    assert before.opaque == ()


class Hostile:
    """Raises wherever it is touched."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SystemError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError

    def __call__(self, x: int) -> int:
        return x


def deep(levels: int) -> list[Any]:
    value: list[Any] = [{1}]
    for _ in range(levels):
        value = [value]
    return value


ODD_VALUES: dict[str, Any] = {
    "hostile": Hostile(),
    "deep": deep(5000),
    "lock": threading.Lock(),
    "object": object(),
    "module": sys,
    "nan": float("nan"),
    "class": type("T", (), {}),
    "ellipsis": Ellipsis,
    "builtin": print,
    "random": random,
}


@pytest.mark.parametrize("name", ODD_VALUES)
def test_identity_never_raises_whatever_a_function_is_bound_to(name: str) -> None:
    value = ODD_VALUES[name]

    def f(x: Any = value) -> Any:
        return x, value

    one = fingerprint(f, depends=[value], extra=[value])
    assert len(one.digest) == 16
    assert one.digest == fingerprint(f, depends=[value], extra=[value]).digest
    assert fingerprint(functools.partial(f, value, k=value)).name == f.__qualname__


def test_a_hostile_callable_has_a_fingerprint() -> None:
    assert fingerprint(Hostile()).name == "Hostile"


def test_an_empty_cell_is_no_error() -> None:
    def outer() -> Any:
        def f() -> Any:
            return late

        yield f
        late = 1
        yield f

    steps = outer()
    before = fingerprint(next(steps)).digest
    assert fingerprint(next(steps)).digest != before


def test_what_hangs_on_a_module_that_another_process_would_import_is_told_apart(shop: Workshop) -> None:
    helpers = shop.module("LIMIT = 3\ndef clean(x): return x < LIMIT\n")
    scope: dict[str, Any] = {"__name__": "__main__", "clean": helpers.clean, "RATE": 2}
    exec("def f(x, k=1): return clean(x) * RATE", scope)

    found = fingerprint(scope["f"])

    imported = dict(found.imported)
    assert {part.label for part in found.parts} - imported.keys() == {"code of f", "default k of f", "global RATE"}
    assert imported == dict.fromkeys(
        [f"code of {helpers.__name__}.clean", f"global {helpers.__name__}.LIMIT"], f"{helpers.__file__}, line 2"
    )


def test_a_value_that_is_reached_on_several_ways_is_imported_by_those_that_lead_over_a_module(shop: Workshop) -> None:
    """It is walked once; each of its labels has the place of its own way."""
    helpers = shop.module(
        "TABLE = [1]\nSAME = TABLE\ndef first(): return TABLE[0]\nclass C: pass\nc = C(); c.table = TABLE\n"
    )
    scope: dict[str, Any] = {"__name__": "__main__", "mod": helpers, "OWN": helpers.TABLE, "os": os}
    exec("def f(x): return OWN, mod.SAME, mod.c.table, mod.first(), os.sep, os.path.join", scope)

    found = fingerprint(scope["f"])

    name = helpers.__name__
    assert dict(found.imported) == {
        "global mod.SAME": helpers.__file__,
        "global mod.c.table": helpers.__file__,
        f"code of {name}.first": f"{helpers.__file__}, line 3",
        f"global {name}.TABLE": f"{helpers.__file__}, line 3",
    }


def test_two_parts_of_one_label_have_places_of_their_own(shop: Workshop) -> None:
    helpers = shop.module(
        "def made(k):\n    def inner(x): return x * k[0]\n    return inner\none, two = made([1]), made([2])\n"
    )
    scope: dict[str, Any] = {"__name__": "__main__", "mod": helpers}
    exec("def inner(x): return mod.one(x) + mod.two(x) + mod.two(x)", scope)

    found = fingerprint(scope["inner"])

    label = f"closure k of {helpers.__name__}.made.<locals>.inner"
    assert {label, f"{label} (2)"} <= dict(found.imported).keys()


def test_what_is_set_on_a_library_is_imported_by_nobody(shop: Workshop) -> None:
    """A worker that has nothing of the user's to compare does not look at the function."""
    scope: dict[str, Any] = {"__name__": "__main__", "sys": sys, "partial": functools.partial, "wraps": functools.wraps}
    exec("def f(x): return sys.modules, partial, wraps.__name__", scope)

    assert fingerprint(scope["f"]).imported == ()


def plus_one(column: Any) -> Any:
    return column + 1


def test_a_python_function_in_an_expression_of_polars_cannot_be_seen() -> None:
    pl = pytest.importorskip("polars")
    a, rows = pl.col("a"), pl.LazyFrame({"a": [1]})
    mapped = a.map_batches(plus_one)
    for value in (
        mapped, a.map_batches(lambda column: column + 1), pl.fold(0, lambda n, column: n + column, ["a"]),
        rows.select(mapped), rows.map_batches(plus_one), rows.group_by("a").map_groups(plus_one, schema=None),
    ):  # fmt: skip
        walk = ValueWalk()
        walked_digest(walk, lambda walk, v=value: walk.encode(v))
        assert [name.endswith("which holds a Python function") for name in walk.opaque] == [True]
    assert (
        len({value_digest(value) for value in (a, a + 1, a + 2, rows, rows.select(a + 1), pl.LazyFrame({"a": [2]}))})
        == 6
    )
    assert value_digest(a + 1) == value_digest(pl.col("a") + 1)
