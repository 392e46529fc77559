"""Expressions that are chains: a variable and the attributes that are read of it, written out in whatever way.

Knows no scopes and no values. `getattr(x, "name")`, `vars(x)["name"]`, `import_module("name")` and their like are
chains too, as long as the program has no functions of its own under the names of Python's.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IMPORTING", "Reached", "Reaching", "is_modules", "last_name", "step_of"]

IMPORTING = frozenset({"import_module", "__import__"})
_GETTING = frozenset({"getattr", "hasattr"})


class Reached(NamedTuple):
    """Where a chain begins ("name": a variable; "module": the code's own), its attributes, and what else stands there.

    An attribute that a variable names is written with a star before the variable.
    """

    base: str
    name: str
    attributes: tuple[str, ...] = ()
    level: int = 0
    rest: tuple[ast.AST, ...] = ()

    def then(self, attribute: str, *rest: ast.AST) -> Reached:
        """One attribute further; of the code's own module that is a global."""
        if self.base == "module" and not attribute.startswith("*"):
            return Reached("global", attribute, (), 0, (*self.rest, *rest))
        return Reached(self.base, self.name, (*self.attributes, attribute), self.level, (*self.rest, *rest))


class Reaching:
    """Finds chains.

    Args:
        spelled: gives a name as the compiler has changed it (`__x` in a class).
        trusts: whether Python's own functions are what their names say.

    Attributes:
        taken: the functions of Python that were taken for granted.
    """

    def __init__(self, spelled: Callable[[str], str], *, trusts: bool) -> None:
        self.taken: set[str] = set()
        self._spelled, self._trusts = spelled, trusts

    def chain(self, node: Any) -> Reached | None:
        """The chain that an expression is; None where it is none."""
        kind = node.__class__
        if kind is ast.Name:
            return Reached("name", self._spelled(node.id))
        if kind is ast.Attribute:
            inner = self.chain(node.value)
            return None if inner is None else inner.then(self._spelled(node.attr))
        if not self._trusts:
            return None
        if kind is ast.Call:
            return self._call(node)
        return self._item(node) if kind is ast.Subscript else None

    def _call(self, node: ast.Call) -> Reached | None:
        """`getattr(x, "name")`, `import_module("name")`, `globals().get("name")` and `super()`."""
        called, arguments = last_name(node.func), node.args
        if called == "super" and not arguments:
            self.taken.add(called)
            return Reached("super", "")
        if not arguments or node.keywords or isinstance(arguments[0], ast.Starred):
            return None
        if called in _GETTING and 2 <= len(arguments) <= 3 and isinstance(node.func, ast.Name):
            inner, step = self.chain(arguments[0]), step_of(arguments[1])
            if inner is None or step is None:
                return None
            self.taken.add(called)
            return inner.then(step, *arguments[1:])
        if called in IMPORTING and len(arguments) == 1:
            return _imported(arguments[0], node.func, whole=called == "import_module")
        return (
            self._get(node.func.value, arguments) if called == "get" and isinstance(node.func, ast.Attribute) else None
        )

    def _get(self, held: ast.AST, arguments: list[ast.expr]) -> Reached | None:
        """`globals().get("name")` and `sys.modules.get("name")`."""
        if is_modules(held):
            return _imported(arguments[0], held, whole=True)
        name = getattr(arguments[0], "value", None)
        if not _is_globals(held) or not isinstance(name, str):
            return None
        self.taken.add("globals")
        return Reached("global", name, rest=tuple(arguments[1:]))

    def _item(self, node: ast.Subscript) -> Reached | None:
        """`globals()["name"]`, `vars(x)["name"]`, `x.__dict__["name"]` and `sys.modules["name"]`."""
        held, step = node.value, step_of(node.slice)
        if is_modules(held):
            return _imported(node.slice, held, whole=True)
        if step is None:
            return None
        if _is_globals(held) and not step.startswith("*"):
            self.taken.add("globals")
            return Reached("global", step)
        inner: Reached | None = None
        if isinstance(held, ast.Attribute) and held.attr == "__dict__":
            inner = self.chain(held.value)
        elif isinstance(held, ast.Call) and last_name(held.func) == "vars" and len(held.args) == 1:
            self.taken.add("vars")
            inner = self.chain(held.args[0])
        return None if inner is None else inner.then(step, node.slice)


def last_name(node: ast.AST) -> str | None:
    """The name of a function that is called, without what stands before its last dot."""
    return getattr(node, "id", None) or getattr(node, "attr", None)


def is_modules(node: ast.AST) -> bool:
    """Whether an expression is `sys.modules`."""
    return isinstance(node, ast.Attribute) and node.attr == "modules" and last_name(node.value) == "sys"


def step_of(node: ast.AST) -> str | None:
    """An attribute's name that is written out, or a star and the variable that holds it."""
    if isinstance(node, ast.Constant) and type(node.value) is str and node.value.isidentifier():
        return node.value
    return f"*{node.id}" if isinstance(node, ast.Name) else None


def _is_globals(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and not node.args and getattr(node.func, "id", None) == "globals"


def _imported(given: ast.AST, callee: ast.AST, *, whole: bool) -> Reached | None:
    """The module of a name that is written out, or that a variable holds."""
    if isinstance(given, ast.Name) and given.id == "__name__":
        return Reached("module", "", rest=(callee,))
    if isinstance(given, ast.Name) and whole:
        return Reached("import", f"*{given.id}", rest=(callee, given))
    name = getattr(given, "value", None)
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        return None
    top, *below = name.split(".")
    return Reached("import", top, tuple(below) if whole else (), rest=(callee,))
