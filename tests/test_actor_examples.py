"""The examples of actors do what they say: real processes, sockets and kills, in small sizes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.pages import PATIENCE_S, blocks_of
from tests.test_examples import run, running

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
FLOOD = 12_000


class Guest:
    """Somebody in the chat room.

    Parameters:
        room_bytes: of its socket, so that little waits between it and the server.
    """

    def __init__(self, port: int, name: str, room_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if room_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rw")
        self.say(name)

    def say(self, text: str) -> None:
        self.file.write(f"{text}\n")
        self.file.flush()

    def hears(self, text: str) -> list[str]:
        """Every line up to this one, which comes."""
        lines: list[str] = []
        while not lines or lines[-1] != text:
            line = self.file.readline()
            assert line, f"the connection ended after {lines[-3:]}"
            lines.append(line.rstrip("\n"))
        return lines

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@contextmanager
def open_room(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int, list[Guest]]]:
    """A chat room, its port, and the list of guests that are to be seen off."""
    guests: list[Guest] = []
    with running("chat_room.py", folder) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1])
        try:
            yield process, port, guests
        finally:
            for guest in guests:
                guest.close()


def test_what_one_says_all_hear_also_after_the_room_has_failed(tmp_path: Path) -> None:
    """Members come and go, are listed, and join the next incarnation of the room by themselves."""
    with open_room(tmp_path) as (process, port, guests):
        ada = Guest(port, "ada")
        guests.append(ada)
        ada.hears("* ada is here")
        bob = Guest(port, "bob")
        guests.append(bob)
        for guest in guests:
            guest.hears("* bob is here")
        ada.say("hello")
        assert bob.hears("ada: hello") == ["ada: hello"]
        bob.say("/who")
        bob.hears("* here: ada, bob")
        ada.say("/crash")
        for guest in guests:
            assert "* the room is back after: ada crashed the room" in guest.hears("* bob is here")
        bob.say("still there?")
        for guest in guests:
            guest.hears("bob: still there?")
        bob.close()
        assert ada.hears("* bob has left")[-1] == "* bob has left"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")


def test_a_slow_reader_loses_lines_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """It is told how many; the others hear the last line while it has not read one."""
    with open_room(tmp_path) as (_, port, guests):
        ada = Guest(port, "ada")
        guests.append(ada)
        ada.hears("* ada is here")
        slow = Guest(port, "slow", room_bytes=4096)
        guests.append(slow)
        ada.hears("* slow is here")
        talker = threading.Thread(target=flood, args=(ada,))
        talker.start()
        ada.hears("ada: the last")
        talker.join()
        heard = slow.hears("ada: the last")
    lost = [int(found[1]) for line in heard if (found := re.match(r"\* you were too slow for (\d+) lines", line))]
    said = sum(line.startswith("ada: ") for line in heard)
    assert lost
    assert said + sum(lost) >= FLOOD + 1
    assert said < FLOOD


def flood(guest: Guest) -> None:
    """Say much, fast."""
    for number in range(FLOOD):
        guest.file.write(f"{number} {'x' * 2000}\n")
    guest.say("the last")


def test_the_crawler_reads_what_can_be_read_and_says_what_became_of_the_rest(tmp_path: Path) -> None:
    """Pages that hung up are asked for twice, the one that hangs too; never more than the rate allows."""
    pages, rate = 64, 500
    read, restarts, *failures = run("crawler.py", tmp_path, str(pages), str(rate)).splitlines()
    hung_up = sum(number % 7 == 6 for number in range(pages - 1))
    found = re.fullmatch(rf"{pages - 2} pages read in (\d+) requests and ([\d.]+) s", read)

    assert found is not None, read
    assert int(found[1]) >= pages + hung_up + 1  # more where this machine itself was too slow for a page
    assert float(found[2]) >= (pages - 1) / rate
    assert int(restarts.split()[-2]) == int(found[1]) - pages + 1
    assert failures == [f"/{pages - 2}: ValueError /{pages - 2} is no page", f"/{pages - 1}: TimeoutError"]


@pytest.mark.parametrize("name", ["chat_room.py", "crawler.py", "bank.py"])
def test_a_strict_checker_finds_nothing_in_the_example(name: str, tmp_path: Path) -> None:
    """Their refs and messages are typed."""
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports", "silent", "--cache-dir", str(tmp_path)]
    done = subprocess.run([*command, str(EXAMPLES / name)], cwd=EXAMPLES.parents[1], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_the_bank_loses_and_makes_no_money_however_often_it_is_killed(tmp_path: Path) -> None:
    """By SIGKILL after so many transfers: what was said to be kept is kept, and what follows goes on from there."""
    transfers, kept = 120, 0
    for more in (1, 17, 40):
        with running("bank.py", tmp_path, "bank.cue", str(transfers)) as process:
            assert process.stdout is not None
            while more:
                line = process.stdout.readline()
                assert line, "it ended by itself"
                if found := re.match(r"transfer (\d+) is kept, ada has (\d+)", line):
                    assert int(found[2]) == 10 * (transfers - int(found[1]))
                    kept, more = int(found[1]), more - 1
                elif found := re.match(r"going on after transfer (\d+)", line):
                    assert kept <= int(found[1])
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=PATIENCE_S)
    *_, refused, last = run("bank.py", tmp_path, "bank.cue", str(transfers)).splitlines()

    assert refused == "refused: ada has 0, not 10"
    assert last == f"ada has 0, bob has {10 * transfers}"
    assert run("bank.py", tmp_path, "bank.cue", str(transfers)).splitlines() == [
        f"going on after transfer {transfers}",
        refused,
        last,
    ]


def test_the_tutorial_shows_the_programs_as_they_are() -> None:
    """Every excerpt stands in its program, word for word."""
    shown = [block for block in blocks_of(EXAMPLES.parent / "tutorial-actors.md") if block.language == "py"]

    assert len(shown) > 10
    for block in shown:
        assert "\n".join(block.lines) in (EXAMPLES / block.name).read_text(), f"line {block.line}"
