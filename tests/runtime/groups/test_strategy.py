"""What a supervisor decides: every strategy, kind of child and end, against the rules of OTP said once more."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import (
    AutoShutdown,
    ChildSpec,
    ChildState,
    GiveUp,
    Leave,
    Replace,
    ShutDown,
    Strategy,
    SupervisorSpec,
    after_end,
)
from cuebook.runtime.policy.directives import Directive, Exhausted, directive_for
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import (
    Backoff,
    History,
    Park,
    Restart,
    RestartAfter,
    RestartIntensity,
    RestartPolicy,
    Terminate,
    decide,
)

KINDS = list(Restart)


def decided(spec: SupervisorSpec, children: list[ChildState], ended: str, reason: Exit, **more: Any) -> Any:
    return after_end(spec, children, ended, reason, history=History(), now=100.0, draw=0.5, **more)[0]


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("reason", Exit)
def test_every_end_of_every_child_among_every_kind_of_siblings(strategy: Strategy, reason: Exit) -> None:
    spec = SupervisorSpec(strategy=strategy)
    for kinds in itertools.product(KINDS, repeat=3):
        for running in itertools.product([True, False], repeat=2):
            for place in range(3):
                alive = list(running)
                alive.insert(place, False)
                children = [ChildState(str(n), kinds[n], False, alive[n]) for n in range(3)]
                plan = decided(spec, children, str(place), reason)
                wanted = kinds[place] is Restart.PERMANENT or (
                    kinds[place] is Restart.TRANSIENT and reason is Exit.FAILURE
                )
                if not wanted or reason is Exit.SHUTDOWN:
                    assert plan == Leave(forgets=kinds[place] is Restart.TEMPORARY)
                    continue
                affected = {"one_for_one": [place], "one_for_all": [0, 1, 2], "rest_for_one": list(range(place, 3))}
                numbers = affected[strategy]
                others = [n for n in numbers if n != place]
                assert plan.stops == tuple(str(n) for n in reversed(others) if alive[n])
                assert plan.forgets == tuple(str(n) for n in others if kinds[n] is Restart.TEMPORARY)
                assert plan.starts == tuple(str(n) for n in numbers if kinds[n] is not Restart.TEMPORARY)


def test_an_end_that_a_directive_made_final_is_not_followed_by_a_restart() -> None:
    children = [ChildState("a", Restart.PERMANENT, False, False), ChildState("b", Restart.PERMANENT, False, True)]
    spec = SupervisorSpec(strategy="one_for_all")
    assert decided(spec, children, "a", Exit.FAILURE, is_final=True) == Leave(forgets=False)


@pytest.mark.parametrize("others_run", [True, False])
@pytest.mark.parametrize("is_significant", [True, False])
@pytest.mark.parametrize("auto", AutoShutdown)
def test_the_job_is_done_when_its_significant_children_are(
    auto: AutoShutdown, is_significant: bool, others_run: bool
) -> None:
    children = [
        ChildState("a", Restart.TRANSIENT, is_significant, False),
        ChildState("b", Restart.TEMPORARY, True, others_run),
        ChildState("c", Restart.PERMANENT, False, True),
    ]
    expected = {
        AutoShutdown.NEVER: False,
        AutoShutdown.ANY_SIGNIFICANT: is_significant,
        AutoShutdown.ALL_SIGNIFICANT: is_significant and not others_run,
    }[auto]
    plan = decided(SupervisorSpec(auto_shutdown=auto), children, "a", Exit.NORMAL)
    assert isinstance(plan, ShutDown) == expected
    assert isinstance(decided(SupervisorSpec(auto_shutdown=auto), children, "a", Exit.FAILURE), Replace)


def test_restarts_of_all_children_count_together_within_the_window() -> None:
    spec = SupervisorSpec(intensity=RestartIntensity(2, 10.0))
    children = [ChildState(name, Restart.PERMANENT, False, False) for name in "ab"]
    history = History()
    kinds = []
    for ended, now in [("a", 0.0), ("b", 5.0), ("a", 20.0), ("b", 21.0), ("a", 22.0)]:
        plan, history = after_end(spec, children, ended, Exit.FAILURE, history=history, now=now, draw=0.5)
        kinds.append(type(plan))
    assert kinds == [Replace, Replace, Replace, Replace, GiveUp]


def test_the_wait_grows_with_restarts_in_a_row_and_is_short_again_after_a_quiet_time() -> None:
    backoff = Backoff(first_s=1.0, max_s=100.0, jitter=0.0, reset_after_s=60.0)
    spec = SupervisorSpec(intensity=RestartIntensity(99, 1000.0), backoff=backoff)
    children = [ChildState("a", Restart.PERMANENT, False, False)]
    history, waits = History(), []
    for now in (0.0, 10.0, 20.0, 90.0, 95.0):
        plan, history = after_end(spec, children, "a", Exit.FAILURE, history=history, now=now, draw=0.5)
        assert isinstance(plan, Replace)
        waits.append(plan.delay_s)
    assert waits == [1.0, 2.0, 4.0, 1.0, 2.0]


def child(**options: Any) -> ChildSpec:
    return ChildSpec(**{"id": "c1", "factory": Actor, **options})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SupervisorSpec([child(), child()]), "two children of a supervisor have the id 'c1'"),
        (lambda: SupervisorSpec([child(id="")]), "not empty, not ''"),
        (lambda: SupervisorSpec([child(id=3)]), "not empty, not 3"),
        (lambda: SupervisorSpec([child(factory="Actor")]), "factory of child 'c1' gives an Actor or is a"),
        (lambda: SupervisorSpec([child(restart="often")]), "restart of child 'c1' is one of permanent, .* not 'often'"),
        (lambda: SupervisorSpec([child(shutdown_s=-1)]), "shutdown_s of child 'c1' is 0 or more seconds, not -1"),
        (lambda: SupervisorSpec([child(shutdown_s=float("nan"))]), "shutdown_s of child 'c1'"),
        (lambda: SupervisorSpec([child(attempts=0)]), "attempts of child 'c1' is 1 or more, not 0"),
        (lambda: SupervisorSpec([child(directives={1: "stop"})]), "directives of 'c1' are by exception type"),
        (lambda: SupervisorSpec([child(directives={OSError: "cry"})]), "directive of 'c1' for OSError is .*not 'cry'"),
        (
            lambda: SupervisorSpec([child(significant=True)], auto_shutdown="any_significant"),
            "'c1' is permanent, so it never ends",
        ),
        (
            lambda: SupervisorSpec([child(significant=True, restart="temporary")]),
            "'c1' is significant, which means nothing with auto_shutdown='never'",
        ),
        (lambda: SupervisorSpec(["c1"]), "children by ChildSpec, not 'c1'"),
        (lambda: SupervisorSpec(strategy="all_for_all"), "strategy of a supervisor is one of one_for_one, "),
        (lambda: SupervisorSpec(auto_shutdown="soon"), "auto_shutdown of a supervisor is one of never, "),
        (lambda: SupervisorSpec(intensity=RestartIntensity(-1)), "0 or more restarts"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_by_name(make: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        make()


# Directives


class Special(ConnectionError):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(), "stop"),
        (ConnectionError(), "resume"),
        (Special(), "resume"),
        (ConnectionResetError(), "escalate"),
        (ValueError(), "restart"),
        (KeyboardInterrupt(), "restart"),
    ],
)
def test_the_most_specific_directive_counts(error: BaseException, expected: str) -> None:
    directives = {OSError: "stop", ConnectionError: "resume", ConnectionResetError: Directive.ESCALATE}
    assert directive_for(error, directives) is Directive(expected)


@pytest.mark.parametrize("directive", Directive)
@pytest.mark.parametrize("on_exhausted", Exhausted)
@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("reason", Exit)
@pytest.mark.parametrize("is_exhausted", [True, False])
def test_directives_and_exhaustion_in_every_combination(
    directive: Directive, on_exhausted: Exhausted, restart: Restart, reason: Exit, is_exhausted: bool
) -> None:
    intensity = RestartIntensity(0 if is_exhausted else 1, 10.0)
    policy = RestartPolicy(restart, intensity, Backoff(), {}, on_exhausted)
    decision, _ = decide(policy, reason, History(), now=1.0, ran_s=0.0, draw=0.5, directive=directive)
    if reason is Exit.FAILURE and directive in (Directive.STOP, Directive.ESCALATE):
        assert decision == Terminate(is_escalated=directive is Directive.ESCALATE)
    elif (
        reason is Exit.SHUTDOWN
        or restart is Restart.TEMPORARY
        or restart is Restart.TRANSIENT
        and reason is Exit.NORMAL
    ):
        assert decision == Terminate()
    elif not is_exhausted:
        assert isinstance(decision, RestartAfter)
    elif on_exhausted is Exhausted.PARK:
        assert decision == Park()
    else:
        assert decision == Terminate(is_exhausted=True, is_escalated=on_exhausted is Exhausted.ESCALATE)


def test_the_children_of_a_supervisor_are_a_list() -> None:
    for wrong in (ChildSpec("a", object), object):
        with pytest.raises(TypeError, match="a list of ChildSpec, not"):
            SupervisorSpec(wrong)  # type: ignore[arg-type]
