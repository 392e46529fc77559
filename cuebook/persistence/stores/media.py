"""What a user wrote, made into a place of a journal: the one list of the stores there are.

A store has a module with two functions, named here: `medium(place)` gives its `Medium`, and `blobs(where)` the `Blobs`
of a `BlobPlace` whose kind is the store's name. It loads when it is asked for. Light: worker processes import this.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from cuebook.errors import JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.transient import TransientBlobs

if TYPE_CHECKING:
    from cuebook.persistence.blobs.port import BlobPlace, Blobs
    from cuebook.persistence.stores.port import Medium

__all__ = ["blobs_at", "medium_of", "scheme_of"]

_STORES = {
    "": "cuebook.persistence.stores.sqlite.medium",
}
"""By scheme, as in "scheme://host/name"; a path has none."""


def scheme_of(place: str) -> str:
    """Which store a text means; empty for the path of a file.

    Raises:
        JournalError: it has the form of a URL, and there is no store for such ones.
    """
    scheme, mark, _ = place.partition("://")
    if not mark or not (scheme.isascii() and scheme.replace("+", "").isalnum()):
        return ""
    scheme = scheme.lower()
    if scheme not in _STORES:
        raise JournalError(f"{place} names no journal: there is no store for {scheme}://; give the path of a file")
    return scheme


def medium_of(place: str | os.PathLike[str] | Medium) -> Medium:
    """The place of a journal, which need not be there yet; one that was made already is given back.

    Raises:
        JournalError: no journal can be there. JournalNotTrusted: it is a link that another user has put there.
    """
    if not isinstance(place, str | os.PathLike):
        return place
    text = os.fspath(place)
    found: Medium = import_module(_STORES[scheme_of(text)]).medium(text)
    return found


def blobs_at(place: BlobPlace) -> Blobs:
    """The blobs that lie at a place, in whatever process."""
    if place.kind == "folder":
        return BlobStore(place.where)
    if place.kind == "transient":
        return TransientBlobs(place.where)
    found: Blobs = import_module(_STORES[place.kind]).blobs(place.where)
    return found
