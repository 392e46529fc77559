"""Releases of what is sent with, past and to come: the main job goes on as it was."""

from __future__ import annotations

from pathlib import Path

from tests.support.future import write_future_cloudpickle
from tests.support.programs import run_script

USES_A_MODULE_AND_THE_SCRIPT = """
import enum, dataclasses, cloudpickle
import mod
if cloudpickle.__version__ != "99.0": raise SystemExit("not the later release")
class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass(slots=True)
class Pair:
    a: int
    b: int = 2
def f(x):
    return mod.twice(Pair(x).a) + Colour.RED.value
def broken(x):
    raise ValueError(x)
print(chunk(f, [[1], [2]], path="x.cue"), chunk(mod.make(3), [[1]], path="x.cue"))
try:
    chunk(broken, [[7]])
except CallFailed as error:
    print("line of the script shown:", "raise ValueError(x)" in error.traceback_text)
"""


def test_a_later_release_of_cloudpickle_changes_nothing(tmp_path: Path) -> None:
    later = write_future_cloudpickle(tmp_path)
    (tmp_path / "mod.py").write_text(
        "def twice(x): return x * 2\ndef make(k):\n    def f(x): return x + k\n    return f\n"
    )

    out = run_script(tmp_path, USES_A_MODULE_AND_THE_SCRIPT, env={"PYTHONPATH": str(later)})

    assert out == "[3, 5] [4]\nline of the script shown: True\n"


def test_modules_that_extensions_make_up_are_nobodys_and_cost_nothing(tmp_path: Path) -> None:
    """Whatever Cython has compiled leaves modules without a file behind."""
    out = run_script(
        tmp_path,
        "import types\nfor name in ('cython_runtime', '_cython_3_3_0'): sys.modules[name] = types.ModuleType(name)\n"
        "def f(x): return x, sorted(name for name in sys.modules if name.endswith('.fingerprint'))\n"
        "print(chunk(f, [[1]]))\n",
    )

    assert out == "[(1, [])]\n"
