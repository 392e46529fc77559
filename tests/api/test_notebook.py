"""In a real notebook: functions of cells run in workers, are recognised again, and a changed cell is a changed function."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


def executed(cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook of these cells after a kernel has run them in order."""
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def printed_in(notebook: Any, stream: str) -> list[str]:
    """What each cell shows of a stream."""
    return [
        "".join(out.get("text", "") for out in cell.outputs if out.get("name") == stream) for cell in notebook.cells
    ]


@pytest.mark.filterwarnings("default")
def test_functions_of_cells_run_in_processes_and_are_recognised_when_the_cell_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    define = (
        "K = 2\ndef helper(x):\n    return x * K\n"
        "def f(x):\n    open('log', 'a').write(f'{x}\\n')\n    return helper(x)\n"
    )
    again = "print(chunk(f, [[n] for n in range(4)], chunk_size=2, path='x.cue'))"
    count = "print(len(open('log').read().split()))"
    cells = [
        "from cuebook import chunk, CallFailed, Runtime",
        define, again, count,
        define + "# a comment", again, count,
        define.replace("K = 2", "K = 3"), again, count,
        "async with Runtime(path='x.cue') as runtime:\n    print(await runtime.chunk(f, [[n] for n in range(4)]))",
        "try:\n    chunk(lambda x: 1 // x, [[0]])\nexcept CallFailed as error:\n    print(error.error_type)",
    ]  # fmt: skip
    notebook = executed(cells, tmp_path, monkeypatch)
    printed = printed_in(notebook, "stdout")
    first, changed = "[0, 2, 4, 6]\n", "[0, 3, 6, 9]\n"
    assert printed == [
        "", "", first, "4\n", "", first, "4\n", "", changed, "8\n", changed, "ZeroDivisionError\n",
    ]  # fmt: skip
    assert not [text for text in printed_in(notebook, "stderr") if "Traceback" in text]


@pytest.mark.filterwarnings("default")
def test_a_run_that_takes_its_time_has_a_bar_under_its_cell_and_a_quick_one_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [
        "import time\nfrom cuebook import Chunker\ndef slow(x):\n    time.sleep(0.2)\nchunker = Chunker(slow, chunk_size=1)",
        "warm = chunker([[1]])",
        "done = chunker([[n] for n in range(8)])",
        "silent = chunker([[n] for n in range(8)], progress_bar=False)\nchunker.close()",
    ]
    notebook = executed(cells, tmp_path, monkeypatch)
    bars = [[out for out in cell.outputs if out.output_type == "display_data"] for cell in notebook.cells]
    assert [len(of_cell) for of_cell in bars[2:]] == [1, 0]
    [bar] = bars[2]
    assert '<progress max="8" value="8"' in bar.data["text/html"]
    assert bar.data["text/plain"].startswith("slow: 8 of 8 done")
    assert set(printed_in(notebook, "stderr")) == {""}


@pytest.mark.filterwarnings("default")
def test_what_calls_print_stands_under_the_cell_that_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        (
            "import sys\nfrom cuebook import chunk, Chunker, Runtime\n"
            "def f(x):\n    print('out', x)\n    print('err', x, file=sys.stderr)"
        ),
        "chunker = Chunker(f, chunk_size=1)\nwarm = chunker([[1]])",
        "warm = chunker([[2]])",
        "done = chunk(f, [[3]])",
        "async with Runtime(chunk_size=1) as runtime:\n    found = await runtime.chunk(f, [[4]])",
        "warm = chunker([[5]])\nchunker.close()",
    ]
    notebook = executed(cells, tmp_path, monkeypatch)
    expected = range(1, 6)
    assert printed_in(notebook, "stdout") == ["", *(f"out {x}\n" for x in expected)]
    assert printed_in(notebook, "stderr") == ["", *(f"err {x}\n" for x in expected)]
