"""What tests of fingerprints have in common."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from pathlib import Path
from typing import Any

from cuebook.persistence.identity.fingerprint import fingerprint

numbers = itertools.count()


class Workshop:
    """Writes sources to modules of ever new names and imports them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, source: str) -> Any:
        name = f"users_module_{next(numbers)}"
        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def digest(self, source: str, name: str = "f") -> bytes:
        return fingerprint(getattr(self.module(source), name)).digest

    def is_same(self, before: str, old: str, new: str, name: str = "f") -> bool:
        assert before.count(old) == 1, f"{old!r} stands {before.count(old)} times in the source"
        return self.digest(before, name) == self.digest(before.replace(old, new), name)
