"""Workers that would all draw the same random numbers are named, with the seed that each call has; nothing else is."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook import chunk, current_call
from cuebook.chunks.same_numbers import SameNumbers
from cuebook.engines.calls.generators import generators_of
from tests.support.programs import start

SAME = {
    "a global": "import numpy as np\nrng = np.random.default_rng(1)\ndef f(x): return rng.random()",
    "a global without a seed": "import numpy as np\nrng = np.random.default_rng()\ndef f(x): return rng.random()",
    "of random": "import random\nrng = random.Random(1)\ndef f(x): return rng.random()",
    "of numpy's old kind": "import numpy as np\nrng = np.random.RandomState(1)\ndef f(x): return rng.rand()",
    "a closure": "import random\ndef make(rng):\n    return lambda x: rng.random()\nf = make(random.Random(1))",
    "a default": "import random\ndef f(x, rng=random.Random(1)): return rng.random()",
    "a keyword default": "import random\ndef f(x, *, rng=random.Random(1)): return rng.random()",
    "a partial": "import random, functools\ndef g(rng, x): return rng.random()\nf = functools.partial(g, random.Random(1))",
    "a bound object": """
import random
class Model:
    def __init__(self): self.parts = {"rng": [random.Random(1)]}
    def f(self, x): return self.parts["rng"][0].random()
f = Model().f""",
    "a helper's global": "import random\nrng = random.Random(1)\ndef g(): return rng.random()\ndef f(x): return g()",
    "a module's": "import helper\ndef f(x): return helper.rng.random()",
    "a module's function": "from helper import f",
    "the hidden one, seeded by an import": "import seeding\ndef f(x): return seeding.random.random()",
}
OTHER = {
    "the hidden ones": "import random\nimport numpy as np\ndef f(x): return random.random() + np.random.rand()",
    "the hidden ones, seeded in the program": "import random\nrandom.seed(1)\ndef f(x): return random.random()",
    "one in each call": "import random\ndef f(x): return random.Random(current_call().seed).random()",
    "the system's": "import unseeded\ndef f(x): return unseeded.system.random()",
    "none": "import random, numpy\ndef f(x): return x",
    "a module's, unseeded": "import unseeded\ndef f(x): return unseeded.rng.random()",
    "one that is not used": "import random\nrng = random.Random(1)\ndef f(x): return x",
}


MEETING = """
class Meeting(Worker):
    def setup(self):
        self.name = f"worker-{current_call().worker}"
    def run(self, func, *args):
        note("here", self.name)
        for n in range(int(os.environ.get("WORKERS", 2))):
            wait_for(f"worker-{n}")
        return func(*args)
"""
"""So that no worker has done all calls before another is ready."""


def said(
    folder: Path,
    program: str,
    call: str = "chunk(f, [[n] for n in range(4)], chunk_size=2, actors=Meeting)",
    *options: str,
) -> str:
    (folder / "helper.py").write_text(
        "import numpy as np\nrng = np.random.default_rng(7)\ndef f(x): return rng.random()\n"
    )
    (folder / "unseeded.py").write_text(
        "import numpy as np, random\nrng = np.random.default_rng()\nsystem = random.SystemRandom()\n"
    )
    (folder / "seeding.py").write_text("import random\nrandom.seed(1)\n")
    with start(folder, f"{program}\n{MEETING}\n{call}\n", *options) as running:
        assert running.wait() == 0, running.stderr
        return running.stderr


@pytest.mark.parametrize("kind", SAME)
def test_a_generator_that_each_worker_has_in_the_same_state_is_named_once(kind: str, tmp_path: Path) -> None:
    line = said(tmp_path, SAME[kind])
    assert line.startswith("cuebook: ")
    assert line.count("\n") == 1
    assert "draws random numbers from" in line
    assert "current_call().seed" in line


@pytest.mark.parametrize("kind", OTHER)
def test_generators_of_their_own_are_nothing_to_say(kind: str, tmp_path: Path) -> None:
    assert said(tmp_path, OTHER[kind]) == ""


@pytest.mark.parametrize("options", ["chunk_size=1", "chunk_size=2, where='thread'"])
def test_one_generator_for_all_is_nothing_to_say(options: str, tmp_path: Path) -> None:
    assert said(tmp_path, SAME["a global"], f"chunk(f, [[n] for n in range(4)], {options})") == ""


def test_an_initializer_that_seeds_every_worker_alike_is_named(tmp_path: Path) -> None:
    program = "import random\ndef seed(): random.seed(3)\ndef f(x): return random.random()"
    call = "chunk(f, [[n] for n in range(4)], chunk_size=2, actors=Meeting, initializer=seed)"
    assert "the global generator of random" in said(tmp_path, program, call)


def test_it_is_no_python_warning_and_is_said_in_each_run(tmp_path: Path) -> None:
    program = "import warnings\nwarnings.simplefilter('error')\n" + SAME["a global"]
    again = "[os.remove(os.path.join(HERE, f'worker-{n}')) for n in range(2)]"  # or one worker may make both calls
    calls = f"    chunker([[1], [2]])\n    {again}\n    chunker([[1], [2]])"
    call = f"with Chunker(f, chunk_size=2, actors=Meeting) as chunker:\n{calls}"
    lines = said(tmp_path, program, call).splitlines()
    assert len(lines) == 2
    assert "rng (numpy's Generator)" in lines[0]


def test_it_is_a_log_record_too(tmp_path: Path) -> None:
    log = "import logging\nlogging.basicConfig(filename='app.log', level=logging.WARNING)\n"
    said(tmp_path, log + SAME["a global"])
    assert "draws random numbers" in (tmp_path / "app.log").read_text()


def test_only_equal_states_of_different_workers_count() -> None:
    states = SameNumbers("f")
    assert states.heard(0, [["rng", b"1"], ["other", b"5"]]) is None
    assert states.heard(0, [["rng", b"1"]]) is None  # it was replaced by a fresh one
    assert states.heard(1, [["rng", b"2"], ["other", b"6"]]) is None
    text = states.heard(2, [["rng", b"2"], ["other", b"7"]])
    assert text is not None
    assert "from rng, in the same state" in text
    assert states.heard(3, [["rng", b"2"]]) is None


def test_the_search_for_generators_ends_whatever_it_meets() -> None:
    ring: list[Any] = [random.Random(1)]
    ring.append(ring)

    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError

    def f(x: int, many: Any = tuple(range(10_000)), ring: Any = ring, hostile: Any = Hostile()) -> int:
        return x

    found = dict(generators_of(partial(f, ring=ring), None))
    assert [name for name in found if "Random" in name] == ["a default value[0] (random's Random)"]


def test_states_tell_generators_apart() -> None:
    one, other = np.random.default_rng(1), np.random.default_rng(1)

    def states() -> set[bytes]:
        return {dict(generators_of(lambda rng=rng: rng))["a default value (numpy's Generator)"] for rng in (one, other)}

    assert len(states()) == 1
    one.random()
    assert len(states()) == 2


def test_the_seed_of_a_call_gives_each_call_its_numbers_again(tmp_path: Path) -> None:
    def draw(x: int) -> float:
        return random.Random(current_call().seed).random()  # type: ignore[union-attr]

    first = chunk(draw, [[n] for n in range(6)], chunk_size=2)
    assert len(set(first)) == 6
    assert chunk(draw, [[n] for n in range(6)], chunk_size=1) == first
    assert chunk(draw, [[n] for n in range(6)], where="thread") == first
