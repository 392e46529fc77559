"""The heads of a job's records: their bytes are fixed, and what contradicts the job is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.replay import replay
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.job_heads import JobClosed, JobOpened, StageKept, StageRead, StageState, StepKept
from cuebook.persistence.records.record import Record
from cuebook.wire.codec import pack

STAGE = StageKept(
    b"h" * 16, "load", 1, 2, "value", b"d" * 32, 9, ((b"p" * 32, 9),), 3, b"v" * 16, 1.5, 0.5, (b"u" * 16,),
    (StageRead("file", "/a", 0, b"f", (1, 2, 3, 4, 1)),), b"", ("why",),
)  # fmt: skip
GOLDEN: list[tuple[Head, str]] = [
    (
        JobOpened("job", 1.5, 7, "host", "python job.py", b"k" * 16, 1),
        "97a36a6f62cb3ff800000000000007a4686f7374ad707974686f6e206a6f622e7079c410" + "6b" * 16 + "01",
    ),
    (
        STAGE,
        "dc0010c410" + "68" * 16 + "a46c6f61640102a576616c7565c420" + "64" * 32 + "099192c420" + "70" * 32 + "0903c410"
        + "76" * 16 + "cb3ff8000000000000cb3fe000000000000091c410" + "75" * 16
        + "9195a466696c65a22f6100c40166950102030401c40091a3776879",
    ),
    (
        StepKept(b"k" * 16, "charge", 1, 1.5, 0.5),
        "95c410" + "6b" * 16 + "a663686172676501cb3ff8000000000000cb3fe0000000000000",
    ),
    (
        StageState(b"h" * 16, "fit", 3, "epoch", b"d" * 32, 100, 1.5),
        "97c410" + "68" * 16 + "a366697403a565706f6368c420" + "64" * 32 + "64cb3ff8000000000000",
    ),
    (
        JobClosed(1.5, "failed", "ValueError: no", (3, 4), 2),
        "95cb3ff8000000000000a66661696c6564ae56616c75654572726f723a206e6f92030402",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("head", "golden"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_bytes_of_a_head_are_fixed(head: Head, golden: str) -> None:
    assert head.encode().hex() == golden
    assert type(head).decode(bytes.fromhex(golden)) == head


@pytest.mark.parametrize(
    ("cls", "place", "wrong"),
    [
        (StageKept, 0, b"short"),
        (StageState, 0, b"short"),
        (StageKept, 12, [1]),
        (StageKept, 13, [["file"]]),
        (StageKept, 15, [1]),
        (JobClosed, 3, ["x"]),
        (JobOpened, 1, float("inf")),
        (JobOpened, 1, 1 << 62),
        (JobOpened, 2, -1),
        (JobOpened, 6, True),
        (StageKept, 2, -1),
        (StageKept, 6, -1),
        (StageKept, 7, [["x", 1]]),
        (StageKept, 7, [[b"x", -1]]),
        (StageKept, 8, -1),
        (StageKept, 11, float("nan")),
        (StageKept, 13, [["file", "/a", -1, b"", []]]),
        (StageKept, 13, [["file", "/a", 0, b"", ["x"]]]),
        (StepKept, 2, -1),
        (StepKept, 3, 1e300),
        (JobClosed, 3, [-1]),
    ],
)
def test_fields_that_make_no_sense_are_refused(cls: type[Head], place: int, wrong: Any) -> None:
    from cuebook.wire.codec import unpack

    head = next(each for each, _ in GOLDEN if type(each) is cls)
    fields = unpack(head.encode())
    assert isinstance(fields, list)
    fields[place] = wrong

    with pytest.raises(JournalCorrupt):
        cls.decode(pack(fields))


@pytest.mark.parametrize("head", [STAGE, *(head for head, _ in GOLDEN[2:])], ids=lambda head: type(head).__name__)
def test_a_record_of_a_run_that_was_never_opened_is_refused(head: Head) -> None:
    with pytest.raises(JournalCorrupt, match="never opened"):
        replay([Record(2, head.kind, 1, head.encode(), b"", b"")])


def test_of_equal_lineages_the_newest_is_known_and_of_equal_steps_the_first() -> None:
    opened, step = GOLDEN[0][0], GOLDEN[2][0]
    heads = [opened, STAGE, STAGE, step, step]
    job = replay([Record(seq, head.kind, 1, head.encode(), b"", b"") for seq, head in enumerate(heads, 2)]).job

    assert job.stages[b"h" * 16].seq == 4
    assert job.steps[b"k" * 16][0] == 5
