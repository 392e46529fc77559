"""What a run would do, found out without a call made or a byte written: `dry_run=True` and `cuebook why --now`.

Light: what plans a run is imported when one is rehearsed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.chunks.options import Options
    from cuebook.chunks.planning import Beginning
    from cuebook.chunks.sinks import Done
    from cuebook.persistence.journal.reader import Reader

__all__ = ["Plan", "Rehearsed", "rehearse", "rehearsed", "rehearsed_runs", "rehearsing", "whole"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, as `chunk(..., dry_run=True)` has found out; as text, a line or two for people.

    Attributes:
        function: its name.
        total: how many calls there are.
        todo: the calls that would be made, by their places among the parameters.
        retried: how many of these failed in an earlier run.
        notices: what the run would say before it begins: what is not reused and why, what cannot be seen.
    """

    function: str
    total: int
    todo: tuple[range, ...]
    retried: int = 0
    notices: tuple[str, ...] = ()

    @property
    def to_do(self) -> int:
        """How many calls would be made."""
        return sum(map(len, self.todo))

    @property
    def reused(self) -> int:
        """How many calls take a result that is there."""
        return self.total - self.to_do

    def __str__(self) -> str:
        from cuebook.chunks.run_lines import retried_detail, work_line

        line = work_line(self.function, self.total, self.reused, retried_detail(self.retried))
        return "\n".join([line, *self.notices])


class Rehearsed(SystemExit):
    """Ends a program that is rehearsed: its next run would make calls."""


rehearsed_runs: list[Callable[[Plan], None]] = []
"""While a program is rehearsed: what hears of each of its runs, before the program goes on or is stopped."""


@contextlib.contextmanager
def rehearsing(hear: Callable[[Plan], None]) -> Iterator[None]:
    """Within, runs give what is there where all of it is; the first that would make a call ends the program.

    Args:
        hear: is given the plan of each run.
    """
    rehearsed_runs.append(hear)
    try:
        yield
    finally:
        rehearsed_runs.remove(hear)


def rehearse(func: Callable[..., Any], parameters: Iterable[Any], options: Options, path: Any) -> Plan:
    """What the run would do. An iterator is read to its end.

    Raises:
        JournalNotTrusted: earlier results would be taken, and others may have written them.
        JournalError: the journal cannot be read.
        TypeError, ValueError: wrong use.

    Cost: that of beginning the run: one encoding of all arguments, one scan of the journal without its values.
    """
    from cuebook.chunks.options import check_function

    check_function(func, options.engine, options.worker_class)
    calls = _calls(parameters, options)
    with _reader(path, options) as reader:
        return _plan(_begun(reader, func, options, calls), len(calls))


def rehearsed(func: Callable[..., Any], parameters: Iterable[Any], options: Options, path: Any) -> list[Done]:
    """The calls of a run in a program that is rehearsed, where the results of all are there.

    Raises:
        Rehearsed: some are not.
    """
    from cuebook.chunks.reusing import read_claims
    from cuebook.chunks.sinks import Done

    calls = _calls(parameters, options)
    with _reader(path, options) as reader:
        begun = _begun(reader, func, options, calls)
        plan = _plan(begun, len(calls))
        rehearsed_runs[-1](plan)
        if plan.to_do:
            raise Rehearsed(0)
        done: dict[int, Done] = {}
        for results in (
            read_claims(reader, begun.history, begun.claims, _decoder(reader, func, begun)) if reader and calls else ()
        ):
            for index, value, seconds in zip(results.indexes, results.values, results.seconds, strict=True):
                done[index] = Done(index, calls[index], value, None, True, seconds)
        return [done[index] for index in range(len(calls))]


async def whole(parameters: Any) -> Any:
    """All parameters of an asynchronous program, to be looked at by what knows no loop."""
    return [item async for item in parameters] if isinstance(parameters, AsyncIterable) else parameters


def _calls(parameters: Any, options: Options) -> list[Any]:
    from cuebook.persistence.history.items import as_calls, with_one_argument

    if not options.star:
        parameters = with_one_argument(parameters)
    if not isinstance(parameters, Iterable):
        raise TypeError(f"parameters is {parameters!r} ({type(parameters).__name__}); give a list to be rehearsed")
    return as_calls(parameters)


def _reader(path: Any, options: Options) -> contextlib.AbstractContextManager[Reader | None]:
    from cuebook.chunks.options import checked_path
    from cuebook.persistence.journal.reader import open_reader
    from cuebook.persistence.stores.media import medium_of

    text = checked_path(path)
    if text is None or not medium_of(text).is_there() or (os.path.isfile(text) and not Path(text).stat().st_size):
        return contextlib.nullcontext()
    return open_reader(text, trust=options.trust)


def _begun(reader: Reader | None, func: Callable[..., Any], options: Options, calls: list[Any]) -> Beginning:
    from cuebook.chunks.planning import plan_list

    return plan_list(reader, func, options, calls)


def _plan(begun: Beginning, total: int) -> Plan:
    from cuebook.chunks.reusing import unclaimed

    todo = tuple(unclaimed(total, begun.claims))
    return Plan(begun.fingerprint.name, total, todo, begun.retried, tuple(begun.notices))


def _decoder(reader: Reader, func: Callable[..., Any], begun: Beginning) -> Any:
    from cuebook.persistence.values import ValueDecoder
    from cuebook.persistence.values.pickling.names import Names

    if begun.plain is not None:
        return begun.plain.decoder
    return ValueDecoder(blobs=reader.blobs(), names=Names(func))
