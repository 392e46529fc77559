"""What a job is called where nobody says it: after its script. Knows no journal."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuebook.errors import StageError

__all__ = ["JOURNAL", "VARIABLE", "JobName", "checked_job_name", "folder_name", "name_of_program", "script_of_program"]

VARIABLE = "CUEBOOK_JOB"
JOURNAL = "job.cuebook"
"""Name of a job's journal in its folder."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_SHOWN_MAX = 40


@dataclass(frozen=True, slots=True)
class JobName:
    """What a job is called.

    Attributes:
        name: of the job.
        is_given: whether somebody has named it, so that it may have steps.
        is_lasting: whether a later run of the program finds it.
    """

    name: str
    is_given: bool = False
    is_lasting: bool = True


def name_of_program() -> JobName:
    """The name of the job that this program is, unless it names one: CUEBOOK_JOB, else the path of its script."""
    given = os.environ.get(VARIABLE)
    if given:
        return JobName(checked_job_name(given), is_given=True)
    script = script_of_program()
    if script is not None:
        return JobName(str(script))
    return JobName(f"interactive-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}", is_lasting=False)


def script_of_program() -> Path | None:
    """The user's script that is run, also by `python -m`; None in a notebook, a console, `python -c` or a server."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    is_notebook = "IPython" in sys.modules and hasattr(main, "get_ipython")
    if not isinstance(file, str) or is_notebook:
        return None
    path = Path(os.path.realpath(file))
    return path if path.is_file() and not _is_installed(path) else None


def _is_installed(path: Path) -> bool:
    """Whether a script is a program that was installed, such as a server or a test runner: not the user's own."""
    import sysconfig

    places = (sysconfig.get_path(name) for name in ("scripts", "purelib", "platlib", "stdlib"))
    return any(path.is_relative_to(os.path.realpath(place)) for place in places)


def checked_job_name(name: Any) -> str:
    """A name that a job can have.

    Raises:
        StageError: it is empty, or no text.
    """
    if not isinstance(name, str) or not name.strip():
        raise StageError(f'a job is named by a text, such as job("order-17"), not {name!r}')
    return name


def folder_name(name: str) -> str:
    """The folder of a job, readable, and another one for each name."""
    stem = name.rpartition("/")[2].removesuffix(".py")
    readable = _NOT_IN_NAMES.sub("-", stem).strip("-")[-_SHOWN_MAX:] or "job"
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
