"""What `depends=` adds to a function's identity: files and folders by content, code and values as everywhere.

Knows nothing of the function.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.digest import DIGEST_BYTES, joined
from cuebook.persistence.identity.ownership import is_users_module, package_version
from cuebook.persistence.identity.parts import name_of, readable
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.identity.values.walk import ValueWalk

if TYPE_CHECKING:
    from cuebook.persistence.identity.code.graph import CodeGraph

__all__ = ["dependency", "what_is_missing"]

_PIECE_BYTES = 1 << 20


def dependency(graph: CodeGraph, item: Any) -> bytes:
    """The bytes of one item of `depends`, and its part in the graph.

    A pathlib.Path counts by content (a folder: every file under it, sorted), whatever it is called; a module
    that is not the user's own by its installed version; functions and classes by their code; all else by
    value.

    Cost: a file at about 1 s a GB.
    """
    if isinstance(item, PurePath):
        content = _path_content(Path(item))
        graph.add_part(f"depends {item.name or item}", content, str(item))
        return content
    if isinstance(item, types.ModuleType) and not is_users_module(item):
        _, version = package_version(item.__name__) or ("", getattr(item, "__version__", ""))
        content = joined(b"package", [item.__name__.encode(), str(version).encode()])
        graph.add_part(f"depends {item.__name__}", content, str(version))
        return content
    return graph.value(f"depends {name_of(item) or _text(graph, item)}", item)


def what_is_missing(depends: Iterable[Any]) -> list[str]:
    """The paths among these that cannot be read, each with the reason: they count as missing, whatever they hold."""
    found = []
    for item in depends:
        if isinstance(item, PurePath):
            try:
                os.close(os.open(item, os.O_RDONLY | os.O_NONBLOCK))
            except (OSError, ValueError) as error:
                found.append(f"{item} ({getattr(error, 'strerror', None) or error})")
    return found


def _text(graph: CodeGraph, item: Any) -> str:
    """A value in a few words; one that holds a secret, or may, by its class alone."""
    probe = Hiding(graph.hiding.key)
    try:
        ValueWalk(probe).encode(item)
    except Exception:  # nested too deep, or a class of the user's that raises where nobody expects it
        return f"<{type(item).__name__}>"
    return f"<{type(item).__name__}>" if probe.found else readable(item)[:60]


def _path_content(path: Path) -> bytes:
    try:
        if path.is_dir():
            files = sorted(_files_under(path))
            return joined(
                b"folder",
                [part for name, file in files for part in (name.encode("utf-8", "surrogateescape"), _file(file))],
            )
        return _file(path)
    except (OSError, ValueError) as error:
        return joined(b"unreadable", [type(error).__name__.encode()])


def _files_under(folder: Path) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for top, _, names in os.walk(folder):
        for name in names:
            file = Path(top, name)
            found.append((file.relative_to(folder).as_posix(), file))
    return found


def _file(path: Path) -> bytes:
    digest = blake2b(digest_size=DIGEST_BYTES)
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except (OSError, ValueError) as error:
        return joined(b"unreadable", [type(error).__name__.encode()])
    return joined(b"file", [digest.digest()])
