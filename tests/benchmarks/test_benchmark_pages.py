"""What docs/benchmarks.md shows of the harness is what the harness makes of the results that are kept."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measurements import BenchmarkRun, Figure, save
from benchmarks.pages import PAGE, PICTURE, REGIONS, page_text, picture_text
from tests.benchmarks.test_measurements import BESIDE


def test_no_table_of_the_harness_was_typed_by_hand() -> None:
    text = PAGE.read_text()

    for name in REGIONS:
        assert f"<!-- made of the results: {name} -->" in text
    assert page_text(text) == text, "python -m benchmarks --docs"
    assert PICTURE.read_text() == picture_text(), "python -m benchmarks --docs"


def peer(name: str, rate: float, resume: float | None, kind: str = "durable") -> list[Figure]:
    told = {"calls": 1000, "kind": kind, "durability": "power loss", "versions": {name: "1.0"}}
    found = [Figure(name, (rate, rate * 1.1), "results/s", {**told, "phase": "run"})]
    return (
        found if resume is None else [*found, Figure(name, (resume,), "ms a call", {**told, "phase": "resume"}, False)]
    )


def test_the_page_says_by_itself_where_a_peer_wins(tmp_path: Path) -> None:
    figures = [
        *peer("cuebook", 10_000.0, 0.02),
        *peer("slow", 100.0, 1.0),
        *peer("near", 1_000.0, 0.01),
        *peer("bare pool", 50_000.0, None, "pool"),
    ]
    save(BenchmarkRun("durable_job", "2026-01-01", BESIDE, tuple(figures), {"gone": "no server"}), tmp_path)
    region = "<!-- made of the results: durable_job -->\nold\n<!-- end -->\n"
    text = page_text(f"before\n{region}after\n", tmp_path)

    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "| slow 1.0 | 1,000 | 105 (100 to 110) | 100 × | 1 | power loss |" in text
    assert "Faster than cuebook with its journal: bare pool (5 ×)." in text
    assert "Quicker to resume: near (0.01 ms)." in text
    assert "Durable, and less than 30 times slower: near." in text
    assert "Left out here: gone: no server." in text
    assert page_text(text, tmp_path) == text


def test_the_picture_has_a_cell_for_each_call_time_and_size(tmp_path: Path) -> None:
    assert picture_text(tmp_path) is None
    cells = [(call_s, size) for call_s in (1e-6, 1e-2) for size in (8, 100_000)]
    figures = [Figure("share", (0.5,), "", {"call_s": call_s, "size_bytes": size}) for call_s, size in cells]
    save(BenchmarkRun("scaling", "2026-01-01", BESIDE, tuple(figures)), tmp_path)
    picture = picture_text(tmp_path)

    assert picture is not None
    assert picture.count(">0.50<") == 4
    for text in ("1 µs", "10 ms", "8 B", "100 kB"):
        assert f">{text}<" in picture
