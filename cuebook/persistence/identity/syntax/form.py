"""The canonical bytes of a syntax tree: equal on every Python for equal code, whatever its layout.

Knows no code objects and no values. The text that `ast.unparse` gives is for people: it differs between Pythons.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["normal_text", "tree_bytes", "without_docstring"]

_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "annotation", "returns"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
_NAMES = {None: "None", True: "True", False: "False", ...: "..."}


def tree_bytes(tree: ast.AST, *, is_root: bool = True) -> bytes:
    """What a function's, class's or module's tree says, without docstrings, comments, layout and hints of functions.

    Hints of a class's own variables stay: they make fields. At the root of a function, decorators and defaults are
    left out: they are values that it has when it runs.

    Cost: about 1 us a node.
    """
    writer = _FormWriter()
    if is_root and isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        writer.function(tree, is_root=True)
    else:
        writer.put(tree)
    return "".join(writer.out).encode("utf-8", "surrogatepass")


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements after a docstring; a body that has no other one is a single `pass`."""
    if body:
        first = body[0]
        if first.__class__ is ast.Expr and type(getattr(first.value, "value", None)) is str:
            return body[1:] or [ast.Pass()]
    return body


def normal_text(tree: ast.AST) -> str:
    """The text of a tree without docstrings, in one layout, for people. Changes the tree."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            node.body = without_docstring(node.body)
    return ast.unparse(ast.fix_missing_locations(tree))


class _FormWriter:
    """Writes `(Kind field value ...)`, without empty fields, so that a Python with new ones says the same."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._in_class = False

    def put(self, value: Any) -> None:
        """Any part of a tree."""
        kind = value.__class__
        write = _WRITERS.get(kind)
        if write is not None:
            write(self, value)
        elif kind is list:
            self._list(value)
        elif isinstance(value, ast.AST):
            self.node(value)
        else:
            self._constant(value)

    def _list(self, values: list[Any]) -> None:
        out, known = self.out, _WRITERS
        out.append("[")
        for value in values:
            write = known.get(value.__class__)
            if write is not None:
                write(self, value)
            else:
                self.put(value)
        out.append("]")

    def node(self, node: ast.AST) -> None:
        """A node as it is: its kind, and each field that has something."""
        out, kind = self.out, node.__class__
        beginning, fields = _FIELDS.get(kind) or _fields_of(kind)
        value: Any
        out.append(beginning)
        for name, label in fields:
            value = getattr(node, name, None)
            of = value.__class__
            if of is list:
                if value:
                    out.append(label)
                    self._list(value)
            elif of is str:
                out.append(f"{label}{len(value)}:{value}")
            elif value is not None:
                out.append(label)
                write = _WRITERS.get(of)
                if write is not None:
                    write(self, value)
                else:
                    self.put(value)
        if fields:
            out.append(")")

    def _constant(self, value: Any) -> None:
        kind = value.__class__
        if kind is str:
            self.out.append(f"s{len(value)}:{value}")
        elif kind is int:
            self.out.append(f"i{value:x}")
        elif kind is bytes:
            self.out.append(f"b{len(value)}:{value.decode('latin-1')}")
        else:
            self.out.append(_NAMES[value] if kind in (bool, type(None), type(...)) else f"{kind.__name__} {value!r}")

    def constant(self, node: ast.Constant) -> None:
        """A literal, with its type."""
        self.out.append("=")
        self._constant(node.value)
        self.out.append(";")

    def name(self, node: ast.Name) -> None:
        """A variable."""
        self.out.append(f"${len(node.id)}:{node.id}")

    def attribute(self, node: ast.Attribute) -> None:
        """What lies behind a dot."""
        self.out.append(f".{len(node.attr)}:{node.attr}")
        self.put(node.value)

    def joined(self, node: ast.JoinedStr) -> None:
        """An f-string: Pythons differ in where they cut its constant text, and in what an empty format is."""
        self.out.append("(f")
        text = ""
        for value in node.values:
            if isinstance(value, ast.Constant):
                text += str(value.value)
                continue
            self._constant(text)
            text = ""
            self._formatted(value)
        self._constant(text)
        self.out.append(")")

    def _formatted(self, node: Any) -> None:
        self.put(node.value)
        self.out.append(f"!{node.conversion}" if node.conversion >= 0 else "")
        spec = node.format_spec
        if isinstance(spec, ast.JoinedStr) and not any(getattr(part, "value", None) != "" for part in spec.values):
            spec = None
        if spec is not None:
            self.out.append(":")
            self.put(spec)

    def function(self, node: Any, *, is_root: bool = False) -> None:
        """A function; at the root without decorators, and with `...` for each default."""
        out = self.out
        in_class, self._in_class = self._in_class, False
        out.append(f"({node.__class__.__name__}")
        if not isinstance(node, ast.Lambda):
            out.append(f" {len(node.name)}:{node.name}")
            if not is_root:
                self._list(node.decorator_list)
            if getattr(node, "type_params", None):
                self._list(node.type_params)
        self._arguments(node.args, is_root=is_root)
        if isinstance(node, ast.Lambda):
            self.put(node.body)
        else:
            self._list(without_docstring(node.body))
        out.append(")")
        self._in_class = in_class

    def _arguments(self, node: ast.arguments, *, is_root: bool) -> None:
        groups: Any = (node.posonlyargs, node.args, [node.vararg], node.kwonlyargs, [node.kwarg])
        for mark, group in zip("/,*k&", groups, strict=True):
            self.out.append(mark)
            self.out += [f"{len(each.arg)}:{each.arg}" for each in group if each is not None]
        self.out.append("=")
        for default in (*node.defaults, *node.kw_defaults):
            if is_root or default is None:
                self.out.append("-" if default is None else "...")
            else:
                self.put(default)

    def class_(self, node: ast.ClassDef) -> None:
        """A class inside of the tree: what is written before its body, and its body."""
        in_class, self._in_class = self._in_class, True
        self.out.append(f"(ClassDef {len(node.name)}:{node.name}")
        for values in (node.decorator_list, node.bases, node.keywords, getattr(node, "type_params", [])):
            self._list(values)
        self._list(without_docstring(node.body))
        self.out.append(")")
        self._in_class = in_class

    def annotated(self, node: ast.AnnAssign) -> None:
        """A variable with a hint: a field of a class; in a function an assignment, or a name that is local."""
        if self._in_class:
            self.out.append("(AnnAssign")
            self.put(node.annotation)
        else:
            self.out.append("(Assign targets [" if node.value is not None else "(Local [")
        self.put(node.target)
        if not self._in_class:
            self.out.append("]")
        if node.value is not None:
            self.out.append(" value ")
            self.put(node.value)
        self.out.append(")")


def _fields_of(kind: type[ast.AST]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """How a node of a kind begins, and its fields with how each begins; one without fields has ended with that."""
    fields = tuple((name, f" {name} ") for name in kind._fields if name not in _IGNORED)
    found = _FIELDS[kind] = (f"({kind.__name__}" if fields else f"({kind.__name__})", fields)
    return found


_FIELDS: dict[type, tuple[str, tuple[tuple[str, str], ...]]] = {}
_WRITERS: dict[type, Callable[[_FormWriter, Any], None]] = {
    ast.Constant: _FormWriter.constant,
    ast.Name: _FormWriter.name,
    ast.Attribute: _FormWriter.attribute,
    ast.JoinedStr: _FormWriter.joined,
    ast.FunctionDef: _FormWriter.function,
    ast.AsyncFunctionDef: _FormWriter.function,
    ast.Lambda: _FormWriter.function,
    ast.ClassDef: _FormWriter.class_,
    ast.AnnAssign: _FormWriter.annotated,
}
