"""What is printed: harmless to a terminal, readable in a pipe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.cli.output import count_of, duration, iso_time, printable, rate, stretches, table


@given(st.text())
def test_nothing_printed_steers_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(letter) < 32 and letter not in "\n\t" or 127 <= ord(letter) < 160 for letter in shown)
    assert not any(unicodedata.bidirectional(letter) in _TURNING for letter in shown)
    shown.encode()


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200f", "\ud800"])
def test_what_turns_a_line_round_or_is_no_letter_is_an_escape(letter: str) -> None:
    assert printable(f"Cart/{letter}gnp") == f"Cart/\\u{ord(letter):04x}gnp"


def test_a_very_long_cell_leaves_a_table_readable(capsys: pytest.CaptureFixture[str]) -> None:
    table(("actor", "events"), [("Cart/" + "x" * 10_000, "1"), ("Cart/a", "2")])
    lines = capsys.readouterr().out.splitlines()
    assert {len(line) for line in lines} == {120 + 2 + 6}
    assert lines[1].split()[0].endswith("x…")


def test_a_table_in_a_pipe_has_aligned_columns_and_no_rules(capsys: pytest.CaptureFixture[str]) -> None:
    table(("run", "function"), [("1", "f\x1b[31m"), ("12", "long\nname")])
    assert capsys.readouterr().out == "run  function\n  1  f\\x1b[31m\n 12  long name\n"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.0042, "4.2 ms"),
        (5.25, "5.25 s"),
        (59.99, "60 s"),
        (75, "1 min 15 s"),
        (3599, "59 min 59 s"),
        (7384, "2 h 3 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_unknown_numbers_are_said_to_be_unknown() -> None:
    assert (count_of(5, None), rate(None), iso_time(None)) == ("5/?", "-", None)


def test_a_long_list_of_lost_records_is_cut_and_the_rest_counted() -> None:
    assert stretches([(3, 3), (5, 9)]) == "3, 5 to 9"
    shown = stretches([(n, n) for n in range(1, 2001, 2)])
    assert shown.startswith("1, 3, 5")
    assert shown.endswith("39, and 980 more")
