"""The function inside its worker: loaded once, compared with the parent's, wrapped in the user's Worker class.

Light at import; what a function needs (cloudpickle, an event loop) loads with the function.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from cuebook.children.failure_text import traceback_text
from cuebook.children.program.program import ProgramHere
from cuebook.children.settling import adopt_environment, publish_in_main
from cuebook.engines.calls.current import OUTSIDE, CurrentCall, StatePort, call_of_context, enter_context_call
from cuebook.engines.calls.generators import generators_of
from cuebook.engines.calls.outcome import encoded_error
from cuebook.engines.calls.protocol import Ready, Setup, SetupFailed
from cuebook.engines.calls.states import StateExchange
from cuebook.engines.calls.worker_life import OwnWorker, is_coroutine_function
from cuebook.persistence.blobs.beside import BesideReader
from cuebook.persistence.blobs.port import BlobPlace
from cuebook.persistence.stores.media import blobs_at
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.called_with import with_paths
from cuebook.persistence.values.pickling.names import Names
from cuebook.wording import error_text, error_type_name

if TYPE_CHECKING:
    from cuebook.children.logs.forwarding import Forwarding

__all__ = [
    "LoadedFunction",
    "Worker",
    "load_function",
    "log_as_the_program",
    "outside_call",
    "setup_failed",
]


class Worker:
    """A worker of the user's own: state that lives as long as its process, thread or run (a model, a connection).

    Subclass it and give the class as `worker=`. Each process or thread makes one instance; with `where="async"` all
    calls of a run share one. Each of the three methods may be an `async def`; they and the calls have one event loop.
    """

    def setup(self) -> Any:
        """Called once, before the first call. An exception ends the run after three tries in fresh workers."""

    def run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run one call; the value is the call's result."""
        return func(*args, **kwargs)

    def teardown(self) -> Any:
        """Called once, after the last call, however the run ended; not where the worker's process was killed."""


def _form_of(func: Callable[..., Any], ignore: Iterable[str]) -> Any:
    from cuebook.persistence.history.call_form import CallForm  # what makes fingerprints: for the few calls that ask

    return CallForm(func, ignore=ignore)


class WorkerPort(Protocol):
    """What a function needs of the worker it is loaded into."""

    states: StateExchange
    between: CurrentCall | None
    setups: int
    forwarding: Forwarding | None
    program: ProgramHere

    def send(self, payload: bytes) -> None:
        """Send one message to the parent."""


class LoadedFunction:
    """A function ready to be called: `invoke(*args, **kwargs)`, with the codec of its values.

    Args:
        worker: the user's Worker that runs it, None where there is none.
        own: what has made that Worker and is to end with the function; None where it is shared.
        outside: what `current_call()` gives where no call runs.
    """

    def __init__(
        self, func: Callable[..., Any], worker: Any, order: Setup, *, own: OwnWorker | None, outside: CurrentCall
    ) -> None:
        options = order.options
        blobs, spill = options.get("blobs"), options.get("spill")
        results = None if blobs is None else blobs_at(BlobPlace(*blobs))
        arguments = BesideReader(spill) if spill else results
        self.encoder = ValueEncoder(pickle=options.get("pickle", True), blobs=results, reloads=True)
        self.decoder = ValueDecoder(blobs=arguments)
        self.states_decoder = ValueDecoder(blobs=results, names=Names(func))
        self.worker: int = options.get("worker", 0)
        self.fingerprint = order.fingerprint
        self.outside = outside
        self._own = own
        self.invoke = self._invocation(func, worker)
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

    def _invocation(self, func: Callable[..., Any], worker: Any) -> Callable[..., Any]:
        invoke: Callable[..., Any] = func if worker is None else partial(worker.run, func)
        own = self._own
        runner = None if own is None else own.runner
        if (
            own is None
            or runner is None
            or not (is_coroutine_function(func) or is_coroutine_function(getattr(worker, "run", None)))
        ):
            return invoke

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            value = invoke(*args, **kwargs)
            return await value if hasattr(value, "__await__") else value

        def invoke_in_context(*args: Any, **kwargs: Any) -> Any:
            context = own.call_context()
            context.run(enter_context_call, call_of_context())  # which was entered after `setup` had left its context
            return runner.run(awaited(*args, **kwargs), context=context)

        return invoke_in_context

    def tear_down(self) -> None:
        """Give the user's worker its `teardown`, where it is this function's own."""
        if self._own is not None:
            self._own.end()


def load_function(order: Setup, home: WorkerPort) -> tuple[Ready | SetupFailed, LoadedFunction | None]:
    """Carry out a Setup in a worker process; the answer is for the parent."""
    try:
        adopt_environment(order.options)
        program = home.program
        program.load(order.options["program"])
        forwarding = log_as_the_program(home, order.options.get("logging"))
        func, worker_class, initializer, hints = _unpickled(order)
        publish_in_main(func, worker_class, initializer, hints=hints)
        if forwarding is not None:
            forwarding.begin()
        program.settle()
        differs = _difference(func, order)
        if differs is not None:
            return Ready(order.run, os.getpid(), differs, is_fresh=home.setups == 1), None
    except BaseException as error:
        return setup_failed(order, "load", error), None
    home.between = outside_call(order, home.states)
    try:
        own = OwnWorker(func, worker_class, initializer)
        own.begin()
    except BaseException as error:
        return setup_failed(order, "setup", error), None
    loaded = LoadedFunction(func, own.instance, order, own=own, outside=home.between)
    home.states.serve(order.run, loaded.encoder.encode, loaded.states_decoder.decode)
    generators = generators_of(func, own.instance) if order.options.get("has_others") else None
    _limit_memory(order.options.get("memory_bytes"))
    return Ready(order.run, os.getpid(), None, generators), loaded


def _unpickled(order: Setup) -> Any:
    """The function with what belongs to it. Large buffers are the parent's own pages until somebody writes to them."""
    import pickle

    reader = BesideReader(order.options["spill"])
    buffers = []
    for name, length, is_readonly in order.beside or ():
        memory = reader.mapped(name, length)
        buffers.append(memory.toreadonly() if is_readonly else memory)
    return pickle.loads(order.function or buffers.pop(0), buffers=buffers)


def log_as_the_program(home: WorkerPort, state: dict[str, Any] | None) -> Forwarding | None:
    """What forwards log records from here; None where the program has configured none, and never had."""
    if home.forwarding is None and state is not None:
        from cuebook.children.logs.forwarding import Forwarding

        home.forwarding = Forwarding(home.send)
    if home.forwarding is not None:
        home.forwarding.load(state)
    return home.forwarding


def outside_call(order: Setup, port: StatePort) -> CurrentCall:
    """What `current_call()` gives to `setup`, `teardown` and the initializer: there is a worker, and no call."""
    worker = order.options.get("worker", 0)
    return CurrentCall(OUTSIDE, 0, [], worker=worker, fingerprint=order.fingerprint, port=port)


def setup_failed(order: Setup, reason: str, error: BaseException) -> SetupFailed:
    """What loading or the user's `setup` raised, as a message; `reason` says which."""
    text = traceback_text(error)
    encoded = encoded_error(error, ValueEncoder().encode)
    return SetupFailed(order.run, reason, error_type_name(error), error_text(error), text, encoded)


def _difference(func: Any, order: Setup) -> list[str] | None:
    """What was imported here and is not as it is in the parent (a global set at run time, an edited file)."""
    parts = order.options.get("parts")
    if not parts:
        return None
    from cuebook.engines.calls.difference import difference
    from cuebook.persistence.identity.fingerprint import fingerprint
    from cuebook.persistence.identity.secrets.hiding import Hiding

    hiding = Hiding(order.options.get("secrets_key", b""))
    found = difference(fingerprint(func, hiding=hiding), parts)
    return None if found is None else list(found)


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
        with suppress(ValueError, OSError):  # macOS has the name, and refuses
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
