"""Wrong use is told before anything starts, by name and with what to write instead."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import Chunker, Runtime, Worker, chunk, stream
from cuebook.children.limits import cpus_allowed
from cuebook.chunks.options import RunOptions, _checked, make_options
from cuebook.errors import JournalError
from tests.support.programs import start


def plain(x: int) -> int:
    return x


async def coroutine(x: int) -> int:
    return x


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"where": "moon"}, ValueError, "where='moon'"),
    ({"where": None}, ValueError, "where=None"),
    ({"errors": "ignore"}, ValueError, "errors='ignore'"),
    ({"errors": None}, ValueError, "errors=None"),
    ({"reuse": "always"}, ValueError, "reuse='always'"),
    ({"chunk_size": 0}, ValueError, "chunk_size=0"),
    ({"chunk_size": -3}, ValueError, "chunk_size=-3"),
    ({"workers": 0}, ValueError, "workers=0"),
    ({"workers": "2"}, TypeError, "workers='2'"),
    ({"workers": 2, "chunk_size": 2}, TypeError, "two names of one option"),
    ({"workers": Worker}, TypeError, "A Worker class goes to worker"),
    ({"chunk_size": Worker}, TypeError, "A Worker class goes to worker"),
    ({"worker": 2}, TypeError, "How many there are goes to workers"),
    ({"worker": int}, TypeError, "give a subclass of cuebook.Worker"),
    ({"worker": Worker()}, TypeError, "the class, not an object of it"),
    ({"worker": Chunker(abs).actors}, TypeError, "go to actors"),
    ({"worker": Worker, "actors": Worker}, TypeError, "two names of one option"),
    ({"chunk_size": 2.0}, TypeError, "chunk_size=2.0"),
    ({"chunk_size": True}, TypeError, "chunk_size=True"),
    ({"chunk_size": "2"}, TypeError, "chunk_size='2'"),
    ({"batch": 0}, ValueError, "batch=0"),
    ({"batch": "many"}, TypeError, "batch='many'"),
    ({"retries": -1}, ValueError, "retries=-1"),
    ({"retries": None}, TypeError, "retries=None"),
    ({"retries": 1.5}, TypeError, "retries=1.5"),
    ({"backoff": -0.1}, ValueError, "backoff=-0.1"),
    ({"backoff": "slow"}, ValueError, "backoff='slow'"),
    ({"backoff": True}, ValueError, "backoff=True"),
    ({"backoff": float("nan")}, ValueError, "backoff=nan"),
    ({"timeout": 0}, ValueError, "timeout=0"),
    ({"timeout": -1.0}, ValueError, "timeout=-1.0"),
    ({"timeout": float("nan")}, ValueError, "timeout=nan"),
    ({"timeout": "1"}, TypeError, "timeout='1'"),
    ({"timeout": True}, TypeError, "timeout=True"),
    ({"memory_limit": 0}, ValueError, "memory_limit=0"),
    ({"memory_limit": "much"}, ValueError, "memory_limit='much'"),
    ({"memory_limit": "1GB", "where": "thread"}, ValueError, "memory_limit"),
    ({"memory_limit": "1GB", "where": "async"}, ValueError, "memory_limit"),
    ({"version": 2}, TypeError, 'version="2"'),
    ({"depends": "table.csv"}, TypeError, "depends='table.csv'"),
    ({"depends": b"x"}, TypeError, "depends=b'x'"),
    ({"depends": 5}, TypeError, "depends=5"),
    ({"recycle_after": 0}, ValueError, "recycle_after=0"),
    ({"recycle_after": 1.0}, TypeError, "recycle_after=1.0"),
    ({"time_limit": 0}, ValueError, "time_limit=0"),
    ({"time_limit": "1h"}, TypeError, "time_limit='1h'"),
    ({"stop_at": 5}, TypeError, "stop_at=5"),
    ({"stop_at": "tomorrow"}, TypeError, "stop_at='tomorrow'"),
    ({"pickle": "no"}, TypeError, "pickle='no'"),
    ({"pickle": None}, TypeError, "pickle=None"),
    ({"keep_arguments": 0}, TypeError, "keep_arguments=0"),
    ({"actors": 4}, TypeError, "actors"),
    ({"actors": int}, TypeError, "actors"),
    ({"actors": Worker()}, TypeError, "actors"),
]


@pytest.mark.parametrize(("options", "error", "named"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_option_is_named_with_its_value(options: dict[str, Any], error: type[Exception], named: str) -> None:
    with pytest.raises(error) as caught:
        make_options(**options)
    text = str(caught.value)
    name, _, value = named.partition("=")
    assert name in text
    assert value in text


@pytest.mark.parametrize("options", [{"timeout": 0}, {"errors": "ignore"}, {"chunk_size": "2"}])
def test_every_face_checks_its_options_before_anything_is_made(options: dict[str, Any], tmp_path: Any) -> None:
    path = tmp_path / "folder" / "x.cue"
    with pytest.raises((TypeError, ValueError)):
        chunk(plain, [[1]], path=path, **options)
    with pytest.raises((TypeError, ValueError)):
        Chunker(plain, path=path, **options)
    with pytest.raises((TypeError, ValueError)):
        Runtime(path, **options)
    assert list(tmp_path.iterdir()) == []


class Doubling(Worker):
    """Makes the double of every result."""

    def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return 2 * func(*args, **kwargs)


def test_workers_and_worker_are_names_of_chunk_size_and_actors_at_every_face() -> None:
    assert make_options(workers=3).chunk_size == make_options(chunk_size=3).chunk_size == 3
    options: Any = {"where": "thread", "workers": 3, "worker": Doubling}
    assert chunk(plain, [[1], [2]], **options) == [2, 4]
    assert [done.value for done in stream(plain, [[1], [2]], ordered=True, **options)] == [2, 4]
    with Chunker(plain, **options) as chunker:
        assert (chunker.chunk_size, chunker([[1]])) == (3, [2])
        assert chunk(plain, [[2]], actors=chunker.actors, where="thread") == [4]

    async def main() -> list[Any]:
        async with Runtime(**options) as runtime:
            return [
                await runtime.chunk(plain, [[1]]),
                await runtime.chunk(plain, [[1]], chunk_size=1, actors=None),
                await runtime.chunk(plain, [[1]], workers=1, worker=None),
            ]

    assert asyncio.run(main()) == [[2], [1], [1]]


def test_far_more_processes_than_cpus_are_named(tmp_path: Path) -> None:
    patched = "import cuebook.chunks.opening as opening\nopening.WORKERS_USUAL = 2\nopening.cpus_allowed = lambda: 0\n"
    many = "chunk(abs, [[n] for n in range(3)], workers=1000{})\n"
    with start(tmp_path, patched + many.format("")) as program:
        assert program.wait() == 0
        assert program.stderr == "cuebook: abs has 3 worker processes on 0 CPUs; workers= is how many run at once\n"
    with start(tmp_path, patched + many.format(", where='thread'")) as program:
        assert (program.wait(), program.stderr) == (0, "")


@pytest.mark.parametrize("wrong", ["yes", 1, [True]])
def test_whether_to_show_a_bar_is_true_false_or_none(wrong: Any, tmp_path: Any) -> None:
    async def later() -> None:
        async with Runtime(where="thread") as runtime:
            await runtime.chunk(plain, [[1]], path=tmp_path / "x.cue", progress_bar=wrong)

    for make in (
        lambda: chunk(plain, [[1]], path=tmp_path / "x.cue", progress_bar=wrong),
        lambda: Chunker(plain, progress_bar=wrong),
        lambda: Runtime(progress_bar=wrong),
        lambda: asyncio.run(later()),
    ):
        with pytest.raises(TypeError, match="progress_bar=.*True or False or None"):
            make()
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_a_zero_byte_is_named() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        chunk(plain, [[1]], where="thread", path="a\0b")


def test_an_unknown_option_is_an_error_everywhere() -> None:
    for make in (Chunker, Runtime, functools.partial(chunk, plain, [[1]])):
        with pytest.raises(TypeError, match="chunksize"):
            make(chunksize=3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("func", "where"), [(None, "process"), (5, "process"), ("print", "thread"), (plain, "async"), (lambda: 1, "async")]
)
def test_what_is_no_function_is_refused_before_the_journal_is_made(func: Any, where: str, tmp_path: Any) -> None:
    with pytest.raises(TypeError):
        chunk(func, [[1]], where=where, path=tmp_path / "x.cue")
    assert list(tmp_path.iterdir()) == []


def test_a_chunker_without_a_function_says_so_when_called() -> None:
    with Chunker(where="thread") as chunker, pytest.raises(TypeError, match="no function"):
        chunker([[1]])


def test_the_defaults_are_those_of_the_documentation() -> None:
    options = make_options()
    assert (options.engine.name, options.chunk_size) == ("process", cpus_allowed())
    assert make_options(where="thread").chunk_size == 4 * cpus_allowed()
    assert make_options(where="async").chunk_size == 100
    assert (options.retry.times, options.raises, options.reuse, options.pickle) == (0, True, "calls", True)
    assert options.retry.pause_s(2, None) == 0.1
    assert options.retry.covers([])


def test_backoff_may_be_a_function_of_the_attempt() -> None:
    assert make_options(backoff=lambda attempt: attempt * 3).retry.pause_s(4, None) == 12.0


def test_durations_may_be_timedeltas() -> None:
    assert make_options(timeout=dt.timedelta(seconds=90)).timeout == 90.0
    assert make_options(time_limit=dt.timedelta(minutes=1)).stop_after_s == 60.0


def test_the_earlier_of_time_limit_and_stop_at_counts() -> None:
    soon = dt.datetime.now() + dt.timedelta(seconds=5)
    stop = make_options(time_limit=100, stop_at=soon).stop_after_s
    assert stop is not None and 3 < stop <= 5
    assert make_options(time_limit=2, stop_at=soon).stop_after_s == 2.0


def test_stop_at_knows_time_zones() -> None:
    zone = dt.timezone(dt.timedelta(hours=9))
    stop = make_options(stop_at=dt.datetime.now(zone) + dt.timedelta(seconds=50)).stop_after_s
    assert stop is not None and 45 < stop <= 50


def test_a_moment_that_has_passed_stops_at_once() -> None:
    stop = make_options(stop_at=dt.datetime(2020, 1, 1)).stop_after_s
    assert stop is not None and 0 < stop < 0.01


def test_chunk_and_the_options_have_the_same_keywords_and_defaults() -> None:
    checked = inspect.signature(_checked).parameters
    public = inspect.signature(chunk).parameters
    assert set(public) - set(checked) == {"func", "parameters", "progress_bar", "path", "dry_run"}
    assert checked.keys() == RunOptions.__annotations__.keys()
    for name, parameter in checked.items():
        assert parameter.default == public[name].default, name


@pytest.mark.parametrize("face", [chunk, stream, Chunker, Runtime, Runtime.chunk, Runtime.stream])
def test_every_face_shows_each_option_in_its_signature(face: Any) -> None:
    shown = inspect.signature(face).parameters
    assert shown.keys() >= RunOptions.__annotations__.keys()
    is_over_others = face in (Runtime.chunk, Runtime.stream)
    assert shown["retries"].default == (... if is_over_others else 0)
    assert shown["retries"].annotation == "int | Retry"
    assert not [name for name, each in shown.items() if each.kind is each.VAR_KEYWORD]


@pytest.mark.parametrize(
    "use",
    [
        lambda: chunk(plain, [[1]], retrys=1),
        lambda: stream(plain, [[1]], retrys=1),
        lambda: Chunker(plain, retrys=1),
        lambda: Runtime(retrys=1),
    ],
)
def test_an_option_that_there_is_none_of_is_named_with_the_one_that_was_meant(use: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="there is no option 'retrys'; did you mean 'retries'"):
        use()


@pytest.mark.parametrize(
    ("elsewhere", "here"),
    [("n_jobs", "workers"), ("chunksize", "batch"), ("max_retries", "retries"), ("cache", "path")],
)
def test_what_other_libraries_call_an_option_leads_to_it(elsewhere: str, here: str) -> None:
    with pytest.raises(TypeError, match=f"there is no option {elsewhere!r}; did you mean {here!r}"):
        make_options(**{elsewhere: 1})  # type: ignore[arg-type]


def test_a_word_that_is_near_no_option_is_named_alone() -> None:
    with pytest.raises(TypeError, match="there is no option 'zzz'$"):
        make_options(**{"zzz": 1})  # type: ignore[arg-type]


def test_where_there_are_no_journals_the_first_use_of_a_path_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And all else works there."""
    path = tmp_path / "new" / "a.cue"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        for use in (
            lambda: chunk(plain, [[1]], path=path, where="thread"),
            lambda: Chunker(plain, where="thread")([[1]], path=path),
            lambda: Runtime(path),
        ):
            with pytest.raises(JournalError, match=r"a\.cue cannot be written: journals need Linux or macOS"):
                use()
        assert Runtime().path is None
    assert not path.parent.exists()
    assert chunk(plain, [[1]], where="thread") == [1]
