"""In a real notebook: functions of cells run in workers, are recognised again, and a changed cell is a changed function."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


@pytest.mark.filterwarnings("default")
def test_functions_of_cells_run_in_processes_and_are_recognised_when_the_cell_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
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
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    printed = [
        "".join(out.get("text", "") for out in cell.outputs if out.get("name") == "stdout") for cell in notebook.cells
    ]
    first, changed = "[0, 2, 4, 6]\n", "[0, 3, 6, 9]\n"
    assert printed == [
        "", "", first, "4\n", "", first, "4\n", "", changed, "8\n", changed, "ZeroDivisionError\n",
    ]  # fmt: skip
    errors = [out.get("text", "") for cell in notebook.cells for out in cell.outputs if out.get("name") == "stderr"]
    assert not [text for text in errors if "Traceback" in text]
