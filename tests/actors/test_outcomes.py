"""What follows from what a worker says, one row a message; and from its end, one row a fate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from cuebook.actors.messages import WorkerLost
from cuebook.actors.outcomes import LOSSES_MAX, SETUP_FAILURES_MAX, decide, decide_loss
from cuebook.actors.runs.progress import Stop, StopKind
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.engines.calls.outcome import NOT_WRITTEN
from cuebook.engines.calls.protocol import Failure, Ready, Recall, Results, Returned, SetupFailed
from cuebook.errors import CallFailed, InternalError, JournalFull
from cuebook.persistence.records.run_heads import Reason
from cuebook.persistence.values import ValueEncoder
from tests.support.crew import crewed_run

STOPPING = Stop(StopKind.INTERRUPTED, "Ctrl-C", 2.0)
FAILING = Stop(StopKind.FAILED, "call 0 failed", None)
FULL = ValueEncoder().encode(JournalFull("no space left"))
BAD = ValueEncoder().encode(ValueError("bad"))

RESULTS = Results(1, 4, 3, None, 0.3, b"head", b"body")
RAISED = Failure(1, 2, 1, 1000.0, 0.5, "raised", "ValueError", "bad", "Traceback ...", BAD)
UNKEPT = replace(RAISED, reason="not kept")
NO_SETUP = SetupFailed(1, "setup", "ValueError", "no device", "Traceback ...", BAD)


def shown(decision: Any) -> tuple[Any, ...]:
    """A decision as plain data: its name and fields, errors by class, text and attempts."""
    return (type(decision).__name__, *(_plain(getattr(decision, each.name)) for each in fields(decision)))


def _plain(value: Any) -> Any:
    if isinstance(value, CallFailed):
        return (type(value).__name__, value.index, value.arguments, value.error_text, value.attempts)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {str(value).splitlines()[0]}"
    return value


@dataclass(frozen=True)
class Row:
    """What was said, how the run stood, and what follows."""

    name: str
    said: Any
    follows: Sequence[tuple[Any, ...]]
    policy: dict[str, Any]
    stands: Callable[[Run], None]


def row(
    name: str,
    said: Any,
    *follows: tuple[Any, ...],
    stands: Callable[[Run], None] = lambda _: None,
    **policy: Any,
) -> Row:
    return Row(name, said, follows, policy, stands)


def stops(stop: Stop) -> Callable[[Run], None]:
    return lambda run: setattr(run, "stop", stop)


def has(**books: Any) -> Callable[[Run], None]:
    """The run's books hold this already."""

    def stand(run: Run) -> None:
        for name, value in books.items():
            setattr(run, name, value)

    return stand


SAID = [
    row("results in a row", RESULTS, ("DeliverResults", ("CommittedResults", range(4, 7), b"head", b"body"))),
    row(
        "results here and there",
        replace(RESULTS, indexes=[4, 8, 9]),
        ("DeliverResults", ("CommittedResults", [4, 8, 9], b"head", b"body")),
    ),
    row(
        "a failure, and no retries",
        RAISED,
        ("FailCall", ("CallFailed", 2, [2], "bad", 1), Reason.RAISED, 1000.0, 0.5, BAD),
    ),
    row(
        "a failure of a kind that is not tried again",
        replace(RAISED, kinds=["builtins.ValueError"]),
        ("FailCall", ("CallFailed", 2, [2], "bad", 1), Reason.RAISED, 1000.0, 0.5, BAD),
        retries=1,
        covers=lambda kinds: "builtins.KeyError" in kinds,
    ),
    row("a failure with a retry left", RAISED, ("RetryCall", 2, 2, "ValueError: bad"), retries=1),
    row(
        "the last retry fails",
        replace(RAISED, attempt=2),
        ("FailCall", ("CallFailed", 2, [2], "bad", 2), Reason.RAISED, 1000.0, 0.5, BAD),
        retries=1,
    ),
    row(
        "deaths are no retries",
        replace(RAISED, attempt=3),
        ("RetryCall", 2, 4, "ValueError: bad"),
        stands=has(deaths={2: 2}),
        retries=1,
    ),
    row(
        "a failure while the run stops",
        RAISED,
        ("FailCall", ("CallFailed", 2, [2], "bad", 1), Reason.RAISED, 1000.0, 0.5, BAD),
        stands=stops(STOPPING),
        retries=5,
    ),
    row(
        "a result that cannot be kept",
        UNKEPT,
        ("FailCall", ("CallFailed", 2, [2], "bad", 1), Reason.NOT_KEPT, 1000.0, 0.5, BAD),
    ),
    row(
        "a result that no disk takes",
        replace(RAISED, reason=NOT_WRITTEN, exception=FULL),
        ("BreakRun", "JournalFull: no space left"),
    ),
    row(
        "the same, and the error is lost",
        replace(RAISED, reason=NOT_WRITTEN, exception=None),
        ("BreakRun", "JournalError: bad"),
    ),
    row("calls given back", Returned(1, [7, 5]), ("RequeueCalls", [5, 7])),
    row("nothing given back", Returned(1, [])),
    row("calls given back while the run stops", Returned(1, [7, 5]), stands=stops(STOPPING)),
    row("ready", Ready(1, 77, None), ("MarkReady",)),
    row("ready with another function", Ready(1, 77, ["global n"]), ("ShipAnew", ["global n"])),
    row(
        "the same, with what it imported for an earlier one",
        Ready(1, 77, ["global n"], None, False),
        ("RecycleWorker",),
    ),
    row("a setup that fails", NO_SETUP, ("RecycleWorker",), stands=has(setup_failures=SETUP_FAILURES_MAX - 1)),
    row(
        "a setup that fails too often",
        NO_SETUP,
        ("BreakRun", "ValueError: bad"),
        stands=has(setup_failures=SETUP_FAILURES_MAX),
    ),
    row(
        "the same, and the error is lost",
        replace(NO_SETUP, exception=None),
        ("BreakRun", "SupervisionError: setup failed: ValueError: no device"),
        stands=has(setup_failures=SETUP_FAILURES_MAX),
    ),
    row(
        "a function that cannot be loaded",
        replace(NO_SETUP, reason="load"),
        (
            "ShipUnloaded",
            "ValueError",
            "FunctionNotShippable: the function cannot be loaded in a worker: ValueError: no device",
        ),
    ),
]


def standing(each: Row) -> Run:
    run = crewed_run(**each.policy)
    each.stands(run)
    return run


@pytest.mark.parametrize("each", SAID, ids=lambda each: each.name)
def test_what_follows_from_what_a_worker_says(each: Row) -> None:
    async def main() -> list[tuple[Any, ...]]:
        return [shown(decision) for decision in decide(each.said, standing(each))]

    follows = [
        tuple(
            _results(field) if isinstance(field, tuple) and field[0] == "CommittedResults" else field for field in one
        )
        for one in each.follows
    ]
    assert asyncio.run(main()) == follows


def _results(field: tuple[Any, ...]) -> Any:
    return CommittedResults(*field[1:])


def test_a_failure_for_good_has_what_was_raised_as_its_cause() -> None:
    async def main() -> BaseException | None:
        (decision,) = decide(RAISED, crewed_run())
        return decision.error.__cause__  # type: ignore[union-attr]

    assert repr(asyncio.run(main())) == "ValueError('bad')"


def test_what_no_worker_says_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(InternalError, match="a worker said Recall"):
            decide(Recall(1), crewed_run())

    asyncio.run(main())


NOW = 5000.0
KILLED = WorkerLost(0, 2, 1.5, "killed by SIGKILL", False, 1)
LATE = WorkerLost(0, 2, 3.0, "ran longer than timeout=3 s", True, 1)
IDLE = WorkerLost(0, -1, 0.0, "exited with code 1", False, 1)
DIED = ("WorkerDied", 2, [2], "its worker killed by SIGKILL, 3 times", 3)
TOO_OFTEN = (
    "RestartLimitReached: 5 workers in a row ended before they answered anything; the last one exited with code 1"
)
TIMED_OUT = ("CallTimedOut", 2, [2], "ran longer than timeout=3 s", 1)


def with_losses(count: int) -> Callable[[Run], None]:
    return lambda run: setattr(run.slots[0], "losses", count)


FATES = [
    row(
        "killed in a call",
        KILLED,
        ("ChargeDeath", 2),
        ("RepeatCall", 2, 2),
        ("RequeueCalls", [3, 4]),
        ("PrepareWorker",),
    ),
    row(
        "killed in a call that has killed before",
        KILLED,
        ("ChargeDeath", 2),
        ("FailCall", DIED, Reason.WORKER_DIED, NOW - 1.5, 1.5, None),
        ("RequeueCalls", [3, 4]),
        ("PrepareWorker",),
        stands=has(deaths={2: 2}, attempts={2: 3}),
    ),
    row("killed while the run stops", KILLED, ("ChargeDeath", 2), stands=stops(STOPPING)),
    row(
        "killed while the run ends by a failure: the running calls go on",
        KILLED,
        ("ChargeDeath", 2),
        ("PrepareWorker",),
        stands=stops(FAILING),
    ),
    row(
        "over its time",
        LATE,
        ("FailCall", TIMED_OUT, Reason.TIMED_OUT, NOW - 3.0, 3.0, None),
        ("RequeueCalls", [3, 4]),
        ("PrepareWorker",),
    ),
    row(
        "over its time with a retry left",
        LATE,
        ("RetryCall", 2, 2, "TimeoutError: ran longer than timeout=3 s"),
        ("RequeueCalls", [3, 4]),
        ("PrepareWorker",),
        retries=1,
    ),
    row(
        "over its time in a thread, which still runs it: it is not tried again",
        LATE,
        ("FailCall", TIMED_OUT, Reason.TIMED_OUT, NOW - 3.0, 3.0, None),
        ("RequeueCalls", [3, 4]),
        ("PrepareWorker",),
        retries=1,
        abandons=True,
    ),
    row(
        "more threads left to themselves than there are workers",
        LATE,
        ("FailCall", TIMED_OUT, Reason.TIMED_OUT, NOW - 3.0, 3.0, None),
        ("RequeueCalls", [3, 4]),
        (
            "BreakRun",
            "SupervisionError: 3 calls were abandoned in their threads, which cannot be killed: use processes",
        ),
        stands=has(abandoned=3),
        abandons=True,
    ),
    row("lost idle", IDLE, ("RequeueCalls", [2, 3, 4]), ("PrepareWorker",), stands=with_losses(LOSSES_MAX - 1)),
    row(
        "lost idle too often",
        IDLE,
        ("RequeueCalls", [2, 3, 4]),
        (
            "BreakRun",
            TOO_OFTEN,
        ),
        stands=with_losses(LOSSES_MAX),
    ),
    row(
        "lost in a call that is answered already",
        replace(KILLED, index=9),
        ("RequeueCalls", [2, 3, 4]),
        ("PrepareWorker",),
    ),
]


@pytest.mark.parametrize("each", FATES, ids=lambda each: each.name)
def test_what_follows_from_the_end_of_a_worker_that_had_three_calls(each: Row) -> None:
    async def main() -> list[tuple[Any, ...]]:
        run = standing(each)
        decisions = decide_loss(each.said, [2, 3, 4], run, run.slots[0], now=NOW)
        return [shown(decision) for decision in decisions]

    assert asyncio.run(main()) == list(each.follows)


def test_decisions_change_nothing() -> None:
    """Whoever decides only looks: the books are as before."""

    async def main() -> None:
        run = crewed_run(retries=1)
        run.slots[0].outstanding.add([2, 3, 4])
        before = _books(run)
        for each in (RESULTS, RAISED, Returned(1, [3]), Ready(1, 7, None), NO_SETUP):
            decide(each, run)
        decide_loss(KILLED, [2, 3, 4], run, run.slots[0], now=NOW)
        assert _books(run) == before

    asyncio.run(main())


def _books(run: Run) -> str:
    slots = [repr({field.name: getattr(slot, field.name) for field in fields(slot)}) for slot in run.slots]
    return repr((vars(run), slots))
