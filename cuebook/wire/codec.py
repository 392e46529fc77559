"""The bytes of messages: the one door to msgpack, with size limits on everything that is read.

Knows no message type; imports no event loop, so that worker processes start fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack
from msgpack import ExtType, Timestamp

from cuebook.errors import MalformedMessage

__all__ = [
    "FRAME_BYTES_MAX",
    "UNPACK_ERRORS",
    "ExtType",
    "Packer",
    "Timestamp",
    "Unpacker",
    "malformed",
    "new_packer",
    "pack",
    "unpack",
    "unpack_any_key",
    "unpackb",
]

FRAME_BYTES_MAX = 64 * 1024 * 1024
"""Upper bound of one frame, in bytes (msgpack's own buffer refuses more than 100 MiB)."""

UNPACK_ERRORS = (ValueError, msgpack.exceptions.UnpackException, TypeError)
"""What bytes raise that are no whole msgpack value."""

Packer = msgpack.Packer
Unpacker = msgpack.Unpacker
unpackb = msgpack.unpackb
"""msgpack's own, for where each call counts; it bounds every length by the size of its input, so that no header
can make it allocate more.
"""


def new_packer(default: Callable[[Any], Any] | None = None) -> Any:
    """A reusable packer that changes no type silently: whatever is not plain data goes through `default`.

    Cost: about half of a `pack()` call a value; not safe to share between threads.
    """
    return msgpack.Packer(default=default, strict_types=True, unicode_errors="surrogatepass")


def pack(value: Any) -> bytes:
    """Plain data (None, bool, int of 64 bits, float, str, bytes, list, dict) as msgpack bytes; tuples become arrays.

    Raises:
        TypeError, ValueError, OverflowError: the value is no plain data.
    """
    return msgpack.packb(value, unicode_errors="surrogatepass")  # type: ignore[no-any-return]


def unpack(data: bytes | memoryview, ext_hook: Callable[[int, bytes], Any] = ExtType) -> Any:
    """The value of msgpack bytes; arrays become lists, map keys may be of any hashable type.

    Raises:
        MalformedMessage: the bytes are cut short, have a surplus, or are no msgpack.
    """
    try:
        return unpackb(data, strict_map_key=False, unicode_errors="surrogatepass", ext_hook=ext_hook)
    except UNPACK_ERRORS as error:
        return unpack_any_key(data, ext_hook, error)


def unpack_any_key(data: bytes | memoryview, ext_hook: Callable[[int, bytes], Any], error: Exception) -> Any:
    """The value of bytes that `unpackb` refused with this error: keys of a map that were tuples are arrays there.

    Raises:
        MalformedMessage: that was not the reason.
    """
    if type(error) is not TypeError:
        raise malformed(data, error) from error
    try:
        return unpackb(
            data,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            ext_hook=ext_hook,
            object_pairs_hook=_with_tuples_as_keys,
        )
    except UNPACK_ERRORS:
        raise malformed(data, error) from error


def _with_tuples_as_keys(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_as_key(key): value for key, value in pairs}


def _as_key(key: Any) -> Any:
    return tuple(map(_as_key, key)) if type(key) is list else key


def malformed(data: bytes | memoryview, error: Exception) -> MalformedMessage:
    """What is said of bytes that made `unpack` raise one of UNPACK_ERRORS."""
    return MalformedMessage(f"these {len(data)} bytes are no whole msgpack value: {error}")
