"""Earlier results from a journal that others can have written to: taken, or refused before any call; never lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook import Checkpoint, Chunker, JournalNotTrusted, Runtime, chunk, last_checkpoint, make_checkpoint
from cuebook.persistence.trust import users
from cuebook.persistence.trust.verdicts import User

CALLS = [[n] for n in range(6)]


@dataclass(frozen=True)
class Point:
    x: int


@pytest.fixture(autouse=True)
def _in_no_group_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """This user has no group to himself, so that a group that can write is one of others."""
    monkeypatch.setattr(users, "_user", lambda uid, gid: User(uid))
    monkeypatch.delenv("CUEBOOK_TRUST", raising=False)


made: list[int] = []


@pytest.fixture(autouse=True)
def _nothing_made() -> Iterator[None]:
    made.clear()
    yield
    made.clear()


def plain(n: int) -> Any:
    made.append(n)
    return {"n": n, "parts": (n, b"x" * n)}


def pointed(n: int) -> Any:
    made.append(n)
    return Point(n)


def last_pointed(n: int) -> Any:
    made.append(n)
    return Point(n) if n == 5 else n


def listed(func: Callable[[int], Any], path: Path, **options: Any) -> list[Any]:
    return chunk(func, CALLS, path=path, where="thread", chunk_size=2, **options)


def fed(func: Callable[[int], Any], path: Path, **options: Any) -> list[Any]:
    return chunk(func, iter(CALLS), path=path, where="thread", chunk_size=2, **options)


def warm(func: Callable[[int], Any], path: Path, **options: Any) -> list[Any]:
    with Chunker(func, path=path, where="thread", chunk_size=2, **options) as chunker:
        return chunker(CALLS)


def awaited(func: Callable[[int], Any], path: Path, **options: Any) -> list[Any]:
    async def work() -> list[Any]:
        async with Runtime(path, where="thread", **options) as runtime:
            return await runtime.chunk(func, CALLS)

    return asyncio.run(work())


def streamed(func: Callable[[int], Any], path: Path, **options: Any) -> list[Any]:
    async def work() -> list[Any]:
        async with Runtime(path, where="thread") as runtime:
            done = [done async for done in runtime.stream(func, CALLS, **options)]
            return [each.value for each in sorted(done, key=lambda each: each.index)]

    return asyncio.run(work())


FACES = [listed, fed, warm, awaited, streamed]
faces = pytest.mark.parametrize("face", FACES)
Face = Callable[..., list[Any]]


def opened_to(path: Path, mode: int) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        if each.is_file():
            each.chmod(mode)


@faces
@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_plain_results_are_taken_also_where_a_group_can_write(tmp_path: Path, face: Face, mode: int) -> None:
    path = tmp_path / "a.cue"
    expected = listed(plain, path)
    opened_to(path, mode)
    made.clear()
    assert face(plain, path) == expected
    assert made == []


@faces
@pytest.mark.parametrize("func", [pointed, last_pointed])
def test_what_only_code_can_rebuild_is_refused_before_any_call(tmp_path: Path, face: Face, func: Any) -> None:
    path = tmp_path / "a.cue"
    expected = listed(func, path)
    opened_to(path, 0o660)
    made.clear()
    before = path.read_bytes()
    with pytest.raises(JournalNotTrusted) as caught:
        face(func, path)
    assert made == []
    assert path.read_bytes() == before
    text = str(caught.value)
    assert f"{path} holds results of {func.__name__} that only code can rebuild (tests.chunks.test_trust.Point)" in text
    assert f"can write to {path} (mode 0660)" in text
    assert f"`chmod g-w {path}`" in text
    assert 'trust="group" (or CUEBOOK_TRUST=group in the environment)' in text
    assert caught.value.path == str(path)
    assert caught.value.reason in text
    assert face(func, path, trust="group") == expected
    path.chmod(0o600)
    assert face(func, path) == expected
    assert made == []


@faces
@pytest.mark.parametrize("func", [plain, pointed])
def test_where_everybody_can_write_nothing_is_taken_without_a_word_from_the_user(
    tmp_path: Path, face: Face, func: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.cue"
    expected = listed(func, path)
    opened_to(path, 0o666)
    made.clear()
    for options in ({}, {"trust": "group"}):
        with pytest.raises(JournalNotTrusted, match=r"everybody can write to .*`chmod go-w .*trust=\"anyone\""):
            face(func, path, **options)
    assert face(func, path, trust="anyone") == expected
    monkeypatch.setenv("CUEBOOK_TRUST", "anyone")
    assert face(func, path) == expected
    with pytest.raises(JournalNotTrusted):  # what is said here goes before what is said there
        face(func, path, trust="group")
    assert made == []


@faces
@pytest.mark.parametrize("mode", [0o660, 0o666])
def test_a_run_that_takes_nothing_goes_on(tmp_path: Path, face: Face, mode: int) -> None:
    path = tmp_path / "a.cue"
    chunk(pointed, [[100]], path=path, where="thread")
    opened_to(path, mode)
    made.clear()
    assert face(plain, path) == [plain(n) for n in range(6)]
    assert len(made) == 12


def test_other_calls_of_the_same_function_are_made_beside_results_that_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    chunk(pointed, [[100]], path=path, where="thread")
    opened_to(path, 0o660)
    assert listed(pointed, path) == [Point(n) for n in range(6)]


def test_arrays_and_large_values_are_plain(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "a.cue"

    def large(n: int) -> Any:
        made.append(n)
        return np.full(100_000, n), "x" * 400_000

    expected = chunk(large, [[1], [2]], path=path, where="thread")
    opened_to(path, 0o660)
    made.clear()
    found = chunk(large, [[1], [2]], path=path, where="thread")
    assert [(a.sum(), s) for a, s in found] == [(a.sum(), s) for a, s in expected]
    assert made == []


# --- checkpoints --------------------------------------------------------------------------------------------------


def halfway(n: int) -> Any:
    made.append(n)
    state = last_checkpoint(None)
    if state is None:
        make_checkpoint({"at": n})
        raise RuntimeError("halfway")
    return state["at"]


def halfway_there(n: int) -> Any:
    made.append(n)
    state = last_checkpoint(None)
    if state is None:
        make_checkpoint(Point(n))
        raise RuntimeError("halfway")
    return state.x


def begun(func: Any, path: Path) -> None:
    chunk(func, CALLS, path=path, where="thread", errors="collect")
    made.clear()


def test_a_call_goes_on_from_a_plain_checkpoint_also_where_a_group_can_write(tmp_path: Path) -> None:
    begun(halfway, tmp_path / "a.cue")
    opened_to(tmp_path / "a.cue", 0o660)
    assert listed(halfway, tmp_path / "a.cue") == list(range(6))
    assert sorted(made) == list(range(6))


@pytest.mark.parametrize(("func", "mode"), [(halfway_there, 0o660), (halfway_there, 0o666), (halfway, 0o666)])
@pytest.mark.parametrize("face", [listed, fed])
def test_a_checkpoint_that_is_not_trusted_is_an_error_and_no_beginning_anew(
    tmp_path: Path, func: Any, mode: int, face: Face
) -> None:
    path = tmp_path / "a.cue"
    begun(func, path)
    opened_to(path, mode)
    with pytest.raises(JournalNotTrusted):
        face(func, path)
    assert made == []
    assert face(func, path, trust="anyone") == list(range(6))


def test_checkpoints_of_calls_that_are_not_made_need_no_trust(tmp_path: Path) -> None:
    begun(halfway_there, tmp_path / "a.cue")
    opened_to(tmp_path / "a.cue", 0o666)
    assert [
        type(each) for each in chunk(halfway_there, [[100]], path=tmp_path / "a.cue", where="thread", errors="collect")
    ] != [int]


# --- Checkpoint ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_shows_placeholders_or_what_the_caller_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.cue"
    expected = listed(pointed, path)
    opened_to(path, 0o660)
    shown = Checkpoint.load(path)
    assert [repr(each) for each in shown.output][:1] == ["<unresolved tests.chunks.test_trust.Point(x=0)>"]
    assert "only for a journal that is trusted, see trust=" in shown.output[0].reason
    assert shown.parameters == CALLS
    assert Checkpoint.load(path, trust="group").output == expected
    opened_to(path, 0o666)
    with pytest.raises(JournalNotTrusted, match=r'Point\).*trust="anyone"'):
        Checkpoint.load(path, trust="group").output
    assert Checkpoint.load(path, trust="group").parameters == CALLS
    assert Checkpoint.load(path, trust="anyone").output == expected
    monkeypatch.setenv("CUEBOOK_TRUST", "anyone")
    assert Checkpoint.load(path).output == expected


# --- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trust", ["Group", "nobody", "", True, 1, ("group",)])
def test_what_trust_means_is_one_of_two_words(tmp_path: Path, trust: Any) -> None:
    for make in (
        lambda: chunk(plain, CALLS, trust=trust),
        lambda: Chunker(plain, trust=trust),
        lambda: Runtime(trust=trust),
        lambda: Checkpoint.load(__file__, trust=trust),
    ):
        with pytest.raises(ValueError, match='trust=.* is neither "group" nor "anyone"'):
            make()


def test_a_variable_that_means_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEBOOK_TRUST", "all")
    with pytest.raises(ValueError, match="CUEBOOK_TRUST='all' is neither group nor anyone"):
        chunk(plain, CALLS)
    monkeypatch.setenv("CUEBOOK_TRUST", "")
    assert len(chunk(plain, CALLS, where="thread")) == 6


# --- new journals -------------------------------------------------------------------------------------------------


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    return tmp_path / "open"


@pytest.mark.filterwarnings("error")
@faces
def test_a_new_journal_that_is_not_private_says_so_once_and_what_to_do(
    open_folder: Path, capsys: pytest.CaptureFixture[str], face: Face
) -> None:
    path = open_folder / "a.cue"
    face(plain, path)
    said = capsys.readouterr().err
    assert said.startswith(f"cuebook: the new journal {path} is not private: everybody can replace it")
    assert said.count("\n") == 1
    assert f"`chmod go-w {open_folder}`" in said
    assert 'trust="anyone" (or CUEBOOK_TRUST=anyone in the environment)' in said
    chunk(plain, [[100]], path=path, where="thread")
    assert "private" not in capsys.readouterr().err


@pytest.mark.parametrize("where", ["open", "private", "tmp"])
def test_one_that_is_private_or_trusted_says_nothing(
    open_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    listed(plain, tmp_path / where / "a.cue", trust="anyone" if where == "open" else None)
    assert capsys.readouterr().err == ""


def test_a_planted_blob_folder_fails_the_calls_that_need_it_by_name(tmp_path: Path) -> None:
    """Not the run: what is small is kept."""
    path = tmp_path / "a.cue"

    def planting(n: int) -> Any:
        if n == 3:
            os.symlink("/etc", f"{path}.blobs")
            return "x" * 400_000
        return n

    with pytest.raises(Exception, match=r"a\.cue\.blobs is a link"):
        chunk(planting, CALLS, path=path, where="thread", chunk_size=1)
