"""A function on its way to workers: its bytes, and the settings that make a worker's process like this one."""

from __future__ import annotations

import functools
import io
import linecache
import operator
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FunctionType, ModuleType
from typing import Any

from cuebook.chunks.options import Options
from cuebook.engines.forwarding import logging_levels
from cuebook.engines.wire import Setup
from cuebook.persistence.blobs import BlobStore
from cuebook.persistence.plain import argument_types
from cuebook.persistence.values import ValueEncoder
from cuebook.runtime.codec import new_packer
from cuebook.runtime.errors import FunctionNotShippable
from cuebook.runtime.logs import get_logger

__all__ = ["FunctionPack", "encode_calls", "send_nothing"]

_LISTS = {list}
_PLAIN = frozenset({int, float, bool, str, bytes, type(None)})
CELL_SOURCES_MAX = 4 * 1024 * 1024
TRANSPORT_BLOB_BYTES = 16 * 1024 * 1024
"""Arguments over this size go to a worker through a file, smaller ones through its socket."""


class FunctionPack:
    """One function for the workers of one run.

    Args:
        func: the user's function.
        options: of the run.
        fingerprint: the function's digest, which seeds `current_call().seed`.
        folders: `blobs` for results, `spill` for arguments; `title`: what worker processes are
            called; `traceparent`: the trace of the run.
        parts: label and digest of each part of the function, for the workers to compare; empty: do not.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        options: Options,
        fingerprint: bytes,
        *,
        folders: dict[str, str],
        parts: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._func = func
        self._options = options
        self._fingerprint = fingerprint
        self._folders = folders
        self._parts = [list(part) for part in parts]
        self._by_value: list[ModuleType] = []
        self._function = self._dump()

    def setup(self, run: int, worker: int) -> Setup:
        """The Setup of one worker."""
        try:
            folder = os.getcwd()
        except FileNotFoundError:  # it was removed: the worker stays where it was started
            folder = None
        options: dict[str, Any] = {
            "sys_path": [os.path.normpath(os.path.join(folder or os.sep, entry)) for entry in sys.path],
            "argv": list(sys.argv),
            "cwd": folder,
            "pickle": self._options.pickle,
            "memory_bytes": self._options.memory_bytes,
            "log_levels": logging_levels() or None,
            "worker": worker,
            "parts": self._parts,
            "sources": _cell_sources() if self._parts else {},
            **self._folders,
        }
        return Setup(run, self._function, self._fingerprint, options)

    def reship(self, part: str, modules: Sequence[str]) -> bool:
        """A worker found `part` different from here: send the user's own modules by value; False if that was tried."""
        if self._by_value:
            return False
        self._by_value = [sys.modules[name] for name in modules if name in sys.modules and name != "__main__"]
        get_logger("runs").info("function sent by value", differs=part)
        if not self._by_value:
            return False
        self._function = self._dump()
        return True

    def _dump(self) -> bytes:
        import cloudpickle

        if self._options.engine.shares_memory:
            return b""
        with ExitStack() as stack:
            spawned = [sys.modules[name] for name in ("__mp_main__",) if name in sys.modules]
            for module in [*self._by_value, *spawned]:
                cloudpickle.register_pickle_by_value(module)
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
            try:
                data = _dumped((self._func, self._options.worker_class))
            except Exception as error:
                raise FunctionNotShippable(_why_not(self._func, error)) from error
        return data


def _cell_sources() -> dict[str, str]:
    """Sources that lie in no file, such as notebook cells: a worker needs them for fingerprints and tracebacks."""
    sources = {}
    size = 0
    for name, entry in list(linecache.cache.items()):
        if len(entry) == 4 and entry[1] is None and entry[2]:
            text = "".join(entry[2])
            size += len(text)
            if size > CELL_SOURCES_MAX:
                break
            sources[name] = text
    return sources


_Cached = type(functools.lru_cache(len))


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """A function with an empty cache of its own."""
    return functools.lru_cache(**parameters)(function)


def _cached_property(function: Callable[..., Any], name: str | None) -> Any:
    made: Any = functools.cached_property(function)
    made.attrname = name
    return made


def _is_generic(obj: Any) -> bool:
    """Whether it is what `functools.singledispatch` makes."""
    attributes = vars(obj) if type(obj) is FunctionType else {}
    return {"register", "dispatch", "registry", "_clear_cache"} <= attributes.keys()


def _generic(registry: dict[type, Callable[..., Any]]) -> Any:
    """A generic function with these implementations, the one for `object` first."""
    made = functools.singledispatch(registry[object])
    for cls, implementation in registry.items():
        made.register(cls, implementation)
    return made


def _is_importable(obj: Any) -> bool:
    """Whether a worker finds this very object under its name, and may."""
    import cloudpickle

    module = sys.modules.get(obj.__module__)
    if obj.__module__ == "__main__" or module is None or obj.__module__ in cloudpickle.list_registry_pickle_by_value():
        return False
    try:
        return operator.attrgetter(obj.__qualname__)(module) is obj
    except AttributeError:
        return False


def _dumped(value: Any) -> bytes:
    """Cloudpickle's bytes; classes sent by value keep the name of the place where they were made, which it drops."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
        def reducer_override(self, obj: Any) -> Any:
            reduced = super().reducer_override(obj)
            if type(obj) is _Cached and not _is_importable(obj):
                return _cached, (obj.__wrapped__, obj.cache_parameters())
            if type(obj) is functools.cached_property:  # up to Python 3.11 it holds a lock
                return _cached_property, (obj.func, obj.attrname)
            if _is_generic(obj) and not _is_importable(obj):
                return _generic, (dict(obj.registry),)
            if isinstance(obj, type) and isinstance(reduced, tuple) and len(reduced) == 6:
                reduced[2][0]["__qualname__"] = obj.__qualname__
            return reduced

    buffer = io.BytesIO()
    Pickler(buffer, protocol=5).dump(value)
    return buffer.getvalue()


def _why_not(func: Any, error: Exception) -> str:
    name = getattr(func, "__qualname__", None) or repr(func)
    advice = (
        "Make what cannot be sent inside the function, or once a worker in the setup() of a cuebook.Worker; "
        'or use where="thread", which sends nothing.'
    )
    return f"{name} cannot be sent to a worker process: {error}. {_culprits(func)}{advice}"


def _culprits(func: Any) -> str:
    """Names of globals, closure and default values of the function that cannot be pickled."""
    import cloudpickle

    code = getattr(func, "__code__", None)
    if code is None:
        return ""
    values = dict(zip(code.co_freevars, (_content(cell) for cell in func.__closure__ or ()), strict=False))
    values.update({name: func.__globals__[name] for name in code.co_names if name in func.__globals__})
    bad = []
    for name, value in values.items():
        try:
            cloudpickle.dumps(value)
        except Exception:
            bad.append(f"{name} ({type(value).__name__})")
    return f"It uses {', '.join(bad)}. " if bad else ""


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def encode_calls(spill: str) -> Callable[[Sequence[Any]], Callable[[Sequence[Any]], bytes]]:
    """Chooses an encoder for some calls' arguments; what is very large goes to workers through files in `spill`."""
    encoder = ValueEncoder(blobs=BlobStore(spill), blob_bytes=TRANSPORT_BLOB_BYTES, portable=True, label="arguments")
    pack = new_packer().pack

    def any_values(calls: Sequence[Any]) -> bytes:
        """Each call's arguments alone: what two calls share is not shared in the worker, whatever the batch."""
        lists = [list(call) if isinstance(call, list | tuple) else dict(call) for call in calls]
        header: bytes = new_packer().pack_array_header(len(lists))
        return header + encoder.encode_many(lists)[0]

    def plain_values(calls: Sequence[Any]) -> bytes:
        try:
            data: bytes = pack(calls)
        except (TypeError, ValueError, OverflowError):
            return any_values(calls)
        return data if len(data) < TRANSPORT_BLOB_BYTES else any_values(calls)

    def choose(calls: Sequence[Any]) -> Callable[[Sequence[Any]], bytes]:
        is_plain = set(map(type, calls)) == _LISTS and argument_types(calls) <= _PLAIN
        return plain_values if is_plain else any_values

    return choose


def send_nothing(calls: Sequence[Any]) -> Callable[[Sequence[Any]], bytes]:
    """For workers that share this process's memory: they fetch the arguments themselves."""
    del calls
    return _nothing


def _nothing(calls: Sequence[Any]) -> bytes:
    del calls
    return b""
