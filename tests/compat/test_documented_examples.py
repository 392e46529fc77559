"""The examples that thread-chunks documents, word for word but for the import, run as programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.api.checkpoint import Checkpoint as Picture
from cuebook.compat.thread_chunks import Checkpoint

F = """
def f(x,y):
    return x+y
"""
G = """
def g(x,y):
    return x*y
"""
FIRST = """
from cuebook.compat.thread_chunks import chunk
outputs = chunk(f, [[1, 4], [2, 5], [3, 6]], path="checkpoint.pkl")
"""
CHANGED = {
    "another function": (
        'outputs = chunk(g, [[1, 4], [2, 5], [3, 6]], path="checkpoint.pkl")',
        [4, 10, 18],
    ),
    "different parameters": (
        'outputs = chunk(f, [[0, 4], [2, 5], [3, 6]], path="checkpoint.pkl") # different parameters',
        [4, 7, 9],
    ),
    "more parameters": (
        'outputs = chunk(f, [[1, 4], [2, 5], [3, 6], [3, 7]], path="checkpoint.pkl") # more parameters',
        [5, 7, 9, 10],
    ),
    "less parameters": (
        'outputs = chunk(f, [[1, 4], [2, 5]], path="checkpoint.pkl") # less parameters',
        [5, 7],
    ),
    "another order": (
        'outputs = chunk(f, [[2, 5], [1, 4], [3, 6]], path="checkpoint.pkl") # different order of parameters',
        [7, 5, 9],
    ),
}


def program(folder: Path, *blocks: str) -> str:
    """Run the blocks as one script without a main guard, in `folder`; what it prints."""
    script = folder / "program.py"
    script.write_text("\n".join([*blocks, "print(outputs)"]))
    done = subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_quick_start_gives_the_sums(tmp_path: Path) -> None:
    """Also with two calls at once, and without a bar."""
    start = "from cuebook.compat.thread_chunks import chunk"

    outputs = [
        "outputs = [chunk(f, [[1, 4], [2, 5], [3, 6]])]",
        "outputs += [chunk(f, [[1, 4], [2, 5], [3, 6]], chunk_size=2)]",
        "outputs += [chunk(f, [[1, 4], [2, 5], [3, 6]], progress_bar=False)]",
    ]

    assert program(tmp_path, F, start, *outputs) == str([[5, 7, 9]] * 3)


def test_the_same_call_again_makes_no_call_again(tmp_path: Path) -> None:
    program(tmp_path, F, FIRST)

    assert program(tmp_path, F, FIRST) == "[5, 7, 9]"
    assert Picture.load(tmp_path / "checkpoint.pkl").runs[-1].reused == 3


@pytest.mark.parametrize("change", CHANGED)
def test_any_change_has_all_calls_made_anew_and_keeps_the_earlier_run(tmp_path: Path, change: str) -> None:
    line, expected = CHANGED[change]
    program(tmp_path, F, FIRST)

    printed = program(tmp_path, F, G, "from cuebook.compat.thread_chunks import chunk", line)

    runs = Picture.load(tmp_path / "checkpoint.pkl").runs
    assert printed == str(expected)
    assert [(run.done, run.reused) for run in runs] == [(3, 0), (len(expected), 0)]


def test_the_checkpoint_is_loaded_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, F, FIRST)
    monkeypatch.chdir(tmp_path)

    checkpoint = Checkpoint.load("checkpoint.pkl")

    assert checkpoint.output == [5, 7, 9]
    assert checkpoint.func_name == "f"
    assert checkpoint.parameters == [[1, 4], [2, 5], [3, 6]]
    assert checkpoint.completed == [True] * 3
    assert (checkpoint.index, checkpoint.done, checkpoint.path) == (3, 3, "checkpoint.pkl")


def test_the_documented_ways_to_reuse_actors(tmp_path: Path) -> None:
    """Chunker, another function for it, its actors for chunk(), another function for them."""
    setup = """
chunk_size = 2
parameters = [[1, 4], [2, 5], [3, 6]]
def h(x, y):
    return x-y
"""
    documented = """
from cuebook.compat.thread_chunks import Chunker, chunk
chunker = Chunker(f, chunk_size=chunk_size)
output = chunker(parameters)
outputs = [output]
output = chunker(parameters, g)
outputs.append(output)
output = chunker(parameters)
outputs.append(output)
actors = chunker.actors
output = chunk(None, parameters, actors, chunk_size=chunk_size)
outputs.append(output)
output = chunk(h, parameters, actors, chunk_size=chunk_size)
outputs.append(output)
"""

    sums, products, differences = [5, 7, 9], [4, 10, 18], [-3, -3, -3]
    assert program(tmp_path, F, G, setup, documented) == str([sums, products, products, products, differences])


def test_a_custom_actor_as_documented_but_for_ray(tmp_path: Path) -> None:
    """`Custom(f)` takes the place of `Custom.remote(f)`; everything else is the documented text."""
    documented = """
chunk_size, parameters = 2, [[1, 4], [2, 5], [3, 6]]
from cuebook.compat.thread_chunks import Chunker, LabelledActor, chunk
class CustomLabelledActor(LabelledActor):
    ...
actors = [CustomLabelledActor(f) for _ in range(chunk_size)]
output = chunk(None, parameters, actors, chunk_size=chunk_size)
outputs = [output]
chunker = Chunker(actors=actors, chunk_size=chunk_size)
outputs.append(chunker(parameters))
output = chunk(g, parameters, actors, chunk_size=chunk_size)
outputs.append(output)
"""

    assert program(tmp_path, F, G, documented) == str([[5, 7, 9], [5, 7, 9], [4, 10, 18]])
