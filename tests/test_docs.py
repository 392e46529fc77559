"""The documentation is true: its code runs, its links lead somewhere, its reference is whole."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import cuebook
from tests.support.pages import ROOT, blocks_of, environment, run_page

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
MEASURED = ROOT / "docs" / "benchmarks.md"
"""What it has the reader run takes minutes: `make bench`."""
RUNNING = [
    page
    for page in PAGES
    if page != MEASURED and any(block.language in ("python", "console") for block in blocks_of(page))
]


def name_of(page: Path) -> str:
    """A page as a test's id."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.quick if page.name == "README.md" else ()) for page in RUNNING],
    ids=name_of,
)
def test_the_code_of_every_page_runs_and_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    """Scripts, files, commands, kills: as a reader would type them, in an empty folder."""
    run_page(page, tmp_path)


def test_the_file_of_a_page_that_needs_another_http_client_does_what_the_page_says(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    page = ROOT / "docs" / "how-to" / "async-clients.md"
    [server, *_] = [block for block in blocks_of(page) if block.language == "python"]
    [client] = [block for block in blocks_of(page) if block.name == "aiohttp_client.py"]
    (tmp_path / client.name).write_text("\n".join(client.lines))
    uses = ["from aiohttp_client import sizes", "print(sizes(f'{URL}/items/{n}' for n in (1, 22, 333)))"]
    (tmp_path / "program.py").write_text("\n".join([*server.lines, *uses]))
    command = [sys.executable, "-W", "error", "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[11, 12, 13]\n", "")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """Files exist, and headings of Markdown pages too."""
    for text, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)}: [{text}]({target})"
        if heading:
            assert heading in headings_of(there), f"{name_of(page)}: no heading {heading} in {path}"


def headings_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made from its text."""
    lines = [line.lstrip("#").strip().lower() for line in page.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


def test_the_reference_is_what_the_docstrings_say() -> None:
    """It is made from them; whoever changes one of them makes it anew."""
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["reference"]()

    assert (ROOT / "docs" / "reference.md").read_text() == made, "run: python docs/make_reference.py"


def test_the_table_of_phases_is_that_of_the_code() -> None:
    """It is drawn from it."""
    page = (ROOT / "docs" / "architecture.md").read_text()

    assert runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["architecture"](page) == page


def test_the_reference_has_every_public_name() -> None:
    """Nothing that a user may import is without its place in the reference."""
    text = (ROOT / "docs" / "reference.md").read_text()
    missing = [name for name in cuebook.__all__ if f"`{name}`" not in text]

    assert missing == []


def test_the_code_map_names_the_folders_that_are_there() -> None:
    """Neither a folder without a line in the architecture page, nor a line without a folder."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"^\| `cuebook/(\w+)/`", text, flags=re.MULTILINE))
    folders = {path.parent.name for path in Path(cuebook.__file__).parent.glob("*/__init__.py")}

    assert named == folders


def test_the_changelog_has_an_entry_for_this_version() -> None:
    """The newest heading is the package's version, or unreleased."""
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert headings[0] in ("Unreleased", cuebook.__version__)
    assert cuebook.__version__ in headings
