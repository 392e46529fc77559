"""The Supervisor beside the simulation: what it owes when it fails in the middle of its messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from cuebook.actors.messages import Append, RunChanged
from cuebook.actors.supervisor import Supervisor
from cuebook.persistence.records.record import Entry, Kind
from tests.support.crew import Post


def test_what_came_in_before_a_failure_is_sent_to_the_journal_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Post()
    run: Any = SimpleNamespace(key=1, number=1, journal=journal)
    table: Any = SimpleNamespace(inbox=deque(), in_hand=None, incarnation=0)
    supervisor = Supervisor(table)
    supervisor.context = SimpleNamespace(clock=SimpleNamespace(monotonic=lambda: 0.0))  # type: ignore[assignment]

    def handle(message: RunChanged) -> Iterable[Any]:
        if message.run == 2:
            raise ValueError("in the second message")
        supervisor.outbox.write(run, [Entry(Kind.COMPLETED, 1, b"head", b"body")])
        return ()

    monkeypatch.setattr(supervisor, "_handle", handle)
    deliveries: Any = [SimpleNamespace(message=RunChanged(number)) for number in (1, 2)]
    with pytest.raises(ValueError, match="second"):
        supervisor.receive_many(deliveries)
    (append,) = journal.told
    assert isinstance(append, Append)
    assert append.entries == (Entry(Kind.COMPLETED, 1, b"head", b"body"),)
