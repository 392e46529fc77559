"""Any callable, defined anywhere: it runs in fresh processes, is recognised by the next run, and no guard is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import Program, calls, run_script

pytestmark = pytest.mark.quick

CALLABLES = {
    "function": "def f(x): note(x); return x + 1",
    "lambda": "f = lambda x: (note(x), x + 1)[1]",
    "closure": "def make(k):\n    def inner(x):\n        note(x)\n        return x + k\n    return inner\nf = make(1)",
    "method": "class C:\n    def __init__(self): self.k = 1\n    def m(self, x):\n        note(x)\n        return x + self.k\nf = C().m",
    "class method": "class C:\n    k = 1\n    @classmethod\n    def m(cls, x):\n        note(x)\n        return x + cls.k\nf = C.m",
    "static method": "class C:\n    @staticmethod\n    def m(x):\n        note(x)\n        return x + 1\nf = C.m",
    "partial": "import functools\ndef g(k, x): note(x); return x + k\nf = functools.partial(g, 1)",
    "partial of partial": (
        "import functools\ndef g(k, x, *, z): note(x); return x + k + z\n"
        "f = functools.partial(functools.partial(g, 1), z=0)"
    ),
    "callable object": "class C:\n    def __call__(self, x):\n        note(x)\n        return x + 1\nf = C()",
    "class": "class f:\n    def __new__(cls, x):\n        note(x)\n        return x + 1",
    "coroutine function": "async def f(x): note(x); return x + 1",
    "decorated": (
        "import functools\ndef twice(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n    return w\n"
        "@twice\ndef f(x): note(x); return x + 1"
    ),
    "cached": "import functools\n@functools.lru_cache\ndef f(x): note(x); return x + 1",
    "cached and recursive": (
        "import functools\n@functools.lru_cache(maxsize=5)\ndef f(x, n=3):\n    if n: return f(x, n - 1)\n"
        "    note(x)\n    return x + 1"
    ),
    "recursive": "def f(x, n=3):\n    if n: return f(x, n - 1)\n    note(x)\n    return x + 1",
    "with helper and global": "K = 1\ndef helper(x): return x + K\ndef f(x): note(x); return helper(x)",
    "nested class of the script": (
        "class Outer:\n    class Inner:\n        def m(self, x): return x + 1\ndef f(x): note(x); return Outer.Inner().m(x)"
    ),
    "default and keyword": "def f(x, k=1, *, z=0): note(x); return x + k + z",
    "dataclass of the script": (
        "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\ndef f(x): note(x); return P(x).x + 1"
    ),
    "method of a class with slots": (
        "class C:\n    __slots__ = ('k', '__one')\n    def __init__(self): self.k, self.__one = 0, 1\n"
        "    def m(self, x):\n        note(x)\n        return x + self.k + self.__one\nf = C().m"
    ),
    "method of a dataclass with slots": (
        "import dataclasses\n@dataclasses.dataclass(slots=True, frozen=True)\nclass C:\n    k: int\n"
        "    def m(self, x):\n        note(x)\n        return x + self.k\nf = C(1).m"
    ),
    "method of a named tuple": (
        "import typing\nclass C(typing.NamedTuple):\n    k: int\n"
        "    def m(self, x):\n        note(x)\n        return x + self.k\nf = C(1).m"
    ),
    "object without a dict": (
        "class C:\n    __slots__ = 'k'\n"
        "    def __call__(self, x):\n        note(x)\n        self.k = 1\n        return x + self.k + hasattr(self, '__dict__')\nf = C()"
    ),
    "enum of the script": "import enum\nclass E(enum.Enum):\n    A = 1\ndef f(x): note(x); return x + E.A.value",
}


@pytest.mark.parametrize("part", range(3))
def test_any_callable_of_a_script_without_a_guard_runs_and_is_recognised_again(part: int, tmp_path: Path) -> None:
    kinds = list(CALLABLES)[part::3]
    body = "".join(
        f"{CALLABLES[kind]}\nassert chunk(f, [[n] for n in range(5)], path='{number}.cue') == [1, 2, 3, 4, 5]\n"
        f"note('{kind}', 'kinds.log')\nprint('{kind}', sum(1 for _ in open('calls.log')))\n"
        for number, kind in enumerate(kinds)
    )
    first = run_script(tmp_path, body)
    assert first == "".join(f"{kind} {5 * n}\n" for n, kind in enumerate(kinds, 1))
    again = run_script(tmp_path, body + "# a comment more\n")
    assert again == "".join(f"{kind} {5 * len(kinds)}\n" for kind in kinds)


@pytest.mark.parametrize("where", ["thread", "process"])
def test_builtins_and_functions_of_libraries_run_too(where: str, tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        f'import math, operator\nw = "{where}"\n'
        'print(chunk(pow, [[2, 3]], where=w), chunk(math.gcd, [[12, 18]], where=w), chunk(str.upper, [["a"]], where=w),\n'
        '      chunk(operator.itemgetter(1), [[[5, 6]]], where=w), chunk("x".join, [[["a", "b"]]], where=w))\n',
    )
    assert out == "[8] [6] ['A'] [6] ['axb']\n"


def test_under_python_dash_c(tmp_path: Path) -> None:
    code = "from cuebook import chunk\ndef f(x): return x * 2\nprint(chunk(f, [[1], [2]], path='x.cue'))"
    for _ in range(2):
        with Program(tmp_path, "-c", code) as program:
            assert (program.wait(), program.stdout, program.stderr) == (0, "[2, 4]\n", "")


def test_under_python_dash_m_in_a_package(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helper.py").write_text("K = 5\ndef helper(x): return x * K\n")
    (package / "__main__.py").write_text(
        "from cuebook import chunk\nfrom pkg.helper import helper\nfrom .helper import K\n"
        "def f(x): return helper(x) + K\nprint(chunk(f, [[1], [2]], path='x.cue'))\n"
    )
    for _ in range(2):
        with Program(tmp_path, "-m", "pkg") as program:
            assert (program.wait(), program.stdout, program.stderr) == (0, "[10, 15]\n", "")


def test_with_a_guard_as_well(tmp_path: Path) -> None:
    assert (
        run_script(tmp_path, 'def f(x): return x\nif __name__ == "__main__":\n    print(chunk(f, [[1]]))\n') == "[1]\n"
    )


def test_the_script_is_not_run_again_in_the_workers(tmp_path: Path) -> None:
    run_script(tmp_path, 'note("script")\ndef f(x): note("call")\nchunk(f, [[n] for n in range(4)])\n')
    assert sorted(calls(tmp_path)) == ["call"] * 4 + ["script"]


# -- modules of the user


def test_a_global_that_was_set_at_run_time_reaches_the_workers(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("K = 2\ndef f(x): return x * K\n")
    out = run_script(
        tmp_path,
        "import mod\n"
        'print(chunk(mod.f, [[1], [2]], path="x.cue"))\nmod.K = 7\n'
        'print(chunk(mod.f, [[1], [2]], path="x.cue"))\nmod.K = 2\n'
        'print(chunk(mod.f, [[1], [2]], path="x.cue"))\n',
    )
    assert out == "[2, 4]\n[7, 14]\n[2, 4]\n"


def test_a_global_that_cannot_be_sent_fails_the_run_before_any_call_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("import threading\nK = 2\nLOCK = None\ndef f(x): return x, K, LOCK\n")
    out = run_script(
        tmp_path,
        "import mod, threading, warnings\nwarnings.simplefilter('ignore')\nmod.K = 3\nmod.LOCK = threading.Lock()\n"
        "try:\n    chunk(mod.f, [[1], [2]])\nexcept FunctionNotShippable as error:\n    print(error)\n",
    )
    place = f"({tmp_path / 'mod.py'}, line 4)"
    assert "f cannot be sent to a worker process: cannot pickle '_thread.lock' object. It uses LOCK (lock)." in out
    assert (
        f"by value, since global K {place} is 3 in this program and 2 in a worker, which imports its module anew."
        in out
    )
    assert out.endswith("Set where its module is imported, it need not be.\n")
    assert "pass it as an argument" not in out


def test_the_code_that_runs_is_the_code_that_was_imported_also_after_the_file_was_edited(tmp_path: Path) -> None:
    module = tmp_path / "mod.py"
    module.write_text("def f(x): return x * 2\n")
    body = (
        "import mod\n"
        'open(mod.__file__, "w").write("def f(x): return x * 1000\\n")\n'
        'print(chunk(mod.f, [[1], [2]], path="x.cue"))\n'
    )
    assert run_script(tmp_path, body) == "[2, 4]\n"
    # the next process imports the new text: another function, whose results are not there
    assert run_script(tmp_path, body) == "[1000, 2000]\n"


def test_additions_to_sys_path_hold_in_the_workers(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "deep.py").write_text("def f(x): return x + 1\n")
    assert (
        run_script(
            tmp_path, "sys.path.insert(0, os.path.join(HERE, 'extra'))\nimport deep\nprint(chunk(deep.f, [[1]]))\n"
        )
        == "[2]\n"
    )


def test_a_relative_sys_path_means_the_parents_folder(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "deep.py").write_text("def f(x): return x + 1\n")
    body = "sys.path.insert(0, 'extra')\nimport deep\nprint(chunk(deep.f, [[1]]))\n"
    assert run_script(tmp_path, body) == "[2]\n"


def test_a_class_made_inside_a_function_of_a_module_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text(
        "def make():\n    class Local:\n        def m(self, x): return x + 1\n    def f(x): return Local().m(x)\n    return f\n"
    )
    assert run_script(tmp_path, 'import mod\nprint(chunk(mod.make(), [[1]], path="x.cue"))\n') == "[2]\n"


def test_workers_have_the_parents_folder_environment_and_arguments(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    out = run_script(
        tmp_path,
        "os.chdir('sub')\nos.environ['CUE_TEST'] = 'set here'\n"
        "def f(): return os.getcwd(), os.environ['CUE_TEST'], sys.argv[1:]\nprint(*chunk(f, [[]])[0])\n",
        "--flag",
    )
    assert out == f"{os.path.realpath(tmp_path / 'sub')} set here ['--flag']\n"


def test_a_module_that_fails_to_import_in_a_worker_ends_the_run_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text(
        "import os, sys\nif os.environ.get('PARENT') not in (None, str(os.getpid())): raise ImportError('not here')\n"
        "def f(x): return x\n"
    )
    out = run_script(
        tmp_path,
        "os.environ['PARENT'] = str(os.getpid())\nimport mod\n"
        "try:\n    chunk(mod.f, [[1]])\nexcept FunctionNotShippable as error:\n    print(type(error.__cause__).__name__, error)\n",
    )
    assert out.startswith("ImportError")
    assert "not here" in out


def test_an_import_inside_a_function_means_the_same_whether_the_module_is_loaded_already_or_not(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("def f(x):\n    import ctypes, colorsys\n    return x\n")
    body = 'import mod\nif len(sys.argv) > 1: import ctypes, colorsys\ndef f(x): note(x); return mod.f(x)\nchunk(f, [[1]], path="x.cue")\n'
    run_script(tmp_path, body)
    run_script(tmp_path, body, "load")
    assert calls(tmp_path) == ["1"]


SET_AT_RUN_TIME = {
    "by its module": "def f(x): return mod.K",
    "by a module of a package": "def f(x): return pkg.inner.K",
    "by an import inside": "def f(x):\n    import mod as other\n    return other.K",
    "by a name imported inside": "def f(x):\n    from mod import K\n    return K",
    "through a helper of the module": "def f(x): return mod.k()",
    "of a class": "from mod import Config\ndef f(x): return Config.rate",
    "of the class of an object": "CONFIG = mod.Config()\ndef f(x): return CONFIG.rate",
    "of the class of an object, in a method": "CONFIG = mod.Config()\ndef f(x): return CONFIG.get()",
    "of a function": "def f(x): return mod.k.extra",
    "of an object in the module": "def f(x): return mod.CONFIG.own",
    "a whole module": "def f(x): return vars(mod)['K']",
    "by the script's own function": "def own(): return mod.K\ndef f(x): return own()",
    "in a method of the script": "class C:\n    def run(self, x): return mod.K\nf = C().run",
}


@pytest.mark.parametrize("way", SET_AT_RUN_TIME)
def test_what_was_set_at_run_time_reaches_workers_on_every_way_or_the_run_says_that_it_does_not(
    way: str, tmp_path: Path
) -> None:
    """A worker imports the module anew, and must not compute with what stands there."""
    (tmp_path / "mod.py").write_text(
        "K = 1\nclass Config:\n    rate = 1\n    def __init__(self): self.own = 1\n    def get(self): return self.rate\n"
        "def k(): return K\nk.extra = 1\nCONFIG = Config()\n"
    )
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "inner.py").write_text("K = 1\n")
    out = run_script(
        tmp_path,
        f"import mod, pkg.inner\n{SET_AT_RUN_TIME[way]}\n"
        "mod.K = pkg.inner.K = mod.Config.rate = mod.k.extra = mod.CONFIG.own = 7\n"
        "try:\n    print(chunk(f, [[1]], progress_bar=False))\n"
        "except FunctionNotShippable as error:\n    print('said:', str(error).split(' is ')[0])\n",
    )
    said = "said: global " + {"by an import inside": "mod.K", "by a name imported inside": "mod.K"}.get(way, "-")
    assert out == "[7]\n" or out.startswith(said), out


def test_under_python_from_standard_input(tmp_path: Path) -> None:
    code = "from cuebook import chunk\nimport pathlib\ndef f(x):\n    with open('calls', 'a') as c: c.write('x')\n    return x * 2\nprint(chunk(f, [[1], [2]], path='x.cue'))"
    (tmp_path / "code.txt").write_text(code)
    for _ in range(2):
        with (tmp_path / "code.txt").open() as stdin:
            done = subprocess.run(
                [sys.executable, "-"], stdin=stdin, cwd=tmp_path, capture_output=True, text=True, check=False
            )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[2, 4]\n", "")
    assert (tmp_path / "calls").read_text() == "xx"
