"""A worker's interpreter is started as the program's was."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from cuebook.children.interpreter_options import options_like

SETTINGS = [
    [],
    ["-O"],
    ["-OO", "-W", "error", "-W", "ignore::DeprecationWarning"],
    ["-b"],
    ["-bb", "-d"],
    ["-B", "-q", "-E"],
    ["-I"],
    ["-s", "-S", "-X", "utf8"],
    ["-X", "dev"],
    ["-X", "dev", "-W", "default", "-X", "faulthandler"],
    ["-X", "tracemalloc=3", "-X", "int_max_str_digits=9000", "-X", "no_debug_ranges"],
    ["-P", "-X", "frozen_modules=off"],
]
TOLD = "import sys; from cuebook.children.interpreter_options import interpreter_options as found; "
SHOWN = "(str(sys.flags).replace('safe_path=False', 'safe_path=True'), sorted(sys.warnoptions), sorted(sys._xoptions.items()))"


@pytest.mark.parametrize("options", SETTINGS, ids=" ".join)
def test_what_was_on_the_command_line_is_there_again(options: list[str]) -> None:
    program = (
        f"{TOLD}import subprocess; here = {SHOWN}; "
        f"there = subprocess.run([sys.executable, *found(), '-c', {f'import sys; print({SHOWN})'!r}], capture_output=True, "
        "text=True, check=True).stdout; print(here); print(there)"
    )

    shown = subprocess.run(
        [sys.executable, *options, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )

    here, there, *_ = shown.stdout.splitlines()
    assert there == here


def test_a_python_that_has_other_flags_is_no_trouble() -> None:
    assert options_like(SimpleNamespace(optimize=1), ["error"], {"later": True, "n": "3"}) == [
        "-P",
        "-O",
        "-Werror",
        "-X",
        "later",
        "-X",
        "n=3",
    ]
