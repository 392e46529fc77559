"""A call's question to its parent is answered once, or given up when nobody is there to answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cuebook.engines.calls.protocol import StateFound, StateKeptAck, StateSaved, StateWanted
from cuebook.engines.calls.states import StateExchange
from cuebook.errors import JournalError
from cuebook.wire.message import decode


def exchange(answer: Any) -> StateExchange:
    """An exchange whose parent answers each question by `answer(question)`; None: not at all."""
    made: list[StateExchange] = []

    def send(frame: bytes) -> None:
        reply = answer(decode(frame))
        if reply is not None:
            made[0].answer(reply)

    made.append(StateExchange(send))
    made[0].serve(7, lambda value: repr(value).encode(), lambda data: data.decode())
    return made[0]


def test_a_state_is_sent_encoded_with_its_call_and_run() -> None:
    asked: list[Any] = []

    def answer(question: Any) -> Any:
        asked.append(question)
        return StateKeptAck(question.ticket, 3, None)

    assert exchange(answer).save_state(5, "label", {"x": 1}, {}) == 3
    [question] = asked
    assert isinstance(question, StateSaved)
    assert (question.run, question.index, question.label, question.state) == (7, 5, "label", b"{'x': 1}")


def test_what_could_not_be_kept_is_an_error_with_the_reason() -> None:
    states = exchange(lambda question: StateKeptAck(question.ticket, 0, "disk full"))
    with pytest.raises(JournalError, match="call 5 is not kept: disk full"):
        states.save_state(5, None, 1, {})


def test_a_state_that_is_not_there_is_the_default() -> None:
    assert exchange(lambda question: StateFound(question.ticket, None)).find_state(1, "default") == "default"
    assert exchange(lambda question: StateFound(question.ticket, b"found")).find_state(1, "default") == "found"


def test_a_state_without_bytes_is_not_sent() -> None:
    sent: list[Any] = []
    states = exchange(sent.append)
    states.serve(7, lambda value: 1 / 0, bytes)  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        states.save_state(1, None, "x", {})
    assert sent == []


def test_questions_of_several_threads_get_their_own_answers() -> None:
    waiting: list[Any] = []
    states = exchange(waiting.append)
    found: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n: found.__setitem__(n, states.find_state(n, None)), args=(n,)) for n in range(5)
    ]
    for thread in threads:
        thread.start()
    while len(waiting) < 5:
        threads[0].join(0.001)
    for question in reversed(waiting):
        assert isinstance(question, StateWanted)
        states.answer(StateFound(question.ticket, f"of {question.index}".encode()))
        states.answer(StateFound(question.ticket, b"a second answer"))
    for thread in threads:
        thread.join(10)
    assert found == {n: f"of {n}" for n in range(5)}


def test_whoever_waits_when_the_worker_is_given_up_goes_on() -> None:
    asked = threading.Event()
    states = exchange(lambda question: asked.set())
    outcome: list[Any] = []

    def save() -> None:
        try:
            states.save_state(1, None, "x", {})
        except JournalError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=save)
    thread.start()
    assert asked.wait(10)
    states.close()
    thread.join(10)
    assert "given up" in outcome[0]
    assert states.find_state(1, "default") == "default"
    with pytest.raises(JournalError, match="given up"):
        states.save_state(1, None, "x", {})
