"""Temporary data of processes that were killed goes with the next run; that of the living, and of others, stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cuebook.temporary import owned_name, owned_prefix, remove_leftovers

_HOLDS = """
import os, sys
from cuebook.temporary import owned_name
path = os.path.join(sys.argv[1], owned_name())
os.mkdir(path)
open(os.path.join(path, "data"), "wb").write(bytes(1000))
print(path, flush=True)
sys.stdin.read()
"""

_RUN = """
import sys
from cuebook import chunk

def large(n):
    if n == 3:
        print("here", flush=True)
        sys.stdin.read()
        import time
        while True:
            time.sleep(60)
    return b"x" * 1_000_000

if __name__ == "__main__":
    chunk(large, [[n] for n in range(4)], workers=1, batch=1, progress_bar=False)
"""


def _holder(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    dead, left = _holder(tmp_path)
    alive, used = _holder(tmp_path)
    try:
        assert remove_leftovers(str(tmp_path)) == 0
        dead.kill()
        dead.communicate()
        assert remove_leftovers(str(tmp_path)) == 1
        assert not left.exists() and (used / "data").exists()
    finally:
        alive.kill()
        alive.communicate()


def test_a_number_that_another_process_has_by_now_does_not_keep_a_folder(tmp_path: Path) -> None:
    pid, start, rest = owned_name().removeprefix("cuebook-").split(".")
    left = tmp_path / f"cuebook-{pid}.{int(start, 16) - 1:x}.{rest}"
    left.mkdir()
    assert remove_leftovers(str(tmp_path)) == 1 and not left.exists()


def test_folders_of_other_machines_and_what_is_no_such_folder_are_left_alone(tmp_path: Path) -> None:
    pid, start, rest = owned_name().removeprefix("cuebook-").split(".")
    gone = f"{int(start, 16) - 1:x}"
    kept = [f"cuebook-{pid}.{gone}.00000000-{rest[9:]}", "cuebook-notes", "cuebook-1-2", f"mine-{pid}.{gone}.{rest}"]
    for name in kept:
        (tmp_path / name).mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / f"cuebook-{pid}.{gone}.{rest}").symlink_to(target)
    (tmp_path / f"cuebook-{pid}.{gone}.{rest}0").write_text("a file")
    assert remove_leftovers(str(tmp_path)) == 0
    assert len(os.listdir(tmp_path)) == len(kept) + 3  # noqa: PTH208


def test_folders_with_a_word_before_their_owner_are_removed_too(tmp_path: Path) -> None:
    pid, start, rest = owned_prefix("cuebook-exp-").removeprefix("cuebook-exp-").split(".")
    (tmp_path / f"cuebook-exp-{pid}.{int(start, 16) - 1:x}.{rest}ab_c").mkdir()
    assert remove_leftovers(str(tmp_path)) == 1


def test_the_next_run_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    process.kill()
    process.communicate()
    assert len(list(temporary.glob("cuebook-*"))) == 1
    again = "from cuebook import chunk; chunk(abs, [[1]], where='thread', progress_bar=False)"
    subprocess.run([sys.executable, "-c", again], check=True, env=environment)
    assert list(temporary.iterdir()) == []
