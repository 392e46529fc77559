"""Random generators as values: which count, by what, and which are living."""

from __future__ import annotations

import contextvars
import hashlib
import hmac
import io
import itertools
import random
import secrets
import struct
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import compare, fingerprint
from cuebook.persistence.identity.value_digest import value_digest
from tests.persistence.identity.living import walked

ROOT = Path(__file__).resolve().parents[3]


def keyed(text: bytes) -> hmac.HMAC:
    return hmac.new(b"key", text, "sha256")


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
