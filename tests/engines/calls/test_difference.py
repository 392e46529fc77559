"""What a worker imported otherwise is found, and told so that one sees it."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.engines.calls.difference import Seen, advice, comparable, difference, in_words
from cuebook.persistence.identity.fingerprint import Fingerprint, Part

PLACE = "/home/me/mod.py, line 3"


def fingerprint_of(parts: dict[str, str], imported: set[str]) -> Fingerprint:
    made = tuple(Part(label, content * 8, f"detail {content}") for label, content in sorted(parts.items()))
    return Fingerprint("f", b"", made, (), (), made, tuple((label, PLACE) for label in sorted(imported)))


MINE, GLOBAL = "code of f", "global mod.K"
CASES = {
    "all the same": ({MINE: "a", GLOBAL: "b"}, {GLOBAL}, {MINE: "a", GLOBAL: "b"}, {GLOBAL}, None),
    "what came by value looks otherwise": (
        {MINE: "a", GLOBAL: "b"},
        {GLOBAL},
        {MINE: "c", GLOBAL: "b"},
        {GLOBAL},
        None,
    ),
    "an imported value differs": ({MINE: "a", GLOBAL: "b"}, {GLOBAL}, {MINE: "a", GLOBAL: "c"}, {GLOBAL}, GLOBAL),
    "it came by value here": ({MINE: "a", GLOBAL: "b"}, {GLOBAL}, {MINE: "a", GLOBAL: "c"}, set(), None),
    "an import here knows more": ({MINE: "a"}, set(), {MINE: "a", GLOBAL: "c"}, {GLOBAL}, GLOBAL),
    "an import there knows more": ({MINE: "a", GLOBAL: "b"}, {GLOBAL}, {MINE: "a"}, set(), GLOBAL),
    "only values know more there": ({MINE: "a", "global x": "b"}, set(), {MINE: "a"}, set(), None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_worker_imports_is_compared_and_nothing_else(case: str) -> None:
    there, imported_there, here, imported_here, label = CASES[case]
    parts = comparable(fingerprint_of(there, imported_there)) or [
        [label, content * 8, False] for label, content in there.items()
    ]

    found = difference(fingerprint_of(here, imported_here), parts)

    assert (None if found is None else found.label) == label


def test_a_program_without_modules_of_its_own_has_nothing_to_compare() -> None:
    assert comparable(fingerprint_of({MINE: "a"}, set())) == []


def part(label: str, detail: str, digest: str = "0123456789abcdef") -> Seen:
    return Seen(label, digest, detail, PLACE)


WORDS: list[tuple[Any, Any, str, str]] = [
    (
        part(GLOBAL, "3"),
        part(GLOBAL, "2"),
        f"global mod.K ({PLACE}) is 3 in this program and 2 in a worker, which imports its module anew",
        "Set it where its module is imported, or pass it as an argument",
    ),
    (
        part(GLOBAL, "x" * 200),
        part(GLOBAL, "", ""),
        (
            f"global mod.K ({PLACE}) is {'x' * 80}... (digest 01234567) in this program and not defined in a worker, which "
            "imports its module anew"
        ),
        "Set it where its module is imported, or pass it as an argument",
    ),
    (
        part("code of mod.f", "def f(x):\n    return x"),
        part("code of mod.f", "<bytecode of Python 3.11: f 00>", "fedcba9876543210"),
        (
            f"code of mod.f ({PLACE}) is known by its source text (digest 01234567) in this program and known by its bytecode "
            "(digest fedcba98) in a worker, which imports its module anew"
        ),
        "In the worker no source was found that compiles to what runs",
    ),
    (
        part("code of mod.f", "def f(x):\n    return x"),
        part("code of mod.f", "def f(x):\n    return 2"),
        (
            f"code of mod.f ({PLACE}) is known by its source text (digest 01234567) in this program and known by its source "
            "text (digest 01234567) in a worker, which imports its module anew"
        ),
        "Its file has changed since this program imported it, or what it defines depends on the process: start anew",
    ),
]


@pytest.mark.parametrize(("here", "there", "words", "advised"), WORDS)
def test_both_sides_are_told_with_file_line_and_form(here: Seen, there: Seen, words: str, advised: str) -> None:
    assert in_words(here, there) == words
    assert advice(here, there) == advised
