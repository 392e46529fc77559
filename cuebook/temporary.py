"""Folders for temporary data, with names that say whose they are, and the removal of what killed processes left.

    PREFIX PID . START . MACHINE - RANDOM      pid and its start in hex, eight digits of this boot and set of processes

A folder is left over where this machine has no such process any more: no process of that number, or a younger one.
Folders of another machine, or of another container, that shares the folder for temporary data are never judged.
Imports nothing of the package, and little else.
"""
# ruff: noqa: PTH115 - pathlib takes longer to import than all of this

from __future__ import annotations

import os
import re
import stat
import threading
from itertools import islice

__all__ = ["TEMPORARY_PREFIX", "owned_name", "owned_prefix", "remove_leftovers", "remove_leftovers_once"]

TEMPORARY_PREFIX = "cuebook-"
_OWNER = r"(?:[a-z]+-)?([0-9a-f]{1,8})\.([0-9a-f]{1,16})\.([0-9a-f]{8})-[0-9a-z_]+\Z"
"""A word before it, as in `cuebook-exp-`, says what the folder is for."""
_ENTRIES_MAX = 100_000
_done: set[str] = set()
_lock = threading.Lock()


def owned_name(prefix: str = TEMPORARY_PREFIX) -> str:
    """A name that nothing has yet, for a folder of this process's temporary data. Nothing is made."""
    return f"{owned_prefix(prefix)}{os.urandom(6).hex()}"


def owned_prefix(prefix: str = TEMPORARY_PREFIX) -> str:
    """What the names of this process's temporary folders begin with, for `tempfile`."""
    pid = os.getpid()
    return f"{prefix}{pid:x}.{_start_of(pid) or 0:x}.{_machine()}-"


def remove_leftovers(folder: str, prefix: str = TEMPORARY_PREFIX) -> int:
    """Remove the folders of this user in `folder` whose processes are gone; gives how many.

    Where one cannot be removed, or looked at, it stays. Cost: 0.1 ms, and 0.2 us for each name in the folder.
    """
    machine, own = _machine(), getattr(os, "geteuid", lambda: None)()
    if own is None:
        return 0
    removed = 0
    for path, (pid, start, where) in _named(folder, prefix):
        if where == machine and _start_of(pid) != start and _is_own_folder(path, own):
            import shutil

            shutil.rmtree(path, ignore_errors=True)
            removed += not os.path.lexists(path)
    return removed


def remove_leftovers_once(folder: str) -> int:
    """As `remove_leftovers`, the first time that this process asks for this folder; later nothing."""
    with _lock:
        if folder in _done:
            return 0
        _done.add(folder)
    return remove_leftovers(folder)


def _named(folder: str, prefix: str) -> list[tuple[str, tuple[int, int, str]]]:
    pattern, found = re.compile(re.escape(prefix) + _OWNER), []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, _ENTRIES_MAX):
                told = pattern.match(entry.name)
                if told is not None:
                    found.append((entry.path, (int(told[1], 16), int(told[2], 16), told[3])))
    except OSError:
        pass
    return found


def _is_own_folder(path: str, user: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user


def _start_of(pid: int) -> int | None:
    """When a process began, in ticks since the boot; 0 where the system does not say; None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None if os.path.exists("/proc/self/stat") else _start_unknown(pid)
    except (OSError, ValueError, IndexError):
        return _start_unknown(pid)


def _start_unknown(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return 0
    return 0


def _machine() -> str:
    """Eight hex digits for this boot of this machine and the set of processes that can be seen."""
    import zlib

    told = []
    for path in ("/proc/sys/kernel/random/boot_id", "/etc/machine-id"):
        try:
            with open(path, "rb") as file:
                told.append(file.read(64))
        except OSError:
            told.append(b"")
    try:
        told.append(os.readlink("/proc/self/ns/pid").encode())
    except OSError:
        told.append(os.uname().nodename.encode() if hasattr(os, "uname") else b"")
    return f"{zlib.crc32(b'|'.join(told)):08x}"
