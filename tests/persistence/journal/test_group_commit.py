"""Records of many that come while the disk is busy share the next commit, each answered for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from cuebook.api.loop_thread import LoopThread
from cuebook.errors import JournalFull
from cuebook.persistence.journal.group_commit import GroupCommit
from cuebook.persistence.records.record import Entry, Kind


class Disk:
    """Holds back the first commit until it is let go; notes which records came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.began = threading.Event()
        self.fails = 0

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        self.began.set()
        await asyncio.to_thread(self.go.wait)
        if self.fails:
            self.fails -= 1
            raise JournalFull("full")
        self.batches.append([entry.run for entry in entries])
        return [entry.run * 10 for entry in entries]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def commits(disk: Disk):
    loop = LoopThread()
    yield GroupCommit(loop.submit, disk.append)
    loop.close()


def entry(number: int) -> Entry:
    return Entry(Kind.STEP_KEPT, number, b"")


def test_what_comes_while_the_disk_is_busy_shares_a_commit_and_keeps_its_order(
    disk: Disk, commits: GroupCommit
) -> None:
    told: list[int] = []
    first = commits.add(entry(1))
    disk.began.wait(5)
    more = [commits.add(entry(number), told.append) for number in range(2, 700)]
    disk.go.set()

    assert [first.result(5), *(each.result(5) for each in more)] == [number * 10 for number in range(1, 700)]
    assert [len(batch) for batch in disk.batches] == [1, 512, 186]
    assert told == [number * 10 for number in range(2, 700)]


def test_a_failure_is_that_of_its_commit_alone_and_the_next_is_tried(disk: Disk, commits: GroupCommit) -> None:
    disk.fails = 1
    first = commits.add(entry(1))
    disk.began.wait(5)
    second = commits.add(entry(2))
    disk.go.set()

    with pytest.raises(JournalFull):
        first.result(5)
    assert second.result(5) == 20
    assert commits.add(entry(3)).result(5) == 30


def test_a_record_that_was_taken_cannot_be_cancelled(disk: Disk, commits: GroupCommit) -> None:
    kept = commits.add(entry(1))
    assert not kept.cancel()
    disk.go.set()
    assert kept.result(5) == 10
