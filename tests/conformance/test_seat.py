"""What every seat promises: one writer at a time, known to all, and what it noted stays when it is gone."""

from __future__ import annotations

import os

import pytest

from cuebook.errors import JournalBusy
from cuebook.persistence.stores.port import Medium, Note

pytestmark = pytest.mark.quick

JOURNAL, LINK = b"i" * 16, b"h" * 32


def test_a_seat_is_taken_by_one_at_a_time_and_free_once_it_is_released(medium: Medium) -> None:
    first = medium.seat()
    first.take()
    with pytest.raises(JournalBusy, match=str(os.getpid())) as caught:
        first.note(JOURNAL, 1, LINK)
        medium.seat().take()
    assert caught.value.pid == os.getpid()
    first.release()
    second = medium.seat()
    second.take()
    second.release()
    second.release()


def test_a_seat_that_was_refused_is_not_released_by_whoever_was_refused(medium: Medium) -> None:
    first, second = medium.seat(), medium.seat()
    first.take()
    with pytest.raises(JournalBusy):
        second.take()
    second.release()
    with pytest.raises(JournalBusy):
        second.take()
    first.release()


def test_a_note_is_read_by_all_and_found_by_whoever_takes_the_seat_next(medium: Medium) -> None:
    seat = medium.seat()
    assert seat.noted() is None
    seat.take()
    assert seat.before is None
    seat.note(JOURNAL, 3, LINK)
    held = Note(JOURNAL, 3, LINK, seat.holder, is_held=True)
    assert medium.seat().noted() == held
    seat.note(JOURNAL, 4, LINK, is_held=False)
    seat.release()
    after = medium.seat()
    assert after.noted() == Note(JOURNAL, 4, LINK, seat.holder, is_held=False)
    after.take()
    assert after.before == after.noted()
    after.release()


def test_nobody_notes_anything_who_has_not_taken_the_seat(medium: Medium) -> None:
    seat = medium.seat()
    seat.take()
    seat.note(JOURNAL, 3, LINK)
    medium.seat().note(JOURNAL, 9, LINK)
    seat.release()
    seat.note(JOURNAL, 9, LINK)
    noted = medium.seat().noted()
    assert noted is not None
    assert noted.seq == 3


def test_what_was_noted_of_a_journal_that_is_gone_is_forgotten(medium: Medium) -> None:
    seat = medium.seat()
    seat.take()
    seat.note(JOURNAL, 3, LINK)
    seat.release()
    seat = medium.seat()
    seat.take()
    seat.clear()
    assert seat.before is None
    assert seat.noted() is None
    seat.release()


def test_whoever_asks_is_told_who_has_it_and_takes_nothing(medium: Medium) -> None:
    seat = medium.seat()
    assert seat.occupant() is None
    seat.take()
    seat.note(JOURNAL, 1, LINK)
    assert medium.seat().occupant() == seat.holder
    assert seat.holder.pid == os.getpid()
    seat.release()
    assert medium.seat().occupant() is None


def test_a_person_is_told_what_to_do_where_the_end_is_missing(medium: Medium) -> None:
    seat = medium.seat()
    assert seat.reset
    assert seat.how_lost.endswith("?")
