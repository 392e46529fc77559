"""What the next run takes from earlier ones, and what it makes afresh: through scripts that are edited in between."""

from __future__ import annotations

from collections import Counter
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any

import pytest

from cuebook import chunk
from tests.support.programs import calls, counts, run_script

BASE = """
import functools
K = 2
def helper(x):
    return x * K
def make(c):
    def inner(x, d=1):
        note(x)
        return helper(x) + c + d
    return inner
chunk(make(10), [[n] for n in range(5)], path="x.cue")
"""


def made_anew(folder: Path, before: str, after: str) -> int:
    """How many of the five calls are made again when the script reads otherwise."""
    run_script(folder, before)
    first = len(calls(folder))
    assert first == 5
    run_script(folder, after)
    return len(calls(folder)) - first


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("K = 2", "K = 3"),
        ("return x * K", "return x * K + 1"),
        ("make(10)", "make(11)"),
        ("d=1", "d=2"),
        ("+ c + d", "+ c - d"),
    ],
    ids=["constant", "helper", "closure", "default", "code"],
)
def test_a_change_of_what_the_result_depends_on_makes_every_call_anew(old: str, new: str, tmp_path: Path) -> None:
    assert made_anew(tmp_path, BASE, BASE.replace(old, new)) == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return x * K", "    # a comment\n    return x * K"),
        ("    return x * K", '    "A docstring."\n    return (x\n            * K)'),
        ("K = 2", "\n\n\nK = 2\nUNUSED = 5\ndef unused(): return 7"),
        ("import functools\n", ""),
        ("chunk(make(10)", "note_ = 1\nchunk(make(10)"),
    ],
    ids=["comment", "docstring and format", "position and what is not used", "import", "the script around it"],
)
def test_a_change_of_anything_else_makes_no_call_anew(old: str, new: str, tmp_path: Path) -> None:
    assert made_anew(tmp_path, BASE, BASE.replace(old, new)) == 0


SIMPLE = "def f(x):\n    note(x)\n    return x\nprint(chunk(f, {}, path='x.cue', reuse='{}'))\n"


def script(parameters: str, reuse: str = "calls") -> str:
    return SIMPLE.format(parameters, reuse)


@pytest.mark.parametrize(
    ("after", "new"),
    [
        ("[[0], [1], [2], [3]]", {"3": 1}),
        ("[[9], [0], [1], [2]]", {"9": 1}),
        ("[[0], [9], [1], [2]]", {"9": 1}),
        ("[[2], [1], [0]]", {}),
        ("[[1]]", {}),
        ("[]", {}),
        ("[[0], [0], [1], [2]]", {"0": 1}),
        ("[[1], [1], [1]]", {"1": 2}),
        ("([n] for n in (2, 1, 7))", {"7": 1}),
        ("[(0,), (1,), (2,)]", {}),
        ("[[0.0], [1.0], [2]]", {"0.0": 1, "1.0": 1}),
        ("[[False], [True], [2]]", {"False": 1, "True": 1}),
    ],
)
def test_only_calls_that_are_new_to_the_journal_are_made(after: str, new: dict[str, int], tmp_path: Path) -> None:
    log = tmp_path / "log"

    def made(parameters: object) -> Counter[str]:
        before = Counter(log.read_text().split()) if log.exists() else Counter()
        chunk(echo(log), parameters, where="thread", chunk_size=2, path=tmp_path / "x.cue")  # type: ignore[arg-type]
        return Counter(log.read_text().split()) - before

    assert made([[0], [1], [2]]) == {"0": 1, "1": 1, "2": 1}
    assert made(eval(after)) == new
    assert made(eval(after)) == {}


def echo(log: Path) -> object:
    name = str(log)

    def f(x: object) -> object:
        with open(name, "a") as file:
            file.write(f"{x}\n")
        return x

    return f


def test_with_reuse_run_any_difference_of_the_list_starts_afresh_and_the_old_run_stays(tmp_path: Path) -> None:
    run_script(tmp_path, script("[[0], [1], [2]]", "run"))
    run_script(tmp_path, script("[[0], [1], [2], [3]]", "run"))
    assert counts(tmp_path) == {"0": 2, "1": 2, "2": 2, "3": 1}
    run_script(tmp_path, script("[[0], [1], [2]]", "run"))
    assert sum(counts(tmp_path).values()) == 7


def test_equal_calls_are_as_many_calls_as_they_are(tmp_path: Path) -> None:
    for _ in range(2):
        assert run_script(tmp_path, script("[[1]] * 4")) == "[1, 1, 1, 1]\n"
    assert counts(tmp_path) == {"1": 4}


def test_a_result_of_none_is_completed(tmp_path: Path) -> None:
    body = "def f(x):\n    note(x)\nprint(chunk(f, [[1], [2]], path='x.cue'))\n"
    for _ in range(2):
        assert run_script(tmp_path, body) == "[None, None]\n"
    assert counts(tmp_path) == {"1": 1, "2": 1}


def test_two_functions_in_one_journal_do_not_take_each_others_results(tmp_path: Path) -> None:
    body = """
def f(x): note(f"f{x}"); return x
def g(x): note(f"g{x}"); return -x
print(chunk(f, [[1]], path="x.cue"), chunk(g, [[1]], path="x.cue"), chunk(f, [[1]], path="x.cue"))
"""
    for _ in range(2):
        assert run_script(tmp_path, body) == "[1] [-1] [1]\n"
    assert sorted(calls(tmp_path)) == ["f1", "g1"]


def counting(log: Path, k: int) -> object:
    name = str(log)

    def f(x: int) -> int:
        with open(name, "a") as file:
            file.write(f"{x}\n")
        return x + k

    return f


def test_version_stands_in_for_the_functions_code(tmp_path: Path) -> None:
    log, path = tmp_path / "log", tmp_path / "x.cue"
    options = {"where": "thread", "path": path}
    assert chunk(counting(log, 1), [[1]], version="a", **options) == [2]  # type: ignore[arg-type]
    assert chunk(counting(log, 5), [[1]], version="a", **options) == [2]  # type: ignore[arg-type]
    assert chunk(counting(log, 5), [[1]], version="b", **options) == [6]  # type: ignore[arg-type]
    assert Counter(log.read_text().split()) == {"1": 2}


def test_depends_adds_files_by_content_and_objects_by_value(tmp_path: Path) -> None:
    log, path, table = tmp_path / "log", tmp_path / "x.cue", tmp_path / "table.csv"
    func = counting(log, 1)

    def made(*depends: object) -> int:
        before = len(log.read_text().split()) if log.exists() else 0
        chunk(func, [[1]], where="thread", path=path, depends=depends)  # type: ignore[arg-type]
        return len(log.read_text().split()) - before

    table.write_text("1")
    assert made(table) == 1
    table.write_text("2")
    assert made(table) == 1
    table.write_text("1")
    assert made(table) == 0
    assert made({"rate": 0.5}) == 1
    assert made({"rate": 0.5}) == 0
    assert made({"rate": 0.25}) == 1
    assert made() == 1


def test_arguments_that_are_not_kept_are_recognised_all_the_same_and_lie_nowhere_in_the_file(tmp_path: Path) -> None:
    log, path = tmp_path / "log", tmp_path / "x.cue"
    func = counting(log, 1)
    secret = "a very secret argument"

    def with_secret(x: int, word: str) -> int:
        return func(x)  # type: ignore[operator, no-any-return]

    for _ in range(2):
        output = chunk(with_secret, [[1, secret]], where="thread", path=path, keep_arguments=False)
        assert output == [2]
    assert len(log.read_text().split()) == 1
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("where", ["process", "thread"])
def test_fresh_and_replayed_results_are_the_same_values_of_the_same_types(where: str, tmp_path: Path) -> None:
    body = f"""
import datetime, decimal, enum, dataclasses, pathlib, uuid, fractions
@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    y: float
class Color(enum.Enum):
    RED = "r"
VALUES = [
    None, True, 1, -(2**70), 1.5, float("inf"), -0.0, 1 + 2j, "ä", b"\\0", (), (1, (2,)), [1, [2]], {{1, 2}},
    frozenset({{3}}), {{"a": {{1: (2, 3)}}}}, {{(1, 2): 3}}, decimal.Decimal("1.10"), datetime.datetime(2024, 1, 2, 3, 4, 5, 6),
    datetime.date(2024, 1, 2), datetime.timedelta(seconds=1), uuid.UUID(int=5), pathlib.PurePosixPath("a/b"),
    fractions.Fraction(1, 3), range(3), slice(1, 2), Point(1.0, 2.0), Color.RED, ValueError("x"), ..., bytearray(b"x"),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), "x" * 300_000, [float("nan")],
]
def f(k): note(k); return VALUES[k]
def seen(value): return type(value).__qualname__ + repr(value)
fresh = chunk(f, [[k] for k in range(len(VALUES))], path="x.cue", where="{where}")
replayed = chunk(f, [[k] for k in range(len(VALUES))], path="x.cue", where="{where}")
for value, a, b in zip(VALUES, fresh, replayed):
    assert seen(a) == seen(b) == seen(value), (value, a, b)
    assert type(a) is type(value) is type(b)
print(len(VALUES))
"""
    count = int(run_script(tmp_path, body))
    assert sum(counts(tmp_path).values()) == count


def test_numpy_arrays_keep_type_shape_and_bits(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")

    def f(kind: str) -> object:
        return {
            "matrix": np.arange(12, dtype=np.float32).reshape(3, 4).T,
            "scalar": np.float64(1.5),
            "big": np.arange(200_000),
            "empty": np.zeros((0, 3)),
            "nan": np.array([np.nan, -0.0]),
        }[kind]

    kinds = [["matrix"], ["scalar"], ["big"], ["empty"], ["nan"]]
    for _ in range(2):
        output = chunk(f, kinds, path=tmp_path / "x.cue", pickle=False)
        for (kind,), value in zip(kinds, output, strict=True):
            expected = f(kind)
            assert type(value) is type(expected)
            assert value.dtype == expected.dtype and value.shape == expected.shape  # type: ignore[attr-defined]
            assert value.tobytes() == expected.tobytes()  # type: ignore[attr-defined]


SETTING: ContextVar[int] = ContextVar("SETTING", default=1)


@pytest.mark.parametrize("where", ["thread", "async"])
def test_what_a_context_variable_is_set_to_counts_where_calls_see_it(where: Any, tmp_path: Path) -> None:
    made: list[int] = []

    async def seen(x: int) -> int:
        made.append(x)
        return SETTING.get() + x

    def read(x: int) -> int:
        made.append(x)
        return SETTING.get() + x

    def run(value: int) -> list[int]:
        SETTING.set(value)
        return chunk(seen if where == "async" else read, [[1]], where=where, path=tmp_path / "x.cue")

    found = [copy_context().run(run, value) for value in (5, 6, 5)]

    assert found == [[6], [7], [6]]
    assert len(made) == 2
