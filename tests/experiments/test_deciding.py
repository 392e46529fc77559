"""What a run in a workspace is to do, decided without touching anything."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.experiments.deciding import Decision, What, Wish, decide
from cuebook.experiments.inputs import Inputs
from cuebook.experiments.lines import Ref
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.records.experiment_heads import AttemptBegun, AttemptEnded, CheckpointKept, ExperimentOpened

INPUTS = Inputs({"lr": 1}, {"p.py": "aa", "p.log": "11"}, ("python p.py",), ("p.py", "p.log"))


def line(outcome: str, checkpoints: int = 2, *, written: tuple[str, ...] = (), parent: str = "") -> LineState:
    found = LineState(ExperimentOpened("one", 1.0, parent, {}))
    facts = {"params": INPUTS.params, "deps": INPUTS.deps, "commands": list(INPUTS.commands)}
    found.begin(AttemptBegun(1.0, "h", 1, 0, INPUTS.digest, facts))
    for number in range(checkpoints + 1):
        found.add(number, CheckpointKept(number, "a", 1.0, None, {}, (), (), "", False))
    found.end(AttemptEnded(2.0, outcome, 0, "", written))
    return found


def with_(**changed: Any) -> Inputs:
    values = {"params": INPUTS.params, "deps": INPUTS.deps, "commands": INPUTS.commands}
    return Inputs(**{**values, **changed})


LAST = Ref("one", 2)


@pytest.mark.parametrize(
    ("wish", "head", "state", "inputs", "what", "start"),
    [
        (Wish(), None, None, INPUTS, What.BEGIN, None),
        (Wish(), LAST, line("killed"), INPUTS, What.GO_ON, LAST),
        (Wish(), LAST, line("finished"), INPUTS, What.NOTHING, LAST),
        (Wish(forces=True), LAST, line("finished"), INPUTS, What.GO_ON, LAST),
        (Wish(resets=True), LAST, line("killed"), INPUTS, What.BEGIN, None),
        (Wish(start=Ref("one", 1)), LAST, line("finished"), INPUTS, What.BRANCH, Ref("one", 1)),
        (Wish(), Ref("one", 1), line("finished"), INPUTS, What.BRANCH, Ref("one", 1)),
        (Wish(), LAST, line("finished"), with_(params={"lr": 2}), What.BRANCH, LAST),
        (Wish(), LAST, line("finished"), with_(commands=("python p.py 2",)), What.BRANCH, LAST),
        (Wish(), LAST, line("killed"), with_(deps={"p.py": "bb", "p.log": "11"}), What.BRANCH, LAST),
        (Wish(), LAST, line("finished", written=("p.log",)), with_(deps={"p.py": "aa", "p.log": "22"}), What.NOTHING, LAST),
        (Wish(), Ref("one", 0), line("failed", 0), with_(params={}), What.BEGIN, None),
        (Wish(), Ref("one", 0), line("failed", 0, parent="x:1"), with_(params={}), What.BRANCH, Ref("one", 0)),
        (Wish(), LAST, None, INPUTS, What.BEGIN, None),  # its experiment was removed
    ],
)  # fmt: skip
def test_a_run_begins_goes_on_branches_off_or_has_nothing_to_do(  # noqa: PLR0913
    wish: Wish, head: Ref | None, state: LineState | None, inputs: Inputs, what: What, start: Ref | None
) -> None:
    found = decide(wish, head, state, inputs)

    assert isinstance(found, Decision)
    assert (found.what, found.start) == (what, start)


def test_what_has_changed_is_named() -> None:
    assert decide(Wish(), LAST, line("killed"), with_(params={"lr": 2})).why == "changed: lr=2 (was 1)"
