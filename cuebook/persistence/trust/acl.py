"""POSIX access lists, as Linux keeps them in an extended attribute: whom they let write. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["ATTRIBUTE", "Acl", "parsed_acl"]

ATTRIBUTE = "system.posix_acl_access"
_VERSION = 2
_USER, _OWNING_GROUP, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
_WRITE = 0x02
_ENTRY = struct.Struct("<HHI")


@dataclass(frozen=True, slots=True)
class Acl:
    """Whom an access list lets write, its mask taken into account; owner and everyone else stand in the mode.

    Attributes:
        owning_group: whether the group of the file may write.
        users, groups: ids of others that may.
    """

    owning_group: bool = False
    users: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()


def parsed_acl(data: bytes) -> Acl | None:
    """The list in the bytes of the attribute (include/uapi/linux/posix_acl_xattr.h); None where they are none."""
    if len(data) < 4 or (len(data) - 4) % _ENTRY.size or int.from_bytes(data[:4], "little") != _VERSION:
        return None
    entries = list(_ENTRY.iter_unpack(data[4:]))
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), _WRITE)
    writing = [(tag, who) for tag, rights, who in entries if rights & mask & _WRITE]
    return Acl(
        owning_group=any(tag == _OWNING_GROUP for tag, _ in writing),
        users=tuple(who for tag, who in writing if tag == _USER),
        groups=tuple(who for tag, who in writing if tag == _GROUP),
    )
