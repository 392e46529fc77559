"""The forms of `File` and `Secret`: a file by its path and what is known of its content, a secret never in a journal.

Knows no other type. Their modules are imported when one of theirs is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code, Refused
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["FILE_FORMS", "FILE_MARK", "FILE_OPENINGS"]

FILE_MARK = b"\x00cuebook.File\x00"
"""Stands in the bytes of each value that has a File in it, and of no other but by will: so they are found unopened."""


def _file(value: Any, encoding: Encoding) -> Any:
    """The path, and what is known of the content; on its way to a call a File may be as unread as it is."""
    stamp = value.stamp
    if not encoding.portable:
        try:
            stamp = value.stamped()
        except OSError as error:
            raise Refused(str(error)) from error
    known = [] if stamp is None else list(stamp)
    return ExtType(Code.FILE, FILE_MARK + encoding.bare([str(value.path), *known]))


def _open_file(data: bytes, decoding: Decoding) -> Any:
    from cuebook.persistence.identity.files import File, FileStamp

    if not data.startswith(FILE_MARK):
        raise ValueError("no file")
    path, *known = decoding.nested(data[len(FILE_MARK) :])
    file = File(path)
    if known:
        file.stamp = FileStamp(*known)
    if decoding.files is not None:
        decoding.files.append(file)
    return file


def _secret(value: Any, encoding: Encoding) -> Any:
    if not encoding.portable:
        raise Refused("a Secret is never written to a journal")
    return encoding.pickled(value)


FILE_FORMS: dict[str, dict[str, Form]] = {
    "cuebook.persistence.identity.files": {"File": _file},
    "cuebook.persistence.identity.secrets.secret": {"Secret": _secret},
}

FILE_OPENINGS: dict[int, Opening] = {Code.FILE: _open_file}
