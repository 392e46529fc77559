"""The parameters of a run, checked and made plain before anything starts. Pure."""

from __future__ import annotations

import datetime as dt
import inspect
import os
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from cuebook.actors.retrying import BACKOFF_S, Retry, retry_of
from cuebook.actors.runs.pace import per_second
from cuebook.children.descriptors import make_room
from cuebook.children.importing import check_importing
from cuebook.children.interpreter import check_interpreter
from cuebook.children.limits import MEMORY_BYTES_MIN, cpus_allowed, memory_bytes
from cuebook.choices import meant_by
from cuebook.engines.calls.function import Worker
from cuebook.engines.calls.worker_life import is_coroutine_function
from cuebook.engines.port import AwayEngine, Engine, check_refused
from cuebook.engines.registry import WORDS, ProcessEngine, engine_of
from cuebook.persistence.stores.media import check_place
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.trust.verdicts import Writers

__all__ = [
    "KeywordOptions",
    "Options",
    "RunOptions",
    "check_flag",
    "check_function",
    "check_workers",
    "checked_path",
    "make_options",
    "merged",
    "takes_options",
    "takes_options_over_defaults",
]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """How one run is to go; every field is checked. See `chunk()` for what each means; "auto" sets `workers_max`."""

    engine: Engine
    chunk_size: int
    workers_max: int | None
    batch: int | None
    retry: Retry
    rate_per_s: float | None
    max_failures: int | None
    timeout: float | None
    memory_bytes: int | None
    raises: bool
    reuse: str
    version: str | None
    depends: tuple[Any, ...]
    ignore: frozenset[str]
    pickle: bool
    keep_arguments: bool
    recycle_after: int | None
    stop_after_s: float | None
    worker_class: type[Worker] | None
    trust: Writers
    initializer: Callable[[], Any] | None
    star: bool

    @property
    def of_workers(self) -> tuple[Any, ...]:
        """What is the user's in a worker beside the function: it counts as the function does."""
        return tuple(item for item in (self.worker_class, self.initializer) if item is not None)

    @property
    def cores(self) -> int:
        """Cores that each worker's numeric libraries may use."""
        return max(1, cpus_allowed() // self.chunk_size)


def check_function(func: Any, engine: Engine, worker_class: type | None = None) -> Callable[..., Any]:
    """The function, or a TypeError that says what is wrong with it. A Worker with an async `run` takes any."""
    if not callable(func):
        raise TypeError(f"func is {func!r} ({type(func).__name__}); it must be a function or another callable")
    is_async = is_coroutine_function(func) or is_coroutine_function(getattr(worker_class, "run", None))
    if engine.needs_coroutines and not is_async:
        raise TypeError(
            f'where="{engine.name}" runs coroutine functions, and {getattr(func, "__name__", func)!r} is a plain one: '
            'write "async def", or where="thread"'
        )
    checked: Callable[..., Any] = func
    return checked


def check_workers(func: Any, options: Options, parameters: Any = None) -> None:
    """Raises SupervisionError where workers cannot be started here at all, ClusterGone where nothing answers elsewhere,
    FunctionNotShippable where they would import the very module that asks for them.
    """
    is_process = isinstance(options.engine, ProcessEngine)
    calls = len(parameters) if hasattr(parameters, "__len__") else options.chunk_size
    make_room(min(options.chunk_size, calls) if is_process else 0)
    if is_process:
        check_interpreter()
        check_importing(func, *options.of_workers)
    elif isinstance(options.engine, AwayEngine):
        options.engine.connect()


def checked_path(path: Any) -> str | None:
    """The journal's path as text; None stays None.

    Raises:
        TypeError, ValueError: it names no journal. JournalError: there is no such store, or none on this platform.
    """
    if path is None:
        return None
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f'path={path!r} is no path: write the name of a file, such as path="results.cue"') from None
    check_place(text)
    return text


def _engine(where: Any) -> Engine:
    if isinstance(where, str) and where in WORDS:
        return engine_of(where)
    if not isinstance(where, str | type) and isinstance(where, Engine):
        return where
    raise ValueError(f"where={where!r} is none of {', '.join(map(repr, WORDS))}; or give an engine object")


class KeywordOptions(TypedDict, total=False):
    """What `chunk()` and its like take by keyword; what each means is said there, and its default in `_checked`."""

    workers: int | Literal["auto"] | None
    worker: type[Worker] | None
    initializer: Callable[[], Any] | None
    batch: int | None
    where: str | Engine
    retries: int | Retry
    backoff: float | Callable[[int], float]
    timeout: float | dt.timedelta | None
    memory_limit: int | str | None
    errors: str
    reuse: str
    version: str | None
    depends: Sequence[Any] | AbstractSet[Any]
    ignore: Sequence[str] | AbstractSet[str]
    pickle: bool
    keep_arguments: bool
    recycle_after: int | None
    time_limit: float | dt.timedelta | None
    stop_at: dt.datetime | None
    trust: str | None
    rate: float | str | None
    max_failures: int | None
    star: bool


class RunOptions(KeywordOptions, total=False):
    """The same, with those that `chunk()` and `Chunker` take by place too."""

    actors: Any
    chunk_size: int | Literal["auto"] | None


def make_options(**given: Unpack[RunOptions]) -> Options:
    """Check every parameter of a run.

    Raises:
        TypeError, ValueError: which parameter, what was given, and what to write instead.
    """
    for unknown in sorted(given.keys() - RunOptions.__annotations__.keys()):
        raise TypeError(f"there is no option {unknown!r}{meant_by(unknown, RunOptions.__annotations__)}")
    return _checked(**given)


def takes_options(face: _F) -> _F:
    """Have a function that ends in `**options: Unpack[...]` of them say in its signature which options there are."""
    return _spelled_out(face, {})


def takes_options_over_defaults(face: _F) -> _F:
    """The same where what is not given is whatever was said before: its defaults are `...`."""
    return _spelled_out(face, {"default": ...})


def _spelled_out(face: _F, changes: dict[str, Any]) -> _F:
    own = inspect.signature(face)
    parameters = {name: each for name, each in own.parameters.items() if each.kind is not inspect.Parameter.VAR_KEYWORD}
    for name, each in inspect.signature(_checked).parameters.items():
        kind = RunOptions.__annotations__[name]
        parameters.setdefault(name, each.replace(annotation=getattr(kind, "__forward_arg__", kind), **changes))
    face.__signature__ = own.replace(parameters=list(parameters.values()))  # type: ignore[attr-defined]
    return face


def _checked(
    *,
    actors: Any = None,
    chunk_size: Any = None,
    workers: Any = None,
    worker: Any = None,
    initializer: Any = None,
    batch: Any = None,
    where: Any = "process",
    retries: Any = 0,
    backoff: Any = BACKOFF_S,
    timeout: Any = None,
    memory_limit: Any = None,
    errors: Any = "raise",
    reuse: Any = "calls",
    version: Any = None,
    depends: Any = (),
    ignore: Any = (),
    pickle: Any = True,
    keep_arguments: Any = True,
    recycle_after: Any = None,
    time_limit: Any = None,
    stop_at: Any = None,
    trust: Any = None,
    rate: Any = None,
    max_failures: Any = None,
    star: Any = True,
) -> Options:
    engine = _engine(where)
    _one_of("errors", errors, ("raise", "collect"))
    _one_of("reuse", reuse, ("calls", "run", "none"))
    if memory_limit is not None and engine.shares_memory:
        raise ValueError(f'memory_limit needs where="process": a worker of where={engine.name!r} shares this process')
    check_refused(engine, timeout=timeout, memory_limit=memory_limit, recycle_after=recycle_after)
    if version is not None and not isinstance(version, str):
        raise TypeError(f'version is {version!r}; write a string, such as version="{version}"')
    if isinstance(depends, str | bytes) or not isinstance(depends, Sequence | set | frozenset):
        raise TypeError(f"depends is {depends!r}; write a tuple, such as depends=(pathlib.Path('table.csv'),)")
    if initializer is not None and not callable(initializer):
        raise TypeError(f"initializer is {initializer!r}; give a function without parameters, or leave it out")
    (count, is_adapted), crew = _how_many(workers, chunk_size), _worker(worker, actors)
    worker_class, size = _crew(crew, count, engine)
    return Options(
        engine=engine,
        chunk_size=size,
        workers_max=AUTO_TIMES * size if is_adapted else getattr(crew, "workers_max", None),
        batch=_count("batch", batch, 1, none=True),
        retry=retry_of(_count_of_retries(retries), backoff),
        rate_per_s=per_second(rate),
        max_failures=_max_failures(max_failures, errors),
        timeout=_seconds("timeout", timeout),
        memory_bytes=_memory(memory_limit),
        raises=errors == "raise",
        reuse=reuse,
        version=version,
        depends=tuple(depends),
        ignore=_names("ignore", ignore),
        pickle=check_flag("pickle", pickle),
        keep_arguments=check_flag("keep_arguments", keep_arguments),
        recycle_after=_count("recycle_after", recycle_after, 1, none=True),
        stop_after_s=_stop_after(time_limit, stop_at),
        worker_class=worker_class,
        trust=trust_of(trust),
        initializer=initializer,
        star=check_flag("star", star),
    )


def _names(option: str, value: Any) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise TypeError(f'{option} is {value!r}; write a tuple of names, such as {option}=("verbose",)')
    odd = [name for name in value if not isinstance(name, str)]
    if odd:
        raise TypeError(f"{option} names parameters, and {odd[0]!r} is no name")
    return frozenset(value)


ALIASES = {"workers": "chunk_size", "worker": "actors"}
"""Two names of one option each."""


def merged(defaults: KeywordOptions, options: RunOptions) -> RunOptions:
    """Options over defaults: either name of an option takes the place of both."""
    given = {name for pair in ALIASES.items() if options.keys() & set(pair) for name in pair}
    kept: Any = {name: value for name, value in defaults.items() if name not in given}
    return {**kept, **options}


AUTO_TIMES = 8  # so many times the default there are in the end, at most


def _how_many(workers: Any, chunk_size: Any) -> tuple[int | None, bool]:
    """How many workers were asked for, and whether that number is found while the run goes on."""
    if workers is not None and chunk_size is not None:
        raise TypeError(f"workers={workers!r} and chunk_size={chunk_size!r} are two names of one option: give workers=")
    name, number = ("workers", workers) if workers is not None else ("chunk_size", chunk_size)
    if isinstance(number, type) or hasattr(number, "worker_class"):
        raise TypeError(f"{name} is {number!r}; it is how many calls run at once. A Worker class goes to worker=")
    is_auto = isinstance(number, str) and number == "auto"
    return None if is_auto else _count(name, number, 1, none=True), is_auto


def _worker(worker: Any, actors: Any) -> Any:
    """The Worker class, or warm workers."""
    if worker is None:
        return actors
    if actors is not None:
        raise TypeError(f"worker={worker!r} and actors={actors!r} are two names of one option: give worker=")
    if isinstance(worker, type) and issubclass(worker, Worker):
        return worker
    if hasattr(worker, "worker_class"):
        other = ". Warm workers of a Chunker go to actors="
    elif hasattr(type(worker), "__index__"):
        other = ". How many there are goes to workers="
    else:
        other = ": the class, not an object of it" if isinstance(worker, Worker) else ""
    raise TypeError(f"worker is {worker!r}; give a subclass of cuebook.Worker{other}")


def _crew(actors: Any, size: int | None, engine: Engine) -> tuple[type[Worker] | None, int]:
    if actors is None:
        return None, size or engine.default_chunk_size()
    if isinstance(actors, type) and issubclass(actors, Worker):
        return actors, size or engine.default_chunk_size()
    if hasattr(actors, "worker_class") and hasattr(actors, "__len__"):
        if size is not None and size != len(actors):
            raise ValueError(f"workers={size} (chunk_size) and {len(actors)} actors were given; leave the number out")
        return actors.worker_class, len(actors)
    raise TypeError(f"actors is {actors!r}; give a subclass of cuebook.Worker, or the .actors of a Chunker")


def _memory(limit: Any) -> int | None:
    count = memory_bytes(limit)
    if count is not None and count < MEMORY_BYTES_MIN:
        raise ValueError(
            f"memory_limit={limit!r} is {count:,} bytes, and a worker takes about {MEMORY_BYTES_MIN:,} before its "
            'first call: write more, such as "1GB"'
        )
    return count


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is none of {', '.join(map(repr, allowed))}")


def check_flag(name: str, value: Any, *, none: bool = False) -> Any:
    """True or False (or, with `none`, None) as given; anything else would only seem to mean something.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, bool) or (value is None and none):
        return value
    raise TypeError(f"{name}={value!r} must be True or False{' or None' if none else ''}")


def _count(name: str, value: Any, least: int, *, none: bool = False) -> int | None:
    if value is None and none:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}={value!r} is no whole number")
    number = int(value.__index__())
    if number < least:
        raise ValueError(f"{name}={number} must be at least {least}")
    return number


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, dt.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}={value!r} must be a number of seconds")
    if not value > 0:
        raise ValueError(f"{name}={value!r} must be more than 0 seconds")
    return float(value)


def _count_of_retries(retries: Any) -> Retry | int:
    return retries if isinstance(retries, Retry) else _count("retries", retries, 0) or 0


def _max_failures(most: Any, errors: str) -> int | None:
    number = _count("max_failures", most, 0, none=True)
    if number is not None and errors != "collect":
        raise ValueError('max_failures= needs errors="collect": else the first failure ends the run')
    return number


def _stop_after(time_limit: Any, stop_at: Any) -> float | None:
    """Seconds until the run must be over; the earlier of both."""
    limits = [] if time_limit is None else [_seconds("time_limit", time_limit) or 0.0]
    if stop_at is not None:
        if not isinstance(stop_at, dt.datetime):
            raise TypeError(f"stop_at={stop_at!r} must be a datetime")
        now = dt.datetime.now(stop_at.tzinfo)
        limits.append(max(0.001, (stop_at - now).total_seconds()))
    return min(limits) if limits else None
