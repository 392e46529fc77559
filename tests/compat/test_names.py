"""The names of the drop-in, what importing them costs, and actors of ray where there is a ray."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cuebook.compat.thread_chunks as drop_in
from cuebook.compat.thread_chunks import Chunker, LabelledActor, chunk


def double(number: int) -> int:
    return 2 * number


def triple(number: int) -> int:
    return 3 * number


def fails(number: int) -> int:
    raise LookupError(number)


class Remote:
    """As much of a handle of ray as the drop-in uses: methods with `.remote`, which give what `get` opens."""

    def __init__(self, actor: LabelledActor) -> None:
        self.__ray_call__ = types.SimpleNamespace(remote=lambda function: lambda: function(actor))
        self.run = types.SimpleNamespace(remote=lambda *args: lambda: actor.run(*args))
        self.set_func = types.SimpleNamespace(remote=lambda func: lambda: actor.set_func(func()))
        self.get_func = types.SimpleNamespace(remote=lambda: actor.get_func)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stand-in for ray that runs everything at once, here."""
    started: list[dict[str, Any]] = []
    module: Any = types.ModuleType("ray")
    module.remote = lambda cls: types.SimpleNamespace(remote=lambda *args: Remote(cls(*args)))
    module.get = lambda asked: [each() for each in asked] if isinstance(asked, list) else asked()
    module.put = lambda value: lambda: value
    module.is_initialized = lambda: bool(started)
    module.init = lambda **options: started.append(options)
    module.started = started
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.delitem(vars(drop_in), "RemoteLabelledActor", raising=False)
    yield module
    vars(drop_in).pop("RemoteLabelledActor", None)


class Scaling(LabelledActor):
    def __init__(self, func: Any, factor: int) -> None:
        super().__init__(func)
        self.factor = factor

    def run(self, label: Any, *args: Any) -> tuple[Any, Any]:
        label, value = super().run(label, *args)
        return label, value * self.factor


def test_the_names_are_those_of_the_original() -> None:
    assert set(drop_in.__all__) == {
        "Checkpoint",
        "CheckpointFailedWarning",
        "Chunker",
        "LabelledActor",
        "chunk",
        "config",
    }
    assert all(hasattr(drop_in, name) for name in drop_in.__all__)
    assert not hasattr(drop_in, "something_else")


def test_importing_it_imports_nothing_slow() -> None:
    code = (
        "import sys; from cuebook.compat import thread_chunks; from cuebook.compat.thread_chunks import config, seats;"
        "print([name for name in ('asyncio', 'anyio', 'aiosqlite', 'cloudpickle', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "[]"


def test_without_ray_the_remote_actor_is_no_attribute_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(AttributeError, match="ray is not installed"):
        drop_in.RemoteLabelledActor  # noqa: B018
    assert not hasattr(drop_in, "RemoteLabelledActor")


def test_actors_of_ray_make_the_calls_and_cuebook_keeps_them(ray: Any, tmp_path: Path) -> None:
    actors = [drop_in.RemoteLabelledActor.remote(double) for _ in range(2)]
    parameters = [[1], [2], [3]]

    assert chunk(None, parameters, actors, chunk_size=2, path=tmp_path / "a.pkl") == [2, 4, 6]
    assert drop_in.Checkpoint.load(tmp_path / "a.pkl").output == [2, 4, 6]
    assert chunk(triple, parameters, actors, chunk_size=2) == [3, 6, 9]
    assert Chunker(actors=actors, chunk_size=2)(parameters) == [3, 6, 9]


def test_ray_is_started_with_the_options_of_the_config(ray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_in.config, "ray_config", {"num_cpus": 7})

    chunk(double, [[1]], [drop_in.RemoteLabelledActor.remote(double)], chunk_size=1)

    assert ray.started == [{"num_cpus": 7}]


def test_results_of_custom_actors_of_ray_are_reused_only_where_the_actors_are_the_same(
    ray: Any, tmp_path: Path
) -> None:
    def scaled(factor: int) -> list[int]:
        actors = [ray.remote(Scaling).remote(double, factor)]
        return chunk(None, [[1], [2]], actors, chunk_size=1, path=tmp_path / "a.pkl")

    assert [scaled(10), scaled(10), scaled(100)] == [[20, 40], [20, 40], [200, 400]]
    assert [run.reused for run in drop_in_runs(tmp_path / "a.pkl")] == [0, 2, 0]


def drop_in_runs(path: Path) -> Any:
    from cuebook.api.checkpoint import Checkpoint as Picture

    return Picture.load(path).runs


def test_an_exception_of_an_actor_of_ray_is_raised_as_it_is(ray: Any) -> None:
    with pytest.raises(LookupError):
        chunk(fails, [[1]], [drop_in.RemoteLabelledActor.remote(fails)], chunk_size=1)
