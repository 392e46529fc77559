"""Calls that are made as late as a program can: they are made, or it is said at once that it is too late."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.programs import run_script, start

AFTER_MAIN = """
import threading
def late():
    threading.main_thread().join()
    WORK
threading.Thread(target=late).start()
"""
CHUNK = "print(chunk(f, [[1], [2]], chunk_size=2, where=WHERE, path=PATH, progress_bar=False), flush=True)"

PROGRAMS = {
    "a function that atexit calls": f"import atexit\natexit.register(lambda: {CHUNK})",
    "a thread that outlives the main one": AFTER_MAIN.replace("WORK", CHUNK),
    "a finalizer": f"import weakref\nclass Held: pass\nheld = Held()\nweakref.finalize(held, lambda: {CHUNK})",
    "the collector amid the end": f"""
import gc, weakref
gc.collect()
gc.disable()
weakref.finalize(type('T', (), {{}}), lambda: {CHUNK})
gc.set_threshold(9, 1, 1)
gc.enable()
""",
    "a Chunker that was warm before": """
import atexit
chunker = Chunker(f, chunk_size=2, where=WHERE, path=PATH, progress_bar=False)
chunker([[0]])
atexit.register(lambda: print(chunker([[1], [2]]), flush=True))
""",
    "a Runtime in a thread that outlives the main one": AFTER_MAIN.replace(
        "WORK",
        """
    async def main():
        async with Runtime(chunk_size=2, where=WHERE) as runtime:
            print(await runtime.chunk(f, [[1], [2]], path=PATH), flush=True)
    asyncio.run(main())
""",
    ),
}
NO_THREADS = sys.version_info[:3] in {(3, 12, 0), (3, 12, 1)}
HEAD = "import asyncio\nfrom cuebook import Runtime\n"


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_as_late_as_that_calls_are_made(program: str, tmp_path: Path) -> None:
    body = HEAD + "def f(x): return x\n" + program.replace("WHERE", "'process'").replace("PATH", "'x.cue'")
    if NO_THREADS:
        with start(tmp_path, body) as ended:
            ended.wait()
            assert "the main thread has ended" in ended.stderr or "at interpreter shutdown" in ended.stderr
        return
    assert run_script(tmp_path, body) == "[1, 2]\n"


@pytest.mark.skipif(NO_THREADS, reason="no thread starts as late as that")
@pytest.mark.parametrize(("where", "kind"), [("thread", "def"), ("async", "async def")])
def test_in_threads_and_coroutines_too(where: str, kind: str, tmp_path: Path) -> None:
    program = PROGRAMS["a function that atexit calls"].replace("WHERE", repr(where)).replace("PATH", "None")
    assert run_script(tmp_path, HEAD + f"{kind} f(x): return x\n{program}") == "[1, 2]\n"


def test_where_it_is_too_late_it_is_said_at_once(tmp_path: Path) -> None:
    body = """
def f(x): return x
class Late:
    def __del__(self, chunk=chunk, f=f):
        try:
            chunk(f, [[1]])
        except RuntimeError as error:
            print(error)
late = Late()
"""
    assert run_script(tmp_path, body).startswith("no calls can be made any more: the interpreter is being taken apart.")
