"""Workers are started by a Python, or it is said at once why there is none and what to do; never by the program itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cuebook.children import interpreter
from cuebook.children.interpreter import check_interpreter, freeze_support, worker_command
from cuebook.errors import SupervisionError
from tests.support.programs import calls, run_script, start

FACES = {
    "chunk": "chunk(abs, [[1]])",
    "Chunker": "Chunker(abs)([[1]])",
    "Runtime.chunk": """
async def main():
    async with Runtime() as runtime:
        return await runtime.chunk(abs, [[1]])
import asyncio; asyncio.run(main())""",
    "Runtime.stream": """
async def main():
    async with Runtime() as runtime:
        return [done async for done in runtime.stream(abs, [[1]])]
import asyncio; asyncio.run(main())""",
    "an actor in a process": """
class Idle(Actor):
    pass
async def main():
    async with Runtime() as runtime:
        await runtime.spawn(Idle, where="process")
import asyncio; asyncio.run(main())""",
}


def program(folder: Path, text: str) -> str:
    """An executable shell script."""
    path = folder / "app"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("face", FACES)
def test_a_frozen_program_is_told_so_at_once_and_never_started_again(face: str, tmp_path: Path) -> None:
    body = f"""
note("started")
sys.frozen = True
sys.executable = os.environ["APP"]
try:
{chr(10).join(f"    {line}" for line in FACES[face].strip().splitlines())}
except SupervisionError as error:
    print(error)
print(chunk(abs, [[-1]], where="thread"))
"""
    script = tmp_path / "program.py"
    app = program(tmp_path, f'exec "{sys.executable}" "{script}"')
    out = run_script(tmp_path, body, env={"APP": app})
    assert "it is frozen" in out
    assert "freeze_support()" in out
    assert 'where="thread"' in out
    assert out.endswith("[1]\n")
    assert calls(tmp_path) == ["started"]


@pytest.mark.parametrize("face", ["chunk", "an actor in a process"])
def test_a_frozen_program_that_supports_it_is_started_as_its_workers(face: str, tmp_path: Path) -> None:
    body = f"""
sys.frozen = True
sys.executable = os.environ["APP"]
freeze_support()
note("as a program")

def f(x):
    return x * K, os.getpid()
K = 2

@message(tag=1000)
class Who:
    pass

class Echo(Actor):
    def on_who(self, message: Who) -> int:
        return os.getpid()

async def ask():
    async with Runtime() as runtime:
        ref = await runtime.spawn(Echo, where="process")
        return await ref.ask(Who())

if "{face}" == "chunk":
    found = chunk(f, [[1], [2]], chunk_size=1)
    print([x for x, _ in found], found[0][1] != os.getpid())
else:
    import asyncio
    print(asyncio.run(ask()) != os.getpid())
"""
    script = tmp_path / "program.py"
    app = program(tmp_path, f'echo "$1" >>"{tmp_path}/started"; exec "{sys.executable}" "{script}" "$@"')
    with start(tmp_path, body, env={"APP": app}) as running:
        assert running.wait() == 0, running.stderr
        assert running.stdout == ("[2, 4] True\n" if face == "chunk" else "True\n")
    assert calls(tmp_path) == ["as a program"]
    assert (tmp_path / "started").read_text() == "--cuebook-worker\n"


def test_in_a_program_that_is_not_frozen_support_is_nothing() -> None:
    freeze_support()
    assert not interpreter._is_supported


@pytest.mark.parametrize("value", [None, "", 3])
def test_a_program_without_an_executable_is_told_so(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", value)
    with pytest.raises(SupervisionError, match=f"sys.executable is {value!r}, as where Python is embedded"):
        check_interpreter()


def test_an_executable_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python3")
    with pytest.raises(SupervisionError, match="/no/such/python3, which is no program"):
        check_interpreter()


def test_a_program_that_embeds_python_is_asked_once_whether_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = f'echo asked >>"{tmp_path}/calls.log"'
    monkeypatch.setattr(sys, "executable", program(tmp_path, f"{note}; exit 0"))
    with pytest.raises(SupervisionError, match="app, which is no Python"):
        check_interpreter()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", program(tmp_path, f'{note}; exec "{sys.executable}" "$@"'))
    check_interpreter()
    check_interpreter()
    assert calls(tmp_path) == ["asked", "asked"]


def test_a_program_that_never_answers_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "PROBE_S", 0.2)
    monkeypatch.setattr(sys, "executable", program(tmp_path, "sleep 100 & wait"))
    with pytest.raises(SupervisionError, match="no Python"):
        check_interpreter()


def test_the_python_that_multiprocessing_was_told_of_is_taken(tmp_path: Path) -> None:
    body = """
import multiprocessing.spawn
python, sys.executable = sys.executable, ""
multiprocessing.set_executable(python)
print(chunk(lambda x: x + 1, [[1]]))
"""
    assert run_script(tmp_path, body) == "[2]\n"


def test_a_usual_name_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "python3.12t"
    path.write_text("#!/bin/sh\nexit 9\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    assert worker_command("m", "folder", [3, 4, 5])[0] == str(path)
