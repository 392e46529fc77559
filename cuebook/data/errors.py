"""The error of chains of frames."""

from __future__ import annotations

from cuebook.errors import CuebookError

__all__ = ["DataError"]


class DataError(CuebookError):
    """A chain cannot be run as it is written, or its input cannot be read: a column that does not exist, a value that
    does not fit into its column, a damaged file. The text names the line of the program and what is there instead. Rows
    that were finished are kept.
    """


DataError.__module__ = "cuebook.data"
