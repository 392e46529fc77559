"""What a worker may use of the machine."""

from __future__ import annotations

import os

import pytest

from cuebook.children.limits import cpus_allowed, memory_bytes, thread_limits


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1B", 1),
        ("2GB", 2 * 10**9),
        ("2gb", 2 * 10**9),
        ("2 G", 2 * 10**9),
        ("512MiB", 512 * 2**20),
        (" 1.5 GiB ", 3 * 2**29),
        ("1KB", 1000),
        ("1 KiB", 1024),
        ("1T", 10**12),
        ("1TiB", 2**40),
        ("0.5K", 500),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert memory_bytes(text) == size


def test_a_number_of_bytes_and_none_stay_as_they_are() -> None:
    assert memory_bytes(12345) == 12345
    assert memory_bytes(None) is None


@pytest.mark.parametrize(
    "wrong", ["", "GB", "two GB", "2 XB", "-1GB", "1e3", "0", "0GB", "1 G B", 0, -5, True, 1.5, [1]]
)
def test_what_is_no_size_is_refused_and_shown(wrong: object) -> None:
    with pytest.raises(ValueError, match="memory_limit="):
        memory_bytes(wrong)  # type: ignore[arg-type]


def test_this_process_may_use_at_least_one_cpu_and_no_more_than_its_affinity() -> None:
    assert 1 <= cpus_allowed() <= len(os.sched_getaffinity(0))


def test_numeric_libraries_get_the_cores_of_a_worker() -> None:
    assert set(thread_limits({}, 3).values()) == {"3"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("1", "1"), ("2", "2"), ("8", "4"), ("0", "4"), ("", "4"), ("all", "4"), ("-2", "4"), ("4", "4")],
)
def test_a_smaller_limit_of_the_user_stays_and_no_other(given: str, kept: str) -> None:
    assert thread_limits({"OMP_NUM_THREADS": given}, 4)["OMP_NUM_THREADS"] == kept
