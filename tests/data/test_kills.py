"""A program that is killed among its rows: at most those in flight are done again."""

from __future__ import annotations

import signal

import pytest

from tests.support.scripts import ScriptFolder

SCRIPT = """
import os, signal, sys
import cuebook.data as dc

def note(text):
    descriptor = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text}\\n".encode())
    os.close(descriptor)

def doubled(x: int) -> float:
    note(x)
    import time
    time.sleep(0.003)
    if x == 150 and os.path.exists("armed"):
        os.kill(os.getppid(), signal.SIGNAL)
        time.sleep(30)
    return x * 2.0

chain = dc.read_values(x=range(200)).settings(parallel=WORKERS)
print(sum(chain.map(value=doubled).save("doubled").to_values("value")))
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_killed_at_row_150_of_200_at_most_the_rows_in_flight_are_done_again(
    folder: ScriptFolder, workers: int, sent: signal.Signals
) -> None:
    folder.write(SCRIPT.replace("WORKERS", str(workers)).replace("signal.SIGNAL", f"signal.{sent.name}"))
    (folder.path / "armed").touch()
    before = folder.run(code=-sent if sent == signal.SIGKILL else 128 + sent)[1]
    (folder.path / "armed").unlink()
    assert 140 < len(before) < 200

    answer, after = folder.run()

    assert answer == str(float(sum(range(0, 400, 2))))
    assert len(set(before) & set(after)) <= 6 * workers + 4, "in flight, or on their way to the journal"
    assert set(before) | set(after) == {str(x) for x in range(200)}
    assert not list((folder.path / ".cuebook").rglob("rows.cuebook")), "the side file goes once its rows are kept"
    assert folder.run() == (answer, [])


GROUPS = """
import os, signal, time
import cuebook.data as dc

def note(text):
    descriptor = os.open("calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text}\\n".encode())
    os.close(descriptor)

def parts(x):
    note(x)
    for number in range(x % 3):
        yield number
        if x == 29 and os.path.exists("armed"):
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(30)
    time.sleep(0.003)

print(dc.read_values(x=range(40)).gen(part=parts, output=int).save("parts").count())
"""


def test_killed_between_the_rows_that_one_row_gives_none_of_them_is_kept_alone(folder: ScriptFolder) -> None:
    folder.write(GROUPS)
    (folder.path / "armed").touch()
    before = folder.run(code=-signal.SIGKILL)[1]
    (folder.path / "armed").unlink()
    answer, after = folder.run()

    assert answer == str(sum(x % 3 for x in range(40)))
    assert "29" in after
    assert len(set(before) & set(after)) <= 6
