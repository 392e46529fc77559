"""Which form a class is written in: found once a class, then remembered by the encoder.

Knows no bytes. The forms that need more than the built-in types are imported with the first value of theirs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.persistence.values.placeholders import Opaque, Unresolved
from cuebook.persistence.values.standard import built_in_forms, standard_forms
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Encoding, Form

__all__ = ["form_of", "known_forms"]


def known_forms() -> dict[type, Form]:
    """The forms of built-in types, of standard types whose modules are loaded, and of placeholders."""
    return {**built_in_forms(), **standard_forms(), Opaque: _opaque, Unresolved: _unresolved}


def form_of(cls: type) -> Form:
    """The form of a class that is none of the standard ones."""
    if issubclass(cls, BaseException):
        from cuebook.persistence.values.exceptions import encode_exception

        return encode_exception
    form: Form | None = None
    numpy = sys.modules.get("numpy")
    if cls.__module__ == "numpy" and numpy is not None:
        from cuebook.persistence.values.arrays import array_form

        form = array_form(cls)
    if form is None:
        from cuebook.persistence.values.pickling.objects import object_form

        form = object_form(cls)
    return form or _pickled


def _pickled(value: Any, encoding: Encoding) -> Any:
    return encoding.pickled(value)


def _opaque(value: Opaque, encoding: Encoding) -> Any:
    return ExtType(Code.OPAQUE, encoding.bare([value.kind, value.type_name, value.size, value.digest]))


def _unresolved(value: Unresolved, encoding: Encoding) -> Any:
    return ExtType(Code.UNRESOLVED, encoding.nested([value.module, value.qualname, value.fields, value.reason]))
