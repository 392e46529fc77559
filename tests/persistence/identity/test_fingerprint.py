"""What counts for a function's identity and what does not, beyond the matrix."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import itertools
import linecache
import logging
import math
import operator
import os
import random
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import Part, compare, fingerprint

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[3]
numbers = itertools.count()


class Workshop:
    """Writes sources to modules of ever new names and imports them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, source: str) -> Any:
        name = f"users_module_{next(numbers)}"
        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def digest(self, source: str, name: str = "f") -> bytes:
        return fingerprint(getattr(self.module(source), name)).digest

    def is_same(self, before: str, old: str, new: str, name: str = "f") -> bool:
        assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times in the source"
        return self.digest(before, name) == self.digest(before.replace(old, new), name)


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    known = set(sys.modules)
    yield Workshop(tmp_path)
    for name in set(sys.modules) - known:
        if name.startswith(("users_", "upkg")):
            del sys.modules[name]


CLASSES = '''
    import dataclasses, enum, functools, collections

    LIMIT = 5
    class Base:
        """doc of Base"""
        rate = 1
        def shared(self): return 1
    class Model(Base):
        size = 2
        def __init__(self, k=3): self.k = k
        def run(self, x):
            """doc of run"""
            return x * self.k * LIMIT
        @property
        def half(self): return self.k / 2
        @classmethod
        def make(cls): return cls(4)
        @staticmethod
        def plain(x): return x - 1
        @functools.cached_property
        def cached(self): return self.k + 10
    @dataclasses.dataclass
    class Point:
        """doc of Point"""
        x: int
        y: int = 7
        tags: list = dataclasses.field(default_factory=list)
    class Color(enum.Enum):
        RED = 1
        BLUE = 2
    Pair = collections.namedtuple("Pair", "left right", defaults=(8,))
    def f(x): return Model().run(x), Point(1), Color.RED, Pair(1)
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x * self.k * LIMIT", "x + self.k * LIMIT"),
        ("k=3", "k=33"),
        ("size = 2", "size = 22"),
        ("rate = 1", "rate = 11"),
        ("def shared(self): return 1", "def shared(self): return 9"),
        ("class Model(Base)", "class Model"),
        ("self.k / 2", "self.k / 3"),
        ("cls(4)", "cls(5)"),
        ("x - 1", "x - 2"),
        ("self.k + 10", "self.k + 11"),
        ("LIMIT = 5", "LIMIT = 6"),
        ("y: int = 7", "y: int = 70"),
        ("default_factory=list", "default_factory=dict"),
        ("x: int", "xx: int"),
        ("@dataclasses.dataclass", "@dataclasses.dataclass(frozen=True)"),
        ("BLUE = 2", "BLUE = 3"),
        ('"left right"', '"left wrong"'),
        ("(8,)", "(9,)"),
    ],
)
def test_a_class_used_by_the_function_counts_with_all_its_members(shop: Workshop, old: str, new: str) -> None:
    assert not shop.is_same(CLASSES, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("doc of Base", "another doc"),
        ("doc of run", "another doc"),
        ("doc of Point", "another doc"),
        ("    LIMIT = 5", "    # a comment\n\n    LIMIT = 5\n    unused = 1"),
        ("def plain(x): return x - 1", "def plain(x):\n            return (x -\n                1)"),
    ],
)
def test_docstrings_comments_and_layout_of_a_class_do_not_count(shop: Workshop, old: str, new: str) -> None:
    assert shop.is_same(CLASSES, old, new)


def test_members_that_a_bound_method_does_not_use_do_not_count(shop: Workshop) -> None:
    source = """
        class C:
            step = 1
            def __init__(self): self.k = 1
            def m(self, x): return self.helper(x) + self.prop
            def helper(self, x): return self.deeper(x) + self.step
            def deeper(self, x): return x
            @property
            def prop(self): return 5
            def unused(self): return 6
        f = C().m
    """
    assert shop.is_same(source, "return 6", "return 7")
    for old, new in [("return x\n", "return -x\n"), ("step = 1", "step = 2"), ("return 5", "return 8")]:
        assert not shop.is_same(source, old, new)


def test_a_method_that_hands_itself_on_depends_on_the_whole_class(shop: Workshop) -> None:
    source = """
        def outside(c): return c.unused()
        class C:
            def m(self, x): return outside(self)
            def unused(self): return 6
        f = C().m
    """
    assert not shop.is_same(source, "return 6", "return 7")


def test_a_method_called_through_super_counts(shop: Workshop) -> None:
    source = """
        class A:
            def m(self, x): return x + 1
        class B(A):
            def m(self, x): return super().m(x) * 2
        f = B().m
    """
    assert not shop.is_same(source, "x + 1", "x + 2")


def test_an_attribute_hook_of_the_class_counts_for_its_methods(shop: Workshop) -> None:
    source = """
        class C:
            def m(self, x): return self.anything
            def __getattr__(self, name): return 1
        f = C().m
    """
    assert not shop.is_same(source, "return 1", "return 2")


def test_a_class_as_the_function_counts_with_its_methods(shop: Workshop) -> None:
    assert not shop.is_same(CLASSES, "x * self.k * LIMIT", "x + self.k", name="Model")


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


KINDS = """
    import asyncio, functools, contextlib
    def h(x): return x + 1
    async def coroutine(x):
        await asyncio.sleep(0)
        return h(x)
    def generator(x): yield h(x)
    async def stream(x): yield h(x)
    @functools.lru_cache(maxsize=3)
    def cached(x): return h(x)
    @functools.singledispatch
    def single(x): return 0
    @single.register
    def _(x: int): return h(x)
    @contextlib.contextmanager
    def managed(x): yield h(x)
    class Task:
        def __init__(self, fn): self.fn = fn
        def __call__(self, x): return self.fn(x)
    task = Task(h)
    nested = functools.partial(functools.partial(Task(h), 1), k=2)
    class Static:
        @staticmethod
        def s(x): return h(x)
        @classmethod
        def c(cls, x): return h(x)
        partly = functools.partialmethod(lambda self, k, x: h(x), 1)
    static, klass = Static.s, Static.c
    table = {"a": h}
    def by_table(x): return table["a"](x)
    def by_default(x, fn=h): return fn(x)
    def attributed(x): return attributed.k + h(x)
    attributed.k = 1
"""


@pytest.mark.parametrize(
    "name",
    [
        "coroutine",
        "generator",
        "stream",
        "cached",
        "single",
        "managed",
        "task",
        "nested",
        "static",
        "klass",
        "by_table",
        "by_default",
        "attributed",
        "Static",
    ],
)
def test_a_helper_counts_through_every_kind_of_callable(shop: Workshop, name: str) -> None:
    assert not shop.is_same(KINDS, "def h(x): return x + 1", "def h(x): return x + 2", name)
    assert shop.is_same(KINDS, "def h(x): return x + 1", "def h(x):\n        # why\n        return x + 1", name)


def test_the_settings_of_a_cache_and_attributes_of_functions_count(shop: Workshop) -> None:
    assert not shop.is_same(KINDS, "maxsize=3", "maxsize=4", "cached")
    assert not shop.is_same(KINDS, "attributed.k = 1", "attributed.k = 2", "attributed")


def test_calls_that_fill_a_cache_do_not_count(shop: Workshop) -> None:
    module = shop.module(KINDS)
    before = [fingerprint(module.cached).digest, fingerprint(module.single).digest]
    module.cached(1)
    module.single(2)
    module.single("x")
    assert [fingerprint(module.cached).digest, fingerprint(module.single).digest] == before


def test_c_functions_are_known_by_name() -> None:
    callables = [
        len,
        math.sqrt,
        np.add,
        np.subtract,
        np.linalg.norm,
        str.upper,
        "a".upper,
        "b".upper,
        [1].count,
        operator.add,
    ]
    callables += [
        operator.itemgetter(1),
        operator.itemgetter(2),
        operator.attrgetter("a"),
        int,
        dict.fromkeys,
        asyncio.sleep,
    ]
    digests = [fingerprint(each).digest for each in callables]
    assert len(set(digests)) == len(callables)
    assert digests == [fingerprint(each).digest for each in callables]


def test_a_decorator_that_changes_nothing_does_not_count(shop: Workshop) -> None:
    source = """
        def register(fn): return fn
        @register
        def f(x): return x
    """
    assert shop.is_same(source, "@register", "")


def test_an_import_inside_counts_even_if_its_name_is_used_in_no_visible_way(shop: Workshop) -> None:
    names = [shop.module(f"def g(x): return x + {number}\n").__name__ for number in (1, 2)]
    source = 'def f(x):\n    from {} import g\n    return locals()["g"](x)\n'
    found = [fingerprint(shop.module(source.format(name)).f) for name in names]
    codes = [[part.digest for part in each.parts if part.detail.startswith("def g")] for each in found]
    assert codes[0] and codes[1] and codes[0] != codes[1]


def test_library_classes_and_functions_count_by_name_alone(shop: Workshop) -> None:
    source = """
        from collections import Counter
        from json import dumps
        import email.message
        def f(x): return dumps(Counter(x)), email.message.Message()
    """
    found = fingerprint(shop.module(source).f)
    assert [part.label for part in found.parts] == ["code of f", "global Counter", "global dumps", "global email"]
    assert [part.detail for part in found.parts[1:]] == ["collections.Counter", "json.dumps", "email"]


def test_what_a_librarys_wrapper_names_as_wrapped_counts(shop: Workshop) -> None:
    digests = []
    for number in (1, 2, 1):
        user = shop.module(f"def g(x): return {number}\n").g
        wrapper = types.FunctionType(textwrap.dedent.__code__, textwrap.dedent.__globals__)
        digests.append(fingerprint(functools.update_wrapper(wrapper, user)).digest)
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


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


def test_what_cannot_be_seen_is_named(shop: Workshop) -> None:
    source = """
        import threading, random
        LOCK = threading.Lock()
        RANDOM = random.Random(1)
        rows = __import__("re").match("a", "a")
        stream = (n for n in range(3))
        def f(x):
            with LOCK:
                return RANDOM.random(), next(stream), rows
    """
    modules = [shop.module(source) for _ in range(2)]
    found = [fingerprint(module.f) for module in modules]
    assert found[0].opaque == (
        "global rows (re.Match)",
        "global stream (builtins.generator)",
    )
    assert found[0].digest == found[1].digest


def test_a_logger_neither_counts_nor_is_named() -> None:
    log = logging.getLogger("one")

    def f(x: int) -> None:
        log.info("%s", x)

    before = fingerprint(f)
    log = logging.getLogger("another")
    assert fingerprint(f).digest == before.digest
    assert before.opaque == ()


class Hostile:
    """Raises wherever it is touched."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SystemError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError

    def __call__(self, x: int) -> int:
        return x


def deep(levels: int) -> list[Any]:
    value: list[Any] = [{1}]
    for _ in range(levels):
        value = [value]
    return value


ODD_VALUES: dict[str, Any] = {
    "hostile": Hostile(),
    "deep": deep(5000),
    "lock": threading.Lock(),
    "object": object(),
    "module": sys,
    "nan": float("nan"),
    "class": type("T", (), {}),
    "ellipsis": Ellipsis,
    "builtin": print,
    "random": random,
}


@pytest.mark.parametrize("name", ODD_VALUES)
def test_identity_never_raises_whatever_a_function_is_bound_to(name: str) -> None:
    value = ODD_VALUES[name]

    def f(x: Any = value) -> Any:
        return x, value

    one = fingerprint(f, depends=[value], extra=[value])
    assert len(one.digest) == 16
    assert one.digest == fingerprint(f, depends=[value], extra=[value]).digest
    assert fingerprint(functools.partial(f, value, k=value)).name == f.__qualname__


def test_a_hostile_callable_has_a_fingerprint() -> None:
    assert fingerprint(Hostile()).name == "Hostile"


def test_an_empty_cell_is_no_error() -> None:
    def outer() -> Any:
        def f() -> Any:
            return late

        yield f
        late = 1
        yield f

    steps = outer()
    before = fingerprint(next(steps)).digest
    assert fingerprint(next(steps)).digest != before


def test_a_version_stands_in_for_the_code_and_depends_adds_to_it(shop: Workshop) -> None:
    one, other = shop.module("def f(x): return 1\n").f, shop.module("def f(x): return 2\n").f
    assert fingerprint(one, version="1").digest == fingerprint(other, version="1").digest
    assert fingerprint(one, version="1").digest != fingerprint(one, version="2").digest
    assert fingerprint(one, version="1").digest != fingerprint(one).digest
    assert fingerprint(one, version="1", depends=[1]).digest != fingerprint(one, version="1", depends=[2]).digest
    assert fingerprint(one, version="1").digest != fingerprint(len, version="1").digest


def test_depends_takes_paths_by_content(shop: Workshop, tmp_path: Path) -> None:
    f = shop.module("def f(x): return x\n").f
    data, moved, folder = tmp_path / "data.csv", tmp_path / "moved.csv", tmp_path / "folder"
    missing = fingerprint(f, depends=[data])
    data.write_bytes(b"one")
    moved.write_bytes(b"one")
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a").write_bytes(b"1")
    first = fingerprint(f, depends=[data])
    tree = fingerprint(f, depends=[folder])
    assert missing.digest != first.digest
    assert first.digest == fingerprint(f, depends=[moved]).digest
    assert first.digest != fingerprint(f, depends=[str(data)]).digest
    assert "depends data.csv" in {part.label for part in first.parts}
    data.write_bytes(b"two")
    (folder / "in" / "a").rename(folder / "in" / "b")
    assert first.digest != fingerprint(f, depends=[data]).digest
    assert tree.digest != fingerprint(f, depends=[folder]).digest


def test_the_order_in_which_a_folder_lists_its_files_does_not_count(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = shop.module("def f(x): return x\n").f
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)
    listed = list(os.walk(folder))
    digests = set()
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        monkeypatch.setattr(os, "walk", lambda top, names=names: [(str(top), [], names)])
        digests.add(fingerprint(f, depends=[folder]).digest)
    assert sorted(listed[0][2]) == ["a", "b", "c"]
    assert len(digests) == 1


def test_depends_takes_functions_by_their_code(shop: Workshop) -> None:
    f = shop.module("def f(x): return x\n").f
    helpers = [shop.module(f"def g(x): return {number}\n").g for number in (1, 2, 1)]
    digests = [fingerprint(f, depends=[helper]).digest for helper in helpers]
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]


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


def test_what_hangs_on_a_module_that_another_process_would_import_is_told_apart(shop: Workshop) -> None:
    helpers = shop.module("LIMIT = 3\ndef clean(x): return x < LIMIT\n")
    scope: dict[str, Any] = {"__name__": "__main__", "clean": helpers.clean, "RATE": 2}
    exec("def f(x, k=1): return clean(x) * RATE", scope)

    found = fingerprint(scope["f"])

    imported = dict(found.imported)
    assert {part.label for part in found.parts} - imported.keys() == {"code of f", "default k of f", "global RATE"}
    assert imported == dict.fromkeys(
        [f"code of {helpers.__name__}.clean", f"global {helpers.__name__}.LIMIT"], f"{helpers.__file__}, line 2"
    )


def test_a_value_that_is_reached_on_several_ways_is_imported_by_those_that_lead_over_a_module(shop: Workshop) -> None:
    """It is walked once; each of its labels has the place of its own way."""
    helpers = shop.module(
        "TABLE = [1]\nSAME = TABLE\ndef first(): return TABLE[0]\nclass C: pass\nc = C(); c.table = TABLE\n"
    )
    scope: dict[str, Any] = {"__name__": "__main__", "mod": helpers, "OWN": helpers.TABLE, "os": os}
    exec("def f(x): return OWN, mod.SAME, mod.c.table, mod.first(), os.sep, os.path.join", scope)

    found = fingerprint(scope["f"])

    name = helpers.__name__
    assert dict(found.imported) == {
        "global mod.SAME": helpers.__file__,
        "global mod.c.table": helpers.__file__,
        f"code of {name}.first": f"{helpers.__file__}, line 3",
        f"global {name}.TABLE": f"{helpers.__file__}, line 3",
    }


def test_two_parts_of_one_label_have_places_of_their_own(shop: Workshop) -> None:
    helpers = shop.module(
        "def made(k):\n    def inner(x): return x * k[0]\n    return inner\none, two = made([1]), made([2])\n"
    )
    scope: dict[str, Any] = {"__name__": "__main__", "mod": helpers}
    exec("def inner(x): return mod.one(x) + mod.two(x) + mod.two(x)", scope)

    found = fingerprint(scope["inner"])

    label = f"closure k of {helpers.__name__}.made.<locals>.inner"
    assert {label, f"{label} (2)"} <= dict(found.imported).keys()


def test_what_is_set_on_a_library_is_imported_by_nobody(shop: Workshop) -> None:
    """A worker that has nothing of the user's to compare does not look at the function."""
    scope: dict[str, Any] = {"__name__": "__main__", "sys": sys, "partial": functools.partial, "wraps": functools.wraps}
    exec("def f(x): return sys.modules, partial, wraps.__name__", scope)

    assert fingerprint(scope["f"]).imported == ()
