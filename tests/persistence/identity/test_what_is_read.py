"""Of objects, namespaces, classes and modules what the code reads counts: no attribute more, and never one less."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.identity.fingerprint import compare, fingerprint
from tests.support.random_programs import cells, made_program
from tests.support.workshop import Edit, Workshop, edits


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


READ = r"""
### multi-level
import edited_helper as hlp
def f(x): return hlp.a.b.c
# helper.py
class A: pass
a=A(); a.b=A(); a.b.c=11; a.b.d=1
### multi-level other (same)
import edited_helper as hlp
def f(x): return hlp.a.b.c
# helper.py
class A: pass
a=A(); a.b=A(); a.b.c=1; a.b.d=11
### nested function passed self
class C:
    def __init__(s): s.k=11
    def m(s):
        def inner(): return s.k
        return inner()
f=C().m
### self reassigned
class C:
    def __init__(s, p=None): s.p=p; s.k=11
    def m(s):
        while s.p: s = s.p
        return s.k
f=C(C()).m
### del then read
class C:
    def __init__(s): s.k=11
    def m(s):
        q = s
        return q.k
f=C().m
### monkeypatched instance
class C:
    def m(s): return 1
c=C(); c.m = lambda: 11
def f(x): return c.m()
### super chain
class A:
    def __init__(s): s.k=11
    def m(s): return s.k
class B(A):
    def m(s): return super().m()
f=B().m
### super init args
class A:
    def __init__(s): s.k=11
    def m(s): return s.k
class B(A):
    def m(s): return super(B, s).m()
f=B().m
### super in comp
class A:
    def __init__(s): s.k=11
    def m(s): return s.k
class B(A):
    def m(s): return [super(B,s).m() for _ in 'a']
f=B().m
### private names
class C:
    def __init__(s): s.__k=11
    def m(s): return s.__k
f=C().m
### private names other (same)
class C:
    def __init__(s): s.__k=1; s.__j=11
    def m(s): return s.__k
f=C().m
### private method
class C:
    def __h(s): return 11
    def m(s): return s.__h()
f=C().m
### getattr shadowed
import types
N=types.SimpleNamespace(a=11,b=2)
def getattr(o, n): return o.a
def f(x): return getattr(N, 'b')
### vars shadowed local
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x):
    getattr = lambda o, n: o.a
    return getattr(N, 'b')
### namespace escapes into container
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x):
    d = {'n': N}
    return d['n'].a
### namespace returned
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x): return N
### namespace eq
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x): return N == x
### namespace in fstring
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x): return f'{N}'
### namespace **vars
import types
N=types.SimpleNamespace(a=11,b=2)
def g(**k): return k
def f(x): return g(**vars(N))
### namespace other (same)
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x): return N.b
### a list that is only appended to (same)
LOG = [11]
def f(x):
    LOG.append(x)
    return x
### a list that is appended to and read
LOG = [11]
def f(x):
    LOG.append(x)
    return LOG[0]
### a list whose method is passed on
LOG = [11]
def f(x): return list(map(LOG.append, x)), x
### a set, a deque and a dict that are only filled (same)
import collections
class Box:
    def __init__(self): self.seen, self.queue, self.table = {11}, collections.deque([11]), {"k": 11}
    def put(self, x):
        self.seen.add(x)
        self.queue.append(x)
        self.table[x] = 1
        self.table.update(a=x)
        return x
f = Box().put
### a dict whose items count up
TABLE = {"k": 11}
def f(x): TABLE["k"] += x; return TABLE
### a dict whose items count up by themselves
TABLE = {"k": 11}
def f(x): TABLE["k"] += x
### a list whose items are set (same)
ROWS = [11, 0]
def f(x): ROWS[1] = x
### a list whose items are set: [0] -> [0, 0]
ROWS = [0]
def f(x): ROWS[1] = x
### a list of a class of its own that is appended to
class Log(list):
    limit = 11
    def append(self, x): return self.limit
LOG = Log()
def f(x): return LOG.append(x)
### namespace subscripts
import types
N=types.SimpleNamespace(a=[11,3],b=2)
def f(x): return N.a[1]
### class settings other (same)
class S:
    A = 1
    B = 11
def f(x): return S.A
### class settings
class S:
    A = 11
    B = 1
def f(x): return S.A
### class settings inherited
class B0:
    A = 11
class S(B0):
    B = 1
def f(x): return S.A
### class settings setitem iter
class S:
    A = 1
    B = 11
def f(x): return vars(S)['A'], [v for v in vars(S)]
### class settings property
class S:
    k = 11
    @property
    def A(self): return self.k
s=S()
def f(x): return s.A
### class with __class__ trick
class T:
    def m(s): return s.q
class S:
    def __init__(s): s.a=1; s.q=11
    def m(s): return s.a
s=S()
def f(x):
    s.__class__ = T
    return s.m()
### setattr dynamic
class S:
    def __init__(s): s.a=1; s.b=11
s=S()
def f(x):
    setattr(s, 'a', s.b)
    return s.a
### store then read alias
class S:
    def __init__(s): s.a=None; s.b=11
s=S(); t=S()
def f(x):
    s.a = t
    return s.a.b
### exec const
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x):
    exec('y = N.a')
    return 1
### dataclass replace
import dataclasses
@dataclasses.dataclass
class S:
    a: int
    b: int
s=S(1,11)
def f(x): return dataclasses.replace(s, a=2)
### star attr
import types
N=types.SimpleNamespace(a=[1,11],b=2)
def f(x): return [*N.a]
### aug attr
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x):
    N.a += 1
    return 3
### walrus
import types
N=types.SimpleNamespace(a=11,b=2)
def f(x): return (q := N).a
### match class
class C:
    __match_args__=('a',)
    def __init__(s): s.a=11
c=C()
def f(x):
    match c:
        case C(a): return a
### with as
class C:
    def __init__(s): s.a=11
    def __enter__(s): return s.a
    def __exit__(s,*a): pass
c=C()
def f(x):
    with c as q: return q
### global stmt
K=11
def f(x):
    global K
    K = K + 1
    return K
### nonlocal
def mk():
    k=11
    def f(x):
        nonlocal k
        k += 1
        return k
    return f
f=mk()
### nonlocal store only
def mk():
    k=11
    def f(x):
        nonlocal k
        k = 1
        return k
    return f
f=mk()
### class body
K=11
def f(x):
    class L:
        K = K
    return L.K
### default in nested
K=11
def f(x):
    def g(a=K): return a
    return g()
### decorator in nested
def d(fn): return lambda: 11
def f(x):
    @d
    def g(): return 1
    return g()
### lambda default
K=11
f=lambda x, k=K: k
### ann in nested class
import dataclasses
class I:
    k=11
def f(x):
    @dataclasses.dataclass
    class D:
        i: I
    return D.__annotations__
### type alias comprehension
Ks=[11]
def f(x): return {k: v for k in Ks for v in Ks if k}
"""


@pytest.mark.parametrize("edit", edits(READ))
def test_an_attribute_counts_where_the_code_may_read_it(shop: Workshop, edit: Edit) -> None:
    first, again, changed = shop.before_and_after(edit)

    assert first.digest == again.digest
    assert (first.digest != changed.digest) == edit.counts


def outcome(function: Any) -> str:
    try:
        return repr(function())
    except Exception as error:
        return type(error).__name__


def check_program(seed: int, folder: Path) -> tuple[int, int]:
    """Change each number in a program: where its result differs, its fingerprint must; how many need not and do not."""
    module = made_program(seed, folder)
    every = list(cells(module))
    result, digest = outcome(module.f), fingerprint(module.f).digest
    free = kept = 0
    for cell in every:
        number = cell.read()
        for each in every:
            each.forget_caches()
        cell.write(number + 1000)
        is_same_result = outcome(module.f) == result
        is_same = fingerprint(module.f).digest == digest
        cell.write(number)
        assert is_same_result or not is_same, f"seed {seed}: {cell.name} decides the result, and does not count"
        free += is_same_result
        kept += is_same_result and is_same
    return free, kept


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_where_the_result_of_a_random_program_differs_its_fingerprint_differs(first: int, tmp_path: Path) -> None:
    found = [check_program(seed, tmp_path) for seed in range(first, first + 10)]

    free, kept = map(sum, zip(*found, strict=True))
    assert kept > free * 0.4, f"{free - kept} of {free} changes without effect make results be computed again"


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 3000, 100))
def test_where_the_result_of_many_random_programs_differs_their_fingerprints_differ(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 100):
        check_program(seed, tmp_path)


def test_the_attribute_that_differs_is_named(shop: Workshop) -> None:
    module = shop.module("""
        import argparse
        class Client:
            def __init__(self): self.rate, self.other = 1, 1
            def get(self, x): return x * self.rate
        client, args = Client(), argparse.Namespace(power=2, n=4)
        def mk(settings):
            def f(x): return client.get(x) ** args.power + settings.scale
            return f
        f = mk(argparse.Namespace(scale=1, other=1))
        bound = Client().get
    """)
    before = [fingerprint(module.f), fingerprint(module.bound)]
    module.client.rate, module.args.power, module.bound.__self__.rate = 5, 6, 7
    module.f.__closure__[0].cell_contents.scale = 8
    after = [fingerprint(module.f), fingerprint(module.bound)]

    named = [[change.label for change in compare(*(each.parts for each in pair))] for pair in zip(before, after)]
    assert named == [
        ["closure settings.scale of mk.<locals>.f", "global args.power", "global client.rate"],
        ["attribute rate of Client"],
    ]


def test_looking_at_attributes_runs_no_code_of_theirs(shop: Workshop) -> None:
    module = shop.module("""
        ran = []
        class Loud:
            def __init__(self): self.k = 1
            @property
            def p(self): ran.append("property"); return self.k
            def __eq__(self, other): ran.append("eq"); return True
            def __hash__(self): ran.append("hash"); return 1
            def __bool__(self): ran.append("bool"); return True
            def __len__(self): ran.append("len"); return 1
            def __iter__(self): ran.append("iter"); return iter(())
            def __repr__(self): ran.append("repr"); return ""
        class Lazy:
            def __get__(self, instance, owner): ran.append("get"); return 1
        Loud.lazy = Lazy()
        loud = Loud()
        def f(x): return loud.p, loud.k, loud.lazy
        def g(x): return loud
    """)
    fingerprint(module.f)
    fingerprint(module.g)

    assert module.ran == []


def test_many_objects_with_one_method_are_looked_at_in_bounded_time(shop: Workshop) -> None:
    """A chain of a thousand objects: beyond some hundred, all of an object counts."""
    module = shop.module("""
        class Link:
            def __init__(self, next, k): self.next, self.k, self.unread = next, k, 0
            def total(self): return self.k + (self.next.total() if self.next else 0)
        last = Link(None, 1)
        chain = last
        for _ in range(80): chain = Link(chain, 1)
        def f(x): return chain.total()
    """)
    before = fingerprint(module.f).digest
    module.last.unread = 1
    assert fingerprint(module.f).digest == before
    module.last.k = 2
    assert fingerprint(module.f).digest != before
