"""What of a chain is done again after an edit, and what is not: functions by their code, rows by their values."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

import cuebook
import cuebook.data as dc
from tests.data.conftest import ScriptHere

Program = Callable[[], AbstractContextManager[object]]

SCRIPT = """
import cuebook.data as dc

FACTOR = 2

def note(text):
    with open("calls", "a") as file:
        file.write(text + "\\n")

def helper(x):
    return x * FACTOR

def first(x):
    note(f"first{x}")
    return helper(x) + 10

chain = dc.read_values(x=[1, 2]).settings(where="thread")
one = chain.map(one=first, output=int).save("one")
two = one.map(two=lambda one: note(f"second{one}") or one + 5, output=int).filter(dc.C("two") > 0).save("two")
print(two.to_values("two"))
"""
FIRST, SECOND = ["first1", "first2"], ["second12", "second14"]


@pytest.mark.parametrize(
    ("old", "new", "calls"),
    [
        ("FACTOR = 2", "FACTOR = 3", [*FIRST, "second13", "second16"]),
        ("return x * FACTOR", "return x * FACTOR + 1", [*FIRST, "second13", "second15"]),
        ("return x * FACTOR", "return FACTOR * x", FIRST),
        ("one + 5", "one + 6", SECOND),
        ("output=int).filter", "output=float).filter", SECOND),
        ('dc.C("two") > 0', 'dc.C("two") > 1', []),
        ("x=[1, 2]", "x=[1, 2, 3]", ["first3", "second16"]),
        ("    return helper(x) + 10", "    # a comment\n    return helper(x) +   10", []),
        (".map(two=", ".mutate(more=1).map(two=", []),
        ('"one")', '"other")', []),
    ],
    ids=[
        "global", "helper", "helper, equal results", "constant of a lambda", "type", "condition", "rows", "comment",
        "a step before", "name of the data set",
    ],
)  # fmt: skip
def test_an_edit_calls_what_it_changes_and_no_other_row(here: ScriptHere, old: str, new: str, calls: list[str]) -> None:
    here.write(SCRIPT)
    answer, made = here.run()
    assert (answer, made) == ("[17, 19]", [*FIRST, *SECOND])
    here.edit(old, new)

    after, made = here.run()

    assert made == calls
    assert here.run() == (after, [])


def test_the_reasons_are_said(here: ScriptHere) -> None:
    here.write(SCRIPT)
    here.run()
    here.edit("FACTOR = 2", "FACTOR = 3")
    here.run()

    assert "one is redone: global FACTOR: 2 -> 3" in here.stderr
    assert "two is redone because of one" in here.stderr


def test_everything_is_done_again_where_that_is_asked_for(here: ScriptHere, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write(SCRIPT)
    here.run()

    monkeypatch.setenv("CUEBOOK_RESET_STAGES", "two")
    assert here.run()[1] == SECOND
    monkeypatch.setenv("CUEBOOK_RESET", "1")
    assert here.run()[1] == [*FIRST, *SECOND]


BROKEN = """
import cuebook.data as dc

def note(text):
    with open("calls", "a") as file:
        file.write(text + "\\n")

def worth(x):
    note(str(x))
    if x == 4:
        raise ValueError("four")
    return x * 2

chain = dc.read_values(x=range(5)).settings(where="thread")
made = chain.map(worth=worth, output=int).save("worth")
print(made.to_values("worth"))
"""


def test_after_a_mended_bug_finished_rows_of_the_old_code_are_done_again(here: ScriptHere) -> None:
    here.write(BROKEN)
    assert here.run(fails=cuebook.CallFailed)[1] == ["0", "1", "2", "3", "4"]
    here.edit('raise ValueError("four")', "return 40")

    assert here.run() == ("[0, 2, 4, 6, 40]", ["0", "1", "2", "3", "4"])


def test_kept_on_demand_they_stay_and_the_record_says_which_code_made_which_rows(here: ScriptHere) -> None:
    here.write(BROKEN)
    here.run(fails=cuebook.CallFailed)
    here.edit('raise ValueError("four")', "return 40")
    here.edit("return x * 2", "return x * 100")
    here.edit("output=int)", "output=int, keep=True)")
    here.edit('print(made.to_values("worth"))', 'print(made.to_values("worth"))\nprint(made.codes())')

    answer, calls = here.run()

    rows, codes = answer.splitlines()
    assert (rows, calls) == ("[0, 2, 4, 6, 40]", ["4"])
    assert [count for _, count in eval(codes).items()] == [4, 1]
    assert len(set(eval(codes))) == 2


def test_rows_of_a_whole_earlier_version_are_kept_on_demand(program: Program) -> None:
    def run(factor: int, count: int) -> list[int]:
        with program():
            chain = dc.read_values(x=range(count)).settings(where="thread", keep=True)
            return chain.map(y=lambda x: x * factor, output=int).save("y").to_values("y")

    assert run(2, 3) == [0, 2, 4]
    assert run(3, 5) == [0, 2, 4, 9, 12]


def test_rows_of_a_function_that_is_called_otherwise_are_not_taken(program: Program) -> None:
    def back(x: list[int]) -> list[int]:
        return x[::-1]

    def run(batch: bool) -> list[object]:
        with program():
            chain = dc.read_values(x=[[1, 2], [3, 4]]).settings(where="thread")
            return chain.map(y=back, batch=batch, output=list[int]).save("y").to_values("y")

    assert run(batch=False) == [[2, 1], [4, 3]]
    assert run(batch=True) == [[3, 4], [1, 2]]


def test_a_python_function_inside_of_an_expression_is_refused(program: Program) -> None:
    with program(), pytest.raises(dc.DataError, match=r"give it to map\(\)"):
        dc.read_values(x=[1]).filter(dc.C("x").map_elements(hash, return_dtype=bool))
