"""The normal form of a function's own code: what stays when comments, docstrings, layout and position are
taken away.

Knows neither what the code refers to nor the values it is bound to.
"""

from __future__ import annotations

import ast
import linecache
import opcode
import sys
from itertools import pairwise
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from cuebook.persistence.identity.digest import blake16

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CodeForm", "code_form", "normal_text"]

_NESTED = 0x10
_HAS_DOCSTRING = 0x4000000
_FUTURE_ANNOTATIONS = 0x1000000
_ATTRIBUTE_HAS_FLAG = sys.version_info >= (3, 12)
_HAS_CONSTANT = frozenset(opcode.hasconst)
_TRIES_MAX = 60


class CodeForm(NamedTuple):
    """Normalised source text, or a digest of the bytecode where there is no source that the code comes
    from.
    """

    text: str
    is_source: bool


def code_form(code: CodeType) -> CodeForm:
    """The normal form of a function's code object.

    The source counts only where it compiles to this very code: after a file was edited, its text is not what
    runs. Then, and where there is no source at all (exec, a plain REPL), the bytecode counts, tagged with the
    version of Python.

    Cost: 0.3 to 3 ms.
    """
    try:
        text = _source_text(code)
    except (SyntaxError, ValueError, LookupError, RecursionError, OSError, UnicodeError, MemoryError):
        text = None
    if text is not None:
        return CodeForm(text, True)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = blake16(repr(_frozen(code)).encode("utf-8", "surrogatepass")).hex()
    return CodeForm(f"<bytecode of Python {version}: {code.co_name} {digest}>", False)


def normal_text(tree: ast.AST) -> str:
    """The text of a tree without docstrings, in one layout; equal on every Python for equal trees."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str:
                del node.body[0]
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.Pass())
    return ast.unparse(ast.fix_missing_locations(tree))


def _source_text(code: CodeType) -> str | None:
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    if not lines or code.co_firstlineno > len(lines):
        return None
    nodes = _lambdas(code, lines) if code.co_name == "<lambda>" else _functions(code, lines)
    for node in nodes:
        if any(_is_same(code, found) for found in _compiled(node, code)):
            return normal_text(node)
    return None


def _functions(code: CodeType, lines: list[str]) -> Iterator[ast.AST]:
    """The definition that starts at the code's first line: ended by a line as far left, once what stands
    before parses.
    """
    first = code.co_firstlineno - 1
    indent = _indent(lines[first])
    tries = 0
    for end in range(first + 1, len(lines) + 1):
        line = lines[end] if end < len(lines) else ""
        if line and (not line.strip() or line.lstrip().startswith("#") or _indent(line) > indent):
            continue
        tries += 1
        text = "".join(lines[first:end])
        node = _parsed("if 1:\n" + text if indent else text)
        if node is not None:
            yield _without_defaults(node)
            return
        if tries > _TRIES_MAX:
            return


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t\f"))


def _parsed(text: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        node = ast.parse(text).body[0]
    except SyntaxError:
        return None
    if isinstance(node, ast.If):
        node = node.body[0]
    return node if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _without_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
    """Decorators and defaults are values that the function has when it runs: they count as such, not as
    text.
    """
    node.decorator_list = []
    node.args.defaults = [ast.Constant(...) for _ in node.args.defaults]
    node.args.kw_defaults = [None if value is None else ast.Constant(...) for value in node.args.kw_defaults]
    return node


def _lambdas(code: CodeType, lines: list[str]) -> Iterator[ast.AST]:
    """The lambda whose body lies where the code's instructions come from."""
    spans = [span for span in code.co_positions() if None not in span and span[0::2] != span[1::2]]
    starts = [(line, column) for line, _, column, end in spans if column != end]
    ends = [(end_line, end) for _, end_line, column, end in spans if column != end]
    if starts:
        body = _cut(lines, min(starts), max(ends))
        yield ast.parse(f"(lambda {_signature(code)}: (\n{body}\n))", mode="eval").body


def _cut(lines: list[str], start: tuple[Any, Any], end: tuple[Any, Any]) -> str:
    part = [line.encode() for line in lines[start[0] - 1 : end[0]]]
    part[-1] = part[-1][: end[1]]
    part[0] = part[0][start[1] :]
    return b"".join(part).decode()


def _signature(code: CodeType) -> str:
    """The parameters of a code object as they are written, without defaults and annotations."""
    plain, only = code.co_argcount, code.co_kwonlyargcount
    names = list(code.co_varnames[:plain])
    if code.co_posonlyargcount:
        names.insert(code.co_posonlyargcount, "/")
    at = plain + only
    if code.co_flags & 0x04:
        names.append(f"*{code.co_varnames[at]}")
        at += 1
    elif only:
        names.append("*")
    names += code.co_varnames[plain : plain + only]
    if code.co_flags & 0x08:
        names.append(f"**{code.co_varnames[at]}")
    return ", ".join(names)


def _compiled(node: ast.AST, code: CodeType) -> Iterator[CodeType]:
    """The code objects of that name that a node compiles to, inside the class and the variables it stands
    in.
    """
    statement = node if isinstance(node, ast.stmt) else ast.Expr(node)  # type: ignore[arg-type]
    outer = code.co_qualname.split(".")
    classes = [name for name, after in pairwise(outer) if "<locals>" not in (name, after)]
    if classes:
        statement = _wrapped(f"class {classes[-1]}:\n pass", statement)
    free = [name for name in code.co_freevars if name.isidentifier() and not name.startswith("__class")]
    if free:
        statement = _wrapped(f"def _({', '.join(free)}):\n pass", statement)
    imports: list[ast.stmt] = [ast.Import([ast.alias(name)]) for name in _import_like(code)]
    tree = ast.fix_missing_locations(ast.Module([*imports, statement], []))
    flags = code.co_flags & _FUTURE_ANNOTATIONS
    pending = [compile(tree, "<identity>", "exec", flags=flags, dont_inherit=True)]
    while pending:
        for inner in pending.pop().co_consts:
            if isinstance(inner, CodeType):
                pending.append(inner)
                if inner.co_name == code.co_name:
                    yield inner


def _wrapped(header: str, statement: ast.stmt) -> ast.stmt:
    outer: Any = ast.parse(header).body[0]
    outer.body = [statement]
    return outer  # type: ignore[no-any-return]


def _import_like(code: CodeType) -> list[str]:
    """Names whose attributes the compiler loaded as it does for a module's imports: never as methods."""
    plain: set[str] = set()
    methods: set[str] = set()
    for part in _with_nested(code):
        name: str | None = None
        for operation, argument in _instructions(part):
            kind = opcode.opname[operation]
            if kind == "CACHE":
                continue
            if name is not None and kind in ("LOAD_ATTR", "LOAD_METHOD"):
                is_method = kind == "LOAD_METHOD" or (_ATTRIBUTE_HAS_FLAG and argument & 1)
                (methods if is_method else plain).add(name)
            name = _loaded_name(part, kind, argument)
    return sorted(plain - methods)


def _loaded_name(code: CodeType, kind: str, argument: Any) -> str | None:
    names: tuple[str, ...] = ()
    if kind == "LOAD_GLOBAL":
        names, argument = code.co_names, argument >> 1
    elif kind.startswith("LOAD_FAST"):
        names = code.co_varnames
    return names[argument] if names and argument < len(names) else None


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)


def _is_same(code: CodeType, other: CodeType) -> bool:
    return _frozen(code) == _frozen(other)


def _frozen(code: CodeType) -> tuple[Any, ...]:
    """All of a code object that decides what it does, as plain tuples that are equal in every process."""
    return (
        code.co_name,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_flags & ~(_NESTED | _HAS_DOCSTRING),
        tuple(_instructions(code)),
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        code.co_exceptiontable,
    )


def _instructions(code: CodeType) -> Iterator[tuple[int, Any]]:
    """Each operation with its argument; constants stand in place of their numbers, so that docstrings drop
    out.
    """
    data, constants, high = code.co_code, code.co_consts, 0
    for at in range(0, len(data), 2):
        operation, argument = data[at], data[at + 1] | high
        high = argument << 8 if operation == opcode.EXTENDED_ARG else 0
        if operation in _HAS_CONSTANT:
            yield operation, _constant(constants[argument])
        elif not high:
            yield operation, argument


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _frozen(value)
    if isinstance(value, tuple):
        return ("tuple", *map(_constant, value))
    if isinstance(value, frozenset):
        return ("frozenset", *sorted(map(repr, map(_constant, value))))
    return (type(value).__name__, repr(value))
