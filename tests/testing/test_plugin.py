"""The pytest plugin from outside: a pytest of its own runs test files, and its report is looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACTORS = """
import asyncio
from cuebook import Actor, message

@message(tag=1000)
class Add:
    n: int

@message(tag=1001)
class Get:
    pass

class Counter(Actor):
    total = 0
    def on_add(self, message: Add):
        self.total += message.n
        if self.context.sender is not None:
            self.context.sender.tell_nowait(Add(self.total))
    def on_get(self, message: Get):
        return self.total
"""


def pytest_on(folder: Path, source: str, *arguments: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(ACTORS + source)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "cuebook.testing.plugin",
        "-p",
        "no:cacheprovider",
        "-q",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=100)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.quick
def test_tests_that_use_the_fixtures_pass_and_need_no_other_plugin(tmp_path: Path) -> None:
    code, report = pytest_on(
        tmp_path,
        """
        async def test_a_probe_in_an_actor_system(actor_system, probe):
            ref = actor_system.spawn(Counter, name="counter")
            probe.send(ref, Add(2))
            assert await probe.expect(Add) == Add(2)
            assert probe.last_sender is ref

        async def test_an_hour_takes_no_time(virtual_time, actor_system, probe):
            await virtual_time.advance(3600)
            assert virtual_time.now == 3600
            await probe.expect_none(within=3600)
            assert virtual_time.now == 7200

        def test_a_plain_function_runs_its_own(virtual_time):
            assert virtual_time.run(asyncio.sleep(3600, "slept")) == "slept"

        def double(x):
            return 2 * x

        async def test_a_runtime_with_a_journal_in_memory(cuebook_runtime, journal_faults, probe):
            assert await cuebook_runtime.chunk(double, [[1], [2]], where="thread") == [2, 4]
            assert journal_faults.appends > 0
            ref = await cuebook_runtime.spawn(Counter)
            probe.send(ref, Add(1))
            await probe.expect(Add(1))

        class TestInAClass:
            async def test_a_method_is_a_test_too(self, virtual_time):
                assert virtual_time.now == 0

        def test_others_are_left_alone():
            assert True
        """.replace("\n        ", "\n"),
        "-W",
        "error",
    )

    assert "6 passed" in report, report
    assert code == 0


def test_what_a_test_leaves_behind_fails_it_by_name(tmp_path: Path) -> None:
    code, report = pytest_on(
        tmp_path,
        """
        async def forever():
            await asyncio.Event().wait()

        async def test_a_task(actor_system):
            global kept
            kept = asyncio.create_task(forever(), name="the tireless one")

        async def test_a_child_process(actor_system):
            import subprocess, sys
            global child
            child = subprocess.Popen([sys.executable, "-c", "input('left alone')"], stdin=subprocess.PIPE)

        async def test_the_next_one_is_not_blamed(actor_system):
            child.kill()
            child.wait()

        async def test_an_actor_system_that_nobody_ends(virtual_time):
            from cuebook.runtime.system import ActorSystem
            global system
            system = ActorSystem("forgotten")
            await system.__aenter__()
            system.spawn(Counter, name="lonely")

        async def test_an_error_that_nobody_sees(actor_system):
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0)

        async def test_its_own_error_comes_first(actor_system):
            global kept2
            kept2 = asyncio.create_task(forever())
            raise KeyError("its own")
        """.replace("\n        ", "\n"),
    )

    assert code == 1
    assert "task 'the tireless one': forever in" in report
    assert "child process" in report and "left alone" in report
    assert "actor 'lonely' of the actor system 'forgotten'" in report
    assert "an error that nobody saw: ZeroDivisionError('division by zero')" in report
    assert "KeyError: 'its own'" in report
    assert "5 failed, 1 passed" in report, report


def test_a_process_of_actors_that_ends_with_its_runtime_is_not_left_behind(tmp_path: Path) -> None:
    code, report = pytest_on(
        tmp_path,
        """
        async def test_a_process(cuebook_runtime):
            counter = await cuebook_runtime.spawn(Counter, where="process")
            assert await counter.ask(Get()) == 0
        """.replace("\n        ", "\n"),
    )

    assert code == 0, report


def test_a_simulation_with_what_its_marker_does_not_take_is_refused(tmp_path: Path) -> None:
    for given, unknown in (("seed=17", "not seed"), ("17", "not 17")):
        code, report = pytest_on(
            tmp_path,
            f"""
        import pytest

        @pytest.mark.simulation({given})
        async def test_it(world):
            pass
        """.replace("\n        ", "\n"),
        )
        assert code != 0
        assert f"takes seeds= and trouble=, {unknown}" in report


def test_what_cannot_work_is_said(tmp_path: Path) -> None:
    code, report = pytest_on(
        tmp_path,
        """
        import pytest

        def test_without_a_loop(actor_system):
            pass

        @pytest.mark.anyio
        async def test_of_another_plugin(actor_system):
            pass

        async def test_without_the_marker(world):
            pass
        """.replace("\n        ", "\n"),
        "-p",
        "anyio",
    )

    assert code == 1
    assert "the fixture actor_system needs a test that runs on a loop" in report
    assert "take the marker 'anyio' off" in report
    assert "`world` is for tests with @pytest.mark.simulation" in report


def test_tests_that_another_plugin_takes_for_its_own_are_taken_back(tmp_path: Path) -> None:
    """As pytest-asyncio does with all coroutine tests in its mode "auto"."""
    (tmp_path / "pytest_asyncio.py").write_text(
        """
import inspect
import pytest

class PytestAsyncioFunction(pytest.Function):
    def runtest(self):
        raise AssertionError("run by the other plugin")

@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector, name, obj):
    items = yield
    for item in items if isinstance(items, list) else []:
        if inspect.iscoroutinefunction(item.obj):
            item.__class__ = PytestAsyncioFunction
            item.add_marker(pytest.mark.filterwarnings("error"))
    return items
"""
    )
    code, report = pytest_on(
        tmp_path,
        """
        import pytest

        async def test_ours(virtual_time):
            await virtual_time.advance(5)

        @pytest.mark.simulation(seeds=2)
        async def test_simulated(world):
            await asyncio.sleep(5)

        async def test_theirs():
            pass
        """.replace("\n        ", "\n"),
        "-p",
        "pytest_asyncio",
    )

    assert "1 failed, 3 passed" in report, report
    assert "run by the other plugin" in report


SIMULATED = """
        import pytest
        from cuebook.testing import Trouble

        @pytest.mark.simulation(seeds=30, trouble=Trouble(kills=1))
        async def test_nothing_added_is_forgotten(world):
            ref = world.spawn(Counter, name="counter")
            for n in range(10):
                await ref.tell(Add(1))
                await asyncio.sleep(0.1)
            assert await ref.ask(Get()) == 10

        @pytest.mark.simulation(trouble=Trouble(kills=0))
        async def test_calm(world):
            ref = world.spawn(Counter, name="counter", is_remote=True)
            await ref.tell(Add(1))
            assert await ref.ask(Get()) == 1
        """.replace("\n        ", "\n")


def test_a_failing_simulation_names_its_seed_and_the_seed_shows_it_again(tmp_path: Path) -> None:
    code, report = pytest_on(tmp_path, SIMULATED)
    assert code == 1
    failed, passed = re.search(r"(\d+) failed, (\d+) passed", report).groups()  # type: ignore[union-attr]
    assert int(failed) + int(passed) == 30 + 20, "as many seeds as the marker says, or 20"
    (first, *_) = [line for line in report.splitlines() if "to see it again: pytest --cuebook-seed=" in line]
    option = next(word for word in first.split() if word.startswith("--cuebook-seed="))
    assert "test_it.py::test_nothing_added_is_forgotten" in first
    assert "test_it.py::test_calm" not in report
    assert "counter is killed" in report

    code, again = pytest_on(tmp_path, SIMULATED, option)
    assert code == 1
    assert "1 failed, 1 passed" in again
    assert f"[seed {option.partition('=')[2]}]" in again


def test_the_command_line_says_how_many_seeds(tmp_path: Path) -> None:
    code, report = pytest_on(tmp_path, SIMULATED, "-k", "calm", "--cuebook-seeds=3")

    assert code == 0, report
    assert "3 passed" in report


def test_a_simulation_that_is_no_coroutine_is_refused(tmp_path: Path) -> None:
    code, report = pytest_on(tmp_path, "import pytest\n@pytest.mark.simulation\ndef test_plain(world): pass\n")

    assert code != 0
    assert "is a simulation: async def test_plain(world)" in report


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    heavy = ("anyio", "msgpack", "structlog", "aiosqlite", "cuebook.runtime", "cuebook.testing.stage")
    program = f"import sys, cuebook.testing.plugin; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"


def test_the_plugin_costs_a_pytest_nothing_but_itself_and_leaves_the_library_as_it_is(tmp_path: Path) -> None:
    """Installed, pytest would rewrite every module of the package; imported by its name, it imports no other."""
    info = tmp_path / "site" / "installed-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\ncuebook.testing.plugin = cuebook.testing.plugin\n")
    files = [path.relative_to(ROOT) for path in (ROOT / "cuebook").rglob("*.py")]
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    (tmp_path / "test_it.py").write_text(
        """
import sys
def test_modules():
    names = sorted(name for name in sys.modules if name.partition(".")[0] == "cuebook")
    assert names == ["cuebook", "cuebook.testing", "cuebook.testing.plugin"]
    import cuebook.runtime.system
    assert "Assertion" not in type(cuebook.runtime.system.__loader__).__name__
"""
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "test_it.py::test_modules"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
