"""What a user wrote, made into a place of a journal: the one list of the stores there are.

A store has a module with three functions, named here: `check(place)` raises for a text that can be no place of its,
with nothing but a look at the text; `medium(place)` gives its `Medium`; and `blobs(where)` the `Blobs` of a `BlobPlace`
whose kind is the store's scheme, where it has such ones. It loads when it is asked for. Light: workers import this.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from cuebook.errors import JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.transient import TransientBlobs

if TYPE_CHECKING:
    from cuebook.persistence.blobs.port import BlobPlace, Blobs
    from cuebook.persistence.stores.port import Medium

__all__ = ["blobs_at", "check_place", "medium_of"]

_STORES = {
    "": "cuebook.persistence.stores.sqlite.medium",
}
"""By scheme, as in "scheme://host/name"; a path has none."""


def _module_of(place: str) -> Any:
    """That of the store that a text means: by its scheme, and for the path of a file that of files."""
    scheme, mark, _ = place.partition("://")
    if not mark or not (scheme.isascii() and scheme.replace("+", "").isalnum()):
        scheme = ""
    name = _STORES.get(scheme.lower())
    if name is None:
        raise JournalError(f"{place} names no journal: there is no store for {scheme}://; give the path of a file")
    return import_module(name)


def check_place(place: str) -> None:
    """Raise where a text can name no journal, whatever there is.

    Raises:
        ValueError: it names none. JournalError: there is no such store, or none on this platform.
    """
    _module_of(place).check(place)


def medium_of(place: str | os.PathLike[str] | Medium) -> Medium:
    """The place of a journal, which need not be there yet; one that was made already is given back.

    Raises:
        JournalError: no journal can be there. JournalNotTrusted: it is a link that another user has put there.
    """
    if not isinstance(place, str | os.PathLike):
        return place
    text = os.fspath(place)
    found: Medium = _module_of(text).medium(text)
    return found


def blobs_at(place: BlobPlace) -> Blobs:
    """The blobs that lie at a place, in whatever process."""
    if place.kind == "folder":
        return BlobStore(place.where)
    if place.kind == "transient":
        return TransientBlobs(place.where)
    found: Blobs = import_module(_STORES[place.kind]).blobs(place.where)
    return found
