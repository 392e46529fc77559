"""Many callables, 19 edits, a new process and hash seed each: fingerprints change where they must, nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

M = '''
import functools, math
import util
THRESH = 3
TABLE = {"a": 1}
def h2(x): return x + 1
def h1(x): return h2(x) * 2
def body(x):
    """doc"""
    return x * 2
lam = lambda x: x * 2
lamset = lambda x: x in {"aa", "bb", "cc"}
def uses_global(x): return x > THRESH
def uses_dict(x): return TABLE.get(x)
def uses_helper(x): return h2(x)
def uses_trans(x): return h1(x)
def uses_mod(x): return util.f(x)
def uses_nested(xs): return [h2(x) for x in (lambda: xs)()]
def mk(k):
    def inner(x): return x * k
    return inner
clo = mk(3)
def dflt(x, k=5): return x * k
def kwd(x, *, k=5): return x * k
part = functools.partial(dflt, k=7)
class C:
    def __init__(s, k): s.k = k
    def m(s, x): return x * s.k + s.other()
    def other(s): return 1
    def __call__(s, x): return x * s.k
meth = C(2).m
inst = C(2)
bi = len
cf = math.sqrt
def deco(fn):
    @functools.wraps(fn)
    def w(*a): return fn(*a)
    return w
@deco
def wrapped(x): return x + 10
def rec(x): return 1 if x == 0 else rec(x - 1)
'''
UTIL = "def f(x): return x + 100\n"

CALLABLES = [
    "body",
    "lam",
    "lamset",
    "uses_global",
    "uses_dict",
    "uses_helper",
    "uses_trans",
    "uses_mod",
    "uses_nested",
    "clo",
    "dflt",
    "kwd",
    "part",
    "meth",
    "inst",
    "bi",
    "cf",
    "wrapped",
    "rec",
]

# name of the edit: (text in m.py, its replacement, text in util.py, its replacement, what must change)
EDITS: dict[str, tuple[str, str, str, str, str]] = {
    "nothing": ("", "", "", "", ""),
    "lines above everything": ("\nimport functools", "\n\n# one\n\nimport functools", "", "", ""),
    "a comment and a blank line": ('    """doc"""\n', '    """doc"""\n\n    # why\n', "", "", ""),
    "the docstring": ('"""doc"""', '"""another\n    doc"""', "", "", ""),
    "brackets over two lines": ('"""\n    return x * 2', '"""\n    return (x\n        * 2)', "", "", ""),
    "the body": ('"""\n    return x * 2', '"""\n    return x * 3', "", "", "body"),
    "the constant in the lambda": ("lam = lambda x: x * 2", "lam = lambda x: x * 3", "", "", "lam"),
    "the global": ("THRESH = 3", "THRESH = 4", "", "", "uses_global"),
    "the global dict": ('{"a": 1}', '{"a": 2}', "", "", "uses_dict"),
    "the helper": (
        "def h2(x): return x + 1",
        "def h2(x): return x + 2",
        "",
        "",
        "uses_helper uses_trans uses_nested",
    ),
    "the other module": ("", "", "100", "200", "uses_mod"),
    "the closure": ("mk(3)", "mk(4)", "", "", "clo"),
    "the default": ("def dflt(x, k=5)", "def dflt(x, k=6)", "", "", "dflt part"),
    "the partial": ("k=7", "k=8", "", "", "part"),
    "the state of self": ("C(2).m", "C(3).m", "", "", "meth"),
    "the sibling method": ("return 1\n    def __call__", "return 2\n    def __call__", "", "", "meth"),
    "the object": ("inst = C(2)", "inst = C(9)", "", "", "inst"),
    "the wrapped body": ("x + 10", "x + 11", "", "", "wrapped"),
    "the decorator": ("return fn(*a)", "return fn(*a) or 0", "", "", "wrapped"),
}

PROBE = """
import json, sys
sys.path.insert(0, sys.argv[2])
from cuebook.persistence.identity.fingerprint import fingerprint
import m
print(json.dumps({name: fingerprint(getattr(m, name)).digest.hex() for name in sys.argv[3:]}))
"""


def probe(folder: Path, seed: int) -> dict[str, str]:
    command = [sys.executable, "-c", PROBE, str(ROOT), str(folder), *CALLABLES]
    command[2] = f"import sys; sys.path.insert(0, sys.argv[1])\n{PROBE}"
    environment = {"PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1 or not old, f"{old!r} stands {text.count(old)} times in the module"
    return text.replace(old, new) if old else text


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The fingerprints of every callable after each edit, and before any as "before"."""
    folders: dict[str, Path] = {}
    for name, (m_old, m_new, util_old, util_new, _) in {"before": ("", "", "", "", ""), **EDITS}.items():
        folder = tmp_path_factory.mktemp("edit")  # a folder each: where the files lie does not count either
        (folder / "m.py").write_text(edited(M, m_old, m_new))
        (folder / "util.py").write_text(edited(UTIL, util_old, util_new))
        folders[name] = folder
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(probe, folders.values(), range(1, 1 + len(folders)))
        return dict(zip(folders, results, strict=True))


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_fingerprints_that_it_must_and_no_other(
    probed: dict[str, dict[str, str]], name: str
) -> None:
    before, after = probed["before"], probed[name]
    assert {each for each in CALLABLES if before[each] != after[each]} == set(EDITS[name][4].split())


def test_different_functions_have_different_fingerprints(probed: dict[str, dict[str, str]]) -> None:
    assert len(set(probed["before"].values())) == len(CALLABLES)
