"""The canonical bytes of code: pinned, so that they are the same on every Python and in every release."""

from __future__ import annotations

import ast
import hashlib
import textwrap
from typing import Any

import pytest

from cuebook.persistence.identity.syntax.form import tree_bytes

PINNED: dict[str, tuple[str, str]] = {
    "inner quotes": (
        "def f(x):\n    return f\"{x['a']} and {x['b']!r:>{x['w']}}\" f'{x[\"a\"]} {\", \".join(x)}'\n",
        "0478fc9b6e2c0368",
    ),
    "f-strings": (
        'def f(x, w):\n    return f"{x=}", f"{x!s:{w}.3f}", f"a{{b}}{x:%Y-%m}" "tail", rf"\\d{x}", f"{x:}", f"{f\'{x}\'} {x}"\n',
        "675d0acc1db525b5",
    ),
    "literals": (
        'def f():\n    return 0x10, 1_000, 1e400, 1j, "\\ud800", b"\\xff", ..., None, True, "é", 10**3, -1, ""\n',
        "465be89ca04140e2",
    ),
    "statements": (
        'async def f(a, /, b, *c, d=1, **e):\n    global G\n    async with a as b, c: pass\n    async for x in b: yield x\n    else: del x\n    try: raise E from a\n    except (A, B) as error: assert error, "no"\n    finally: return\n',
        "0ba9e32191709973",
    ),
    "groups": (
        'def f(a):\n    try: a()\n    except* ValueError as group: print(group)\n    while a: break\n    else: other = 1\n    with (open(a) as b, open(b)): pass\n    x: int = 1; y: "str"; a.b: int = 2\n    x += 1; x @= a; x //= 2; x **= 2\n    for a.b, *c in [(1, 2)]: pass\n',
        "07af8a4ce563da29",
    ),
    "match": (
        'def f(x):\n    match x, 1:\n        case {"a": 1, **rest} if rest: return rest\n        case [1, *others] | (2 as others): return others\n        case C(a, b=D.E) | None | -1 | "s": return a\n        case _: pass\n',
        "b643e1af7cf22fdc",
    ),
    "expressions": (
        'def f(x, *a, **k):\n    y = {i: j for i in x for j in i}, (i for i in x if i if x), {*a, 1}, {**k, "a": 1}\n    return (lambda q, /, *r, s=1, **t: (yield)), x[1:2, ::3, ...], x[(1, 2)], (z := 5), not x, x if y else z, *a\n',
        "31972a0f47f859f5",
    ),
    "class inside": (
        'def f(x):\n    @decorated(1)\n    class C(Base, meta=M):\n        """doc"""\n        field: int = 1\n        other: "Text"\n        def m(self, y: int = 2) -> str: return super().m(y, __private=1)\n    return C\n',
        "cf2fe24440edeaff",
    ),
    "unicode": (
        "def f(naïve, Ａ): return naïve + Ａ\n",
        "1fea8b3a1cb7e904",
    ),
}


def digest(source: str) -> str:
    tree: Any = ast.parse(textwrap.dedent(source)).body[0]
    return hashlib.blake2b(tree_bytes(tree), digest_size=8).hexdigest()


@pytest.mark.parametrize("name", PINNED)
def test_the_bytes_of_code_are_those_of_every_python(name: str) -> None:
    source, pinned = PINNED[name]

    assert digest(source) == pinned


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return x", "def f(x):\n    'doc'\n    # why\n    return (x)"),
        ("def f(x): return x", "def f(x: int) -> 'str': return x"),
        ("def f(x):\n    y = 1\n    return y", "def f(x):\n    y: int = 1\n    return y"),
        ("def f(x=1): return x", "@deco\ndef f(x=2): return x"),
        ("def f(x): return f'{x}a' 'b'", "def f(x): return f'{x}' 'ab'"),
        ("def f(x): return f'{x:}'", "def f(x): return f'{x}'"),
        ("def f(x): return 'a' u'b', 0x10, 1e3", "def f(x): return 'ab', 16, 1000.0"),
        ("def f(x): pass", "def f(x): 'doc'"),
        (
            "def f(x):\n    def g(y: int = 1): return y\n    return g",
            "def f(x):\n    def g(y=1): return y\n    return g",
        ),
    ],
)
def test_layout_docstrings_and_hints_of_functions_do_not_count(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return 1", "def f(x): return 1.0"),
        ("def f(x): return 1", "def f(x): return True"),
        ("def f(x): return 'a'", "def f(x): return b'a'"),
        ("def f(x): return 'a1:b'", "def f(x): return 'a', '1:b'"),
        ("def f(x): return f'{x!r}'", "def f(x): return f'{x}'"),
        ("def f(x): return f'{x:>3}'", "def f(x): return f'{x:>4}'"),
        ("def f(x): return f'{x}{x}'", "def f(x): return f'{x} {x}'"),
        ("def f(x, y): return x", "def f(y, x): return x"),
        ("def f(x, y): return x", "def f(x, *, y): return x"),
        ("def f(x, y): return x", "def f(x, /, y): return x"),
        ("def f(x, y=1): return x", "def f(x, y): return x"),
        ("def f(x): return x", "def g(x): return x"),
        ("def f(x): return x", "async def f(x): return x"),
        ("def f(x):\n    y: int\n    return x", "def f(x):\n    return x"),
        (
            "def f(x):\n    class C:\n        y: int = 1\n    return C",
            "def f(x):\n    class C:\n        y: str = 1\n    return C",
        ),
        ("def f(x):\n    def g(y=1): return y\n    return g", "def f(x):\n    def g(y=2): return y\n    return g"),
        ("def f(x): return not x", "def f(x): return ~x"),
        ("def f(x): return x.a.b", "def f(x): return x.b.a"),
        ("def f(x): return [y for y in x]", "def f(x): return {y for y in x}"),
        ("def f(x): 'doc'; return 'doc'", "def f(x): return 'cod'"),
        ("def f(x):\n    if x: y = 1\n    z = 2", "def f(x):\n    if x: y = 1; z = 2"),
        ("def f(x): return 0x1" + "0" * 6000, "def f(x): return 0x2" + "0" * 6000),
    ],
    ids=lambda text: text[:40],
)
def test_what_makes_code_another_one_counts(one: str, other: str) -> None:
    assert digest(one) != digest(other)
