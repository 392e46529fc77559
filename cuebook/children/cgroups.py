"""The quota of CPUs that Linux's control groups give this process: the smallest on the way to the root.

Pure but for reading files.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["ControlGroup", "groups_above", "quota_cpus", "quota_of"]


class ControlGroup(NamedTuple):
    """A folder of a control group; `version` says which files it has."""

    folder: str
    version: int


class _Mount(NamedTuple):
    root: str
    point: str
    version: int


def quota_of(root: str = "") -> int | None:
    """The CPUs that this process's groups allow together, rounded up; None where no group has a limit.

    Parameters:
        root: the folder that stands for the root of the file system, "" for that itself.
    """
    try:
        memberships, mounts = _content(f"{root}/proc/self/cgroup"), _content(f"{root}/proc/self/mountinfo")
    except OSError:
        return None
    found = [_quota(root, group) for group in groups_above(memberships, mounts)]
    return min((cpus for cpus in found if cpus is not None), default=None)


def _content(path: str) -> str:
    with open(path) as file:  # not by pathlib, which is much for a worker to import
        return file.read()


def groups_above(memberships: str, mounts: str) -> list[ControlGroup]:
    """The folders of a process's groups that may limit its CPUs, each with all of those above it.

    Parameters:
        memberships: the text of /proc/self/cgroup. mounts: that of /proc/self/mountinfo.

    >>> groups_above("0::/a/b", "3 2 0:1 / /cg rw - cgroup2 none rw")
    [Group(folder='/cg/a/b', version=2), Group(folder='/cg/a', version=2), Group(folder='/cg', version=2)]
    """
    groups: list[ControlGroup] = []
    for mount in _mounts(mounts):
        path = _membership(memberships, mount.version)
        if path is not None:
            groups += [ControlGroup(folder, mount.version) for folder in _up(mount, path)]
    return groups


def _mounts(text: str) -> list[_Mount]:
    """Where the hierarchies that have quotas of CPUs are mounted."""
    found = []
    for line in text.splitlines():
        place, _, kind = line.partition(" - ")
        fields, (name, *options) = place.split(), kind.split() or [""]
        version = 2 if name == "cgroup2" else 1 if name == "cgroup" and "cpu" in options[-1].split(",") else 0
        if version and len(fields) > 4:
            found.append(_Mount(_plain(fields[3]), _plain(fields[4]), version))
    return found


def _plain(text: str) -> str:
    """A path of mountinfo, which writes a space as backslash 040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _membership(text: str, version: int) -> str | None:
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (version == 2 and number == "0" and not controllers) or (version == 1 and "cpu" in controllers.split(",")):
            return path
    return None


def _up(mount: _Mount, path: str) -> list[str]:
    """From a group's folder up to where its hierarchy is mounted; a container may see its own part of it alone."""
    root = mount.root.rstrip("/")
    inner = path[len(root) :] if path == root or path.startswith(f"{root}/") else ""
    names = [name for name in inner.split("/") if name and name != ".."]
    return ["/".join([mount.point.rstrip("/"), *names[:count]]) for count in range(len(names), -1, -1)]


def _quota(root: str, group: ControlGroup) -> int | None:
    names = ["cpu.max"] if group.version == 2 else ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
    try:
        return quota_cpus(" ".join(_content(f"{root}{group.folder}/{name}").strip() for name in names))
    except (OSError, ValueError):  # the topmost group has no such file; a file in a form of a later kernel
        return None


def quota_cpus(text: str) -> int | None:
    """The CPUs of a cgroup's `quota period` in microseconds, rounded up; None where there is no limit.

    >>> quota_cpus("150000 100000"), quota_cpus("max 100000"), quota_cpus("-1 100000")
    (2, None, None)
    """
    quota, _, period = text.strip().partition(" ")
    if quota in ("max", "") or int(quota) <= 0 or not period.strip():
        return None
    return max(1, -(-int(quota) // int(period)))
