"""Runs that begin while a module is imported: they work, or say at once what to write instead; they never hang."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.children.importing import check_importing, imports_pass, modules_being_imported
from tests.support.programs import Program

JOB = """
from dataclasses import dataclass
from cuebook import *
import asyncio

@dataclass
class Point:
    x: int

class Odd:
    def __init__(self, x): self.x = x

def f(x):
    import job
    return job.Point(x * 2)

async def g(x):
    return f(x)

def odd(x):
    return Odd(x)

class Group(Worker):
    pass

async def by_runtime(func, **options):
    async with Runtime(**options) as runtime:
        return await runtime.chunk(func, [[1], [2]])

async def by_stream(func, **options):
    async with Runtime(**options) as runtime:
        return [done.value async for done in runtime.stream(func, [[1], [2]])]

def warm(func, **options):
    with Chunker(func, **options) as chunker:
        return chunker([[1], [2]])
"""
REFUSED = {
    "chunk": "found = chunk(f, [[1], [2]])",
    "a class body": "class Results:\n    found = chunk(f, [[1], [2]])",
    "Chunker": "found = warm(f)",
    "Runtime.chunk": "found = asyncio.run(by_runtime(f))",
    "Runtime.stream": "found = asyncio.run(by_stream(f))",
    "a method": "found = chunk(Point(1).__eq__, [[1]])",
    "a partial": "import functools; found = chunk(functools.partial(f), [[1]])",
    "an initializer": "found = chunk(abs, [[1]], initializer=f)",
    "a Worker": "found = chunk(abs, [[1]], actors=Group)",
    "an actor": """
class Idle(Actor):
    pass
async def main():
    async with Runtime() as runtime:
        await runtime.spawn(Idle, where="process")
asyncio.run(main())""",
}
WORKING = {
    "a lambda in processes": ("print(chunk(lambda x: x * 2, [[1], [2]]))", "[2, 4]"),
    "a library's function in processes": ("print(chunk(abs, [[-1], [2]]))", "[1, 2]"),
    "threads": ("print(chunk(f, [[1], [2]], where='thread', path='x.cue'))", "[Point(x=2), Point(x=4)]"),
    "threads, replayed": (
        "chunk(f, [[1]], where='thread', path='x.cue'); print(chunk(f, [[1]], where='thread', path='x.cue'))",
        "[Point(x=2)]",
    ),
    "threads, by pickle": ("print([o.x for o in chunk(odd, [[1], [2]], where='thread', path='x.cue')])", "[1, 2]"),
    "coroutines": ("print(chunk(g, [[1], [2]], where='async', path='x.cue'))", "[Point(x=2), Point(x=4)]"),
    "a Runtime": ("print(asyncio.run(by_runtime(f, where='thread', path='x.cue')))", "[Point(x=2), Point(x=4)]"),
    "a stream": ("print(asyncio.run(by_stream(g, where='async', path='x.cue'))[0])", "Point(x=2)"),
}


def ran(folder: Path, job: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code and output of a program in a folder with this `job.py`."""
    (folder / "job.py").write_text(job)
    with Program(folder, *arguments) as program:
        return program.wait(30), program.stdout, program.stderr


def said(stderr: str) -> str:
    """The error that a program ended with."""
    return stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("case", REFUSED)
def test_what_workers_would_import_again_is_refused_at_once(case: str, tmp_path: Path) -> None:
    code, out, err = ran(tmp_path, f"{JOB}\nprint('imported')\n{REFUSED[case]}\n", "-c", "import job")
    assert (code, out) == (1, "imported\n")
    assert said(err).startswith("cuebook.FunctionNotShippable: ")
    assert "the module 'job' is still being imported" in err
    assert "under `if __name__ ==" in err


@pytest.mark.parametrize("case", WORKING)
def test_what_no_worker_imports_works(case: str, tmp_path: Path) -> None:
    call, printed = WORKING[case]
    code, out, err = ran(tmp_path, f"{JOB}\n{call}\n", "-c", "import job")
    assert (code, out) == (0, f"{printed}\n"), err


def test_the_same_file_works_as_a_script(tmp_path: Path) -> None:
    code, out, err = ran(tmp_path, f"{JOB}\nprint(chunk(odd, [[1]])[0].x)\n", "job.py")
    assert (code, out) == (0, "1\n"), err


def test_an_import_in_a_thread_says_so_as_well(tmp_path: Path) -> None:
    main = "import threading, importlib; t = threading.Thread(target=importlib.import_module, args=('job',)); t.start(); t.join()"
    _, _, err = ran(tmp_path, f"{JOB}\nchunk(f, [[1]])\n", "-c", main)
    assert "cuebook.FunctionNotShippable" in err


@pytest.mark.parametrize(
    "inner", ["from pkg.inner import f\nchunk(f, [[1]])", "from pkg import inner\nchunk(inner.f, [[1]])"]
)
def test_a_package_that_calls_a_function_of_its_own_module_says_so(inner: str, tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text(f"from cuebook import chunk\n{inner}\n")
    (tmp_path / "pkg" / "inner.py").write_text("def f(x):\n    return x\n")
    code, _, err = ran(tmp_path, "", "-c", "import pkg")
    assert code == 1
    assert "the module 'pkg' is still being imported" in said(err)


def test_a_helper_that_imports_the_module_in_a_circle_does_not_start_workers_without_end(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def f(x):\n    return x\nimport job\n")
    job = "open('imports.log', 'a').write('1')\nfrom cuebook import chunk\nimport helper\nchunk(helper.f, [[1]], chunk_size=1)\n"
    code, _, err = ran(tmp_path, job, "-c", "import job")
    assert code == 1
    assert "a worker process has imported the module 'job', which starts worker processes at its top" in err
    assert len((tmp_path / "imports.log").read_text()) == 2


def test_an_argument_whose_class_is_in_such_a_module_fails_its_call(tmp_path: Path) -> None:
    call = (
        "[found] = chunk(lambda point: point.x, [[Point(1)]], errors='collect', chunk_size=1)\nprint(found.error_text)"
    )
    code, out, err = ran(tmp_path, f"{JOB}\n{call}\n", "-c", "import job")
    assert code == 0, err
    assert "class job.Point cannot be rebuilt in a worker" in out
    assert "starts worker processes at its top" in out


def test_a_call_that_imports_such_a_module_fails_and_starts_nothing(tmp_path: Path) -> None:
    call = "def late(x):\n    import job\n"
    (tmp_path / "main.py").write_text(f"from cuebook import chunk\n{call}chunk(late, [[1]], chunk_size=1)\n")
    code, _, err = ran(tmp_path, f"{JOB}\nchunk(f, [[1]])\n", "main.py")
    assert code == 1
    assert "which starts worker processes at its top" in err


def test_pytest_reports_it_for_a_module_that_it_collects_and_for_a_conftest(tmp_path: Path) -> None:
    body = "from cuebook import chunk\ndef f(x):\n    return x\nfound = chunk(f, [[1]])\ndef test_it():\n    pass\n"
    for name in ("test_mine.py", "conftest.py"):
        for mode in ("prepend", "importlib"):
            folder = tmp_path / f"{name}-{mode}"
            folder.mkdir()
            (folder / name).write_text(body)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:anyio", f"--import-mode={mode}", "."]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
            assert done.returncode != 0
            assert "is still being imported" in done.stdout + done.stderr, (name, mode)


def test_a_module_that_is_there_is_not_being_imported_whatever_runs_in_it(tmp_path: Path) -> None:
    path = tmp_path / "there.py"
    path.write_text("from cuebook.children.importing import modules_being_imported\nfound = modules_being_imported()\n")
    spec = importlib.util.spec_from_file_location("there", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["there"] = module
    try:
        spec.loader.exec_module(module)
        assert module.found == [module]
        exec("later = modules_being_imported()", vars(module))  # as a debugger does
        assert module.later == []
        check_importing(modules_being_imported)
        with imports_pass():
            pass
    finally:
        del sys.modules["there"]


def test_the_mark_of_an_import_is_as_it_was_after_the_run(tmp_path: Path) -> None:
    body = "import sys\nfrom cuebook import chunk\nbefore = __spec__._initializing\nchunk(abs, [[1]], where='thread')\nprint(before, __spec__._initializing)\n"
    assert ran(tmp_path, body, "-c", "import job; print(job.__spec__._initializing)")[1] == "True True\nFalse\n"
