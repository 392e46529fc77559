"""How the sub-commands of jobs and data sets get at `.cuebook/`. Knows nothing of what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cuebook.cli.command import NotThere

if TYPE_CHECKING:
    from cuebook.stages.jobs import SeenJob
    from cuebook.workplace.location import Workplace

__all__ = ["found_job", "found_workplace", "json_option"]

json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


def found_workplace() -> Workplace:
    """The `.cuebook/` that holds in the current folder.

    Raises:
        NotThere: there is none.
    """
    from cuebook.workplace.location import find_workplace

    found = find_workplace()
    if found is None:
        raise NotThere("there is no .cuebook/ in this folder or above it; CUEBOOK_DIR names one elsewhere")
    return found


def found_job(name: str) -> SeenJob:
    """A job by its name, the end of it, or the path of its script.

    Raises:
        NotThere: there is none.
    """
    from cuebook.errors import StageError
    from cuebook.stages.jobs import job_named

    try:
        return job_named(found_workplace(), name)
    except StageError as error:
        raise NotThere(str(error)) from error
