"""What code refers to, read off its syntax tree or its instructions: both find the same, and neither skips anything."""

from __future__ import annotations

import argparse
import asyncio.base_events
import collections
import dataclasses
import json
import logging
import shutil
import statistics
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.syntax import references
from cuebook.persistence.identity.syntax.access import Access, Chain
from cuebook.persistence.identity.syntax.code import CodeForm
from cuebook.persistence.identity.syntax.instructions import KNOWN, UnknownInstruction
from cuebook.persistence.identity.syntax.references import access_of_code

SPECIAL = {
    "getattr",
    "hasattr",
    "setattr",
    "delattr",
    "vars",
    "super",
    "eval",
    "exec",
    "globals",
    "__name__",
    "__class__",
}


@pytest.mark.parametrize("python", [sys.executable, "python3.11", "python3.12", "python3.13"])
def test_every_instruction_of_each_supported_python_is_classified(python: str) -> None:
    found = shutil.which(python)
    if found is None:
        pytest.skip(f"no {python} here")
    command = [found, "-c", "import dis, json; print(json.dumps(list(dis.opmap)))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(f"{python} does not run here")
    names = json.loads(done.stdout)

    assert {name for name in names if not name.startswith("INSTRUMENTED_")} - KNOWN == set()


def test_an_instruction_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec("def g(x): return x\ndef f(x): return g(x + 1)", scope)
    fingerprint(scope["f"])
    exec("def f(x): return g(x + 2)", scope)
    monkeypatch.setattr(references, "KNOWN", KNOWN - {"BINARY_OP"})

    with pytest.raises(UnknownInstruction, match=r"f has no source.*BINARY_OP.*version="):
        fingerprint(scope["f"])


def functions_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            if not inner.co_name.startswith("<") and inner.co_flags & 0x1:
                yield inner
            yield from functions_in(inner)


def bases(access: Access) -> set[tuple[str, str]]:
    return {("global" if chain.base == "maybe" else chain.base, chain.name) for chain in access.chains}


@pytest.mark.parametrize(
    "module", [argparse, asyncio.base_events, collections, dataclasses, logging, statistics, subprocess, types]
)
def test_the_syntax_tree_and_the_instructions_name_the_same(module: Any) -> None:
    """But for functions of Python that the tree sees through, and imports that nothing uses."""
    code = compile(Path(module.__file__).read_bytes(), module.__file__, "exec", dont_inherit=True)
    wrong = []
    for function in functions_in(code):
        form = CodeForm(function)
        assert form.is_source, function.co_qualname
        found, other = bases(form.access), bases(access_of_code(function))
        if not SPECIAL & {name for part in functions_and(function) for name in part.co_names}:
            wrong += [(function.co_qualname, each) for each in found ^ other if each[0] != "import"]

    assert wrong == []


def functions_and(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from functions_and(inner)


def accessed(source: str, name: str = "f") -> Access:
    """What the function of a source without a file refers to."""
    scope: dict[str, Any] = {}
    exec(source, scope)
    return access_of_code(scope[name].__code__)


def test_instructions_tell_attributes_calls_and_what_is_set() -> None:
    found = accessed("def f(self):\n    a.b.c\n    self.m(d)\n    self.k = e\n    return g(1)\n").chains

    assert {chain for chain in found if chain.base != "import"} == {
        Chain("global", "a", ("b", "c")),
        Chain("global", "d"),
        Chain("global", "e"),
        Chain("global", "g", use="call"),
        Chain("owner", "self", ("k",), use="store"),
        Chain("owner", "self", ("m",), use="call"),
    }


def test_code_without_source_names_what_it_hides() -> None:
    assert accessed("def f(x): return eval(x), globals()").hidden == ("eval()", "globals()")
    assert Chain("super", "") in accessed("class C:\n    def f(self): return super().f()\nf = C.f").chains
    assert accessed("def f(x): return x.__annotations__").reads_hints


@pytest.mark.parametrize("name", ["f", "g"])
def test_code_without_source_counts_by_what_it_reads(name: str) -> None:
    source = (
        "import types\nN = types.SimpleNamespace(a=1, b=2)\n"
        "def h(x): return x + N.a\ndef f(x): return h(x)\nclass C:\n"
        "    def __init__(self): self.k, self.j = 1, 1\n    def m(self): return self.k\nc = C()\ndef g(x): return c.m() + N.a\n"
    )

    def digest(more: str) -> bytes:
        scope: dict[str, Any] = {"__name__": "__main__"}
        exec(source, scope)
        exec(more, scope)
        return fingerprint(scope[name]).digest

    assert digest("N.b = c.j = 9") == digest("")
    assert digest("N.a = 9") != digest("")
    assert (digest("c.k = 9") != digest("")) == (name == "g")
