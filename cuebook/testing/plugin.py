"""The pytest plugin: fixtures for tests of actors, and tests in simulation. Imports nothing else until it is used.

A test that is a coroutine function and uses one of the fixtures runs on a loop of its own, by this plugin; it needs no
other plugin and no marker. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cuebook.api.runtime import Runtime
    from cuebook.runtime.system import ActorSystem
    from cuebook.testing.faults import JournalFaults
    from cuebook.testing.probe import Probe
    from cuebook.testing.simulation.world import World
    from cuebook.testing.stage import Stage
    from cuebook.testing.virtual_time import VirtualTime

SEEDS = 20
"""Seeds that a test in simulation runs with, where neither it nor the command line says how many."""
_OURS = frozenset({"actor_system", "probe", "virtual_time", "cuebook_runtime", "journal_faults"})
_STAGED = _OURS - {"virtual_time", "journal_faults"}
"""Fixtures that are of no use without a loop."""
_OTHERS = ("anyio", "trio")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Seeds of tests in simulation."""
    _spare_the_library(pluginmanager)
    group = parser.getgroup("cuebook", "tests of actors")
    group.addoption("--cuebook-seed", type=int, metavar="SEED", help="run tests in simulation with this seed alone")
    group.addoption("--cuebook-seeds", type=int, metavar="N", help=f"run them with seeds 0 to N - 1 (default {SEEDS})")


def _spare_the_library(pluginmanager: pytest.PytestPluginManager) -> None:
    """Import the library as in a program: pytest compiles all modules of a plugin's package anew, with the `assert`
    statements rewritten, in four times the time. (Its list is private: where it is gone, they are slow to import.)
    """
    hook = getattr(pluginmanager, "rewrite_hook", None)
    getattr(hook, "_must_rewrite", set()).discard(__name__.partition(".")[0])
    getattr(hook, "_marked_for_rewrite_cache", {}).clear()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    text = f"simulation(seeds={SEEDS}, trouble=None): run this coroutine test, which takes `world`, once for each seed"
    config.addinivalue_line("markers", text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed."""
    marker = metafunc.definition.get_closest_marker("simulation")
    if marker is None:
        return
    if not inspect.iscoroutinefunction(metafunc.function) or "world" not in metafunc.fixturenames:
        name = metafunc.function.__name__
        raise pytest.UsageError(f"{metafunc.definition.nodeid} is a simulation: async def {name}(world)")
    unknown = [*map(repr, marker.args), *(marker.kwargs.keys() - {"seeds", "trouble"})]
    if unknown:
        takes = "the marker simulation takes seeds= and trouble="
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {takes}, not {', '.join(unknown)}")
    one, many = metafunc.config.getoption("--cuebook-seed"), metafunc.config.getoption("--cuebook-seeds")
    count = many if many is not None else marker.kwargs.get("seeds", SEEDS)
    seeds = [one] if one is not None else list(range(count))
    metafunc.parametrize("world", seeds, indirect=True, ids=[f"seed {seed}" for seed in seeds])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take back what pytest-asyncio in its mode "auto" has made its own: all coroutine tests."""
    for item in items:
        if isinstance(item, pytest.Function) and type(item).__module__.startswith("pytest_asyncio") and _is_ours(item):
            with contextlib.suppress(TypeError):  # then it stays theirs, and says so when it runs
                item.__class__ = pytest.Function
                item.own_markers[:] = [marker for marker in item.own_markers if marker.name != "asyncio"]


def _is_ours(item: pytest.Function) -> bool:
    return item.get_closest_marker("simulation") is not None or not _OURS.isdisjoint(item.fixturenames)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test that uses one of the fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    if pyfuncitem.get_closest_marker("simulation") is not None:
        _simulate(pyfuncitem)
        return True
    if _OURS.isdisjoint(pyfuncitem.fixturenames):
        return None
    stage: Any = pyfuncitem.funcargs["_cuebook_stage"]
    arguments = _arguments(pyfuncitem)
    stage.run(lambda: pyfuncitem.obj(**arguments))
    return True


def _simulate(item: pytest.Function) -> None:
    from cuebook.testing.simulation.runner import SimulationFailed, Trouble, simulate

    marker = item.get_closest_marker("simulation")
    assert marker is not None
    arguments = _arguments(item)
    seed = arguments["world"]

    async def scenario(world: World) -> None:
        await item.obj(**{**arguments, "world": world})

    try:
        simulate(seed, scenario, trouble=marker.kwargs.get("trouble") or Trouble())
    except SimulationFailed as failure:
        failure.add_note(f"to see it again: pytest --cuebook-seed={seed} {item.nodeid.partition('[')[0]}")
        raise


def _arguments(item: pytest.Function) -> dict[str, Any]:
    """The values of the fixtures that the test names; what a `mock.patch` adds itself is none of them."""
    parameters = inspect.signature(item.obj).parameters.values()
    required = [each.name for each in parameters if each.default is each.empty]
    return {name: item.funcargs[name] for name in required if name in item.funcargs}


@pytest.fixture
def _cuebook_stage(request: pytest.FixtureRequest) -> Stage:
    """Where the test runs."""
    from cuebook.testing.stage import Stage

    node = request.node
    taken = next((name for name in _OTHERS if node.get_closest_marker(name) is not None), None)
    if taken is not None:
        pytest.fail(f"take the marker {taken!r} off: a test with fixtures of cuebook is run by cuebook", pytrace=False)
    needs = sorted(_STAGED.intersection(node.fixturenames))
    if needs and not inspect.iscoroutinefunction(node.obj):
        hint = "it is an `async def`, and not wrapped by another plugin (asyncio_mode = 'strict')"
        pytest.fail(f"the fixture {needs[0]} needs a test that runs on a loop: {hint}", pytrace=False)
    stage = Stage()
    stage.is_virtual = "virtual_time" in node.fixturenames
    return stage


@pytest.fixture
def virtual_time(_cuebook_stage: Stage) -> VirtualTime:
    """Time that passes only when all wait: the test's loop jumps to the next deadline."""
    from cuebook.testing.virtual_time import VirtualTime

    return VirtualTime()


@pytest.fixture
def actor_system(_cuebook_stage: Stage) -> ActorSystem:
    """An ActorSystem for the test, stopped after it. Fails the test when it leaves something behind."""
    from cuebook.runtime.system import ActorSystem
    from cuebook.testing.virtual_time import VirtualClock

    system = ActorSystem("test", VirtualClock() if _cuebook_stage.is_virtual else None)
    _cuebook_stage.add(system)
    return system


@pytest.fixture
def journal_faults(_cuebook_stage: Stage) -> JournalFaults:
    """What goes wrong with the journal of `cuebook_runtime`: nothing, until the test says so."""
    from cuebook.testing.faults import JournalFaults

    return JournalFaults()


@pytest.fixture
def cuebook_runtime(_cuebook_stage: Stage, request: pytest.FixtureRequest) -> Runtime:
    """A Runtime with a journal in memory, which fails as `journal_faults` says; closed after the test."""
    from cuebook.testing.memory_runtime import MemoryRuntime

    faults = request.getfixturevalue("journal_faults") if "journal_faults" in request.fixturenames else None
    runtime = MemoryRuntime(faults=faults, is_virtual=_cuebook_stage.is_virtual)
    _cuebook_stage.add(runtime)
    return runtime


@pytest.fixture
def probe(request: pytest.FixtureRequest, _cuebook_stage: Stage) -> Probe:
    """A Probe in `actor_system`; in `cuebook_runtime`, where the test uses that and no actor system."""
    from cuebook.testing.probe import Probe

    names = request.fixturenames
    in_runtime = "cuebook_runtime" in names and "actor_system" not in names
    return Probe(request.getfixturevalue("cuebook_runtime" if in_runtime else "actor_system"))


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Any:
    """The world of a test in simulation; the test gets it anew for each life of its process."""
    if not hasattr(request, "param"):
        pytest.fail("`world` is for tests with @pytest.mark.simulation", pytrace=False)
    return request.param
