"""Each kind of record is known in two places: its head, and its fold."""

from __future__ import annotations

import hashlib

import pytest

from cuebook.persistence.history.replay import FAMILIES, family_of
from cuebook.persistence.records.families import KEEPING, dropped_by, kept_by
from cuebook.persistence.records.head import HEADS, Head
from cuebook.persistence.records.job_heads import StageKept, StageState
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import STATES_KEPT, Completed, StateKept
from cuebook.persistence.records.stream_heads import SnapshotKept


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_head(kind: Kind) -> None:
    assert HEADS[kind].kind is kind
    assert issubclass(HEADS[kind], Head)


@pytest.mark.parametrize("kind", set(Kind) - {Kind.JOURNAL})
def test_every_kind_belongs_to_one_family(kind: Kind) -> None:
    assert [family for family in FAMILIES if kind in family.folds] == [family_of(kind)]


def test_the_first_record_belongs_to_none() -> None:
    assert family_of(Kind.JOURNAL) is None


def test_what_tells_of_a_state_says_whose_it_is_and_how_many_stay() -> None:
    digest = hashlib.sha256(b"state").digest()
    state = StateKept(5, 1, None, digest, 5, b"", 0.0).entry(3)
    snapshot = SnapshotKept(9, digest, 5, 4, 0.0).entry(-2)

    found = [kept_by(state), kept_by(snapshot)]

    assert {Kind.STATE, Kind.SNAPSHOT, Kind.STAGE_STATE} == KEEPING
    assert [(each.owner, each.digest, each.most) for each in found if each] == [
        ((3, 5), digest, STATES_KEPT),
        ((-2, 0), digest, 4),
    ]
    assert kept_by(Entry(Kind.EVENTS, -2, b"")) is None


def test_a_stage_that_is_done_needs_its_states_no_more_whichever_run_kept_them() -> None:
    (told,) = {kept_by(StageState(b"h" * 16, "fit", 1, None, b"d", 5, 0.0).entry(run)) for run in (3, 4)}
    done = StageKept(
        b"h" * 16, "fit", 1, 1, "value", b"", 1, (), None, b"v" * 16, 0.0, 0.0, (), (), b"", ()
    ).entry(5, b"")  # fmt: skip

    assert told is not None
    assert list(dropped_by(done)) == [told.owner]
    assert told.owner[0] == 0, "of no run of calls, and of no stream"


def test_completed_calls_need_their_states_no_more() -> None:
    head = Completed(4, None, 2, 0.0, b"\0" * 8, b"\0" * 8, b"\0" * 8)

    assert list(dropped_by(head.entry(3, b""))) == [(3, 4), (3, 5)]
    assert list(dropped_by(Entry(Kind.FAILED, 3, b""))) == []
