"""A function on its way to workers: its bytes, and the settings that make a worker's process like this one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

from cuebook.children.byvalue import culprits, dump, in_use, those_that_go
from cuebook.children.program.elsewhere import as_elsewhere
from cuebook.children.program.hinted_names import hinted_names, wrapped_hints
from cuebook.children.program.sources import are_missing, take_sources, users_modules
from cuebook.children.surroundings import surroundings
from cuebook.chunks.options import Options
from cuebook.chunks.spill import Spill
from cuebook.engines.away.landmark import sight
from cuebook.engines.calls.arrival import ONE_BY_ONE
from cuebook.engines.calls.difference import Seen, advice, comparable, in_words, is_value, seen
from cuebook.engines.calls.protocol import Setup
from cuebook.engines.port import AwayEngine
from cuebook.errors import FunctionNotShippable, MessageTooLarge
from cuebook.logs import get_logger
from cuebook.persistence.identity.code.imported import is_importable
from cuebook.persistence.identity.fingerprint import Fingerprint
from cuebook.persistence.identity.plain import argument_types
from cuebook.persistence.values import ValueEncoder
from cuebook.wire.codec import new_packer

__all__ = ["FunctionPack", "encode_calls", "send_nothing", "why_not_sent"]

_LISTS = {list}
_TORN = frozenset({"SyntaxError", "IndentationError", "TabError"})
_GONE = frozenset({"ModuleNotFoundError", "ImportError", "FileNotFoundError", "AttributeError"})
"""What an import raises where a file was half saved when the run began, or is gone."""
_PLAIN = frozenset({int, float, bool, str, bytes, type(None)})
BESIDE_BYTES = 1024 * 1024
"""What is larger than this lies beside the message to a worker, which maps it; smaller things go through its socket."""


class FunctionPack:
    """One function for the workers of one run.

    Args:
        func: the user's function.
        options: of the run.
        fingerprint: the function's digest, which seeds `current_call().seed`.
        spill: holds what is too large for a message.
        folders: `blobs` for results, `spill` for arguments; `title`: what worker processes are
            called; `traceparent`: the trace of the run.
        known: how calls are known: `ignore`, `secrets_key`, and whether there are `files` among the arguments.
        code: the fingerprint of the function alone, of which workers compare what they import; None: they do not.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        options: Options,
        fingerprint: bytes,
        spill: Spill,
        *,
        folders: dict[str, Any],
        known: dict[str, Any] | None = None,
        code: Fingerprint | None = None,
    ) -> None:
        self._func = func
        self._options = options
        self._fingerprint = fingerprint
        self._folders = folders
        self._known = {} if known is None else known
        self._code = code
        self._parts = [] if code is None else comparable(code)
        self._by_value: list[ModuleType] = []
        self._spill = spill
        self._beside: list[Any] = []
        self._function = self._dump()
        self._surroundings = self._place()
        self._sources = None if options.engine.shares_memory else take_sources()

    def _place(self) -> dict[str, Any]:
        engine = self._options.engine
        if engine.shares_memory:
            return {}
        place = surroundings()
        if isinstance(engine, AwayEngine):
            place["program"] = as_elsewhere(place["program"])
            seen = sight(self._folders["blobs"][1])
            place["blobs_sight"] = None if seen is None else list(seen)
        return place

    def setup(self, run: int, worker: int) -> Setup:
        """The Setup of one worker."""
        options: dict[str, Any] = {
            **self._surroundings,
            "pickle": self._options.pickle,
            "memory_bytes": self._options.memory_bytes,
            "worker": worker,
            "has_others": self._options.chunk_size > 1,
            "parts": self._parts,
            "kept_sources": None if self._sources is None else self._sources.place,
            **self._folders,
            **self._known,
        }
        return Setup(run, self._function, self._fingerprint, options, self._beside)

    def reship(self, differs: Sequence[str]) -> None:
        """A worker has imported something otherwise than it is here: send the user's own modules by value.

        Raises:
            FunctionNotShippable: that was tried, or cannot be done.
        """
        there = Seen(*differs)
        here = there if self._code is None else seen(self._code, there.label)
        if not self._take_modules():
            raise FunctionNotShippable(f"{in_words(here, there)}. {advice(here, there)}.")
        get_logger("runs").info("function sent by value", differs=there.label)
        try:
            self._function = self._dump()
        except FunctionNotShippable as error:
            otherwise = " Set where its module is imported, it need not be." if is_value(here.label) else ""
            text = f"{error} It has to be sent by value, since {in_words(here, there)}.{otherwise}"
            raise FunctionNotShippable(text) from error.__cause__

    def reship_unloaded(self, error_type: str) -> bool:
        """A worker could not load the function. Send the user's own modules by value, if that is due to their files.

        Returns:
            False: their files are as they have to be, or that was tried.

        Raises:
            FunctionNotShippable: it cannot be done.
        """
        is_away = isinstance(self._options.engine, AwayEngine)
        is_torn = error_type in _TORN or (error_type in _GONE and (is_away or are_missing()))
        if not is_torn or not self._take_modules():
            return False
        get_logger("runs").info("function sent by value", error=error_type)
        self._function = self._dump()
        return True

    def _take_modules(self) -> bool:
        """Have the user's modules sent by value; False where they are already, or there are none."""
        names = [] if self._by_value else users_modules()
        self._by_value = [sys.modules[name] for name in names if name in sys.modules] or self._by_value
        return bool(names)

    def _dump(self) -> bytes:
        if self._options.engine.shares_memory:
            return b""
        try:
            stream, taken = self._stream()
        except Exception as error:
            raise FunctionNotShippable(why_not_sent(self._func, error)) from error
        beside = [memoryview(stream), *taken] if len(stream) > BESIDE_BYTES else taken
        try:
            self._beside = [[self._spill.hold(view), view.nbytes, view.readonly] for view in beside]
        except MessageTooLarge as error:
            raise FunctionNotShippable(f"{_name(self._func)} cannot be sent to a worker process: {error}") from error
        return b"" if len(beside) > len(taken) else stream

    def _stream(self) -> tuple[bytes, list[memoryview]]:
        """The function with all that belongs to it, and its large buffers."""
        taken: list[memoryview] = []
        sent: list[type | FunctionType] = []
        parts = self._func, self._options.worker_class, self._options.initializer
        stream = dump((*parts, {}), self._by_value, beside=(BESIDE_BYTES, taken), sent=sent)
        below = () if self._code is None else self._code.subclasses
        named = wrapped_hints(hinted_names(sent), is_importable) | {each.__qualname__: each for each in below}
        hints = those_that_go(named, self._by_value)
        if hints:  # in one stream, so that they and the functions are of one module
            taken.clear()
            stream = dump((*parts, hints), self._by_value, beside=(BESIDE_BYTES, taken))
        return stream, taken


def why_not_sent(func: Any, error: Exception) -> str:
    """What a user is told of a function that cannot be pickled: which part of it is in the way, and what to do."""
    held = culprits(func)
    kinds = {_advice_on(value) for _, value in held}
    advice = kinds.pop() if len(kinds) == 1 else _advice_on(None)
    return (
        f"{_name(func)} cannot be sent to a worker process: {error}. {in_use(held)}{advice}; "
        'or use where="thread", which sends nothing.'
    )


def _advice_on(value: Any) -> str:
    """What to do in place of using a value that cannot be sent."""
    cls = type(value)
    if cls.__module__ == "_io":
        return "Open it inside the function, which gets its path"
    if hasattr(cls, "__next__"):
        return "Use a list of what it gives, or make it inside the function"
    return "Make what cannot be sent inside the function, or once a worker in the setup() of a cuebook.Worker"


def _name(func: Any) -> str:
    return getattr(func, "__qualname__", None) or repr(func)


def encode_calls(spill: Spill, *, are_lists: bool) -> Callable[[Sequence[Any]], Callable[[Sequence[Any]], bytes]]:
    """Chooses an encoder for some calls' arguments; what is large goes beside the message.

    Args:
        are_lists: whether each call is known to be a list.
    """
    encoder = ValueEncoder(blobs=spill, blob_bytes=BESIDE_BYTES, portable=True, label="arguments")
    pack = new_packer().pack

    def any_values(calls: Sequence[Any]) -> bytes:
        """Each call's arguments alone: what two calls share is not shared in the worker, whatever the batch."""
        lists = [list(call) if isinstance(call, list | tuple) else dict(call) for call in calls]
        return bytes([ONE_BY_ONE]) + len(lists).to_bytes(4, "big") + encoder.encode_many(lists)[0]

    def plain_values(calls: Sequence[Any]) -> bytes:
        try:
            data: bytes = pack(calls)
        except (TypeError, ValueError, OverflowError):
            return any_values(calls)
        return data if len(data) < BESIDE_BYTES else any_values(calls)

    def choose(calls: Sequence[Any]) -> Callable[[Sequence[Any]], bytes]:
        is_plain = (are_lists or set(map(type, calls)) == _LISTS) and argument_types(calls) <= _PLAIN
        return plain_values if is_plain else any_values

    return choose


def send_nothing(calls: Sequence[Any]) -> Callable[[Sequence[Any]], bytes]:
    """For workers that share this process's memory: they fetch the arguments themselves."""
    del calls
    return _nothing


def _nothing(calls: Sequence[Any]) -> bytes:
    del calls
    return b""
