"""Checkpoint with the fields of thread-chunks: the newest run of a journal as plain lists.

Knows no actor; opens no pickle file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cuebook.api.checkpoint import Checkpoint as Picture
from cuebook.compat.thread_chunks.paths import checkpoint_path, explained
from cuebook.compat.thread_chunks.saving import INDEX_OPTION, save_run
from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader

__all__ = ["Checkpoint", "CheckpointFailedWarning"]


class CheckpointFailedWarning(Warning):
    """A result could not be saved. The error that follows says why; what was saved before stays."""


@dataclass(eq=False)
class Checkpoint:
    """The progress of a function's calls: what `chunk()` keeps at its path. Made with a `path`, it is saved there.

    Attributes:
        func_name: the function's name.
        parameters: a list of arguments for each call.
        output: the result of each call, None where it is not completed.
        completed: for each call whether it is (a result may be None).
        index: number of calls that were started, as far as they are known: what runs now, and all before.
        done: number of completed calls.
        path: the file, None where there is none.
    """

    func_name: str
    parameters: list[Any]
    output: list[Any]
    completed: list[bool]
    index: int
    done: int
    path: str | None = None

    def __post_init__(self) -> None:
        if self.path is not None:
            self.save(self.path)

    @property
    def name(self) -> str | None:
        """The name of the file without folders and extension."""
        return None if self.path is None else Path(checkpoint_path(self.path)).stem

    def save(self, path: str | os.PathLike[str] | None = None) -> None:
        """Append this progress to the journal at `path` (default: its own) as its newest run.

        Raises:
            ValueError: there is no path.
            JournalError: it cannot be written; JournalCorrupt: it is no journal, and is left as it is.
        """
        chosen = self.path if path is None else path
        if chosen is None:
            raise ValueError("No save path provided.")
        self.path = checkpoint_path(chosen)
        try:
            save_run(self.path, self)
        except JournalCorrupt as error:
            raise explained(error, self.path) from error

    def update_save(self, path: str | os.PathLike[str] | None = None) -> bool:
        """As `save`; always True."""
        self.save(path)
        return True

    @classmethod
    def load(cls, path: str | os.PathLike[str], new_path: str | None = None, strict_typing: bool = True) -> Self:
        """The newest run in the journal at `path`, while it runs or after.

        Args:
            path: the file; without an extension `_Checkpoint.pkl` is appended.
            new_path: what its `path` is to be, in place of that.
            strict_typing: has no effect: nothing else can be loaded.

        Raises:
            FileNotFoundError: there is no file.
            JournalCorrupt: it is no journal (a pickle is never opened), or it is damaged.
        """
        del strict_typing
        file = checkpoint_path(path)
        try:
            picture = Picture.load(file)
            settings = _settings(file)
            loaded = cls.__new__(cls)
            loaded.parameters = picture.parameters
            loaded.output = picture.output
        except JournalCorrupt as error:
            raise explained(error, file) from error
        loaded.func_name = picture.func_name.rpartition(".")[2]
        loaded.completed = picture.completed
        loaded.done = picture.done
        started = min(len(loaded.completed), picture.done + int(settings.get("chunk_size", 0)))
        loaded.index = int(settings.get(INDEX_OPTION, started))
        loaded.path = file if new_path is None else checkpoint_path(new_path)
        return loaded

    @classmethod
    def tryload(
        cls, path: str | os.PathLike[str] | None, new_path: str | None = None, strict_typing: bool = True
    ) -> Any:
        """As `load`, but False where there is no file."""
        try:
            return False if path is None else cls.load(path, new_path, strict_typing)
        except FileNotFoundError:
            return False


def _settings(path: str) -> dict[str, Any]:
    with open_reader(path) as reader:
        newest = state_of(reader).newest
    return {} if newest is None else newest.opened.options
