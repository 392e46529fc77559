"""What counts for a function's identity and what does not, beyond the matrix."""

from __future__ import annotations

import importlib.util
import linecache
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import Part, compare, fingerprint
from tests.persistence.identity.fingerprinted import Workshop

pytestmark = pytest.mark.quick


ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    known = set(sys.modules)
    yield Workshop(tmp_path)
    for name in set(sys.modules) - known:
        if name.startswith(("users_", "upkg")):
            del sys.modules[name]


def test_a_global_rebound_at_run_time_counts_as_it_is_now(shop: Workshop) -> None:
    module = shop.module("RATE = 1\ndef f(x): return x * RATE\n")
    before = fingerprint(module.f)
    module.RATE = 2
    after = fingerprint(module.f)
    assert before.digest != after.digest
    assert [change.label for change in compare(before.parts, after.parts)] == ["global RATE"]


def test_a_global_that_is_not_defined_yet_is_named_and_no_error(shop: Workshop) -> None:
    module = shop.module("def f(x): return later(x)\n")
    before = fingerprint(module.f)
    module.later = lambda x: x
    assert before.digest != fingerprint(module.f).digest
    assert "global later" in {part.label for part in before.parts}


@pytest.mark.parametrize(
    "use",
    [
        "import upkg.sub.deep\ndef f(x): return upkg.sub.deep.g(x)\n",
        "from upkg.sub import deep\ndef f(x): return deep.g(x)\n",
        "from upkg.sub.deep import g\ndef f(x): return g(x)\n",
        "from upkg.sub.deep import g as other\ndef f(x): return other(x)\n",
        "def f(x):\n    import upkg.sub.deep\n    return upkg.sub.deep.g(x)\n",
        "def f(x):\n    import upkg.sub.deep as d\n    return d.g(x)\n",
        "def f(x):\n    from upkg.sub.deep import g\n    return g(x)\n",
        "def f(x):\n    from upkg.sub import deep\n    return [deep.g(y) for y in [x]]\n",
        "def mk():\n    from upkg.sub import deep\n    def inner(x): return deep.g(x)\n    return inner\nf = mk()\n",
        "from upkg.sub import deep\nf = lambda x: getattr(deep, 'g')(x)\n",
        "from upkg.user import relative as f\n",
        "from upkg.user import relative_inside as f\n",
    ],
)
def test_a_helper_in_a_module_of_a_package_counts_however_it_is_imported(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    monkeypatch.syspath_prepend(str(shop.folder))
    digests = []
    for constant in (1, 2, 1):
        package = shop.folder / "upkg"
        (package / "sub").mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "sub" / "__init__.py").write_text("")
        (package / "sub" / "deep.py").write_text(f"def h(x): return x + {constant}\ndef g(x): return h(x)\n")
        (package / "user.py").write_text(
            "from .sub.deep import g\ndef relative(x): return g(x)\n"
            "def relative_inside(x):\n    from .sub import deep\n    return deep.g(x)\n"
        )
        for name in [name for name in sys.modules if name.startswith("upkg")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        linecache.clearcache()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        digests.append(shop.digest(use))
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


def test_an_unused_function_of_an_imported_module_does_not_count(shop: Workshop) -> None:
    helper = shop.module("def g(x): return x\ndef unused(x): return 1\n")
    user = shop.module(f"import {helper.__name__} as h\ndef f(x): return h.g(x)\n")
    before = fingerprint(user.f).digest
    helper.unused = lambda x: 2
    assert fingerprint(user.f).digest == before


def test_mutual_recursion_counts_on_both_sides_and_ends(shop: Workshop) -> None:
    source = """
        def even(n): return True if n == 0 else odd(n - 1)
        def odd(n): return False if n == 0 else even(n - 1)
    """
    for name in ("even", "odd"):
        assert not shop.is_same(source, "False", "None", name)
        assert not shop.is_same(source, "True", "1", name)
        assert shop.is_same(source, "def odd(n): return", "def odd(n):\n            # why\n            return", name)


def test_two_helpers_that_swap_their_bodies_are_a_change(shop: Workshop) -> None:
    one = "def a(x): return x + 1\ndef b(x): return x * 2\ndef f(x): return a(b(x))\n"
    other = "def a(x): return x * 2\ndef b(x): return x + 1\ndef f(x): return a(b(x))\n"
    assert shop.digest(one) != shop.digest(other)


def test_two_helpers_of_one_name_in_two_modules_that_swap_are_a_change(shop: Workshop) -> None:
    plus = shop.module("def g(x): return x + 1\n").__name__
    times = shop.module("def g(x): return x * 2\n").__name__
    use = "import {} as p\nimport {} as q\ndef f(x): return p.g(q.g(x))\n"
    assert shop.digest(use.format(plus, times)) != shop.digest(use.format(times, plus))
    listed = "from {} import g as p\nfrom {} import g as q\nSTEPS = [p, q]\ndef f(x): return [s(x) for s in STEPS]\n"
    assert shop.digest(listed.format(plus, times)) != shop.digest(listed.format(times, plus))


def test_a_function_edited_on_disk_while_the_old_code_runs_is_not_taken_for_the_new_one(
    shop: Workshop,
) -> None:
    module = shop.module("def f(x): return x + 1\n")
    old = shop.module("def f(x): return x + 1\n").f
    path = Path(module.__file__)
    path.write_text("def f(x): return x + 222\n")
    os.utime(path, (1, 1))
    running = fingerprint(module.f)
    new = shop.digest("def f(x): return x + 222\n")
    assert running.digest != new
    assert fingerprint(old).digest != new
    assert "bytecode" in running.parts[0].detail


def test_an_edit_elsewhere_in_the_file_while_the_code_runs_does_not_count_where_lines_stay(
    shop: Workshop,
) -> None:
    module = shop.module("def f(x): return x + 1\ndef g(x): return 1\n")
    old = fingerprint(module.f)
    Path(module.__file__).write_text("def f(x): return x + 1\ndef g(x): return 2222\n")
    assert fingerprint(module.f).digest == old.digest


def test_several_lambdas_on_one_line_are_told_apart(shop: Workshop) -> None:
    module = shop.module('pair = (lambda x: x * 2, lambda x: (x, "é"), lambda y: y * 2, lambda *, k=1, **z: k)\n')
    details = [fingerprint(each).parts[0].detail for each in module.pair]
    assert details == ["lambda x: x * 2", "lambda x: (x, 'é')", "lambda y: y * 2", "lambda *, k, **z: k"]
    assert len({fingerprint(each).digest for each in module.pair}) == 4


def test_a_lambda_over_several_lines_has_its_source(shop: Workshop) -> None:
    module = shop.module("f = (\n    lambda x: x +\n        # why\n        1\n)\n")
    assert fingerprint(module.f).parts[0].detail == "lambda x: x + 1"
    assert fingerprint(module.f).digest == shop.digest("f = lambda x: x + 1\n")


def run_as(source: str, filename: str) -> Any:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(textwrap.dedent(source), filename, "exec"), scope)
    return scope["f"]


@pytest.mark.parametrize("filename", ["<stdin>", "<string>"])
def test_functions_without_a_source_count_by_their_code_alone(filename: str) -> None:
    def digest(source: str) -> bytes:
        return fingerprint(run_as(source, filename)).digest

    first = digest("def f(x): return g(x) + 1\ndef g(x): return x in {'a', 'b'}")
    assert digest("# moved\n\ndef f(x):\n    return (g(x) +\n 1)\ndef g(x): return x in {'a', 'b'}") == first
    assert (
        digest("def f(x):\n    'doc'\n    return g(x) + 1\ndef g(x):\n    'doc'\n    return x in {'a', 'b'}") == first
    )
    assert digest("def f(x): return g(x) + 2\ndef g(x): return x in {'a', 'b'}") != first
    assert digest("def f(x): return g(x) + 1\ndef g(x): return x in {'a', 'c'}") != first
    assert digest("def f(x): return g(x) - 1\ndef g(x): return x in {'a', 'b'}") != first


def test_functions_of_notebook_cells_have_their_source() -> None:
    source = "def f(x):\n    return x + 1\n"
    for cell in ("<ipython-input-1-abc>", "/tmp/ipykernel_17/123.py"):
        linecache.cache[cell] = (len(source), None, source.splitlines(keepends=True), cell)
        try:
            assert fingerprint(run_as(source, cell)).parts[0].detail == "def f(x):\n    return x + 1"
        finally:
            del linecache.cache[cell]


def test_functions_of_dash_c_and_stdin_scripts_are_the_same_in_each_process() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom cuebook.persistence.identity.fingerprint import fingerprint\n"
        "def g(x): return x in {'a', 'b', 'c'}\ndef f(x): return g(x)\nprint(fingerprint(f).digest.hex())"
    )
    found = set()
    for seed, command in enumerate((["-c", script], ["-c", f"\n\n{script}"], ["-"])):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1)}
        done = subprocess.run(
            [sys.executable, *command],
            input=script,
            capture_output=True,
            text=True,
            env=environment,
            timeout=30,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_a_shipped_function_has_the_same_fingerprint_where_it_arrives(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        import collections, contextlib, dataclasses, enum, functools, subprocess
        from cuebook.persistence.values.pickling import by_value
        from cuebook.persistence.identity.fingerprint import fingerprint
        LIMIT = {{"a", "b", "c"}}
        class Color(enum.Enum):
            RED = 1
        @dataclasses.dataclass
        class Point:
            x: int = 1
            def m(self, y): return helper(y) + self.x
        Pair = collections.namedtuple("Pair", "a b")
        def helper(x): return x in LIMIT, Color.RED, Point(2), Pair(1, 2)
        def f(x, k=(1,)): return helper(x)
        def mk(k):
            def inner(x): return helper(x), k
            return inner
        def deco(fn):
            @functools.wraps(fn)
            def w(*a): return fn(*a)
            return w
        @deco
        def loud(x): return helper(x)
        @contextlib.contextmanager
        def managed(x): yield helper(x)
        functions = [f, lambda x: helper(x), mk(3), Point(4).m, functools.partial(f, 1)]
        functions += [loud, managed, Point]
        if __name__ == "__main__":
            here = [fingerprint(each).digest for each in functions]
            child = (
                "import sys, pickle; from cuebook.persistence.identity.fingerprint import fingerprint\\n"
                "f = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(b''.join(fingerprint(x).digest for x in f))"
            )
            shipped = by_value.dumps(functions)
            done = subprocess.run([sys.executable, "-c", child], input=shipped, capture_output=True,
                env={{"PYTHONPATH": {str(ROOT)!r}, "PYTHONHASHSEED": "7"}}, check=True)
            assert done.stdout == b"".join(here), [done.stdout[i * 16 : i * 16 + 16] == h for i, h in enumerate(here)]
        """)
    )
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_same_function_under_another_name_is_another_one(shop: Workshop) -> None:
    assert shop.digest("def f(x): return x\n") != shop.digest("def g(x): return x\n", "g")


def test_an_import_that_puts_another_library_behind_a_name_counts(shop: Workshop) -> None:
    source = "from math import sqrt\ndef f(x): return sqrt(x)\n"
    assert not shop.is_same(source, "from math", "from numpy")
    assert not shop.is_same("import math as m\ndef f(x): return m.sqrt(x)\n", "import math", "import cmath")


def test_installed_packages_are_recorded_and_do_not_count_unless_depended_on(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = shop.module("import numpy as np\ndef f(x): return np.sum(x)\n").f
    before, depended = fingerprint(f), fingerprint(f, depends=[np])
    assert before.packages == (("numpy", np.__version__),)
    monkeypatch.setattr(np, "__version__", "0.0.1")
    assert fingerprint(f).digest == before.digest
    assert fingerprint(f).packages == (("numpy", "0.0.1"),)
    assert fingerprint(f, depends=[np]).digest != depended.digest


def test_extra_classes_count_in_any_order(shop: Workshop) -> None:
    module = shop.module("class A:\n    k = 1\nclass B:\n    k = 2\ndef f(x): return x\n")
    both = fingerprint(module.f, extra=[module.A, module.B]).digest
    assert fingerprint(module.f, extra=[module.B, module.A]).digest == both
    module.B.k = 3
    assert fingerprint(module.f, extra=[module.A, module.B]).digest != both


def test_parts_are_labelled_and_sorted(shop: Workshop) -> None:
    helper = shop.module("LIMIT = 2\ndef clean(x): return min(x, LIMIT)\n").__name__
    source = f"import {helper} as helpers\nTHRESH = 3\ndef f(x, k=5, *, q=6): return helpers.clean(x) > THRESH\n"
    found = fingerprint(shop.module(source).f)
    assert [part.label for part in found.parts] == [
        "code of f",
        f"code of {helper}.clean",
        "default k of f",
        "default q of f",
        "global THRESH",
        f"global {helper}.LIMIT",
    ]
    assert found.parts[0].detail == "def f(x, k=..., *, q=...):\n    return helpers.clean(x) > THRESH"
    assert [part.detail for part in found.parts[2:]] == ["5", "6", "3", "2"]


def test_compare_says_what_changed_was_added_and_went() -> None:
    before = [Part("a", "1", "x"), Part("b", "2"), Part("moved.c", "3"), Part("d", "4", "gone")]
    after = [Part("a", "9", "y"), Part("b", "2"), Part("elsewhere.c", "3"), Part("e", "5", "new")]
    changes = [(change.label, change.kind, change.before, change.after) for change in compare(before, after)]
    assert changes == [("a", "changed", "x", "y"), ("d", "gone", "gone", ""), ("e", "added", "", "new")]
    assert compare(before, before) == []


def test_a_method_that_uses_a_slot_is_the_same_where_its_class_was_shipped_by_value(tmp_path: Path) -> None:
    """The class that arrives has the slots' names, and no slots."""
    script = tmp_path / "program.py"
    script.write_text(
        """
from cuebook import chunk
class Slotted:
    __slots__ = ("kept",)
    def __init__(self, kept): self.kept = kept
    def add(self, x): return self.kept + x
    def __call__(self, x): return self.kept * x
print(chunk(Slotted(3).add, [[4]], chunk_size=1), chunk(Slotted(3), [[4]], chunk_size=1))
"""
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stdout == "[7] [12]\n", done.stderr


def test_looking_at_a_class_leaves_it_as_it_is() -> None:
    class Bare:
        def run(self, x: int) -> int:
            return x

    before = vars(Bare).keys() | {"__slotnames__"}  # which any copy of an object adds
    fingerprint(Bare().run)
    fingerprint(len, extra=(Bare,))
    assert vars(Bare).keys() <= before
