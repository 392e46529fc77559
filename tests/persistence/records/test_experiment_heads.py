"""The heads of an experiment's records: their bytes are fixed, and what contradicts the line is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.replay import replay
from cuebook.persistence.records.experiment_heads import (
    AttemptBegun,
    AttemptEnded,
    CheckpointKept,
    CheckpointsDropped,
    ExperimentOpened,
)
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.record import Record
from cuebook.wire.codec import pack

BLOB = (b"d" * 32, 9)
GOLDEN: list[tuple[Head, str]] = [
    (
        ExperimentOpened("exp-1", 1.5, "base:2", {"git": {}}),
        "94a56578702d31cb3ff8000000000000a6626173653a3281a367697480",
    ),
    (
        AttemptBegun(1.5, "host", 7, 2, b"i" * 32, {"params": {"lr": 0.5}}),
        "96cb3ff8000000000000a4686f73740702c420" + "69" * 32 + "81a6706172616d7381a26c72cb3fe0000000000000",
    ),
    (
        CheckpointKept(3, "abc1234", 1.5, "half", {"loss": 1}, BLOB, (), "train", True),
        "9903a761626331323334cb3ff8000000000000a468616c6681a46c6f73730192c420" + "64" * 32 + "0990a5747261696ec3",
    ),
    (
        AttemptEnded(1.5, "killed", -9, "/a", ("train.log",)),
        "95cb3ff8000000000000a66b696c6c6564f7a22f6191a9747261696e2e6c6f67",
    ),
    (CheckpointsDropped((1, 2), 1.5), "92920102cb3ff8000000000000"),
]


@pytest.mark.parametrize(("head", "golden"), GOLDEN)
def test_the_bytes_of_a_head_are_fixed(head: Head, golden: str) -> None:
    assert head.encode().hex() == golden
    assert type(head).decode(bytes.fromhex(golden)) == head


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (ExperimentOpened, ["exp-1", 1.5, "", []]),
        (CheckpointKept, [-1, "a", 1.5, None, {}, [], [], "", False]),
        (CheckpointKept, [1, "a", 1.5, None, {}, [b"short", 1], [], "", False]),
        (CheckpointKept, [1, "a", 1.5, None, {}, [b"d" * 32], [], "", False]),
        (AttemptEnded, [1.5, "killed", -9, "", [1]]),
        (ExperimentOpened, ["exp-1", float("nan"), "", {}]),
        (ExperimentOpened, ["exp-1", 1.5, "", {"git": 1}]),
        (ExperimentOpened, ["exp-1", 1.5, "", {"git": {"commit": 7}}]),
        (ExperimentOpened, ["exp-1", 1.5, "", {1: 2}]),
        (AttemptBegun, [1.5, "host", 7, -1, b"", {}]),
        (AttemptBegun, [1.5, "host", True, 1, b"", {}]),
        (AttemptBegun, [1.5, "host", 7, 1, b"", {"params": [1]}]),
        (CheckpointKept, [1, "../x", 1.5, None, {}, [], [], "", False]),
        (CheckpointKept, [1, "a", 1e300, None, {}, [], [], "", False]),
        (AttemptEnded, [1 << 60, "killed", -9, "", []]),
        (CheckpointsDropped, [[-1], 1.5]),
        (CheckpointsDropped, [["x"], 1.5]),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(cls: type[Head], fields: list[Any]) -> None:
    with pytest.raises(JournalCorrupt):
        cls.decode(pack(fields))


def records(*heads: Head) -> list[Record]:
    """As they stand in a journal."""
    return [Record(seq, head.kind, 0, head.encode(), None, b"") for seq, head in enumerate(heads, 2)]


def kept(number: int, *, ends: bool = False) -> CheckpointKept:
    return CheckpointKept(number, f"{number:07x}", 1.5, None, {}, (), (), "s", ends)


OPENED, BEGUN = GOLDEN[0][0], GOLDEN[1][0]


def test_the_last_checkpoint_is_the_newest_whose_files_are_kept() -> None:
    state = replay(records(OPENED, BEGUN, kept(0), kept(1), kept(2), CheckpointsDropped((2,), 2.0)))

    assert state.line is not None
    assert state.line.last == kept(1)
    assert state.line.next_number == 3


def test_a_stage_that_ended_well_is_done_until_the_experiment_is_finished() -> None:
    heads = (OPENED, BEGUN, kept(0), kept(1, ends=True))
    lost, finished = (AttemptEnded(2.0, outcome, 0, "", ()) for outcome in ("lost", "finished"))

    assert [replay(records(*heads, end)).line.stages_done for end in (lost, finished)] == [{"s"}, set()]  # type: ignore[union-attr]


@pytest.mark.parametrize("heads", [(OPENED, OPENED), (BEGUN,), (OPENED, kept(1)), (OPENED, kept(0), kept(2))])
def test_what_contradicts_the_line_is_damage(heads: tuple[Head, ...]) -> None:
    with pytest.raises(JournalCorrupt):
        replay(records(*heads))
