"""Options and values that decide what counts, through the whole of a run: ignore, reuse, files, order, names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import Checkpoint, Chunker, File, Runtime, chunk, current_call

WHERES = ["thread", "process"]


@pytest.fixture
def cue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.cue"


def reused(path: Path) -> list[int]:
    return [run.reused for run in Checkpoint.load(path).runs]


def noted(n: Any, verbose: bool = False, **more: Any) -> str:
    return f"{n} {sorted(more)} {current_call().seed if current_call() else ''}"


def test_ignored_parameters_redo_nothing_and_seed_alike(cue: Path) -> None:
    first = chunk(noted, [[1, True], [2, True]], path=cue, where="thread", ignore=("verbose",))
    again = chunk(noted, [[1, False], [2]], path=cue, where="thread", ignore=["verbose"])
    assert again == first and reused(cue) == [0, 2]
    assert Checkpoint.load(cue).parameters == [[1, False], [2]]
    in_processes = chunk(noted, [[1, 3]], path=cue, where="process", ignore={"verbose"}, reuse="none")
    assert in_processes == first[:1]
    chunk(noted, [[1, True]], path=cue, where="thread")
    chunk(noted, [[2, True]], path=cue, where="thread", ignore=("n",))
    assert reused(cue) == [0, 2, 0, 0, 0]
    shown = Checkpoint.load(cue).parameters
    assert shown == [[2, True]], "what is ignored is kept all the same"


def test_ignore_works_for_iterators_chunkers_and_runtimes(cue: Path) -> None:
    chunk(noted, iter([[1, True]]), path=cue, where="thread", ignore=("verbose",))
    with Chunker(noted, path=cue, where="thread", ignore=("verbose",)) as chunker:
        chunker([[1, False]])

    async def main() -> None:
        async with Runtime(cue, where="thread", ignore=("verbose",)) as runtime:
            await runtime.chunk(noted, [{"n": 1, "verbose": 5}])
            async for done in runtime.stream(noted, iter([[1, 7]])):
                assert done.reused

    asyncio.run(main())
    assert reused(cue) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("ignore", "error", "text"),
    [
        ("verbose", TypeError, r'write a tuple of names, such as ignore=\("verbose",\)'),
        ((1,), TypeError, "1 is no name"),
        (("loud",), ValueError, "ignore names 'loud', and given has no such parameter; it has n, k"),
    ],
)
def test_ignoring_wrongly_is_refused_before_anything_starts(cue: Path, ignore: Any, error: Any, text: str) -> None:
    def given(n: int, k: int = 0) -> int:
        return n

    with pytest.raises(error, match=text):
        chunk(given, [[1]], path=cue, where="thread", ignore=ignore)
    assert not cue.exists() or Checkpoint.load(cue).runs == []


def test_reuse_none_makes_every_call_afresh_and_later_runs_take_the_newest(cue: Path) -> None:
    counter = cue.with_name("count")
    counter.write_text("0")

    def counting(n: int) -> int:
        count = int(counter.read_text()) + 1
        counter.write_text(str(count))
        return count

    def run(calls: Any, **options: Any) -> list[Any]:
        return chunk(counting, calls, path=cue, where="thread", chunk_size=1, **options)

    assert run([[0]]) == [1] and run([[0]]) == [1]
    assert run([[0]], reuse="none") == [2] and run(iter([[0]]), reuse="none") == [3]
    assert run([[0]]) == [3]
    assert reused(cue) == [0, 1, 0, 0, 1]


def test_the_order_of_dicts_is_another_call_and_that_of_named_parameters_is_not(cue: Path) -> None:
    def applied(x: int, steps: Any = None, **more: Any) -> Any:
        return [x, list(steps or {}), list(more)]

    def run(*calls: Any) -> list[Any]:
        return chunk(applied, list(calls), path=cue, where="thread")

    run([1, {"a": 1, "b": 2}], {"x": 1, "steps": {}, "p": 1, "q": 2})
    assert run([1, {"b": 2, "a": 1}]) == [[1, ["b", "a"], []]]
    assert run({"q": 2, "p": 1, "x": 1, "steps": {}}) == [[1, [], ["q", "p"]]]
    assert reused(cue) == [0, 0, 0]
    assert run({"steps": {}, "x": 1, "p": 1, "q": 2}) == [[1, [], ["p", "q"]]]
    assert reused(cue)[-1] == 1


# Files


def size(path: Any, more: Any = None) -> Any:
    assert isinstance(path, Path), path
    assert more is None or all(type(each) is type(path) for each in more)
    return path.read_text()


@pytest.mark.parametrize("where", [*WHERES, "async"])
def test_a_file_is_a_path_in_the_call_and_counts_by_content(cue: Path, where: str) -> None:
    async def awaited(path: Any, more: Any = None) -> Any:
        return size(path, more)

    func = awaited if where == "async" else size
    one, other = cue.with_name("a.csv"), cue.with_name("b.csv")
    one.write_text("1")
    other.write_text("2")
    calls: list[Any] = [[File(one)], [File(other), [File(one), File(other)]], {"path": File(one), "more": (File(one),)}]
    assert chunk(func, calls, path=cue, where=where) == ["1", "2", "1"]
    assert chunk(func, calls, path=cue, where=where) == ["1", "2", "1"]
    assert reused(cue) == [0, 3]
    one.write_text("3")
    assert chunk(func, calls, path=cue, where=where) == ["3", "2", "3"]
    assert reused(cue) == [0, 3, 0]
    assert chunk(func, calls[:1], where=where) == ["3"], "without a journal, too"


def test_a_project_in_another_folder_has_the_same_files(cue: Path) -> None:
    for folder in ("x", "y"):
        cue.with_name(folder).mkdir()
        (cue.with_name(folder) / "a.csv").write_text("1")
        chunk(size, [[File(cue.with_name(folder) / "a.csv")]], path=cue, where="thread")
    assert reused(cue) == [0, 1]
    assert Checkpoint.load(cue).parameters == [[File(cue.with_name("y") / "a.csv")]]


def test_a_file_among_the_arguments_that_is_not_there_is_refused_by_name(cue: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"File\('gone.csv'\) cannot be read: No such file or directory"):
        chunk(size, [[File("gone.csv")]], path=cue, where="thread")
    with pytest.raises(FileNotFoundError, match="gone.csv"):
        chunk(size, iter([[File("gone.csv")]]), path=cue, where="thread")


def test_a_file_that_has_not_changed_is_read_once_over_all_runs(cue: Path) -> None:
    data = cue.with_name("data.bin")
    data.write_bytes(b"x" * 1000)
    os.utime(data, ns=(10**18, 10**18))
    script = textwrap.dedent("""
        import sys
        from cuebook import File, chunk
        from cuebook.persistence.identity import files
        reads, digest = [], files._digest
        files._digest = lambda path: (reads.append(path), digest(path))[1]
        def length(path):
            return path.stat().st_size
        print(chunk(length, [[File("data.bin")]], path="runs.cue", where="thread"), len(reads))
    """)
    said = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["[1000] 1\n", "[1000] 0\n"]


def writes(n: int) -> Any:
    path = Path(f"out-{n}.txt")
    path.write_text(f"made of {n}")
    return {"n": n, "file": [File(path)]}


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("made", [list, iter], ids=["list", "iterator"])
def test_a_returned_file_that_is_gone_or_changed_is_made_again_and_said(
    cue: Path, capfd: pytest.CaptureFixture[str], where: str, made: Callable[[Any], Any]
) -> None:
    calls = [[n] for n in range(4)]

    def run() -> tuple[list[Any], str]:
        capfd.readouterr()
        values = chunk(writes, made(calls), path=cue, where=where)
        return values, capfd.readouterr().err

    first, said = run()
    assert said == "" and first[2]["file"] == [File("out-2.txt")]
    assert run() == (first, "")
    os.utime("out-0.txt")
    Path("out-1.txt").write_text("something else")
    Path("out-2.txt").unlink()
    again, said = run()
    assert again == first and Path("out-1.txt").read_text() == "made of 1" and Path("out-2.txt").exists()
    if made is list:
        assert (
            "2 results of writes name files gone or changed since (out-1.txt, out-2.txt): these calls are made" in said
        )
    else:
        assert "gone or changed since (out-1.txt" in said
    assert run()[1] == ""
    assert reused(cue) == [0, 4, 2, 4]


def test_where_all_files_are_gone_nothing_else_is_said_to_be_the_reason(
    cue: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It was also said that the arguments were given in another form, which they were not."""
    for _ in range(2):
        chunk(writes, [[0], [1]], path=cue, where="thread")
        Path("out-0.txt").unlink()
        Path("out-1.txt").unlink()
    (line,) = capfd.readouterr().err.splitlines()
    assert "2 results of writes name files gone or changed since" in line


def test_streams_make_calls_of_lost_files_again_too(cue: Path) -> None:
    async def run(calls: Any) -> list[bool]:
        async with Runtime(cue, where="thread") as runtime:
            done = [each async for each in runtime.stream(writes, calls)]
        return [each.reused for each in sorted(done, key=lambda each: each.index)]

    calls = [[n] for n in range(3)]
    asyncio.run(run(calls))
    Path("out-1.txt").unlink()
    assert asyncio.run(run(calls)) == [True, False, True]
    Path("out-2.txt").unlink()
    assert asyncio.run(run(iter(calls))) == [True, True, False]


def test_a_large_result_with_a_file_in_it_is_watched_too(cue: Path) -> None:
    def large(n: int) -> Any:
        Path("large.txt").write_text("x")
        return ["y" * 500_000, File("large.txt")]

    for expected in ([0], [0, 1]):
        chunk(large, [[1]], path=cue, where="thread")
        assert reused(cue) == expected
    Path("large.txt").unlink()
    chunk(large, [[1]], path=cue, where="thread")
    assert reused(cue) == [0, 1, 0]


def test_a_returned_file_that_is_not_there_fails_its_call(cue: Path) -> None:
    (error,) = chunk(lambda: File("nowhere"), [[]], path=cue, where="thread", errors="collect")
    assert "File('nowhere') cannot be read" in str(error)


def test_paths_of_files_are_named_once_with_advice(cue: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cue.with_name("a.csv").write_text("1")

    def read(path: Any) -> str:
        return str(path)

    for argument in ("a.csv", Path("a.csv")):
        journal = cue.with_name(f"{type(argument).__name__}.cue")
        chunk(read, [["no file"], [argument]], path=journal, where="thread")
        assert capfd.readouterr().err == (
            "cuebook: argument path is the path of a file (a.csv), whose content does not count; with "
            "cuebook.File(path) in its place it does\n"
        )
        chunk(read, [[argument], [argument]], path=journal, where="thread")
        assert capfd.readouterr().err == ""
    chunk(read, [["x"]] * 100 + [["a.csv"]], path=cue, where="thread")
    assert capfd.readouterr().err == "", "only the first hundred calls are looked at"
