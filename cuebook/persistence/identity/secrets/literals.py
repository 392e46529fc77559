"""Secrets that stand in source text: `token = "..."`, `login(password="...")`, `{"Authorization": "..."}`.

Knows text alone: it gives the same text with the literals replaced.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cuebook.persistence.identity.secrets.names import is_secret_name, may_be_secret, may_name_secrets

if TYPE_CHECKING:
    from cuebook.persistence.identity.secrets.hiding import Hiding

__all__ = ["hidden_source", "hide_literals"]


def hidden_source(text: str, hiding: Hiding) -> str:
    """The source text with each literal that has a secret name replaced by its keyed digest.

    A literal has the name that it is assigned to, given as, compared with, the default of, or stands under in a dict.
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
        yield from ((_name(target), node.value) for target in node.targets)
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
