"""What a worker has of the program beside its function: environment, time zone, settings, warning filters.

Taken in the program when a run begins, as bytes, and made so in each of its workers. Knows no call.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from contextvars import ContextVar
from functools import partial
from typing import Any

from cuebook.children.limits import THREAD_VARIABLES
from cuebook.children.program.import_hook import forget, when_imported
from cuebook.children.program.process_settings import SETTINGS, Setting
from cuebook.children.program.warning_filters import WarningFilters, filters_here

__all__ = ["ProgramHere", "set_in_thread", "take_program", "taken"]

taken: ContextVar[bytes | None] = ContextVar("cuebook_program", default=None)
"""The program as it was where a run was asked for, which may be another thread than the one that begins it."""


def take_program() -> bytes:
    """The program as it is now, in this thread.

    Cost: about 100 us.
    """
    values = {}
    for setting in SETTINGS:
        if setting.module in sys.modules:
            found = _taken(setting)
            if found is not None:
                values[setting.name] = found
    return pickle.dumps({"environment": dict(os.environb), "settings": values, "filters": filters_here()}, 5)


def _taken(setting: Setting) -> tuple[bool, bytes] | None:
    """Whether a setting is as it comes, and its value; None where it cannot be had: its module is half imported."""
    try:
        value = setting.read()
        is_default = setting.is_default(value)
    except Exception:
        return None
    try:
        return is_default, pickle.dumps(value, 5)
    except Exception:
        import cloudpickle

        try:
            return is_default, bytes(cloudpickle.dumps(value))
        except Exception:
            return None


class ProgramHere:
    """One for a worker process: keeps what the program was like at the last run, so as to see what has changed."""

    def __init__(self) -> None:
        self.filters = WarningFilters()
        self._program: dict[str, Any] = {}
        self._environment: dict[bytes, bytes] | None = None
        self._set: dict[str, bytes] = {}

    def load(self, program: bytes) -> None:
        """A run begins: its environment is there before anything is loaded."""
        self._program = pickle.loads(program)
        self.filters.load()
        self._adopt_environment(self._program["environment"])

    def settle(self) -> None:
        """All is loaded: settings and filters are those of the program."""
        for setting in SETTINGS:
            found = self._program["settings"].get(setting.name)
            if found is not None and found[1] != self._set.get(setting.name):
                self._set[setting.name] = found[1]
                self._write(setting, *found)
        self.filters.settle(self._program["filters"])

    def _write(self, setting: Setting, is_default: bool, value: bytes) -> None:
        if setting.is_heavy:
            forget(setting.module, setting.name)
            if not is_default or setting.module in sys.modules:
                when_imported(setting.module, partial(_write, setting, value), setting.name)
        elif not is_default or setting.module in sys.modules:
            __import__(setting.module)
            _write(setting, value)

    def _adopt_environment(self, environment: dict[bytes, bytes]) -> None:
        """What has changed in the program since the last run changes here; what a call has set stays.

        A new worker has the environment that it was started with, which may be a little older.
        """
        known = self._environment
        self._environment = environment
        if known is None:
            here = os.environb
            changed = {key: value for key, value in environment.items() if here.get(key) != value}
            for name in THREAD_VARIABLES:  # its share of the machine
                changed.pop(name.encode(), None)
            gone = set()
        else:
            changed = {key: value for key, value in environment.items() if known.get(key) != value}
            gone = known.keys() - environment.keys()
        for key, value in changed.items():
            os.environb[key] = value
        for key in gone:
            os.environb.pop(key, None)
        if b"TZ" in gone or b"TZ" in changed:
            time.tzset()


def _write(setting: Setting, value: bytes) -> None:
    setting.write(pickle.loads(value))


def set_in_thread(program: bytes) -> None:
    """The settings of which each thread has its own, in a new thread of the program."""
    settings = pickle.loads(program)["settings"]
    for setting in SETTINGS:
        if setting.is_of_thread and setting.module in sys.modules and setting.name in settings:
            _write(setting, settings[setting.name][1])
