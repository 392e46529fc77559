"""The forms of the standard library's plain types: how each is written and read back as exactly what it was.

Knows no user class, no numpy and no pickle. Imports no module before one of its types is met.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.persistence.values.containers import (
    BUILT_IN_CONTAINER_FORMS,
    CONTAINER_FORMS,
    CONTAINER_OPENINGS,
)
from cuebook.persistence.values.file_forms import FILE_FORMS, FILE_OPENINGS
from cuebook.persistence.values.times import TIME_FORMS, TIME_OPENINGS
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["OPENINGS", "Wrapped", "built_in_forms", "standard_forms"]

SINGLETONS = (Ellipsis, NotImplemented)
NATIVE_FORMATS = frozenset("cbB?hHiIlLqQnNfdP")


class Wrapped:
    """A part that msgpack would write as something else (a bytearray as bytes): it gets its own form."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


# Numbers


def _big_int(value: int, _: Encoding) -> Any:
    return ExtType(Code.BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _open_big_int(data: bytes, _: Decoding) -> int:
    return int.from_bytes(data, "little", signed=True)


def _complex(value: complex, _: Encoding) -> Any:
    return ExtType(Code.COMPLEX, struct.pack("<dd", value.real, value.imag))


def _open_complex(data: bytes, _: Decoding) -> complex:
    return complex(*struct.unpack("<dd", data))


def _fraction(value: Any, encoding: Encoding) -> Any:
    return ExtType(Code.FRACTION, encoding.bare([value.numerator, value.denominator]))


def _open_fraction(data: bytes, decoding: Decoding) -> Any:
    from fractions import Fraction

    numerator, denominator = decoding.nested(data)
    return Fraction(numerator, denominator)


def _decimal(value: Any, _: Encoding) -> Any:
    return ExtType(Code.DECIMAL, str(value).encode("ascii"))


def _open_decimal(data: bytes, _: Decoding) -> Any:
    from decimal import Decimal

    return Decimal(data.decode("ascii"))


def _singleton(value: Any, _: Encoding) -> Any:
    return ExtType(Code.SINGLETON, bytes([SINGLETONS.index(value)]))


def _open_singleton(data: bytes, _: Decoding) -> Any:
    (place,) = data
    return SINGLETONS[place]


def _ext_type(value: Any, encoding: Encoding) -> Any:
    """A user's own msgpack extension value, which msgpack would write as if it were one of ours."""
    return ExtType(Code.EXT_TYPE, encoding.bare([value.code, value.data]))


def _open_ext_type(data: bytes, decoding: Decoding) -> Any:
    code, content = decoding.nested(data)
    return ExtType(code, content)


# Buffers


def _large(value: Any, encoding: Encoding) -> Any:
    """Only a bytes or a str too large to stay inside the value comes here, wrapped."""
    if type(value) is str:
        return ExtType(Code.BLOB_STR, encoding.bare(encoding.buffer(value.encode("utf-8", "surrogatepass"))))
    return ExtType(Code.BLOB_BYTES, encoding.bare(encoding.buffer(value)))


def _content(data: bytes, decoding: Decoding) -> bytearray:
    part = decoding.nested(data)
    content = bytearray(decoding.size(part))
    decoding.fill(part, memoryview(content))
    return content


def _open_bytes(data: bytes, decoding: Decoding) -> bytes:
    return bytes(_content(data, decoding))


def _open_str(data: bytes, decoding: Decoding) -> str:
    return str(_content(data, decoding), "utf-8", "surrogatepass")


def _bytearray(value: bytearray, encoding: Encoding) -> Any:
    part = encoding.buffer(value)
    return ExtType(Code.BYTEARRAY, encoding.bare(part))


def _memoryview(value: memoryview, encoding: Encoding) -> Any:
    if value.shape is None or not value.c_contiguous or value.format not in NATIVE_FORMATS:
        return encoding.pickled(value)
    raw = value.tobytes() if 0 in value.shape or not value.shape else value.cast("B")
    part = encoding.buffer(raw)
    return ExtType(Code.MEMORYVIEW, encoding.bare([value.format, list(value.shape), value.readonly, part]))


def _open_memoryview(data: bytes, decoding: Decoding) -> memoryview:
    form, shape, readonly, part = decoding.nested(data)
    if form not in NATIVE_FORMATS:
        raise ValueError("no native format")
    content = bytearray(decoding.size(part))
    decoding.fill(part, memoryview(content))
    view = memoryview(bytes(content) if readonly else content)
    if 0 in shape:
        return view.cast(form)
    return view.cast("B").cast(form, shape)


# Names


def _uuid(value: Any, _: Encoding) -> Any:
    safety = value.is_safe.value
    return ExtType(Code.UUID, value.bytes if safety is None else value.bytes + struct.pack("b", safety))


def _open_uuid(data: bytes, _: Decoding) -> Any:
    from uuid import UUID, SafeUUID

    safety = SafeUUID(struct.unpack("b", data[16:])[0]) if len(data) > 16 else SafeUUID.unknown
    return UUID(bytes=data[:16], is_safe=safety)


PATH_CLASSES = ("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath")


def _path(value: Any, _: Encoding) -> Any:
    kind = PATH_CLASSES.index(type(value).__name__)
    return ExtType(Code.PATH, bytes([kind]) + str(value).encode("utf-8", "surrogatepass"))


def _open_path(data: bytes, decoding: Decoding) -> Any:
    import pathlib

    name, text = PATH_CLASSES[data[0]], data[1:].decode("utf-8", "surrogatepass")
    try:
        return getattr(pathlib, name)(text)
    except NotImplementedError as error:  # the path of another platform
        return decoding.unresolved(("pathlib", name), {"path": text}, str(error))


def built_in_forms() -> dict[type, Form]:
    """The forms of the types that need no import; `bytes` and `str` only as large buffers."""
    return {
        int: _big_int,
        complex: _complex,
        **BUILT_IN_CONTAINER_FORMS,
        type(Ellipsis): _singleton,
        type(NotImplemented): _singleton,
        ExtType: _ext_type,
        bytes: _large,
        str: _large,
        bytearray: _bytearray,
        memoryview: _memoryview,
    }


STANDARD: dict[str, dict[str, Form]] = {
    "fractions": {"Fraction": _fraction},
    "decimal": {"Decimal": _decimal},
    **CONTAINER_FORMS,
    **TIME_FORMS,
    **FILE_FORMS,
    "uuid": {"UUID": _uuid},
    "pathlib": dict.fromkeys(PATH_CLASSES, _path),
}


def standard_forms() -> dict[type, Form]:
    """The forms of those standard types whose modules are loaded: a value cannot be of any other."""
    forms: dict[type, Form] = {}
    for module_name, by_name in STANDARD.items():
        module = sys.modules.get(module_name)
        for name, form in by_name.items():
            cls = getattr(module, name, None)
            if isinstance(cls, type):
                forms[cls] = form
    return forms


OPENINGS: dict[int, Opening] = {
    Code.BIG_INT: _open_big_int,
    Code.COMPLEX: _open_complex,
    Code.SINGLETON: _open_singleton,
    Code.EXT_TYPE: _open_ext_type,
    Code.BYTEARRAY: _content,
    Code.MEMORYVIEW: _open_memoryview,
    Code.DECIMAL: _open_decimal,
    Code.FRACTION: _open_fraction,
    **CONTAINER_OPENINGS,
    **TIME_OPENINGS,
    **FILE_OPENINGS,
    Code.UUID: _open_uuid,
    Code.PATH: _open_path,
    Code.BLOB_BYTES: _open_bytes,
    Code.BLOB_STR: _open_str,
}
