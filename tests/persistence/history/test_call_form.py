"""When two calls of one function are the same: names, order, what is left out, what is a file."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from cuebook import File
from cuebook.persistence.history.call_form import CallForm, call_key
from cuebook.persistence.identity import files
from cuebook.persistence.identity.files import FileStamp, MissingFile
from cuebook.persistence.identity.parameters import Parameters, parameters_of
from cuebook.persistence.identity.value_digest import value_digest

ROOT = Path(__file__).resolve().parents[3]


def plain(a: Any, b: Any = None, *, c: Any = None) -> None: ...
def rest(a: Any, *more: Any, **named: Any) -> None: ...
def only(a: Any, /, b: Any = None) -> None: ...


class Callables:
    def method(self, a: Any, **named: Any) -> None: ...

    @classmethod
    def of_class(cls, a: Any) -> None: ...

    @staticmethod
    def static(a: Any, b: Any = None) -> None: ...

    def __call__(self, z: Any, **named: Any) -> None: ...

    def __init__(self, q: Any = None) -> None: ...


@functools.wraps(plain)
def wrapper(*args: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize(
    ("func", "expected"),
    [
        (plain, Parameters(("a", "b"), frozenset("abc"), None, None)),
        (rest, Parameters(("a",), frozenset("a"), "more", "named")),
        (only, Parameters(("a", "b"), frozenset("b"), None, None)),
        (Callables().method, Parameters(("a",), frozenset("a"), None, "named")),
        (Callables.of_class, Parameters(("a",), frozenset("a"), None, None)),
        (Callables.static, Parameters(("a", "b"), frozenset("ab"), None, None)),
        (Callables(), Parameters(("z",), frozenset("z"), None, "named")),
        (Callables, Parameters(("q",), frozenset("q"), None, None)),
        (functools.partial(plain, 1), Parameters(("b",), frozenset("bc"), None, None)),
        (functools.partial(rest, x=1), Parameters(("a",), frozenset("ax"), "more", "named")),
        (wrapper, Parameters(("a", "b"), frozenset("abc"), None, None)),
        (lambda: None, Parameters((), frozenset(), None, None)),
        (max, None),
    ],
)
def test_parameters_are_those_that_a_call_binds(func: Any, expected: Any) -> None:
    assert parameters_of(func) == expected


def keys(func: Callable[..., Any], *calls: Any, **options: Any) -> list[bytes]:
    form = CallForm(func, **options)
    return [form.key(call) for call in calls]


def test_keywords_that_name_a_parameter_have_no_order_and_the_rest_has() -> None:
    one, other = keys(plain, {"a": 1, "b": 2, "c": 3}, {"c": 3, "b": 2, "a": 1})
    assert one == other
    one, other, third = keys(rest, {"x": 1, "y": 2, "a": 0}, {"a": 0, "x": 1, "y": 2}, {"a": 0, "y": 2, "x": 1})
    assert one == other != third
    one, other = keys(dict, {"x": 1, "y": 2}, {"y": 2, "x": 1})
    assert one != other
    one, other = keys(functools.partial(rest, x=5), {"a": 0, "x": 1}, {"x": 1, "a": 0})
    assert one == other


def test_partials_as_values_have_named_keywords_in_no_order() -> None:
    assert value_digest(functools.partial(plain, b=1, a=2)) == value_digest(functools.partial(plain, a=2, b=1))
    assert value_digest(functools.partial(rest, b=1, c=2)) != value_digest(functools.partial(rest, c=2, b=1))
    assert value_digest(functools.partial(plain, 1)) != value_digest(functools.partial(plain, a=1))


def test_a_list_and_its_mapping_form_are_two_calls() -> None:
    assert len(set(keys(plain, [1], {"a": 1}, [{"a": 1}], [[1]]))) == 4


def test_a_call_of_an_unknown_function_is_known_as_that_of_a_plain_one() -> None:
    for call in ([1, "a"], [(1,)], {"b": 1, "a": 2}, [{"k": 1}]):
        assert keys(plain, call) == [call_key(call)]


def test_ignored_parameters_do_not_count_wherever_they_stand() -> None:
    calls = [[1, True], [1, False], [1], {"a": 1, "b": 5}, {"a": 1}, {"b": 7, "a": 1}]
    found = keys(plain, *calls, ignore=("b",))
    assert found[0] == found[1] == found[2] != found[3] == found[4] == found[5]
    assert keys(plain, [1], ignore=("b",)) != keys(plain, [2], ignore=("b",))
    assert keys(plain, [1, 2], ignore=("a",))[0] == keys(plain, [5, 2], ignore=("a",))[0]
    assert keys(plain, [1, 2], ignore=("a",)) != keys(plain, [2], ignore=("b",))
    assert keys(plain, [1], ignore=("b",)) != keys(plain, [1])


def test_surplus_arguments_can_be_ignored_by_the_names_that_take_them() -> None:
    one, other = keys(rest, [1, 2, 3], [1, 4], ignore=("more",))
    assert one == other
    one, other, third = keys(rest, {"a": 1, "x": 2}, {"a": 1, "y": 3}, {"a": 2}, ignore=("named",))
    assert one == other != third
    one, other = keys(rest, {"a": 1, "verbose": True}, {"a": 1, "verbose": False}, ignore=("verbose",))
    assert one == other


@pytest.mark.parametrize(
    ("func", "ignore", "text"),
    [
        (plain, ("verbose",), "ignore names 'verbose', and plain has no such parameter; it has a, b, c"),
        (max, ("key",), "max does not say which parameters it has"),
        (lambda: None, ("x",), "it has none"),
    ],
)
def test_ignoring_what_is_no_parameter_is_refused(func: Any, ignore: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        CallForm(func, ignore=ignore)


def test_what_cannot_be_seen_is_named_by_its_parameter() -> None:
    form = CallForm(plain)
    form.key([threading.Lock(), 1])
    assert form.opaque == {}
    form.key([1, [(n for n in [1])]])
    assert form.opaque == {"b": "builtins.generator"}


# Files


@pytest.fixture(autouse=True)
def forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_known", {})


def test_a_file_counts_by_content_and_the_last_part_of_its_name(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("1,2")
        (tmp_path / folder / "b.csv").write_text("1,2")
    (tmp_path / "y" / "c.csv").write_text("1,3")

    def key(*parts: str) -> bytes:
        return call_key([File(tmp_path.joinpath(*parts))])

    assert key("x", "a.csv") == key("y", "a.csv") != key("x", "b.csv")
    assert len({key("x", "a.csv"), key("x", "b.csv"), key("y", "c.csv")}) == 3
    assert key("x", "a.csv") != call_key([tmp_path / "x" / "a.csv"])
    assert call_key([{"k": [File(tmp_path / "x" / "a.csv")]}]) == call_key([{"k": [File(tmp_path / "y" / "a.csv")]}])
    (tmp_path / "x" / "a.csv").write_text("1,9")
    assert key("x", "a.csv") != key("y", "a.csv")


@pytest.mark.parametrize("made", [lambda p: p / "gone", lambda p: p])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, made: Any) -> None:
    with pytest.raises(MissingFile, match="cannot be read: (No such file|it is a folder)"):
        call_key([[File(made(tmp_path))]])


def test_a_file_is_read_again_only_when_it_may_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    reads: list[str] = []
    digest = files._digest
    monkeypatch.setattr(files, "_digest", lambda p: (reads.append(p), digest(p))[1])
    File(path).stamped()
    File(path).stamped()
    assert len(reads) == 2, "written to within the last two seconds: a later write could leave the same time"
    long_ago = path.stat().st_mtime_ns - 10**10
    os.utime(path, ns=(long_ago, long_ago))
    first = File(path).stamped()
    assert first.is_settled
    assert File(path).stamped() is File(path).stamped()
    assert len(reads) == 3
    path.write_text("2")
    os.utime(path, ns=(long_ago, long_ago))
    assert File(path).stamped().digest != first.digest, "the same size and mtime, but another ctime"
    assert len(reads) == 4


def test_a_kept_file_is_unchanged_until_its_content_is_another(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    kept = File(path)
    assert not kept.is_unchanged(), "nothing is known of it yet"
    kept.stamped()
    assert kept.is_unchanged()
    os.utime(path, ns=(5, 5))
    assert kept.is_unchanged(), "touched, and read again"
    path.write_text("2")
    assert not kept.is_unchanged()
    path.unlink()
    assert not kept.is_unchanged()


def test_a_file_that_is_written_to_while_it_is_read_is_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    os.utime(path, ns=(10**9, 10**9))
    digest = files._digest

    def disturbed(name: str) -> bytes:
        with path.open("a") as file:
            file.write("x")
        return digest(name)

    monkeypatch.setattr(files, "_digest", disturbed)
    assert not File(path).stamped().is_settled


def test_a_file_is_a_path_like_object_equal_by_path() -> None:
    one = File("data/a.csv")
    assert one == File(PurePosixPath("data/a.csv")) != File("b") and hash(one) == hash(File("data/a.csv"))
    assert os.fspath(one) == "data/a.csv" and one.path == Path("data/a.csv") and repr(one) == "File('data/a.csv')"
    assert FileStamp(b"", 1, 2, 3, 4, True).is_settled


# Golden digests: whoever changes one makes users' results be computed again

GOLDEN_SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import array, collections, dataclasses, datetime as dt, decimal, enum, fractions, functools, io, pathlib, random, re, types, uuid
import numpy as np
from cuebook.persistence.history.call_form import CallForm
@dataclasses.dataclass
class D:
    names: object
    def m(self): return self.names
class E(enum.Enum):
    A = "a"
N = collections.namedtuple("N", "a b")
def f(a, b=1, *rest, c=2, **more): return a
words = set("abcdefgh")
values = [
    None, True, 1, 2**70, 1.5, float("nan"), -0.0, "text", b"bytes", [1, [2]], (1, 2), {"a": 1, "b": (2,)}, {"b": 2, "a": 1},
    words, frozenset(words), 1 + 2j, range(3), slice(1, 2), bytearray(b"x"), memoryview(b"xy"), ..., dt.datetime(2020, 1, 2),
    dt.timedelta(1), decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.PurePosixPath("a/b"), E.A,
    N(1, 2), D([1]), D(words), collections.OrderedDict(a=1), collections.Counter("hello"), collections.deque([1], 3),
    types.SimpleNamespace(x=1), io.StringIO("abc"), random.Random(5), re.compile("a+"), functools.partial(f, 1, c=3),
    array.array("i", [1, 2]), ValueError("x"), {1, 2}.__class__, len, object(), {}.keys(),
    np.arange(6).reshape(2, 3), np.array([1.5, np.nan]), np.array(["a", "bc"]), np.array([(1, 2.0)], dtype="i4,f8"),
    np.float64(1.5), np.ma.array([1, 2], mask=[0, 1]), np.random.default_rng(5).bit_generator.seed_seq, np.dtype("f4"),
]
form = CallForm(f)
for value in values:
    print(form.key([value]).hex())
for call in ({"a": 1, "x": 2, "c": 3}, {"x": 2, "a": 1}, [1, 2, 3], {"a": {"password": "abc"}}):
    print(form.key(call).hex())
print(CallForm(f, ignore=("b", "more")).key([1, 2, (3,)]).hex())
"""
GOLDEN = Path(__file__).parent.parent.parent / "golden" / "identity_of_values.txt"


@pytest.mark.parametrize("seed", ["0", "7"])
def test_the_keys_of_values_are_those_of_every_release(seed: str, tmp_path: Path) -> None:
    script = tmp_path / "golden.py"  # of code in a file the source counts, of `-c` this Python's bytecode
    script.write_text(GOLDEN_SCRIPT)
    command = [sys.executable, str(script), str(ROOT)]
    env = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=env)
    assert done.stdout.splitlines() == GOLDEN.read_text().splitlines()
