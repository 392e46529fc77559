"""`trust=`, and the environment variable that stands for it: how far others are trusted who can write to a journal."""

from __future__ import annotations

import os
from typing import Any

from cuebook.persistence.trust.verdicts import Writers

__all__ = ["VARIABLE", "name_of", "trust_of"]

VARIABLE = "CUEBOOK_TRUST"
"""The environment variable that holds where `trust=` is not given."""

_NAMES = {"group": Writers.GROUP, "anyone": Writers.ANYONE}


def trust_of(option: Any) -> Writers:
    """How far others are trusted: as the option says, else as the environment does, else not at all.

    Args:
        option: "group", "anyone" or None.

    Raises:
        ValueError: it, or the variable, is something else.
    """
    if option is not None:
        if isinstance(option, str) and option in _NAMES:
            return _NAMES[option]
        raise ValueError(f'trust={option!r} is neither "group" nor "anyone"; leave it out to trust nobody')
    variable = os.environ.get(VARIABLE, "")
    if variable in _NAMES:
        return _NAMES[variable]
    if variable:
        raise ValueError(f"{VARIABLE}={variable!r} is neither group nor anyone; unset it to trust nobody")
    return Writers.NOBODY


def name_of(writers: Writers) -> str:
    """What `trust=` has to be for a journal that these can write to."""
    return "group" if writers <= Writers.GROUP else "anyone"
