"""Every decision about a restart, over plain data."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import (
    Backoff,
    History,
    Restart,
    RestartAfter,
    RestartIntensity,
    RestartPolicy,
    Terminate,
    add_restart,
    backoff_delay,
    decide,
    is_restarted,
)

TABLE = {
    (Restart.PERMANENT, Exit.NORMAL): True,
    (Restart.PERMANENT, Exit.SHUTDOWN): False,
    (Restart.PERMANENT, Exit.FAILURE): True,
    (Restart.TRANSIENT, Exit.NORMAL): False,
    (Restart.TRANSIENT, Exit.SHUTDOWN): False,
    (Restart.TRANSIENT, Exit.FAILURE): True,
    (Restart.TEMPORARY, Exit.NORMAL): False,
    (Restart.TEMPORARY, Exit.SHUTDOWN): False,
    (Restart.TEMPORARY, Exit.FAILURE): False,
}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(itertools.product(Restart, Exit))


@pytest.mark.parametrize(("restart", "reason"), TABLE)
def test_policy_and_reason_decide(restart: Restart, reason: Exit) -> None:
    assert is_restarted(restart, reason) is TABLE[restart, reason]
    decision, history = decide(RestartPolicy(restart), reason, History(), now=10.0, ran_s=1.0, draw=0.5)
    if TABLE[restart, reason]:
        assert decision == RestartAfter(0.01)
        assert history.restarts == (10.0,)
    else:
        assert decision == Terminate()
        assert history == History()


def test_the_window_forgets_what_is_older() -> None:
    intensity = RestartIntensity(restarts_max=2, within_s=5.0)
    assert add_restart((), 0.0, intensity) == ((0.0,), True)
    assert add_restart((4.0, 0.0), 5.0, intensity) == ((5.0, 4.0, 0.0), False)
    assert add_restart((4.0, 0.0), 5.1, intensity) == ((5.1, 4.0), True)


def test_no_restart_at_all_is_an_intensity() -> None:
    assert add_restart((), 0.0, RestartIntensity(restarts_max=0)) == ((0.0,), False)


@given(st.lists(st.floats(0, 100), max_size=30), st.integers(0, 5), st.floats(0.1, 20))
def test_exhaustion_is_more_than_max_within_any_window(times: list[float], restarts_max: int, within_s: float) -> None:
    """Against the definition, counted afresh at each restart."""
    intensity = RestartIntensity(restarts_max, within_s)
    window: tuple[float, ...] = ()
    times = sorted(times)
    for place, now in enumerate(times):
        window, is_allowed = add_restart(window, now, intensity)
        within = [then for then in times[: place + 1] if now - then <= within_s]
        assert is_allowed is (len(within) <= restarts_max)


def test_the_delay_grows_to_its_maximum() -> None:
    backoff = Backoff(first_s=1.0, max_s=10.0, factor=2.0, jitter=0.0)
    assert [backoff_delay(backoff, n, 0.5) for n in (1, 2, 3, 4, 5, 10_000_000)] == [1, 2, 4, 8, 10, 10]


def test_a_delay_of_nothing_stays_nothing() -> None:
    assert backoff_delay(Backoff(first_s=0.0), 1_000_000, 1.0) == 0.0


def test_a_factor_of_one_is_constant() -> None:
    assert backoff_delay(Backoff(first_s=0.5, factor=1.0, jitter=0.0), 10**9, 0.5) == 0.5


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
def test_jitter_stays_within_its_share(jitter: float, draw: float, in_row: int) -> None:
    bare = backoff_delay(Backoff(first_s=0.1, jitter=0.0), in_row, 0.5)
    delay = backoff_delay(Backoff(first_s=0.1, jitter=jitter), in_row, draw)
    assert bare * (1 - jitter) - 1e-9 <= delay <= bare * (1 + jitter) + 1e-9


def _delays(runs: list[tuple[Exit, float]]) -> list[float]:
    policy = RestartPolicy(
        intensity=RestartIntensity(1000, 1.0), backoff=Backoff(first_s=1.0, jitter=0.0, reset_after_s=10.0)
    )
    history, delays = History(), []
    for now, (reason, ran_s) in enumerate(runs):
        decision, history = decide(policy, reason, history, now=float(now), ran_s=ran_s, draw=0.5)
        assert isinstance(decision, RestartAfter)
        delays.append(decision.delay_s)
    return delays


def test_failures_in_a_row_wait_longer() -> None:
    assert _delays([(Exit.FAILURE, 0.0), (Exit.FAILURE, 9.9), (Exit.FAILURE, 0.0)]) == [1, 2, 4]


def test_a_long_run_begins_a_new_row() -> None:
    assert _delays([(Exit.FAILURE, 0.0), (Exit.FAILURE, 0.0), (Exit.FAILURE, 10.0), (Exit.FAILURE, 0.0)]) == [
        1,
        2,
        1,
        2,
    ]


def test_a_normal_end_begins_a_new_row() -> None:
    assert _delays([(Exit.FAILURE, 0.0), (Exit.FAILURE, 0.0), (Exit.NORMAL, 0.0)]) == [1, 2, 1]


def test_exhaustion_terminates_and_says_so() -> None:
    policy = RestartPolicy(intensity=RestartIntensity(1, 5.0))
    _, history = decide(policy, Exit.FAILURE, History(), now=0.0, ran_s=0.0, draw=0.5)
    decision, _ = decide(policy, Exit.FAILURE, history, now=1.0, ran_s=0.0, draw=0.5)
    assert decision == Terminate(is_exhausted=True)
    decision, _ = decide(policy, Exit.FAILURE, history, now=5.5, ran_s=0.0, draw=0.5)
    assert isinstance(decision, RestartAfter)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Backoff(first_s=-1),
        lambda: Backoff(first_s=10, max_s=5),
        lambda: Backoff(factor=0.5),
        lambda: Backoff(jitter=1.1),
        lambda: Backoff(reset_after_s=-1),
        lambda: RestartIntensity(-1),
        lambda: RestartIntensity(within_s=0),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):
        wrong()  # type: ignore[operator]
