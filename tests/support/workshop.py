"""Sources of users' modules, written and imported under ever new names, and edits of them."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import linecache
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cuebook.persistence.identity.fingerprint import Fingerprint, fingerprint

__all__ = ["HELPER", "Edit", "Workshop", "edits"]

HELPER = "edited_helper"
"""The name of the module that a snippet may import as its helper."""

_numbers = itertools.count()


class Edit(NamedTuple):
    """A snippet with its function `f`, and what is changed in it or in its helper."""

    name: str
    source: str
    helper: str
    old: str
    new: str
    counts: bool


def edits(text: str, prelude: str = "") -> list[Any]:
    """The edits of a text, as parameters of a test.

    Each begins with a line `### name`, which may end with `: OLD -> NEW` (else every 11 becomes 12) and with `(same)`
    where the change must not count. Lines after `# helper.py` are those of the helper.
    """
    import pytest

    found = []
    for block in textwrap.dedent(text).split("### ")[1:]:
        header, _, body = block.partition("\n")
        counts = not header.endswith("(same)")
        name, _, change = header.removesuffix("(same)").strip().partition(": ")
        old, _, new = change.partition(" -> ") if change else ("11", "", "12")
        source, _, helper = body.partition("# helper.py\n")
        future = "from __future__ import annotations\n"
        source = future + prelude + source.removeprefix(future) if source.startswith(future) else prelude + source
        found.append(pytest.param(Edit(name, source, helper, old, new, counts), id=name))
    return found


class Workshop:
    """Writes sources to modules of ever new names and imports them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = set(sys.modules)

    def module(self, source: str, name: str | None = None) -> Any:
        name = name or f"users_module_{next(_numbers)}"
        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        linecache.clearcache()
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), module.__dict__)
        return module

    def digest(self, source: str, name: str = "f") -> bytes:
        return fingerprint(getattr(self.module(source), name)).digest

    def is_same(self, before: str, old: str, new: str, name: str = "f") -> bool:
        assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times in the source"
        return self.digest(before, name) == self.digest(before.replace(old, new), name)

    def before_and_after(self, edit: Edit) -> Iterator[Fingerprint]:
        """The fingerprints of an edit's function: as it is, as it is once more, and changed."""
        for old, new in ((edit.old, edit.old), (edit.old, edit.old), (edit.old, edit.new)):
            assert old in edit.source + edit.helper
            if edit.helper:
                self.module(edit.helper.replace(old, new), HELPER)
            yield fingerprint(self.module(edit.source.replace(old, new)).f)

    def close(self) -> None:
        """Forget all that was imported."""
        for name in set(sys.modules) - self._known:
            if name.startswith("users_") or name == HELPER:
                del sys.modules[name]
