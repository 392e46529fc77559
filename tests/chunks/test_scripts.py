"""What a script brings with it: classes, helpers and wrappers of its own, seen from inside its calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import dataclasses, functools, multiprocessing, pickle, threading
from cuebook import chunk

@dataclasses.dataclass
class Model:
    w: float

def fit(n):
    model = Model(n)
    return pickle.loads(pickle.dumps(model)) == model

def square(x):
    return x * x

def pooled(n):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(square, range(n))

class Lazy:
    @functools.cached_property
    def one(self):
        return 1
    def go(self, x):
        return x + self.one

@functools.singledispatch
def kind(x):
    return "object"

@kind.register
def _(x: int):
    return "int"

def ask(x):
    return kind(x)

def plain(x):
    return x

def spawned(k):
    return chunk(plain, [[k]], chunk_size=1)

if __name__ == "__main__":
    print(chunk(fit, [[1], [2]], chunk_size=2))
    print(chunk(pooled, [[3]], chunk_size=1))
    print(chunk(Lazy().go, [[1]], chunk_size=1))
    print(chunk(kind, [[1], ["a"]], chunk_size=1), chunk(ask, [[1]], chunk_size=1))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(spawned, [7]))
"""


def test_calls_see_what_the_script_defines_as_a_loop_would(tmp_path: Path) -> None:
    """By standard pickle, in pools of their own, through wrappers that hold locks, and in spawned processes."""
    program = tmp_path / "program.py"
    program.write_text(SCRIPT)

    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=100, cwd=tmp_path)

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[True, True]",
        "[[0, 1, 4]]",
        "[2]",
        "['int', 'object'] ['int']",
        "[[7]]",
    ]
