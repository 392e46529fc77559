"""Values come back as objects of the class that the function refers to, whoever wrote the journal and under what name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuebook import Checkpoint, moved
from cuebook.persistence.values.pickling import renamed
from cuebook.persistence.values.pickling.names import Names

APP = """
import sys
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from cuebook import chunk, last_checkpoint, make_checkpoint

@dataclass
class P:
    a: int

class Color(Enum):
    RED = 0
    BLUE = 1

class Row(NamedTuple):
    a: int

class Plain:
    def __init__(self, a):
        self.a = a
        self.table = {"k": P(a)}
    class Inner:
        pass

def f(x):
    inner = Plain.Inner()
    inner.of = Plain(x)
    return [P(x), Color(x % 2), Row(x), Plain(x), {"deep": (P(x), inner)}]

def main(n, where):
    results = chunk(f, [[i] for i in range(n)], path="j.cue", where=where, progress_bar=False)
    for p, color, row, plain, rest in results:
        assert type(p) is P and type(color) is Color and color in set(Color), (p, color, type(p).__module__)
        assert type(row) is Row and type(plain) is Plain and type(plain.table["k"]) is P
        assert type(rest["deep"][0]) is P and type(rest["deep"][1]) is Plain.Inner and type(rest["deep"][1].of) is Plain
    assert [p for p, *_ in results] == [P(i) for i in range(n)]

if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
"""

WAYS = {
    "imported": ["-c", "import sys, app; app.main(int(sys.argv[1]), sys.argv[2])"],
    "a script": ["app.py"],
    "a module": ["-m", "app"],
    "another name": ["renamed.py"],
    "in a package": ["-m", "pack.app"],
    "imported from a package": ["-c", "import sys, pack.app; pack.app.main(int(sys.argv[1]), sys.argv[2])"],
    "from another script": ["other.py"],
}


def run(folder: Path, arguments: list[str], *rest: str) -> None:
    done = subprocess.run([sys.executable, *arguments, *rest], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    for name in ("app.py", "renamed.py", "pack/app.py"):
        (tmp_path / name).write_text(APP)
    (tmp_path / "other.py").write_text(
        "import sys, app\nclass P: pass\nclass Plain: pass\napp.main(int(sys.argv[1]), sys.argv[2])\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("imported", way) for way in WAYS), ("a script", "imported"), ("a script", "another name"),
        ("a script", "from another script"), ("in a package", "a script"), ("in a package", "imported from a package"),
    ],
)  # fmt: skip
def test_results_are_of_the_programs_own_classes_whichever_way_it_was_run(
    folder: Path, first: str, second: str
) -> None:
    run(folder, WAYS[first], "2", "thread")
    run(folder, WAYS[second], "3", "process")
    assert [each.reused for each in Checkpoint.load(folder / "j.cue").runs] == [0, 2]


SHAPES = """
from dataclasses import dataclass
@dataclass
class P:
    a: int
class Plain:
    def __init__(self, a):
        self.a = a
"""

JOB = """
import sys
from cuebook import chunk
from helper import made
results = chunk(made, [[i] for i in range(int(sys.argv[1]))], path="j.cue", where="thread")
import {module} as home
assert all(type(p) is home.P and type(plain) is home.Plain for p, plain in results), results
"""

HELPER = "from {module} import P, Plain\ndef make(x):\n    return P(x), Plain(x)\ndef made(x):\n    return make(x)\n"


def test_a_class_that_moved_comes_back_as_the_one_that_the_function_refers_to(folder: Path) -> None:
    for module in ("old", "new"):
        (folder / "old.py").unlink(missing_ok=True)
        (folder / f"{module}.py").write_text(SHAPES)
        (folder / "helper.py").write_text(HELPER.format(module=module))
        (folder / "job.py").write_text(JOB.format(module=module))
        run(folder, ["job.py"], "2" if module == "old" else "3")
    assert [each.reused for each in Checkpoint.load(folder / "j.cue").runs] == [0, 2]


def test_a_class_that_moved_is_found_by_what_the_user_says(folder: Path) -> None:
    """Here the function does not name the class: it comes out of a table."""
    job = (
        "import sys, importlib\nfrom cuebook import chunk, moved\nimport {module} as home\n{said}"
        "def f(x):\n    return importlib.import_module(sys.argv[2]).P(x)\n"
        "results = chunk(f, [[i] for i in range(int(sys.argv[1]))], path='j.cue', where='thread', version='1')\n"
        "assert all(type(p) is home.P for p in results), results\n"
    )
    (folder / "old.py").write_text(SHAPES)
    (folder / "job.py").write_text(job.format(module="old", said=""))
    run(folder, ["job.py"], "2", "old")
    (folder / "old.py").rename(folder / "new.py")
    (folder / "job.py").write_text(job.format(module="new", said=""))
    with pytest.raises(AssertionError, match=r'if it has moved, say where: cuebook.moved\("old:P", ...\)'):
        run(folder, ["job.py"], "2", "new")
    (folder / "job.py").write_text(job.format(module="new", said="moved('old:P', home.P)\n"))
    run(folder, ["job.py"], "3", "new")


def test_a_checkpoint_of_a_call_is_of_the_programs_class_too(folder: Path) -> None:
    text = (
        "import sys\nfrom dataclasses import dataclass\nfrom cuebook import chunk, last_checkpoint, make_checkpoint\n"
        "@dataclass\nclass S:\n    n: int\n"
        "def f(x):\n    state = last_checkpoint()\n    if state is None:\n        make_checkpoint(S(x))\n"
        "        raise ValueError\n    return type(state) is S and state == S(x)\n"
        "def main(where):\n    print(chunk(f, [[4]], path='j.cue', where=where, errors='collect'))\n"
        "if __name__ == '__main__':\n    main(sys.argv[1])\n"
    )
    (folder / "saving.py").write_text(text)
    run(folder, ["saving.py"], "process")
    command = [sys.executable, "-c", "import sys, saving; saving.main('process')"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[True]\n", done.stderr


def test_what_has_moved_is_said_by_module_and_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed, "_moved", {})
    moved("somewhere.else:Outer.Name", Path)
    assert Names().resolve("somewhere.else", "Outer.Name") is Path
    moved("__main__:Point", Path)
    assert Names().resolve("__main__", "Point") is Path and Names().class_of_main("Point") is Path
    for wrong in ("Point", "a:b c", ":x", "a:"):
        with pytest.raises(ValueError, match="write module and name"):
            moved(wrong, Path)
    with pytest.raises(TypeError, match="takes a name and a class"):
        moved(Path, "a:b")  # type: ignore[arg-type]


def test_names_that_lead_nowhere_say_so() -> None:
    with pytest.raises(LookupError, match="has no class Nowhere"):
        Names().resolve("__main__", "Nowhere")
    with pytest.raises(LookupError, match="No module named 'gone_for_good'"):
        Names(len).resolve("gone_for_good", "Thing")
    assert Names().resolve("pathlib", "Path") is Path
