"""The normal form of code: from the source wherever the source is what runs."""

from __future__ import annotations

import argparse
import ast
import collections
import inspect
import logging
import statistics
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.identity.syntax.code import code_form, normal_text
from cuebook.persistence.identity.syntax.references import Chain, chains_of

pytestmark = pytest.mark.quick


def functions_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            is_plain = not inner.co_name.startswith("<") or inner.co_name == "<lambda>"
            if inner.co_flags & inspect.CO_OPTIMIZED and is_plain:
                yield inner
            yield from functions_in(inner)


@pytest.mark.parametrize("module", [argparse, collections, logging, statistics, subprocess])
def test_nearly_all_functions_of_real_modules_are_known_by_their_source(module: Any) -> None:
    compiled = compile(Path(module.__file__).read_bytes(), module.__file__, "exec", dont_inherit=True)
    forms = [code_form(code) for code in functions_in(compiled)]
    assert sum(form.is_source for form in forms) >= 0.98 * len(forms)


def written(source: str, folder: Path, name: str = "f") -> types.CodeType:
    path = folder / f"written_{abs(hash(source))}.py"
    path.write_text(source)
    scope: dict[str, Any] = {}
    exec(compile(source, str(path), "exec"), scope)
    return scope[name].__code__  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def f(\n    x,\n    y=1,\n):\n    return x\n", "def f(x, y=...):\n    return x"),
        ("@staticmethod\n@print\ndef f(x): pass\n", None),
        (
            "if True:\n    def f(x):\n        text = '''\nfar left\n'''\n        return text\n",
            "def f(x):\n    text = '\\nfar left\\n'\n    return text",
        ),
        ("def f(x):\n# far left\n    return x\n\n\nother = 1\n", "def f(x):\n    return x"),
        ("def f(x):\n    'doc'\n", "def f(x):\n    pass"),
        ("async def f(x):\n    async with x: return 0x10\n", "async def f(x):\n    async with x:\n        return 16"),
        ("def mk(k):\n    def f(x): return x, k\n    return f\nf = mk(1)\n", "def f(x):\n    return (x, k)"),
        (
            "class C:\n    def f(self): return self.__x, super().y\nf = C.f\n",
            "def f(self):\n    return (self.__x, super().y)",
        ),
        ("from __future__ import annotations\ndef f(x: int): return x\n", "def f(x: int):\n    return x"),
        ("import os\ndef f(x): return os.getpid(), x.a()\n", "def f(x):\n    return (os.getpid(), x.a())"),
        ("f = lambda x, /, *a, k=1, **z: [x for x in a]\n", "lambda x, /, *a, k, **z: [x for x in a]"),
        ("f = {'a': lambda: (yield)}['a']\n", "lambda: (yield)"),
    ],
)  # fmt: skip
def test_the_normal_form_is_the_text_in_one_layout(tmp_path: Path, source: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(AttributeError):
            written(source, tmp_path)
        return
    form = code_form(written(source, tmp_path))
    assert form.is_source
    assert form.text == text


def test_a_text_that_does_not_compile_to_the_code_does_not_count(tmp_path: Path) -> None:
    code = written("def f(x): return x + 1\n", tmp_path)
    for text in (
        "def f(x): return x + 2\n",
        "def g(x): return x + 1\n",
        "",
        "x = (\n",
        "\0",
        "def f(y): return y + 1\n",
    ):
        Path(code.co_filename).write_text(text)
        assert not code_form(code).is_source, text
    Path(code.co_filename).unlink()
    assert not code_form(code).is_source


def test_normal_text_keeps_strings_that_are_no_docstrings() -> None:
    assert normal_text(ast.parse("'doc'\nx = 'kept'\n'kept too'")) == "x = 'kept'\n'kept too'"


def chains(source: str, folder: Path) -> list[Chain]:
    return chains_of(written(source, folder))


def test_chains_are_attributes_of_globals_imports_closures_and_the_owner(tmp_path: Path) -> None:
    assert chains("def f(self, x):\n    return a.b.c(x), d, self.m(x), x.y\n", tmp_path) == [
        Chain("global", "a", ("b", "c"), use="call"),
        Chain("global", "d"),
        Chain("owner", "self", ("m",), use="call"),
    ]
    assert chains("def f(self):\n    self.k = 1\n    return [self.m for _ in g]\n", tmp_path) == [
        Chain("global", "g"),
        Chain("owner", "self", ("k",), use="store"),
        Chain("owner", "self", ("m",)),
    ]
    assert chains(
        "def f():\n    import a.b as c\n    from ..d import e\n    return c.g, e.h, lambda: e.i\n", tmp_path
    ) == [
        Chain("import", "a", ("b", "g")),
        Chain("import", "d", ("e",), 2),
        Chain("import", "d", ("e", "h"), 2),
        Chain("import", "d", ("e", "i"), 2),
    ]
    assert chains("def mk(m):\n    def f(x): return m.n(x)\n    return f\nf = mk(1)\n", tmp_path) == [
        Chain("free", "m", ("n",), use="call"),
        Chain("owner", "x"),
    ]
