"""What merely lives: event loops, locks, sockets, pools, loggers, clients. It is neither counted nor said.

Knows no identity: it tells living objects from data, by the names of their classes and of their bases.
"""

from __future__ import annotations

import sys
import types
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from cuebook.persistence.identity.ownership import is_users_class

__all__ = ["is_connected", "lives", "names_used_by"]

_CONNECTED: dict[str, tuple[str, ...]] = {
    "asyncio": (
        "AbstractEventLoop", "AbstractServer", "BaseProtocol", "BaseTransport", "Runner", "StreamReader",
        "StreamWriter", "TaskGroup",
    ),
    "concurrent": ("Executor",),
    "multiprocessing": ("BaseManager", "BaseProcess", "BaseProxy", "Pool", "_ConnectionBase"),
    "subprocess": ("Popen",),
    "threading": ("Thread",),
    "_thread": ("_ThreadHandle",),
    "selectors": ("BaseSelector",),
    "select": ("epoll", "kqueue", "poll", "devpoll"),
    "socket": ("socket",),
    "_socket": ("socket",),
    "_ssl": ("_SSLContext", "_SSLSocket"),
    "ssl": ("SSLContext", "SSLObject"),
    "sqlite3": ("Connection", "Cursor"),
    "_sqlite3": ("Connection", "Cursor"),
    "http": ("HTTPConnection",),
    "urllib": ("OpenerDirector",),
    "smtplib": ("SMTP",),
    "ftplib": ("FTP",),
    "imaplib": ("IMAP4",),
    "xmlrpc": ("ServerProxy",),
    "uvloop": ("Loop",),
    "aiohttp": ("BaseConnector", "ClientSession"),
    "httpx": ("AsyncBaseTransport", "BaseClient", "BaseTransport"),
    "httpcore": ("AsyncConnectionPool", "ConnectionPool"),
    "requests": ("BaseAdapter", "Session"),
    "urllib3": ("ConnectionPool", "PoolManager"),
    "redis": ("Connection", "ConnectionPool", "Redis", "RedisCluster"),
    "pymongo": ("MongoClient", "AsyncMongoClient"),
    "motor": ("AgnosticClient",),
    "botocore": ("BaseClient", "Session"),
    "boto3": ("ServiceResource", "Session"),
    "sqlalchemy": ("AsyncEngine", "AsyncSession", "Connection", "Engine", "Pool", "Session"),
    "psycopg": ("BaseConnection", "BaseCursor"),
    "psycopg_pool": ("BasePool",),
    "psycopg2": ("connection", "cursor"),
    "asyncpg": ("Connection", "Pool"),
    "aiosqlite": ("Connection",),
    "grpc": ("Channel",),
    "zmq": ("Context", "Socket"),
    "openai": ("BaseClient",),
    "anthropic": ("BaseClient",),
    "elasticsearch": ("BaseClient",),
    "paramiko": ("SSHClient", "Transport"),
    "distributed": ("Client", "Cluster"),
}  # fmt: skip
"""Classes, by the top package of their module, that are connected to something: they and their subclasses live."""

_ALONE: dict[str, tuple[str, ...]] = {
    "_thread": ("lock", "RLock", "_local"),
    "_threading_local": ("local",),
    "threading": ("Barrier", "Condition", "Event", "Semaphore", "_RLock"),
    "asyncio": ("Barrier", "Condition", "Event", "Future", "Handle", "Lock", "Queue", "Semaphore", "Task", "Timeout"),
    "_asyncio": ("Future", "Task"),
    "concurrent": ("Future",),
    "queue": ("Queue",),
    "_queue": ("SimpleQueue",),
    "multiprocessing": ("Barrier", "Condition", "Event", "Queue", "SemLock", "SimpleQueue"),
    "_multiprocessing": ("SemLock",),
    "logging": ("Handler", "Logger", "LoggerAdapter", "Manager"),
    "structlog": ("BoundLoggerBase", "BoundLoggerLazyProxy", "PrintLogger", "WriteLogger"),
    "loguru": ("Logger",),
    "_contextvars": ("Context", "Token"),
    "anyio": ("CapacityLimiter", "Condition", "Event", "Lock", "Semaphore", "TaskGroup"),
    "filelock": ("BaseFileLock",),
    "tqdm": ("tqdm",),
}
"""The same, but what holds one of these may be data with a lock of its own."""

_HELD_DEPTH_MAX = 3
_HELD_MAX = 64


class _Kind(NamedTuple):
    is_living: bool
    is_connected: bool
    is_file: bool


_kinds: WeakKeyDictionary[type, _Kind] = WeakKeyDictionary()


def lives(value: Any) -> bool:
    """Whether an object is one that merely lives, and not data: by its class; a file where it is only written to.

    Cost: half a microsecond.
    """
    kind = _kind(type(value))
    return kind.is_living or _is_standard_stream(value) or (kind.is_file and _is_only_written(value))


def is_connected(value: Any) -> bool:
    """Whether an object of a library's has a loop, a socket, a thread or the like, itself or in what it holds.

    It may be a client that nobody here has heard of, or data that has one: nobody can tell.

    Cost: some microseconds.
    """
    return not is_users_class(type(value)) and _holds_a_connection(value, _HELD_DEPTH_MAX, [_HELD_MAX])


def names_used_by(cls: type) -> frozenset[str]:
    """The names of attributes that the user's own code of a class and of its bases uses."""
    functions = [
        function
        for base in cls.__mro__
        if is_users_class(base)
        for member in base.__dict__.values()
        for function in (member, *(getattr(member, name, None) for name in ("__func__", "fget", "fset", "func")))
        if isinstance(function, types.FunctionType)
    ]
    return frozenset(name for function in functions for name in function.__code__.co_names)


def _kind(cls: type) -> _Kind:
    found = _kinds.get(cls)
    if found is None:
        names = [(str(base.__module__).partition(".")[0], base.__name__) for base in cls.__mro__]
        alone, connected = (
            any(name in table.get(package, ()) for package, name in names) for table in (_ALONE, _CONNECTED)
        )
        found = _kinds[cls] = _Kind(alone or connected, connected, ("_io", "_IOBase") in names)
    return found


def _is_standard_stream(value: Any) -> bool:
    return any(value is stream for stream in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__))


def _is_only_written(value: Any) -> bool:
    try:
        return value.fileno() >= 0 and value.writable() and not value.readable()
    except Exception:  # closed, or no file at all
        return False


def _holds_a_connection(value: Any, depth: int, left: list[int]) -> bool:
    held = getattr(value, "__dict__", None)
    if type(held) is not dict:
        return False
    for part in list(held.values()):
        cls = type(part)
        if _kind(cls).is_connected:
            return True
        if depth > 1 and left[0] > 0 and type(getattr(part, "__dict__", None)) is dict and not isinstance(part, type):
            left[0] -= 1
            if not is_users_class(cls) and _holds_a_connection(part, depth - 1, left):
                return True
    return False
