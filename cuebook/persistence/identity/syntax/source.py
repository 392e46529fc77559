"""The syntax tree that a code object was compiled from: found in its file, and proven by compiling it again.

Knows neither what the code refers to nor the values it is bound to.
"""

from __future__ import annotations

import ast
import keyword
import linecache
import re
from contextlib import suppress
from itertools import chain, islice
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from cuebook.persistence.identity.syntax.shape import is_same_shape, methodless_names, with_nested

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SourceText", "look_again", "source_of"]

_FUTURE_ANNOTATIONS = 0x1000000
_UNREGISTERED = frozenset({"<string>", "<stdin>"})
"""Of `python -c` and of a piped script some Pythons keep the text and others do not: it is left alone everywhere."""

_TRIES_MAX = 200
_MOVES_MAX = 20
_FILES_MAX = 256
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+\S+[ \t]+)?import\b(?:[ \t]*\(([^)]*)\)|([^#\n;]*))", re.MULTILINE)

_checked: set[str] = set()
_imported: dict[str, tuple[list[str], str]] = {}


class SourceText(NamedTuple):
    """The tree of a function (`def` or lambda), and its text as it was written."""

    tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    text: str


def source_of(code: CodeType) -> SourceText | None:
    """The source of a function's code; None where there is none that compiles to this very code.

    After a file was edited, its text is not what runs: then the function is looked for where it may have moved.

    Cost: 0.1 to 0.3 ms for a function of ordinary size.
    """
    filename = code.co_filename
    if filename in _UNREGISTERED:
        return None
    if filename not in _checked:
        _checked.add(filename)
        linecache.checkcache(filename)
    lines = linecache.getlines(filename)
    try:
        if code.co_name == "<lambda>":
            return _lambda(code, lines) if code.co_firstlineno <= len(lines) else None
        return _definition(code, lines)
    except (SyntaxError, ValueError, LookupError, RecursionError, UnicodeError, MemoryError):
        return None


def look_again() -> None:
    """From now on, files may have changed: each is looked at once more before its text is taken."""
    _checked.clear()


def _definition(code: CodeType, lines: list[str]) -> SourceText | None:
    """The definition where the code says that it begins; or where it has moved, as lines above it came or went."""
    first = code.co_firstlineno - 1
    found = _at(code, lines, first) if first < len(lines) else None
    if found is not None:
        return found
    begins = re.compile(rf"[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(code.co_name)}\b")
    places = (place for place, line in enumerate(lines) if begins.match(line) and place != first)
    others = (_at(code, lines, place) for place in islice(places, _MOVES_MAX))
    return next((other for other in others if other is not None), None)


def _at(code: CodeType, lines: list[str], first: int) -> SourceText | None:
    for text in _blocks(code, lines, first):
        header = _header(code, text[: _indent(text)])
        depth = header.count("\n")
        before, after = "\n" * max(0, first - depth) + header, _imports(code.co_filename, lines)
        try:
            parsed = _parsed(code, f"{before}{text}\n{after}")
        except SyntaxError:
            continue  # it goes on: brackets or a text reach over the line that is as far left
        tree = _inside(parsed, depth)
        if tree is None:
            return None
        if any(each == code for each in _compiled(code, parsed)) or _compiles_to(code, text, before, after):
            return SourceText(tree, text)
        return None
    return None


def _compiles_to(code: CodeType, text: str, before: str, after: str) -> bool:
    """Whether a text is what the code was compiled from, but for its place."""
    names = methodless_names(code)
    exact = f"import {', '.join(names)}" if names else ""
    others = [after, exact, *([f"{after}\nsuper"] if "super" in code.co_names else [])]
    trees = (_parsed(code, f"{before}{text}\n{other}") for other in dict.fromkeys(others))
    return any(is_same_shape(each, code) for tree in trees for each in _compiled(code, tree))


def _parsed(code: CodeType, text: str) -> ast.Module:
    flags = _flags(code) | ast.PyCF_ONLY_AST
    return compile(text, "<identity>", "exec", flags, dont_inherit=True)  # type: ignore[no-any-return]


def _flags(code: CodeType) -> int:
    return code.co_flags & _FUTURE_ANNOTATIONS


def _blocks(code: CodeType, lines: list[str], first: int) -> Iterator[str]:
    """The texts that may be the definition which begins at a line: each ends before one that is as far left."""
    indent = _indent(lines[first])
    margin = lines[first][:indent]
    within = (f"{margin} ", f"{margin}\t")
    tries = last = 0
    for end in range(first + 1, len(lines) + 1):
        line = lines[end] if end < len(lines) else ""
        if line.startswith(within) or end <= last:
            continue
        start = line.lstrip()
        if line and (not start or start[0] in "#)]}" or _indent(line) > indent):
            continue
        yield "".join(lines[first:end])
        tries += 1
        if tries == 1:  # not that simple: where its last instruction stands, it has not ended
            last = (
                first + max(at or 0 for part in with_nested(code) for _, _, at in part.co_lines()) - code.co_firstlineno
            )
        if tries > _TRIES_MAX:
            return


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t\f"))


def _header(code: CodeType, margin: str) -> str:
    """Lines that put a text into the functions and the class it stood in: for free names, and those of the class."""
    lines = _surroundings(code)[-len(margin) :] if margin else []
    return "".join(f"{margin[:depth]}{line}:\n" for depth, line in enumerate(lines or ["if 1"] * bool(margin)))


def _surroundings(code: CodeType) -> list[str]:
    """The functions and classes around, by their names; each function gives all the free names."""
    free = ", ".join(name for name in code.co_freevars if name.isidentifier() and not name.startswith("__class"))
    outer = code.co_qualname.split(".")[:-1]
    around = []
    for name, after in zip(outer, [*outer[1:], ""], strict=False):
        word = name if name.isidentifier() else "_"
        if name != "<locals>":
            around.append(f"def {word}({free})" if after == "<locals>" else f"class {word}")
    return around


def _inside(tree: Any, depth: int) -> Any:
    """The first statement inside of what was put around it; None where it is no definition, or not alone there."""
    body = tree.body
    for _ in range(depth):
        body = body[0].body
    is_alone = len(body) == 1 or (depth == 0 and all(isinstance(each, ast.Import) for each in body[1:]))
    return body[0] if is_alone and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef) else None


def _compiled(code: CodeType, tree: ast.Module) -> Iterator[CodeType]:
    """The code objects of that name that a tree compiles to."""
    pending = [compile(tree, "<identity>", "exec", _flags(code), dont_inherit=True)]
    while pending:
        for inner in pending.pop().co_consts:
            if isinstance(inner, CodeType):
                pending.append(inner)
                if inner.co_name == code.co_name:
                    yield inner


def _imports(filename: str, lines: list[str]) -> str:
    """An import of all that a file imports: attributes of such names are compiled otherwise where they are called."""
    known = _imported.get(filename)
    if known is None or known[0] is not lines:
        if len(_imported) >= _FILES_MAX:
            _imported.clear()
        pieces = [piece for pair in _IMPORT.findall("".join(lines)) for piece in (pair[0] or pair[1]).split(",")]
        words = {
            piece.partition("#")[0].partition(" as ")[2].strip() or piece.partition(".")[0].strip() for piece in pieces
        }
        names = sorted(word for word in words if word.isidentifier() and not keyword.iskeyword(word))
        known = _imported[filename] = (lines, f"import {', '.join(names)}" if names else "")
    return known[1]


def _lambda(code: CodeType, lines: list[str]) -> SourceText | None:
    """The lambda whose body lies where the code's instructions come from; for constants some Pythons do not say."""
    header = _header(code, " " * 16) + " " * 17 + "_ = "
    for source in chain(_lambda_at(code, lines), _lambdas_of_line(code, lines)):
        if _compiles_to(code, source.text, header, ""):
            return source
    return None


def _lambda_at(code: CodeType, lines: list[str]) -> Iterator[SourceText]:
    spans = [span for span in code.co_positions() if None not in span and span[0::2] != span[1::2]]
    starts = [(line, column) for line, _, column, end in spans if column != end]
    ends = [(end_line, end) for _, end_line, column, end in spans if column != end]
    if starts:
        text = f"(lambda {_signature(code)}: (\n{_cut(lines, min(starts), max(ends))}\n))"
        with suppress(SyntaxError):  # in an f-string, whose parts have no places of their own before Python 3.12
            yield SourceText(ast.parse(text, mode="eval").body, text)  # type: ignore[arg-type]


def _lambdas_of_line(code: CodeType, lines: list[str]) -> Iterator[SourceText]:
    whole = "".join(lines)
    for node in ast.walk(ast.parse(whole)):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            yield SourceText(node, f"({ast.get_source_segment(whole, node)})")


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
