"""The table of messages in flight: what was begun, what is answered, and what becomes of the rest."""

from __future__ import annotations

import itertools

import pytest

from cuebook.processes.flight import Flight, Landing


def flight_of(kinds: str) -> Flight[str]:
    """One with a message for each letter: `a` an ask, `t` a tell; their names are letter and number."""
    flight: Flight[str] = Flight()
    for number, kind in enumerate(kinds, 1):
        assert flight.next_number == number
        assert flight.send(f"{kind}{number}", number, is_ask=kind == "a") == number
    return flight


@pytest.mark.parametrize("kinds", ["".join(kinds) for kinds in itertools.product("at", repeat=4)])
def test_every_message_lands_in_exactly_one_place(kinds: str) -> None:
    """Whatever was begun as far as the owner knew, and in truth, and whatever was answered."""
    names = [f"{kind}{number}" for number, kind in enumerate(kinds, 1)]
    for known, begun in itertools.combinations_with_replacement(range(5), 2):
        for answered in range(known + 1):
            for in_hand in {0, begun}:
                flight = flight_of(kinds)
                flight.begin(known)
                for number in range(1, answered + 1):
                    expected = names[number - 1] if kinds[number - 1] == "a" else None
                    assert flight.answer(number) == expected
                    assert flight.answer(number) is None
                landing = flight.land(begun, in_hand)
                assert landing.not_begun == names[begun:]
                assert landing.in_hand == (names[in_hand - 1] if in_hand > answered else None)
                open_asks = [name for name in names[answered:begun] if name[0] == "a" and name != landing.in_hand]
                assert landing.begun == open_asks
                assert (len(flight), flight.size, flight.unanswered, flight.next_number) == (0, 0, 0, 5)
                assert flight.is_empty
                assert flight.land(0, 0) == Landing([], None, [])


def test_sizes_are_of_what_was_not_begun() -> None:
    flight = flight_of("tat")
    assert flight.size == 6
    flight.begin(2)
    assert (flight.size, len(flight), flight.begun_count) == (3, 1, 2)
    flight.begin(1)
    assert (flight.size, len(flight), flight.begun_count) == (3, 1, 2)
    assert [entry for _, entry in flight.asked()] == ["a2"]


def test_more_cannot_be_begun_than_was_sent() -> None:
    flight = flight_of("tt")
    with pytest.raises(ValueError, match="message 3 was begun, and 2 were sent"):
        flight.begin(3)
    assert len(flight) == 2


def test_what_the_page_of_a_dead_process_says_is_bounded_by_what_was_sent() -> None:
    assert flight_of("tt").land(99, 0).not_begun == []
