"""Classes that a function uses, and methods as functions: what of them counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.persistence.identity.fingerprinted import Workshop

pytestmark = pytest.mark.quick


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
