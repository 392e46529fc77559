"""The digest of any value: its canonical bytes, with the code of functions and classes in it.

Knows neither calls nor journal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.digest import DIGEST_BYTES, blake16, joined
from cuebook.persistence.identity.files import MissingFile
from cuebook.persistence.identity.fingerprint import code_digest
from cuebook.persistence.identity.values.walk import ValueWalk

if TYPE_CHECKING:
    from cuebook.persistence.identity.secrets.hiding import Hiding

__all__ = ["value_digest", "walked_digest"]


def value_digest(value: Any, hiding: Hiding | None = None) -> bytes:
    """The 16 bytes by which a value is known, over processes, hash seeds and machines.

    Equal are values of equal type and content: 1, 1.0, True and np.float64(1) differ, 0.0 and -0.0 too; all
    NaNs are equal; a list is not a tuple; dicts in their order, sets in any; arrays by dtype, shape and elements
    in C order; frames by columns, index, dtypes and values; other objects by their state, and the code of
    their class where that is the user's own; functions by their fingerprint; what merely lives (a lock, a loop, a
    client) by the name of its class. Where something has no visible state (an open file, a generator, a
    nesting of hundreds of levels) the digest is one that never comes again.

    Raises:
        MissingFile: there is a `File` in it that cannot be read.

    Args:
        value: anything.
        hiding: keys the digests of what stands under a secret name, and gets these.

    Cost: 1 us for plain data, about 5 us an object, arrays at 1 s a GB.
    """
    return walked_digest(ValueWalk(hiding), lambda walk: walk.encode(value))


def walked_digest(walk: ValueWalk, encode: Callable[[ValueWalk], bytes]) -> bytes:
    """The digest of what a walk encodes; one that never comes again where the walk has met something opaque."""
    try:
        encoded = encode(walk)
        if walk.opaque:
            return os.urandom(DIGEST_BYTES)
        if walk.context:
            encoded = joined(b"context", [encoded, *map(walk.encode, list(walk.context.values()))])
        found = walk.take_found()
        if not found:
            return blake16(encoded)
        return blake16(joined(b"value", [encoded, *(code_digest(item, walk.hiding) for item in found)]))
    except MissingFile:
        raise
    except Exception as error:  # identity never raises: what cannot be known is never the same again
        walk.opaque.setdefault(f"a value that raises {type(error).__name__}", None)
        return os.urandom(DIGEST_BYTES)
