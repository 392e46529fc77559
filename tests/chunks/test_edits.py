"""A run runs the code that it was started with, whatever is saved, moved or checked out while it goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.programs import Program, calls, run_script, start

HELPER = """
RATE = 10
def scaled(x):
    from pkg.inner.deep import shift
    return shift(x * RATE)
class Config:
    def __init__(self, k): self.k = k
"""
DEEP = "def shift(x): return x + 1\ndef boom(x):\n    raise ValueError(x)  # the line that runs\n"

BODY = """
import helper, pkg.inner.deep
CONFIG = helper.Config(7)
def f(x):
    if x == 1 and not os.path.exists(os.path.join(HERE, "again")):
        note("waits", "waits.log")
        wait_for("edited")
        open(os.path.join(HERE, "again"), "w").close()
        os._exit(1)  # a fresh worker takes its place
    import late
    return helper.scaled(x) + late.ONE, type(CONFIG).__name__, CONFIG.k
print(chunk(f, [[n] for n in range(4)], chunk_size=1, batch=1, path=PATH, progress_bar=False), flush=True)
def g(x): return pkg.inner.deep.boom(x)
"""
RIGHT = [(n * 10 + 1 + 1, "Config", 7) for n in range(4)]


def lay_out(folder: Path) -> None:
    (folder / "helper.py").write_text(HELPER)
    (folder / "late.py").write_text("ONE = 1\n")
    (folder / "pkg" / "inner").mkdir(parents=True)
    (folder / "pkg" / "inner" / "__init__.py").write_text("")
    (folder / "pkg" / "inner" / "deep.py").write_text(DEEP)


def half_saved(folder: Path) -> None:
    (folder / "helper.py").write_text("def scaled(x:\n    retur")
    (folder / "late.py").write_text("(((")


def other_code(folder: Path) -> None:
    (folder / "helper.py").write_text(HELPER.replace("10", "999"))
    (folder / "pkg" / "inner" / "deep.py").write_text("def shift(x): return 0\n")
    (folder / "late.py").write_text("ONE = 100\n")


def gone(folder: Path) -> None:
    (folder / "helper.py").unlink()
    (folder / "late.py").unlink()
    (folder / "program.py").unlink()
    (folder / "pkg" / "inner" / "deep.py").unlink()
    (folder / "pkg" / "inner" / "__init__.py").unlink()
    (folder / "pkg" / "inner").rmdir()
    (folder / "pkg").rmdir()


def script_edited(folder: Path) -> None:
    (folder / "program.py").write_text("# a comment\n" + (folder / "program.py").read_text().replace("x * ", "0 * "))


def same_size_same_second(folder: Path) -> None:
    """As no date tells them apart, the next import would take either."""
    (folder / "helper.py").write_text(HELPER.replace("10", "99"))


EDITS = [half_saved, other_code, gone, script_edited, same_size_same_second]


@pytest.mark.parametrize("path", [None, "x.cue"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_what_is_done_to_the_files_while_a_run_goes_on_changes_nothing(edit, path: str | None, tmp_path: Path) -> None:
    lay_out(tmp_path)
    body = BODY.replace("PATH", repr(path)).replace("import late\n", "import late\n", 1)
    with start(tmp_path, body) as program:
        wait_for_the_worker(program, tmp_path)
        edit(tmp_path)
        (tmp_path / "edited").touch()
        assert program.wait() == 0, program.stderr
        assert program.stdout == f"{RIGHT}\n"


def wait_for_the_worker(program: Program, folder: Path) -> None:
    from tests.support.programs import wait_until

    wait_until(lambda: calls(folder, "waits.log") or program.process.poll() is not None, "the call that waits")


def test_a_checkout_of_another_branch_changes_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path)

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "one")
    git("add", "helper.py", "late.py", "pkg")
    git("commit", "-q", "-m", "one")
    git("checkout", "-q", "-b", "two")
    other_code(tmp_path)
    git("commit", "-q", "-a", "-m", "two")
    git("checkout", "-q", "one")
    with start(tmp_path, BODY.replace("PATH", "None")) as program:
        wait_for_the_worker(program, tmp_path)
        git("checkout", "-q", "two")
        (tmp_path / "edited").touch()
        assert program.wait() == 0, program.stderr
        assert program.stdout == f"{RIGHT}\n"


def test_a_traceback_shows_the_lines_that_ran(tmp_path: Path) -> None:
    lay_out(tmp_path)
    body = """
import helper, pkg.inner.deep
def g(x):
    open(pkg.inner.deep.__file__, "w").write("# another text\\n" * 9)
    open(os.path.join(HERE, "program.py"), "w").write("# another script\\n" * 60)
    return pkg.inner.deep.boom(x)  # the line of the script
try:
    chunk(g, [[1]], progress_bar=False)
except CallFailed as error:
    print(error.traceback_text)
"""
    out = run_script(tmp_path, body)
    assert "raise ValueError(x)  # the line that runs" in out
    assert "return pkg.inner.deep.boom(x)  # the line of the script" in out


def test_a_helper_that_is_half_saved_when_the_run_begins_is_sent_by_value(tmp_path: Path) -> None:
    lay_out(tmp_path)
    body = """
import helper
def f(x): return helper.scaled(x)
open(helper.__file__, "w").write("def scaled(x:")
print(chunk(f, [[1]], progress_bar=False))
"""
    assert run_script(tmp_path, body) == "[11]\n"


def test_a_helper_that_is_gone_when_the_run_begins_is_sent_by_value(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def scaled(x): return x * 10\n")
    body = """
import helper
def f(x): return helper.scaled(x)
os.unlink(helper.__file__)
print(chunk(f, [[1]], progress_bar=False))
"""
    assert run_script(tmp_path, body) == "[10]\n"


def test_a_warm_worker_imports_what_is_saved_before_the_next_call_begins(tmp_path: Path) -> None:
    body = """
import importlib
def f(x):
    import fresh
    return fresh.VALUE + x
def write(value):
    with open(os.path.join(HERE, "fresh.py"), "w") as file:
        file.write(f"VALUE = {value}\\n")
write(1)
with Chunker(chunk_size=1, recycle_after=1) as chunker:
    print(chunker([[0], [0]], func=f))
    write(22222)
    importlib.reload(sys.modules["fresh"])
    print(chunker([[0], [0]], func=f))
"""
    assert run_script(tmp_path, body) == "[1, 1]\n[22222, 22222]\n"


def test_a_folder_that_is_gone_ends_no_run(tmp_path: Path) -> None:
    body = """
import shutil, tempfile
place = tempfile.mkdtemp()
os.chdir(place)
def f(x):
    if x == 0:
        shutil.rmtree(place, ignore_errors=True)
    return x
print(chunk(f, [[n] for n in range(4)], chunk_size=1, recycle_after=1, progress_bar=False))
"""
    assert run_script(tmp_path, body) == "[0, 1, 2, 3]\n"
