"""The normal form of a function's own code: what stays when comments, docstrings, layout, position and the hints of
functions are taken away.

Knows neither what the names in it stand for nor the values it is bound to.
"""

from __future__ import annotations

import ast
import sys
import weakref
from types import CodeType
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.secrets.literals import hide_literals
from cuebook.persistence.identity.secrets.names import may_name_secrets
from cuebook.persistence.identity.syntax.form import normal_text, tree_bytes
from cuebook.persistence.identity.syntax.reads import access_of
from cuebook.persistence.identity.syntax.references import access_of_code
from cuebook.persistence.identity.syntax.shape import shape_digest, with_nested
from cuebook.persistence.identity.syntax.source import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cuebook.persistence.identity.secrets.hiding import Hiding
    from cuebook.persistence.identity.syntax.access import Access
    from cuebook.persistence.identity.syntax.source import SourceText

__all__ = ["CodeForm", "code_form"]

_forms: dict[int, tuple[weakref.ref[CodeType], CodeForm]] = {}
"""By code object: what one was compiled from stays true, whatever becomes of its file."""


class CodeForm:
    """A code object as it counts.

    The source counts only where it compiles to this very code: after a file was edited, its text is not what
    runs. Then, and where there is no source at all (exec, `python -c`, a plain REPL), the bytecode counts, tagged with
    the version of Python.

    Attributes:
        content: bytes that are equal for equal code; from source, on every Python.
        is_source: whether they come from the source.
        names: of variables and attributes that it reads or sets outside of itself, whatever they are read of.
        access: what the code refers to.

    Raises:
        UnknownInstruction: there is no source, and this Python has instructions that are not known here.
    """

    def __init__(self, code: CodeType) -> None:
        source = source_of(code)
        self.is_source = source is not None
        self._text = "" if source is None else source.text
        self._may_hide = False
        self.names = frozenset(name for part in with_nested(code) for name in part.co_names)
        if source is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            self._text = f"<bytecode of Python {version}: {code.co_name} {shape_digest(code)}>"
            self.content = self._text.encode("utf-8", "surrogatepass")
            self.access = access_of_code(code)
        else:
            self._may_hide = may_name_secrets(source.text) and ("'" in source.text or '"' in source.text)
            self.content = tree_bytes(source.tree)
            self.access = _access(source, code, trusts=True)

    def access_without(self, code: CodeType) -> Access:
        """What the code refers to where a program has its own functions under the names of Python's."""
        source = source_of(code)
        return self.access if source is None else _access(source, code, trusts=False)

    def content_hiding(self, hiding: Hiding) -> bytes:
        """The content, with the keyed digests of literals that stand under secret names. Those are noted."""
        if not self._may_hide:
            return self.content
        tree = self._bare_tree()
        return tree_bytes(tree) if hide_literals(tree, hiding) else self.content

    @property
    def text(self) -> str:
        """The code in one layout, for people. Cost: 0.1 to 1 ms."""
        return normal_text(self._bare_tree()) if self.is_source else self._text

    def text_hiding(self, hiding: Hiding) -> str:
        """The same, with the keyed digests of literals that stand under secret names."""
        if not self._may_hide:
            return self.text
        tree = self._bare_tree()
        hide_literals(tree, hiding)
        return normal_text(tree)

    def _bare_tree(self) -> Any:
        """The tree without decorators, and with `...` for each default."""
        tree = _parsed(self._text)
        tree.decorator_list = []
        tree.args.defaults = [ast.Constant(...) for _ in tree.args.defaults]
        tree.args.kw_defaults = [None if value is None else ast.Constant(...) for value in tree.args.kw_defaults]
        return tree


def code_form(code: CodeType) -> CodeForm:
    """The normal form of a function's code object, made once.

    Cost: 0.2 to 1 ms, then 0.3 us.
    """
    known = _forms.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    key = id(code)
    form = CodeForm(code)
    _forms[key] = (weakref.ref(code, lambda _: _forms.pop(key, None)), form)
    return form


def _access(source: SourceText, code: CodeType, *, trusts: bool) -> Access:
    return access_of(source.tree, code.co_freevars, lambda: _private_names(code), trusts=trusts)


def _parsed(text: str) -> Any:
    """The definition or lambda that a text is."""
    body: Any = ast.parse(f"if 1:\n{text}" if text[:1] in " \t\f" else text).body[0]
    if isinstance(body, ast.If):
        body = body.body[0]
    return body.value if isinstance(body, ast.Expr) else body


def _private_names(code: CodeType) -> Mapping[str, str]:
    """Names with two underscores, as they are written, with what the compiler made of them (`_Class__name`)."""
    found: dict[str, str] = {}
    for part in with_nested(code):
        for name in (*part.co_names, *part.co_varnames, *part.co_freevars, *part.co_cellvars):
            place = name.find("__", 2)
            if name.startswith("_") and not name.startswith("__") and place > 0 and not name.endswith("__"):
                found[name[place:]] = name
    return found
