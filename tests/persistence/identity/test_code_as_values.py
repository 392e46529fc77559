"""Code that is reached as a value counts as if it were named; what nobody can see is named as opaque."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.support.workshop import Edit, Workshop, edits


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


CODE = r"""
### a name that the program added to those of Python
import builtins
def added(x): return x + 11
builtins.users_added_helper = added
def f(x): return users_added_helper(x)
### a constant that the program added to those of Python
import builtins
builtins.users_added_constant = 11
def f(x): return users_added_constant
### getattr const
import edited_helper as hlp
def f(x): return getattr(hlp,'g')(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr global
import edited_helper as hlp
KIND='g'
def f(x): return getattr(hlp,KIND)(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr global other (same)
import edited_helper as hlp
KIND='h'
def f(x): return getattr(hlp,KIND)(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr closure
import edited_helper as hlp
def mk(k):
    def f(x): return getattr(hlp,k)(x)
    return f
f=mk('g')
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr arg
import edited_helper as hlp
def f(x, k): return getattr(hlp,k)(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr fstring
import edited_helper as hlp
def f(x): return getattr(hlp,f'{x}')(1)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### getattr on module in dict
import edited_helper as hlp
T={'m':hlp}
def f(x): return getattr(T['m'],'g')(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in list
import edited_helper as hlp
T=[hlp]
def f(x): return T[0].g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in obj
import edited_helper as hlp
class C:
    def __init__(s): s.m=hlp
c=C()
def f(x): return c.m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in obj other (same)
import edited_helper as hlp
class C:
    def __init__(s): s.m=hlp
c=C()
def f(x): return c.m.h(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in class
import edited_helper as hlp
class C:
    m=hlp
def f(x): return C.m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in default
import edited_helper as hlp
def f(x, m=hlp): return m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in closure
import edited_helper as hlp
def mk(m):
    def f(x): return m.g(x)
    return f
f=mk(hlp)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module in closure other (same)
import edited_helper as hlp
def mk(m):
    def f(x): return m.h(x)
    return f
f=mk(hlp)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module partial
import edited_helper as hlp, functools
def g(m,x): return m.g(x)
f=functools.partial(g, hlp)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module namespace
import edited_helper as hlp, types
N=types.SimpleNamespace(m=hlp)
def f(x): return N.m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### vars
import edited_helper as hlp
def f(x): return vars(hlp)['g'](x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### vars dynamic
import edited_helper as hlp
def f(x): return vars(hlp)[x](x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### __dict__
import edited_helper as hlp
def f(x): return hlp.__dict__['g'](x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### __dict__ get
import edited_helper as hlp
def f(x): return hlp.__dict__.get('g')(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### import_module
import importlib
def f(x): return importlib.import_module('edited_helper').g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### import_module from
from importlib import import_module
def f(x): return import_module('edited_helper').g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### import_module global
import importlib
M='edited_helper'
def f(x): return importlib.import_module(M).g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### __import__
def f(x): return __import__('edited_helper').g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### import_module var
import importlib
def f(x):
    m = importlib.import_module('edited_helper')
    return m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### sys.modules
import sys, edited_helper as hlp
def f(x): return sys.modules['edited_helper'].g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### sys.modules get
import sys, edited_helper as hlp
def f(x): return sys.modules.get('edited_helper').g(x)
# helper.py
def g(x): return x + 11
### sys.modules self
import sys
K=11
def f(x): return getattr(sys.modules[__name__], 'K')
### sys.modules self attr
import sys
K=11
def f(x): return sys.modules[__name__].K
### globals
K=11
def f(x): return globals()['K']
### globals get
K=11
def f(x): return globals().get('K')
### globals fn
def g(x): return 11
def f(x): return globals()['g'](x)
### eval const
K=11
def f(x): return eval('K + 1')
### fn attr
def g(x): return x
g.k=11
def f(x): return g.k
### fn attr in container
def g(x): return x
g.k=11
T=[g]
def f(x): return T[0].k
### fn attr in dict for
def g(x): return x
g.k=11
T={'a':g}
def f(x): return [q.k for q in T.values()]
### fn attr default
def g(x): return x
g.k=11
def f(x, q=g): return q.k
### fn attr function
def h(x): return 11
def g(x): return x
g.k=h
def f(x): return g.k(x)
### fn attr of f itself
def f(x): return f.k
f.k=11
### fn attr via module
import edited_helper as hlp
def f(x): return hlp.g.k
# helper.py
def g(x): return x
g.k = 11
### fn attr in class
class C:
    def m(s): return 1
    m.k = 11
def f(x): return C().m.k
### frompyfunc
import numpy as np
def g(x): return x+11
u=np.frompyfunc(g,1,1)
def f(x): return u(x)
### vectorize
import numpy as np
def g(x): return x+11
u=np.vectorize(g)
def f(x): return u(x)
### partial of getattr
import edited_helper as hlp, functools
p=functools.partial(getattr, hlp)
def f(x): return p('g')(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### partial of frompyfunc
import numpy as np, functools
def g(x,y): return x+11
u=functools.partial(np.frompyfunc(g,2,1), 1)
def f(x): return u(x)
### attrgetter
import edited_helper as hlp, operator
def f(x): return operator.attrgetter('g')(hlp)(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### methodcaller
import edited_helper as hlp, operator
mc=operator.methodcaller('g', 1)
def f(x): return mc(hlp)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### dict dispatch
import edited_helper as hlp
T={'a':hlp.g}
def f(x): return T['a'](x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### nested lambda in dict
T={'a':[lambda x: x+11]}
def f(x): return T['a'][0](x)
### map
def g(x): return 11
def f(x): return list(map(g, x))
### functools.reduce
import functools
def g(a,b): return 11
def f(x): return functools.reduce(g, x)
### class in dict
class C:
    def m(s): return 11
T={'a':C}
def f(x): return T['a']().m()
### getattr class
class C:
    def m(s): return 11
c=C()
def f(x): return getattr(c,'m')()
### getattr class dyn
class C:
    def m(s): return 11
c=C()
def f(x): return getattr(c,x)()
### type()
class C:
    def m(s): return 11
c=C()
def f(x): return type(c)().m()
### cls attr lookup
class C:
    K=11
c=C()
def f(x): return c.K
### instance of class in module
import edited_helper as hlp
def f(x): return hlp.C.make().v()
# helper.py
class B:
    def v(s): return 11
class C(B):
    @classmethod
    def make(cls): return cls()
### singledispatch
import functools
@functools.singledispatch
def g(x): return 0
@g.register
def _(x: int): return 11
def f(x): return g(x)
### lru
import functools
@functools.lru_cache
def g(x): return 11
def f(x): return g(x)
### lru method
import functools
class C:
    def __init__(s): s.k=11
    @functools.lru_cache
    def m(s): return s.k
c=C()
def f(x): return c.m()
### lru other (same)
import functools
class C:
    def __init__(s): s.k=1; s.j=11
    @functools.lru_cache
    def m(s): return s.k
c=C()
def f(x): return c.m()
### decorated method
import functools
def d(fn):
    @functools.wraps(fn)
    def w(*a): return fn(*a)
    return w
class C:
    def __init__(s): s.k=11
    @d
    def m(s): return s.k
c=C()
def f(x): return c.m()
### contextmanager method
import contextlib
class C:
    def __init__(s): s.k=11
    @contextlib.contextmanager
    def m(s): yield s.k
c=C()
def f(x):
    with c.m() as y: return y
### cached_property
import functools
class C:
    def __init__(s): s.k=11
    @functools.cached_property
    def m(s): return s.k
c=C()
def f(x): return c.m
### bound method global
class C:
    def __init__(s): s.k=11
    def m(s): return s.k
m=C().m
def f(x): return m()
### bound method global other (same)
class C:
    def __init__(s): s.k=1; s.j=11
    def m(s): return s.k
m=C().m
def f(x): return m()
### bound method in list
class C:
    def __init__(s): s.k=11
    def m(s): return s.k
m=[C().m]
def f(x): return m[0]()
### bound method in list uses class attr
class C:
    K=11
    def m(s): return s.K
m=[C().m]
def f(x): return m[0]()
### module getattr
import edited_helper as hlp
def f(x): return hlp.lazy
# helper.py
def _mk(): return 11
def __getattr__(n):
    if n=='lazy': return _mk()
    raise AttributeError(n)
### from module getattr
def f(x):
    from edited_helper import lazy
    return lazy
# helper.py
def _mk(): return 11
def __getattr__(n):
    if n=='lazy': return _mk()
    raise AttributeError(n)
### module class property
import edited_helper as hlp
def f(x): return hlp.prop
# helper.py
import sys, types
class M(types.ModuleType):
    @property
    def prop(self): return 11
sys.modules[__name__].__class__ = M
### module passed
import edited_helper as hlp
def use(m): return m.g(1)
def f(x): return use(hlp)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### module passed cond
import edited_helper as hlp
def f(x):
    m = hlp if x else None
    return m.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### import in try
def f(x):
    try: import edited_helper as hlp
    except ImportError: hlp=None
    return hlp.g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### star import
from edited_helper import *
def f(x): return g(x)
# helper.py
def g(x): return x + 11
def h(x): return 5
K = 11
NAME='g'
### comment in module as value (same)
import edited_helper as hlp
def f(x, k): return getattr(hlp,k)(x)
# helper.py
# 11
def g(x):
    'doc 11'
    return x
### descriptor fn default
def g(x): return 11
class C:
    fn = staticmethod(g)
def f(x): return C.fn(x)
### class var fn call
def g(x): return 11
class C:
    fn = g
c=C()
def f(x): return c.fn()
### inst var fn call
def g(): return 11
class C: pass
c=C(); c.fn=g
def f(x): return c.fn()
### callable inst
class C:
    def __init__(s): s.k=11
    def __call__(s, x): return s.k
c=C()
def f(x): return c(x)
### callable inst other (same)
class C:
    def __init__(s): s.k=1; s.j=11
    def __call__(s, x): return s.k
c=C()
def f(x): return c(x)
### code object
code=compile('x+11','<c>','eval')
def f(x): return eval(code)
### types.FunctionType
import types
def g(x): return 11
h=types.FunctionType(g.__code__, globals())
def f(x): return h(x)
### weakref
import weakref
def g(x): return 11
r=weakref.ref(g)
def f(x): return r()(x)
### WeakValueDictionary
import weakref
class C:
    k=11
c=C()
r=weakref.WeakValueDictionary(a=c)
def f(x): return r['a'].k
### chainmap
import collections
r=collections.ChainMap({'a':11})
def f(x): return r['a']
### defaultdict factory
import collections
def g(): return 11
r=collections.defaultdict(g)
def f(x): return r['q']
### iter map
def g(x): return 11
r=[map(g,[1])]
def f(x): return list(r[0])
### filter obj
def g(x): return x>11
r=filter(g,[1,20])
def f(x): return list(r)
### property object in dict
r={'a': property(lambda s: 11)}
def f(x): return r['a'].fget(1)
"""


@pytest.mark.parametrize("edit", edits(CODE))
def test_code_that_is_reached_as_a_value_counts(shop: Workshop, edit: Edit) -> None:
    first, again, changed = shop.before_and_after(edit)

    assert first.digest == again.digest
    assert (first.digest != changed.digest) == edit.counts


ADDED = r"""
### a function in a library's module
import json
json.users_own = lambda x: x + 11
def f(x): return json.users_own(x)
### a function in a library's module that is imported inside
import json as other
other.users_own = lambda x: x + 11
def f(x):
    import json
    return json.users_own(x)
### a function in a library's submodule
import json
json.decoder.users_own = lambda x: x + 11
def f(x): return json.decoder.users_own(x)
### a function in a library's module by getattr
import json
json.users_own = lambda x: x + 11
NAME = "users_own"
def f(x): return getattr(json, NAME)(x)
### a class in a library's module
import json
class Encoder(json.JSONEncoder):
    def default(self, value): return 11
json.users_own = Encoder
def f(x): return json.users_own().default(x)
### a method of a library's class
import pathlib
pathlib.Path.users_own = lambda self: 11
def f(x): return pathlib.Path("a").users_own()
### a method of a library's class, of an object
import pathlib
pathlib.PurePath.users_own = lambda self: 11
PLACE = pathlib.Path("a")
def f(x): return PLACE.users_own()
### a method of a library's class through the class
from pathlib import Path
Path.users_own = classmethod(lambda cls: 11)
def f(x): return Path.users_own()
### an accessor of frames, of an argument
import pandas as pd
if hasattr(pd.DataFrame, "users_own"): del pd.DataFrame.users_own
@pd.api.extensions.register_dataframe_accessor("users_own")
class Own:
    def __init__(self, frame): self.frame = frame
    def total(self): return 11
def f(x): return x.users_own.total()
### a property of series, in a helper
import pandas as pd
pd.Series.users_own = property(lambda self: 11)
def total(series): return series.users_own
def f(x): return total(x)
### what nobody reads (same)
import json, pathlib, pandas as pd
json.users_own = pathlib.Path.users_own = pd.Series.users_own = lambda x: 11
def f(x): return json.dumps(x), pathlib.Path("a").name, pd.Series(x).sum()
"""


@pytest.mark.parametrize("edit", edits(ADDED))
def test_the_users_code_in_places_of_libraries_counts(shop: Workshop, edit: Edit) -> None:
    """Whoever puts a function of his own into a library has it looked for where it is called."""
    try:
        first, again, changed = shop.before_and_after(edit)
    finally:
        for holder in (json, json.decoder, Path, Path.__base__, pd.DataFrame, pd.Series):
            if "users_own" in vars(holder):
                del holder.users_own  # type: ignore[union-attr]
        pd.DataFrame._accessors.discard("users_own")

    assert first.digest == again.digest
    assert (first.digest != changed.digest) == edit.counts
    assert not [label for label, _ in changed.imported if "users_own" in label]


HIDDEN = r"""
### globals dynamic names opaque
K=11
def f(x): return globals()[x]
### eval dynamic
K=11
def f(x): return eval(x)
### generator object
def gg():
    yield 11
r=gg()
def f(x): return next(r)
### custom __getattribute__
class S:
    def __init__(s): s.a=1; s.b=11
    def __getattribute__(s, n): return object.__getattribute__(s, 'b')
s=S()
def f(x): return s.a
### modules by their name: KEY = 11 -> KEY = 12
import sys
KEY = 11
def f(x): return sys.modules[x].KEY, [m for m in sys.modules.values()]
### a file that is run: 11 -> 12
import runpy
def f(x): return runpy.run_path("11.py")
### the text of a function
from inspect import getsource
def g(x): return x # 11
def f(x): return getsource(g)
### inspect frame
import sys
K=11
def f(x): return sys._getframe().f_globals['K']
"""


@pytest.mark.parametrize("edit", edits(HIDDEN))
def test_what_nobody_can_see_is_named(shop: Workshop, edit: Edit) -> None:
    first, _, changed = shop.before_and_after(edit)

    assert first.digest != changed.digest or changed.opaque
