"""The function inside its worker: loaded once, compared with the parent's, wrapped in the user's Worker class.

Light at import; what a function needs (cloudpickle, an event loop) loads with the function.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Protocol

from cuebook.engines.outcome import encoded_error, error_text, error_type_name, traceback_text
from cuebook.engines.states import StateExchange
from cuebook.engines.wire import Ready, Setup, SetupFailed
from cuebook.persistence.blobs import BlobStore, TransientBlobs
from cuebook.persistence.called_with import with_paths
from cuebook.persistence.names import Names
from cuebook.persistence.values import ValueDecoder, ValueEncoder

__all__ = ["LoadedFunction", "Worker", "adopt_environment", "load_function", "publish_in_main"]


CO_COROUTINE = 0x80
"""`inspect.CO_COROUTINE`, without the import."""


class Worker:
    """A worker of the user's own: state that lives as long as its process, thread or task (a model, a connection).

    Subclass it and give the class as `actors=`. Each worker makes one instance.
    """

    def setup(self) -> None:
        """Called once, before the first call. An exception ends the run after three tries in fresh workers."""

    def run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run one call; the value is the call's result."""
        return func(*args, **kwargs)

    def teardown(self) -> None:
        """Called once, after the last call, unless the worker was killed."""


def _form_of(func: Callable[..., Any], ignore: Iterable[str]) -> Any:
    from cuebook.persistence.call_form import CallForm  # what makes fingerprints: for the few calls that ask

    return CallForm(func, ignore=ignore)


class Home(Protocol):
    """What a function needs of the worker it is loaded into."""

    states: StateExchange

    def send(self, payload: bytes) -> None:
        """Send one message to the parent."""


class LoadedFunction:
    """A function ready to be called: `invoke(*args, **kwargs)`, with the codec of its values."""

    def __init__(
        self, func: Callable[..., Any], worker: Worker | None, order: Setup, *, runs_coroutines: bool = True
    ) -> None:
        options = order.options
        blobs, spill = options.get("blobs"), options.get("spill")
        # Where results are not kept they are read once, from the folder that arguments come from too.
        results = None if blobs is None else TransientBlobs(blobs) if blobs == spill else BlobStore(blobs)
        arguments = BlobStore(spill) if spill else results
        self.encoder = ValueEncoder(pickle=options.get("pickle", True), blobs=results, reloads=True)
        self.decoder = ValueDecoder(blobs=arguments)
        self.states_decoder = ValueDecoder(blobs=results, names=Names(func))
        self.worker: int = options.get("worker", 0)
        self.fingerprint = order.fingerprint
        self._users = worker
        self._runner: Any = None
        self.invoke = self._invocation(func, runs_coroutines)
        if options.get("files"):
            self.invoke = with_paths(self.invoke)
        self._form: Any = None
        self._form_of = partial(_form_of, func, options.get("ignore", ()))

    def call_key(self, arguments: Any) -> bytes:
        """What the arguments of a call are known by, which seeds it: the same in every journal."""
        if self._form is None:
            self._form = self._form_of()
        key: bytes = self._form.key(arguments)
        return key

    def _invocation(self, func: Callable[..., Any], runs_coroutines: bool) -> Callable[..., Any]:
        invoke: Callable[..., Any] = func
        if self._users is not None:
            invoke = partial(self._users.run, func)
        is_async = is_coroutine_function(func) or is_coroutine_function(getattr(self._users, "run", None))
        if not runs_coroutines or not is_async:
            return invoke
        import asyncio
        from contextvars import copy_context

        self._runner = runner = asyncio.Runner()

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            value = invoke(*args, **kwargs)
            return await value if hasattr(value, "__await__") else value

        return lambda *args, **kwargs: runner.run(awaited(*args, **kwargs), context=copy_context())

    def tear_down(self) -> None:
        """Give the user's worker its `teardown`; what it raises (SystemExit too) is printed, not passed on."""
        for end in (getattr(self._users, "teardown", None), getattr(self._runner, "close", None)):
            try:
                if end is not None:
                    end()
            except (Exception, SystemExit) as error:
                with suppress(Exception):  # a call may have closed it
                    sys.stderr.write(traceback_text(error))


def is_coroutine_function(func: Any) -> bool:
    """Whether calling `func` gives a coroutine: also for partials, methods and objects with an async `__call__`.

    An object that has every attribute (a mock) is none.
    """
    while isinstance(func, partial):
        func = func.func
    for candidate in (func, getattr(type(func), "__call__", None)):  # noqa: B004 - the class's, not the object's
        plain = candidate.__func__ if isinstance(candidate, MethodType) else candidate
        if isinstance(plain, FunctionType) and plain.__code__.co_flags & CO_COROUTINE:
            return True
    return False


def publish_in_main(*items: Any) -> None:
    """What came by value from the parent's `__main__` is found under its name in ours too: calls may pickle it."""
    main = sys.modules["__main__"].__dict__
    for item in items:
        for function in _functions_of(item):
            for name, value in function.__globals__.items():
                if not name.startswith("__"):
                    main.setdefault(name, value)
        for thing in (item, type(item)):
            if getattr(thing, "__module__", None) in MAIN_MODULES and "." not in getattr(thing, "__qualname__", "."):
                main.setdefault(thing.__qualname__, thing)


MAIN_MODULES = ("__main__", "__mp_main__")


def _functions_of(item: Any) -> list[FunctionType]:
    """The functions of the user's script that a callable brings with it."""
    while isinstance(item, partial):
        item = item.func
    plain = item.__func__ if isinstance(item, MethodType) else item
    if isinstance(plain, FunctionType):
        wrapped = plain.__dict__.get("__wrapped__")
        found = [plain, *([wrapped] if isinstance(wrapped, FunctionType) else [])]
    else:
        classes = [] if item is None else (item if isinstance(item, type) else type(item)).__mro__
        found = [value for cls in classes for value in cls.__dict__.values() if isinstance(value, FunctionType)]
    return [function for function in found if function.__globals__.get("__name__") in (*MAIN_MODULES, None)]


def load_function(order: Setup, home: Home) -> tuple[Ready | SetupFailed, LoadedFunction | None]:
    """Carry out a Setup in a worker process; the answer is for the parent."""
    try:
        adopt_environment(order.options)
        if order.options.get("log_levels"):
            from cuebook.engines.forwarding import forward_logging

            forward_logging(order.options["log_levels"], home.send)
        import pickle

        func, worker_class = pickle.loads(order.function)
        publish_in_main(func, worker_class)
        differs = _difference(func, order)
        if differs is not None:
            return Ready(order.run, os.getpid(), differs), None
    except BaseException as error:
        return setup_failed(order, "load", error), None
    try:
        worker = worker_class() if worker_class is not None else None
        if worker is not None:
            worker.setup()
    except BaseException as error:
        return setup_failed(order, "setup", error), None
    loaded = LoadedFunction(func, worker, order)
    home.states.serve(order.run, loaded.encoder.encode, loaded.states_decoder.decode)
    _limit_memory(order.options.get("memory_bytes"))
    return Ready(order.run, os.getpid(), None), loaded


def setup_failed(order: Setup, reason: str, error: BaseException) -> SetupFailed:
    """What loading or the user's `setup` raised, as a message; `reason` says which."""
    text = traceback_text(error)
    encoded = encoded_error(error, ValueEncoder().encode)
    return SetupFailed(order.run, reason, error_type_name(error), error_text(error), text, encoded)


def adopt_environment(options: dict[str, Any]) -> None:
    """Be where the parent is: its import path, arguments, folder, and sources that lie in no file."""
    if options.get("sys_path") is not None:
        sys.path[:] = options["sys_path"]
    if options.get("argv") is not None:
        sys.argv[:] = options["argv"]
    if options.get("traceparent"):
        os.environ["TRACEPARENT"] = options["traceparent"]
    if options.get("cwd"):
        os.chdir(options["cwd"])
    if options.get("sources"):
        import linecache

        for name, text in options["sources"].items():
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def _difference(func: Any, order: Setup) -> str | None:
    """What of the function is not here as it was in the parent (a global set at run time, an edited file).

    What came by value is the parent's own: only what was imported here is compared.
    """
    parts = order.options.get("parts")
    if not parts:
        return None
    from cuebook.persistence.fingerprint import fingerprint
    from cuebook.persistence.hiding import Hiding

    hiding = Hiding(order.options.get("secrets_key", b""))
    print_ = fingerprint(func, hiding=hiding)
    here = {part.label: part.digest for part in print_.parts}
    there = {label: digest for label, digest, _ in parts}
    gone = {label for label, _, is_imported in parts if is_imported} - here.keys()
    for label in sorted(print_.imported | gone):
        if here.get(label) != there.get(label):
            return label
    return None


_soft_limit: int | None = None


def _limit_memory(limit_bytes: int | None) -> None:
    global _soft_limit
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if _soft_limit is None:
        _soft_limit = soft
    wanted = _soft_limit if limit_bytes is None else limit_bytes
    if hard != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > hard):
        wanted = hard  # the system allows less than that anyway
    if wanted != soft:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
