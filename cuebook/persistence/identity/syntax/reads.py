"""What a function refers to, read off its syntax tree.

Knows no values: names of variables and attributes alone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, ClassVar

from cuebook.persistence.identity.syntax.access import (
    DOC_READERS,
    HIDING,
    HINT_READERS,
    SUBCLASSES,
    Access,
    Chain,
    indirect,
)
from cuebook.persistence.identity.syntax.chains import IMPORTING, Reached, Reaching, is_modules, last_name, step_of
from cuebook.persistence.identity.syntax.scopes import Scope, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["access_of"]

_BUILTINS = frozenset({"eval", "exec", "globals"})
_NOTED = HINT_READERS | DOC_READERS | HIDING | {SUBCLASSES}


def access_of(tree: Any, free: Iterable[str], private: Callable[[], Mapping[str, str]], *, trusts: bool) -> Access:
    """What the function of a tree refers to.

    Args:
        tree: of a `def` or a lambda; its decorators, defaults and hints do not count.
        free: the variables that it has from the functions around it.
        private: gives the names with two underscores as the compiler has changed them.
        trusts: whether Python's own functions (`getattr`) are what their names say.

    Cost: about 1 us a node.
    """
    reader = _TreeReader(frozenset(free), private, trusts=trusts)
    found = reader.read(tree)
    if trusts and reader.reaching.taken & reader.names_bound:  # the code has a `getattr` of its own
        return _TreeReader(frozenset(free), private, trusts=False).read(tree)
    return found


class _TreeReader:
    def __init__(self, free: frozenset[str], private: Callable[[], Mapping[str, str]], *, trusts: bool) -> None:
        self.names_bound: set[str] = set()
        self.reaching = Reaching(self._spelled, trusts=trusts)
        self._free, self._trusts = free, trusts
        self._private = private
        self._mangled: Mapping[str, str] | None = None
        self._scope = Scope(None)
        self._owner: str | None = None
        self._names: set[tuple[Scope, str]] = set()
        self._loads: list[tuple[Scope, Reached, str]] = []
        self._hidden: set[str] = set()
        self._hints = self._docs = self._asks_subclasses = False

    def read(self, tree: Any) -> Access:
        """All of a function."""
        parameters = [*tree.args.posonlyargs, *tree.args.args]
        self._owner = parameters[0].arg if parameters else None
        self._inside(tree)
        chains: set[Chain] = set()
        for scope, name in self._names:
            chains.update(self._chains(scope, Reached("name", name), "value"))
        for scope, reached, use in self._loads:
            chains.update(self._chains(scope, reached, use))
        taken = frozenset(self.reaching.taken)
        hidden = tuple(sorted(self._hidden))
        return Access(tuple(sorted(chains)), hidden, taken, self._hints, self._asks_subclasses, self._docs)

    def _chains(self, scope: Scope, reached: Reached, use: str) -> Iterable[Chain]:
        """What one expression refers to, now that every scope is known."""
        path: tuple[str, ...] = ()
        for attribute in reached.attributes:
            if attribute.startswith("*"):
                where = place_of(scope, attribute[1:], self._owner, self._free)
                if where not in ("global", "free"):
                    use = "value"  # whose name it is shows only when it runs: all of what was reached counts
                    break
                attribute = indirect(str(where), attribute[1:])
            path = (*path, attribute)
        if reached.base != "name":
            name = self._module_name(scope, reached.name)
            return [] if name is None else [Chain(reached.base, name, path, reached.level, use)]
        place = place_of(scope, reached.name, self._owner, self._free)
        if isinstance(place, list):
            return [each._replace(attributes=each.attributes + path, use=use) for each in place]
        if place == "local":
            return []
        if place == "global" and reached.name in _BUILTINS and self._trusts:
            self._hidden.add(f"{reached.name}()")
            self.reaching.taken.add(reached.name)
        return [Chain(place, reached.name, path, 0, use)]

    def _module_name(self, scope: Scope, name: str) -> str | None:
        """The module that is imported, where it is not its own name that is written but a variable that holds it."""
        if not name.startswith("*"):
            return name
        where = place_of(scope, name[1:], self._owner, self._free)
        if where in ("global", "free"):
            return indirect(str(where), name[1:])
        self._hidden.add("import_module()")
        return None

    def _record(self, reached: Reached, use: str) -> None:
        self._all(reached.rest)
        if not _NOTED.isdisjoint(reached.attributes) or reached.name in _NOTED:
            for name in (reached.name, *reached.attributes):
                self._note(name)
        self._loads.append((self._scope, reached, use))

    def _note(self, name: str) -> None:
        if name in HINT_READERS:
            self._hints = True
        elif name in DOC_READERS:
            self._docs = True
        elif name in HIDING:
            self._hidden.add(name)
        elif name == SUBCLASSES:
            self._asks_subclasses = True

    def _bind(self, name: str, scope: Scope | None = None) -> None:
        name = self._spelled(name)
        self.names_bound.add(name)
        (scope or self._scope).bound.add(name)

    def _spelled(self, name: str) -> str:
        if not name.startswith("__") or name.endswith("__"):
            return name
        if self._mangled is None:
            self._mangled = self._private()
        return self._mangled.get(name, name)

    def visit(self, node: Any) -> None:
        """A node and all in it."""
        kind = node.__class__
        visit = self.VISITORS.get(kind)
        if visit is not None:
            visit(self, node)
            return
        fields = _FIELDS.get(kind)
        if fields is None:
            fields = _FIELDS[kind] = tuple(name for name in kind._fields if name not in ("ctx", "kind", "op", "ops"))
        self._fields(node, fields)

    def _fields(self, node: Any, names: Iterable[str]) -> None:
        for name in names:
            value = getattr(node, name, None)
            if value.__class__ is list:
                for part in value:
                    if isinstance(part, ast.AST):
                        self.visit(part)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def _all(self, nodes: Iterable[Any]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _constant(self, node: Any) -> None:
        pass

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if node.ctx.__class__ is not ast.Load:
            self._bind(name)
        elif name in _NOTED or name[:2] == "__":
            self._record(Reached("name", self._spelled(name)), "value")
        else:
            self._names.add((self._scope, name))

    def _attribute(self, node: ast.Attribute) -> None:
        reached = self.reaching.chain(node)
        if reached is not None:
            self._record(reached, "value" if node.ctx.__class__ is ast.Load else "store")
            return
        self._note(node.attr)
        self.visit(node.value)

    def _item(self, node: ast.Subscript) -> None:
        """`x["name"]` may be a chain; setting an item reads nothing but where it goes."""
        is_read = node.ctx.__class__ is ast.Load
        reached = self.reaching.chain(node if is_read else node.value)
        if reached is None or node.ctx.__class__ is ast.Del:
            self._all((node.value, node.slice))
        elif is_read:
            self._record(reached, "value")
        else:
            self._record(reached, "fill")
            self.visit(node.slice)
        if reached is None and is_modules(node.value):
            self._hidden.add("sys.modules")

    def _augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Subscript):
            self._all((target.value, target.slice, node.value))
            return
        reached = self.reaching.chain(target)
        if reached is not None:
            self._record(reached, "value")
        self._all((target, node.value))

    def _test(self, node: Any) -> None:
        """An expression of which nothing matters but whether it is true."""
        kind = node.__class__
        if kind is ast.UnaryOp and isinstance(node.op, ast.Not):
            self._test(node.operand)
        elif kind is ast.BoolOp:
            for value in node.values:
                self._test(value)
        elif kind in (ast.Name, ast.Attribute):
            reached = self.reaching.chain(node)
            if reached is None:
                self.visit(node)
            else:
                self._record(reached, "test")
        else:
            self.visit(node)

    def _branch(self, node: Any) -> None:
        """`if`, `while` and their like."""
        self._test(node.test)
        for name in ("body", "orelse", "msg"):
            value = getattr(node, name, None)
            self._all(value if isinstance(value, list) else (value,))

    def _unary(self, node: ast.UnaryOp) -> None:
        self._test(node) if isinstance(node.op, ast.Not) else self.visit(node.operand)

    def _compare(self, node: ast.Compare) -> None:
        """`x is None` looks at nothing of an object."""
        is_identity = all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
        if is_identity and all(isinstance(each, ast.Constant) and each.value is None for each in node.comparators):
            self._test(node.left)
        else:
            self._all((node.left, *node.comparators))

    def _call(self, node: ast.Call) -> None:
        reached = self.reaching.chain(node)
        if reached is not None:
            self._record(reached, "value")
            return
        if self._trusts and self._is_special(node):
            return
        reached = self.reaching.chain(node.func)
        if reached is not None:
            self._record(reached, "call")
        else:
            self.visit(node.func)
        self._all(node.args)
        self._all(node.keywords)

    def _is_special(self, node: ast.Call) -> bool:
        """Calls that set an attribute by name, and code in texts that are written out; notes what nobody can tell."""
        called, plain = last_name(node.func), isinstance(node.func, ast.Name)
        if plain and called in ("setattr", "delattr") and len(node.args) > 1:
            inner, step = self.reaching.chain(node.args[0]), step_of(node.args[1])
            if inner is None or step is None or step.startswith("*"):
                return False
            self.reaching.taken.add(called)
            self._record(inner.then(step), "store")
            self._all(node.args[2:])
            return True
        if plain and called in ("eval", "exec") and len(node.args) == 1 and not node.keywords:
            text = _tree_of_text(node.args[0])
            if text is not None:
                self.reaching.taken.add(called)
                self._enter(Scope(self._scope), text)
            return text is not None
        if called in IMPORTING:
            self._hidden.add(f"{called}()")
        elif called in ("get", "items", "values") and is_modules(getattr(node.func, "value", node)):
            self._hidden.add("sys.modules")
        return False

    def _function(self, node: Any) -> None:
        if not isinstance(node, ast.Lambda):
            self._all(node.decorator_list)
            self._bind(node.name)
        self._all(node.args.defaults)
        self._all(node.args.kw_defaults)
        self._enter(Scope(self._scope), node)

    def _class(self, node: ast.ClassDef) -> None:
        self._all(node.decorator_list)
        self._all(node.bases)
        self._all(node.keywords)
        self._bind(node.name)
        self._enter(Scope(self._scope, is_class=True), node)

    def _enter(self, scope: Scope, node: Any) -> None:
        outside, self._scope = self._scope, scope
        self._inside(node)
        self._scope = outside

    def _inside(self, node: Any) -> None:
        """What stands in a function, class or module, in the scope that is its own."""
        for each in getattr(node, "type_params", ()):
            self._bind(each.name)
        arguments = getattr(node, "args", None)
        if arguments is not None:
            groups = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs, [arguments.vararg, arguments.kwarg])
            for each in [each for group in groups for each in group if each is not None]:
                self._bind(each.arg)
        self._all([node.body] if isinstance(node, ast.Lambda) else node.body)

    def _comprehension(self, node: Any) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        outside, self._scope = self._scope, Scope(self._scope, is_comprehension=True)
        self.visit(first.target)
        for each in others:
            self._all((each.target, each.iter))
        for test in [test for each in node.generators for test in each.ifs]:
            self._test(test)
        self._all((node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,))
        self._scope = outside

    def _walrus(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._bind(node.target.id, self._scope.binding())

    def _annotated(self, node: ast.AnnAssign) -> None:
        self._all((node.target, node.value))
        if self._scope.is_class:
            self.visit(node.annotation)

    def _declared(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            self._scope.outer[self._spelled(name)] = isinstance(node, ast.Global)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            top, *below = alias.name.split(".")
            self._bind_import(alias.asname or top, Chain("import", top, tuple(below) if alias.asname else ()))

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            names = () if alias.name == "*" else (alias.name,)
            self._loads.append((self._scope, Reached("import", node.module or "", names, node.level), "value"))
            self._bind_import(alias.asname or alias.name, Chain("import", node.module or "", names, node.level))

    def _bind_import(self, name: str, chain: Chain) -> None:
        self._bind(name)
        self._scope.imports.setdefault(self._spelled(name), []).append(chain)

    def _named(self, node: Any) -> None:
        """What binds a name that is written as text: an exception, a capture of a pattern."""
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            self._bind(name)
        self._fields(node, node._fields)

    VISITORS: ClassVar[dict[type, Callable[[Any, Any], None]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Subscript: _item,
        ast.AugAssign: _augmented,
        ast.Call: _call,
        ast.Compare: _compare,
        ast.UnaryOp: _unary,
        **dict.fromkeys((ast.If, ast.IfExp, ast.While, ast.Assert), _branch),
        **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), _function),
        ast.ClassDef: _class,
        **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), _comprehension),
        ast.NamedExpr: _walrus,
        ast.AnnAssign: _annotated,
        ast.Global: _declared,
        ast.Nonlocal: _declared,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        **dict.fromkeys((ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping), _named),
    }


def _tree_of_text(node: ast.AST) -> ast.AST | None:
    """What a text that is written out says when it is run."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    try:
        return ast.parse(node.value.strip())
    except (SyntaxError, ValueError):
        return None


_FIELDS: dict[type, tuple[str, ...]] = {}
