"""By what a row is known: the values that its function gets. Knows no function and no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from cuebook.persistence.identity.digest import DIGEST_BYTES
from cuebook.persistence.identity.value_digest import value_digest

__all__ = ["joined_keys", "keys_of", "split_keys"]


def keys_of(rows: Iterable[tuple[Any, ...]], *, has_objects: bool) -> list[bytes]:
    """A key of 16 bytes for each row: equal for equal values of equal types.

    Args:
        rows: the values of each, as Python has them.
        has_objects: whether there are other objects than those that polars makes of a column.

    Cost: 1 us a row of a few short values.
    """
    if has_objects:
        return [value_digest(row) for row in rows]
    return [blake2b(_text(row), digest_size=DIGEST_BYTES).digest() for row in rows]


def _text(row: tuple[Any, ...]) -> bytes:
    # Of what polars makes of columns, and of no other objects, the text says type and value: numbers to the last digit,
    # dates with their zone.
    return repr(row).encode("utf-8", "surrogatepass")


def joined_keys(keys: Sequence[bytes]) -> bytes:
    """The keys of several rows as one."""
    return b"".join(keys)


def split_keys(joined: bytes) -> list[bytes]:
    """The keys again."""
    return [joined[start : start + DIGEST_BYTES] for start in range(0, len(joined), DIGEST_BYTES)]
