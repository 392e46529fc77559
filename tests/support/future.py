"""A made-up next release of cloudpickle: what it never promised is otherwise, what it documents is as it was."""

from __future__ import annotations

import re
from pathlib import Path

import cloudpickle

_LATER = """

_as_ever = Pickler._dispatch_table[types.CodeType]


def _later_code(code):
    return _as_ever(code.replace(co_filename="<code of a later release>"))


Pickler._dispatch_table[types.CodeType] = _later_code
"""


def write_future_cloudpickle(folder: Path) -> Path:
    """A folder for PYTHONPATH whose cloudpickle names other files in code objects, and whose private names are new."""
    real = Path(cloudpickle.__file__).parent
    package = folder / "future" / "cloudpickle"
    package.mkdir(parents=True)
    for source in real.glob("*.py"):
        text = source.read_text()
        if source.name == "cloudpickle.py":
            text = _renamed(text + _LATER)
        if source.name == "__init__.py":
            text += '\n__version__ = "99.0"\n'
        (package / source.name).write_text(text)
    return package.parent


def _renamed(text: str) -> str:
    """Every private function, constant and attribute of the module's own under another name."""
    own = set(re.findall(r"^(?:def |class )?(_[a-zA-Z]\w*)(?:\(| =|:)", text, re.MULTILINE))
    return re.sub(r"\b(_[a-zA-Z]\w*)\b", lambda found: f"_later{found[1]}" if found[1] in own else found[1], text)
