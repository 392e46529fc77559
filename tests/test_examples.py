"""The examples do what they say: in small sizes, in an empty folder, by real processes that are killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cuebook import Checkpoint
from tests.support.pages import PATIENCE_S, ROOT, environment, wait_for_progress

EXAMPLES = ROOT / "docs" / "examples"
FEW_FILES = 30
MANY_FILES = 80


def run(name: str, folder: Path, *arguments: str, **variables: str) -> str:
    """Run an example to its end; what it printed on standard output."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@contextmanager
def running(name: str, folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """An example that goes on; killed at the end, whatever happens."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def counts(output: str) -> tuple[int, int]:
    """Files measured now, and files that were in the journal, from the census's last line."""
    last = output.strip().splitlines()[-1]
    found = re.search(r"([\d,]+) measured now in [\d.]+ s, ([\d,]+) were in", last)
    assert found is not None, last
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


def test_the_census_prints_its_tables_and_takes_a_second_run_from_the_journal(tmp_path: Path) -> None:
    """The main job, twice: the same tables, and nothing measured again."""
    first = run("census.py", tmp_path, CENSUS_FILES=str(FEW_FILES))
    second = run("census.py", tmp_path, CENSUS_FILES=str(FEW_FILES))

    assert counts(first) == (FEW_FILES, 0)
    assert counts(second) == (0, FEW_FILES)
    assert first.splitlines()[:-1] == second.splitlines()[:-1]
    assert "The most complex functions" in first


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_the_census_goes_on_after_a_signal(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Everything that was in the journal when it died is taken from there, and the rest is measured."""
    files = str(MANY_FILES)
    with running("census.py", tmp_path, "c.cue", CENSUS_FILES=files) as process:
        wait_for_progress(process, tmp_path)
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
    kept = Checkpoint.load(tmp_path / "c.cue").done
    fresh, reused = counts(run("census.py", tmp_path, "c.cue", CENSUS_FILES=files))

    assert process.returncode == code
    assert "Traceback" not in errors
    assert 0 < kept < MANY_FILES
    assert (fresh, reused) == (MANY_FILES - kept, kept)


def test_the_sweep_is_the_same_however_often_it_is_made(tmp_path: Path) -> None:
    """Each call's seed is its own, so another journal gives the same table."""
    first = run("monte_carlo.py", tmp_path, "a.cue", "500")
    anew = run("monte_carlo.py", tmp_path, "b.cue", "500")

    assert first.count("±") == 12
    assert first == anew


def test_the_fan_out_asks_for_no_page_again(tmp_path: Path) -> None:
    """Every tenth request is refused once and repeated; a second run asks only for the pages that are new."""
    first = run("fan_out.py", tmp_path, "f.cue", "40")
    second = run("fan_out.py", tmp_path, "f.cue", "50")

    assert first.startswith("40 pages fetched in 44 requests, 0 were in f.cue")
    assert second.startswith("10 pages fetched in 11 requests, 40 were in f.cue")


def test_a_long_call_goes_on_from_its_checkpoint_after_a_kill(tmp_path: Path) -> None:
    """The calls that were running say from where they go on, and the answer is that of an undisturbed run."""
    with running("checkpoints.py", tmp_path, "k.cue", "0.5") as process:
        wait_for_progress(process, tmp_path)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    with running("checkpoints.py", tmp_path, "k.cue", "0.5") as process:
        output, errors = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, errors
    assert re.search(r"longest_collatz\([\d,]+, [\d,]+\) goes on from [\d,]+", output)
    assert output.splitlines()[-1] == "410,011 has the longest chain: 449 steps"


def test_the_notebook_runs(tmp_path: Path) -> None:
    """In a kernel, where a loop is running already; what its cells print is as its text says."""
    program = (
        "import sys, nbformat; from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "NotebookClient(notebook, timeout=60, kernel_name='python3').execute()\n"
        "outputs = [out for cell in notebook.cells for out in cell.get('outputs', [])]\n"
        "print(*[out.get('text') or out.get('data', {}).get('text/plain', '') for out in outputs], sep='\\n')\n"
    )
    folders = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")
    done = subprocess.run(
        [sys.executable, "-c", program, str(EXAMPLES / "notebook.ipynb")],
        cwd=tmp_path,
        env=environment() | {name: str(tmp_path / name.lower()) for name in folders},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert "[168, 303, 430, 550, 669, 783, 900, 1007]" in done.stdout
    assert "primes_below: 9 of 9 done, 8 of them reused" in done.stdout
    assert "primes_below(8,000) = 1,007" in done.stdout


def test_the_notebook_is_kept_without_outputs() -> None:
    """So that a change of it can be read."""
    text = (EXAMPLES / "notebook.ipynb").read_text()

    assert '"execution_count": null' in text
    assert '"output_type"' not in text


def test_no_example_left_anything_in_the_checkout() -> None:
    """They write where they are run."""
    left = [path for path in EXAMPLES.rglob("*") if path.suffix not in (".py", ".ipynb", ".pyc") and path.is_file()]

    assert left == []
