"""The command that starts another interpreter like this one. Knows no worker."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["interpreter_options", "options_like"]

_LETTERS = {
    "optimize": "O",
    "debug": "d",
    "dont_write_bytecode": "B",
    "no_site": "S",
    "verbose": "v",
    "bytes_warning": "b",
    "quiet": "q",
    "isolated": "I",
    "ignore_environment": "E",
    "no_user_site": "s",
}
"""Of `sys.flags`: what each is on the command line, as often as its number says."""
_IMPLIED = {"bytes_warning": ("default::BytesWarning", "error::BytesWarning"), "dev_mode": ("default",)}
"""Warning options that flags bring with them."""


def interpreter_options() -> list[str]:
    """What this interpreter was started with (-O, -W, -X ...), and -P: no file of the current folder hides a module."""
    return options_like(sys.flags, sys.warnoptions, getattr(sys, "_xoptions", {}))


def options_like(flags: Any, warnings: Iterable[str], extras: Mapping[str, Any]) -> list[str]:
    """The options of a command that make `sys.flags`, `sys.warnoptions` and the -X options what is given here.

    A flag that this Python does not have is not set.
    """
    options = ["-P"]
    for name, letter in _LETTERS.items():
        count = int(getattr(flags, name, 0))
        if count > 0:
            options.append("-" + letter * count)
    implied = [text for name, texts in _IMPLIED.items() if getattr(flags, name, False) for text in texts]
    options += [f"-W{text}" for text in warnings if text not in implied]
    if getattr(flags, "dev_mode", False):
        options += ["-X", "dev"]
    for name, value in extras.items():
        if name != "dev":
            options += ["-X", name if value is True else f"{name}={value}"]
    return options
