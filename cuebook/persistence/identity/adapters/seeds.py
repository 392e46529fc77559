"""Whether a seed was chosen by somebody: a large number that stands in the program's own text was.

Knows no generator.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator

from cuebook.persistence.identity.ownership import is_users_module

__all__ = ["was_given"]

_HELD_BY_ITS_OWNER = 3


def was_given(number: int) -> bool:
    """Whether a seed of more than 64 bits was given by the program: it stands in its source, in its arguments, in the
    environment, or somebody else holds the very number.

    One that numpy has drawn from the system does none of these.

    Cost: a look through the sources of the user's own modules.
    """
    if sys.getrefcount(number) > _HELD_BY_ITS_OWNER + 2:  # two for our caller and for us
        return True
    forms = (str(number), f"{number:x}")
    return any(form in text for text in _texts() for form in forms)


def _texts() -> Iterator[str]:
    yield " ".join(sys.argv).replace("_", "").lower()
    yield " ".join(os.environ.values()).replace("_", "").lower()
    names = {name for name, entry in list(linecache.cache.items()) if len(entry) == 4 and entry[1] is None}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (name == "__main__" or is_users_module(module)):
            names.add(file)
    if sys.argv and os.path.isfile(sys.argv[0]):  # a worker's own script is not the program's
        names.add(os.path.abspath(sys.argv[0]))
    for name in sorted(names):
        yield "".join(linecache.getlines(name)).replace("_", "").lower()
