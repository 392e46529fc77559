"""What worker processes import at start stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick

HEAVY = ("asyncio", "anyio", "aiosqlite", "structlog", "cloudpickle", "numpy", "dataclasses", "inspect", "logging")


@pytest.mark.parametrize("module", ["wire.message", "wire.frame", "wire.codec", "errors", "wire.shape"])
def test_a_light_module_imports_nothing_heavy(module: str) -> None:
    script = f"import sys, cuebook.{module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == ""
