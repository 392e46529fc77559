"""What it costs to know a function and a value, and what that misses: beside joblib's and dask's hashing of the same.

A miss is *stale* where something that decides the result changed and the hash did not, and *redo* where nothing that
decides it changed and the hash did, or there is none. For functions, joblib is asked as joblib.Memory asks it: by the
function's source.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import ROUNDS, in_turn, row, timed, title
from tests.persistence.identity.test_fingerprint_matrix import CALLABLES, EDITS, UTIL, M, edited

ROOT = Path(__file__).resolve().parents[1]

HELPER = """
def h{number}(x, y=1):
    z = math.sqrt(x) + K
    for q in range(3):
        z += h{next}(q) if q > {number} else y
    return z
"""
ORDINARY = """
def ordinary(values, power=2):
    total = 0.0
    for value in values:
        if value < K:
            continue
        total += math.pow(value, power)
        try:
            total = first(total)
        except ValueError as error:
            print(f"bad {error!r}: {total:>10.3f}")
    return {"total": total, "mean": total / max(len(values), 1), "rest": [v for v in values if v > total]}
"""
PROGRAM = (
    "import math\nK = 3\ndef first(x): return x + K\n"
    + "".join(HELPER.format(number=number, next=number + 1) for number in range(100))
    + "def h100(x): return x\n"
    + ORDINARY
)

COLD = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
import program, warming
from cuebook.persistence.identity.fingerprint import fingerprint
from joblib.func_inspect import get_func_code
from dask.base import tokenize
ways = {"cuebook": fingerprint, "joblib": get_func_code, "dask": tokenize}
way = ways[sys.argv[3]]
way(warming.f)
found = []
for name in ("ordinary", "h0"):
    function = getattr(program, name)
    for _ in range(2):
        start = time.perf_counter()
        way(function)
        found.append(time.perf_counter() - start)
print(json.dumps(found))
"""

MATRIX = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import m
from cuebook.persistence.identity.fingerprint import fingerprint
from joblib.func_inspect import get_func_code
from dask.base import tokenize
def told(way, value):
    try:
        return str(way(value))
    except Exception as error:
        return f"raises {type(error).__name__}"
ways = {"cuebook": lambda f: fingerprint(f).digest.hex(), "joblib": lambda f: get_func_code(f)[0], "dask": tokenize}
print(json.dumps({name: {each: told(way, getattr(m, each)) for each in sys.argv[3:]} for name, way in ways.items()}))
"""

VALUES = """
import json, sys
sys.path[:0] = sys.argv[1:2]
import numpy as np, pandas as pd, random, dataclasses, types
from cuebook.persistence.identity.value_digest import value_digest
from joblib import hash as joblib_hash
from dask.base import tokenize
@dataclasses.dataclass
class P:
    a: int
    b: list
class Lazy:
    def __init__(self, k): self.k = k
    @property
    def twice(self): return self.k * 2
grown = {}
for name in ("b", "a"): grown[name] = 1
frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": list("wxyz")})
nan = float("nan")
text = "".join(["ab", "cd"])
same = {
    "strings in sets": ({"a", "b", "c", "d"}, {"d", "c", "b", "a"}),
    "NaNs": ([nan, 1], [float("inf") - float("inf"), 1]),
    "shared and equal parts": ([text, text], ["abcd", "".join(["abc", "d"])]),
    "arrays in C and Fortran order": (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    "a slice of an array": (np.arange(10)[2:8:2], np.array([2, 4, 6])),
    "a slice of a frame": (frame[1:3], pd.DataFrame({"a": [2, 3], "b": ["x", "y"]}, index=range(1, 3))),
    "objects": (P(1, [2]), P(1, [2])),
    "lambdas of one text": (eval("lambda x: x + 1"), eval("lambda x: x + 1")),
}
other = {
    "1 and True": (1, True),
    "1 and 1.0": ([1], [1.0]),
    "0.0 and -0.0": (0.0, -0.0),
    "a list and a tuple": ([1, 2], (1, 2)),
    "dicts in another order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "arrays of another type": (np.zeros(3, "f4"), np.zeros(3, "f8")),
    "generators with other seeds": (random.Random(1), random.Random(2)),
    "int64 and an int": (np.int64(1), 1),
    "frames with other names": (frame, frame.rename(columns={"a": "c"})),
    "classes with other code": (type("C", (), {"m": lambda s: 1}), type("C", (), {"m": lambda s: 2})),
}
def told(way, value):
    try:
        return str(way(value))
    except Exception as error:
        return f"raises {type(error).__name__}"
ways = {"cuebook": lambda v: value_digest(v).hex(), "joblib": joblib_hash, "dask": tokenize}
print(json.dumps({
    name: {
        "same": {case: [told(way, part) for part in pair] for case, pair in same.items()},
        "other": {case: [told(way, part) for part in pair] for case, pair in other.items()},
    }
    for name, way in ways.items()
}))
"""

WAYS = ("cuebook", "joblib", "dask")


def run(code: str, *arguments: str, seed: int = 0) -> Any:
    """What a fresh process prints as JSON."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def main() -> None:
    title("bench_identity")
    row("", *WAYS)
    with tempfile.TemporaryDirectory() as name:
        functions(Path(name))
        values()
        misses(Path(name))
        misses_of_values()


def functions(where: Path) -> None:
    """Milliseconds for a function of ordinary size and one with a hundred helpers, new to the process and known."""
    (where / "program.py").write_text(PROGRAM)
    (where / "warming.py").write_text("import math\ndef f(x): return math.sqrt(x)\n")
    figures = {way: [run(COLD, str(ROOT), str(where), way) for _ in range(ROUNDS)] for way in WAYS}
    for place, what in enumerate(("ordinary function", "again", "a hundred helpers", "again")):
        medians = [statistics.median(each[place] for each in figures[way]) for way in WAYS]
        row(f"{what} (ms)", *(f"{median * 1e3:.2f}" for median in medians))


def values() -> None:
    """Milliseconds for values of a few kinds."""
    import numpy as np
    import pandas as pd
    from dask.base import tokenize
    from joblib import hash as joblib_hash

    from cuebook.persistence.identity.value_digest import value_digest

    ways: list[Callable[[Any], Any]] = [value_digest, joblib_hash, tokenize]
    kinds = {
        "a number": 5,
        "100,000 numbers": list(range(100_000)),
        "10,000 pairs in a dict": {f"key {number}": number for number in range(10_000)},
        "1,000 small dicts": [{"name": f"n{number}", "at": [number, 1.5]} for number in range(1_000)],
        "an array of 80 MB": np.arange(10_000_000, dtype="f8"),
        "a frame of 100,000 rows": pd.DataFrame({"a": range(100_000), "b": [str(number) for number in range(100_000)]}),
    }
    for what, value in kinds.items():
        figures = in_turn(*[partial(timed, partial(way, value)) for way in ways])
        row(f"{what} (ms)", *(f"{statistics.median(each) * 1e3:.3f}" for each in figures))


def misses(where: Path) -> None:
    """The matrix of functions and edits: how many of them each way gets wrong."""
    found = {}
    for number, (name, edit) in enumerate({"before": ("", "", "", "", ""), **EDITS}.items()):
        folder = where / f"edit-{number}"
        folder.mkdir()
        (folder / "m.py").write_text(edited(M, edit[0], edit[1]))
        (folder / "util.py").write_text(edited(UTIL, edit[2], edit[3]))
        found[name] = run(MATRIX, str(ROOT), str(folder), *CALLABLES, seed=number + 1)
    for kind in ("stale", "redo"):
        counts = []
        for way in WAYS:
            count = 0
            for name, edit in EDITS.items():
                changed = {each for each in CALLABLES if found[name][way][each] != found["before"][way][each]}
                must = set(edit[4].split())
                count += len(must - changed) if kind == "stale" else len(changed - must)
            counts.append(count)
        row(f"functions and edits: {kind}", *counts)
    row("  of", *[len(EDITS) * len(CALLABLES)] * len(WAYS))


def misses_of_values() -> None:
    """Pairs of values that are one value, and pairs that are two, in two processes."""
    first, second = (run(VALUES, str(ROOT), seed=seed) for seed in (1, 2))
    stale, redo = [], []
    for way in WAYS:
        pairs = {case: (one, second[way]["same"][case][1]) for case, (one, _) in first[way]["same"].items()}
        redo.append([case for case, (one, other) in pairs.items() if one != other or one.startswith("raises")])
        pairs = {case: (one, second[way]["other"][case][1]) for case, (one, _) in first[way]["other"].items()}
        stale.append([case for case, (one, other) in pairs.items() if one == other and not one.startswith("raises")])
    row("values: stale", *(len(each) for each in stale))
    row("values: redo", *(len(each) for each in redo))
    for way, *lists in zip(WAYS, stale, redo, strict=True):
        for kind, cases in zip(("stale", "redo"), lists, strict=True):
            if cases:
                print(f"  {way} {kind}: {', '.join(cases)}")


if __name__ == "__main__":
    main()
