"""Secrets that stand in source text: `token = "..."`, `login(password="...")`, `{"Authorization": "..."}`.

Knows text alone: it gives the same text with the literals replaced.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from cuebook.persistence.identity.secrets.names import is_secret_name, may_be_secret, may_name_secrets

if TYPE_CHECKING:
    from cuebook.persistence.identity.secrets.hiding import Hiding

__all__ = ["hidden_source", "hide_literals"]

_OPTION = re.compile(r"[\w.-]+")


def hidden_source(text: str, hiding: Hiding) -> str:
    """The source text with each literal that has a secret name replaced by its keyed digest.

    A literal has the name that it is assigned to, given as, compared with, the default of, or stands under in a dict;
    that which stands before it in a call (`get("API_KEY", "...")`); and that of the function that returns it.
    Text that is no source of Python stays as it is. Texts that look like no secret are given back at once.

    Cost: a microsecond a line where no name looks like one of a secret, else as ast.parse and ast.unparse.
    """
    if not may_name_secrets(text) or ("'" not in text and '"' not in text):
        return text
    try:
        tree = ast.parse(text)
        return ast.unparse(tree) if hide_literals(tree, hiding) else text
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def hide_literals(tree: ast.AST, hiding: Hiding) -> bool:
    """The same in a syntax tree, which is changed; whether there were any."""
    literals = [literal for node in ast.walk(tree) for literal in _named_literals(node)]
    for literal in literals:
        if isinstance(literal.value, str | bytes) and literal.value:
            literal.value = f"<hidden {hiding.digest(literal.value).hex()}>"
    return bool(literals)


def _named_literals(node: ast.AST) -> Iterator[ast.Constant]:
    for name, value in _pairs(node):
        if value is None or name is None:
            continue
        if is_secret_name(name) or (isinstance(value, ast.Dict) and may_be_secret(name)):
            yield from _literals(value)


def _pairs(node: ast.AST) -> Iterator[tuple[str | None, ast.expr | None]]:
    """Names and the expressions that stand under them, as far as one node says."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield _name(node.target), node.iter
    elif isinstance(node, ast.Call):
        yield from _given(node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        returned = (each.value for each in ast.walk(node) if isinstance(each, ast.Return))
        yield from ((node.name, value) for value in returned)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        yield _name(node.target), node.value
    elif isinstance(node, ast.keyword):
        yield node.arg, node.value
    elif isinstance(node, ast.Dict):
        yield from ((_name(key), value) for key, value in zip(node.keys, node.values, strict=True))
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        yield from ((_name(one), other) for one in sides for other in sides if one is not other)
    elif isinstance(node, ast.arguments):
        places = [*node.posonlyargs, *node.args]
        given = places[len(places) - len(node.defaults) :]
        yield from ((place.arg, value) for place, value in zip(given, node.defaults, strict=True))
        yield from ((place.arg, value) for place, value in zip(node.kwonlyargs, node.kw_defaults, strict=True))


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str | None, ast.expr | None]]:
    """A target with its value; of several targets each with its own, where that is written out."""
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        if not any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts)):
            for inner, part in zip(target.elts, value.elts, strict=False):
                yield from _assigned(inner, part)
    else:
        yield _name(target), value


def _given(node: ast.Call) -> Iterator[tuple[str | None, ast.expr | None]]:
    """What stands behind a name in a call: `getenv("TOKEN", "...")`, `add_argument("--password", default="...")`."""
    for one, other in pairwise(node.args):
        if isinstance(one, ast.Constant):
            yield _option(one), other
    if node.args and isinstance(node.args[0], ast.Constant):
        yield from ((_option(node.args[0]), each.value) for each in node.keywords if each.arg == "default")


def _option(node: ast.Constant) -> str | None:
    """A text that is a name and no sentence."""
    return node.value if isinstance(node.value, str) and _OPTION.fullmatch(node.value) else None


def _name(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _name(node.slice)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _literals(value: ast.expr) -> Iterator[ast.Constant]:
    """The texts in an expression; what a call is given has names of its own."""
    if isinstance(value, ast.Constant):
        if isinstance(value.value, str | bytes):
            yield value
    elif isinstance(value, ast.Tuple | ast.List | ast.Set):
        for part in value.elts:
            yield from _literals(part)
    elif isinstance(value, ast.Dict):
        for part in value.values:
            yield from _literals(part)
    elif isinstance(value, ast.BinOp):
        yield from _literals(value.left)
        yield from _literals(value.right)
    elif isinstance(value, ast.BoolOp):
        for part in value.values:
            yield from _literals(part)
    elif isinstance(value, ast.IfExp):
        yield from _literals(value.body)
        yield from _literals(value.orelse)
    elif isinstance(value, ast.JoinedStr):
        for part in value.values:
            yield from _literals(part)
