"""Why a run took what it took from earlier runs and made the rest afresh: a comparison of records. Pure.

Knows no file, no value and no printing. Calls are known by the 16-byte keys of their arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cuebook.persistence.history.run_parts import parts_in, parts_of
from cuebook.persistence.identity.parts import Change, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.records.run_heads import RunOpened

__all__ = [
    "CALLS_MAX",
    "Comparison",
    "Fresh",
    "FreshCalls",
    "base_of",
    "compared",
    "fresh_indexes",
    "is_same_function",
    "sorted_out",
    "twins",
]

CALLS_MAX = 1_000_000
"""Fresh calls that are looked up one by one; a run with more is told of by these."""

EXAMPLES_MAX = 5


class Fresh(StrEnum):
    """Why a call was made afresh although the function was the same."""

    NEW = "new arguments"
    FAILED = "failed before"
    UNFINISHED = "not finished before"
    FORGOTTEN = "forgotten"
    TAKEN = "no equal call left"


@dataclass(slots=True)
class FreshCalls:
    """Calls made afresh for one reason: how many, and the first few."""

    count: int = 0
    examples: list[int] = field(default_factory=list)

    def add(self, index: int) -> None:
        """One more."""
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(index)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run's function beside that of an earlier run.

    Attributes:
        base: number of the earlier run.
        is_same: whether they count as the same function.
        algorithms: numbers of the identity rules, before and after.
        functions: names before and after.
        changes: parts that differ; None where the parts of one are not in the journal any more.
        packages: name, version before and version after of third-party packages that differ: these do not count.
    """

    base: int
    is_same: bool
    algorithms: tuple[int, int]
    functions: tuple[str, str]
    changes: list[Change] | None
    packages: list[tuple[str, str, str]]


def is_same_function(run: RunState, other: RunState) -> bool:
    """Whether results of one may be taken for the other."""
    one, two = run.opened, other.opened
    return (one.fingerprint, one.algorithm) == (two.fingerprint, two.algorithm)


def base_of(state: JournalState, run: RunState) -> RunState | None:
    """The run to compare with: the last one before of the same name, else the last one before."""
    before = [each for each in state.runs.values() if each.number < run.number]
    named = [each for each in before if each.opened.function == run.opened.function]
    candidates = named or before
    return candidates[-1] if candidates else None


def twins(state: JournalState, run: RunState) -> list[RunState]:
    """The earlier runs of the very same function."""
    return [each for each in state.runs.values() if each.number < run.number and is_same_function(each, run)]


def compared(state: JournalState, base: RunState, run: RunState) -> Comparison:
    """How the functions of two runs differ."""
    before, after = parts_of(state, base), parts_of(state, run)
    known = before is not None and after is not None
    return Comparison(
        base=base.number,
        is_same=is_same_function(base, run),
        algorithms=(base.opened.algorithm, run.opened.algorithm),
        functions=(base.opened.function, run.opened.function),
        changes=compare(parts_in(before), parts_in(after)) if known else None,
        packages=_packages(before, after) if known else [],
    )


def _packages(before: RunOpened | None, after: RunOpened | None) -> list[tuple[str, str, str]]:
    old = dict(before.packages) if before is not None else {}
    new = dict(after.packages) if after is not None else {}
    return [(name, old[name], new[name]) for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]


def fresh_indexes(run: RunState) -> Iterator[int]:
    """The calls that took no earlier result, made or still to be made."""
    at = 0
    for each in sorted(run.reused, key=lambda each: each.start):
        yield from range(at, each.start)
        at = max(at, each.start + each.count)
    yield from range(at, run.known)


def sorted_out(
    run: RunState, earlier: Iterable[RunState], keys: Callable[[int], Iterator[bytes]]
) -> dict[Fresh, FreshCalls]:
    """The fresh calls of a run by the reason why each is.

    Args:
        run: the run.
        earlier: the earlier runs of the same function, oldest first.
        keys: gives the key of each call of a run, by the run's number, in order.

    Cost: about 1 us a call of all of these runs, and 200 bytes a fresh call (of `CALLS_MAX` at most).
    """
    fresh = _fresh_keys(run, keys(run.number))
    fates: dict[bytes, Fresh] = {}
    wanted = set(fresh.values())
    for each in earlier:
        if wanted:
            _note_fates(each, keys(each.number), wanted, fates)
    found: dict[Fresh, FreshCalls] = {}
    for index, key in fresh.items():
        found.setdefault(fates.get(key, Fresh.NEW), FreshCalls()).add(index)
    return {fate: found[fate] for fate in Fresh if fate in found}


def _fresh_keys(run: RunState, keys: Iterator[bytes]) -> dict[int, bytes]:
    fresh: dict[int, bytes] = {}
    wanted = fresh_indexes(run)
    following = next(wanted, None)
    for index, key in enumerate(keys):
        if index == following:
            fresh[index] = key
            following = next(wanted, None)
        if following is None or len(fresh) == CALLS_MAX:
            break
    return fresh


def _note_fates(run: RunState, keys: Iterator[bytes], wanted: set[bytes], fates: dict[bytes, Fresh]) -> None:
    """What became in `run` of the calls with the wanted keys; what went wrong last counts more than a success."""
    fresh = fresh_indexes(run)
    following = next(fresh, None)
    for index, key in enumerate(keys):
        is_own = index == following
        if is_own:
            following = next(fresh, None)
        if key not in wanted:
            continue
        fate = _fate(run, index) if is_own else Fresh.TAKEN
        if fate is Fresh.TAKEN:
            fates.setdefault(key, fate)
        else:
            fates[key] = fate


def _fate(run: RunState, index: int) -> Fresh:
    if index in run.failures:
        return Fresh.FAILED
    if not run.done[index]:
        return Fresh.UNFINISHED
    return Fresh.TAKEN if run.own[index] else Fresh.FORGOTTEN
