"""A run finds room for its open files, or says what is missing before anything begins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cuebook.children.descriptors import shortage
from tests.support.programs import run_script

LIMITED = """
import resource
soft, hard = {soft}, {hard}
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    print(chunk(abs, [[-n] for n in range(20)], chunk_size=4, path={path!r}, progress_bar=False))
except SupervisionError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] > soft)
"""


@pytest.mark.parametrize(("used", "soft", "workers", "missing"), [(10, 1024, 8, -942), (10, 40, 2, 12), (4, 36, 0, 0)])
def test_what_a_run_needs_is_counted_before_it_begins(used: int, soft: int, workers: int, missing: int) -> None:
    assert shortage(used, soft, workers) == missing


@pytest.mark.parametrize("path", [None, "x.cue"])
def test_a_soft_limit_that_is_too_low_is_raised(path: str | None, tmp_path: Path) -> None:
    out = run_script(tmp_path, LIMITED.format(soft=16, hard=4096, path=path))

    assert out == f"{list(range(20))}\nTrue\n"


@pytest.mark.parametrize("hard", [8, 12, 20, 40])
def test_a_hard_limit_that_is_too_low_ends_the_run_with_what_to_do(hard: int, tmp_path: Path) -> None:
    out = run_script(tmp_path, LIMITED.format(soft=hard, hard=hard, path=None))

    told = r"a run with 4 worker processes needs about 52 files of its own, and this process may have (\d+) open, of which "
    assert re.match(told + r"\d+ are: raise the limit \(`ulimit -n`\), or take fewer workers\nFalse\n$", out)


def test_what_is_needed_is_really_enough(tmp_path: Path) -> None:
    """The run that just may begin gets through, with a journal too."""
    body = """
import resource
used = len(os.listdir("/proc/self/fd"))
limit = used + 32 + 5 * 4 + 40  # the second look of the runtime's own
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
peak = []
for options in ({}, {"path": "x.cue"}):
    print(sum(chunk(abs, [[-n] for n in range(20)], chunk_size=4, progress_bar=False, **options)))
"""
    assert run_script(tmp_path, body) == "190\n190\n"
