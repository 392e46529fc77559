"""A worker's warning filters are the program's, around calls alone."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from cuebook.children.program.warning_filters import WarningFilters
from tests.support.programs import Program, run_script, start, write_script

# -- warnings

NOISY = """
import warnings
warnings.warn("noisy as it is imported", DeprecationWarning)
class Part:
    def __init__(self, x): self.x = x
    def __reduce__(self): return make, (self.x,)
def make(x):
    warnings.warn("noisy as it is rebuilt")
    return Part(x)
def f(part):
    return Part(part.x + 1)
def careless(x):
    warnings.warn("careless")
"""


@pytest.mark.parametrize("how", ["-W error", "PYTHONWARNINGS", "simplefilter"])
def test_a_warning_is_an_error_in_calls_and_not_while_their_function_and_arguments_are_loaded(
    how: str, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    body = f"""
import warnings
if {how == "simplefilter"}:
    warnings.simplefilter("error")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import noisy
with Chunker(chunk_size=1, errors="collect") as chunker:
    for n in range(2):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="noisy as it is rebuilt")
            [part] = chunker([[noisy.Part(n)]], func=noisy.f)
            print(part.x)
        [failed] = chunker([[1]], func=noisy.careless)
        print(failed.error_type, failed.error_text)
"""
    arguments = ["-W", "error"] if how == "-W error" else []
    env = {"PYTHONWARNINGS": "error"} if how == "PYTHONWARNINGS" else {}
    with Program(tmp_path, *arguments, str(write_script(tmp_path, body)), env=env) as program:
        assert program.wait() == 0, program.stderr
        assert program.stdout == "1\nUserWarning careless\n2\nUserWarning careless\n"


def test_a_warning_is_shown_once_a_run_and_worker_and_not_once_a_call(tmp_path: Path) -> None:
    body = """
import warnings
warnings.filterwarnings("default", message="once")
warnings.filterwarnings("ignore", message="never")
def f(x):
    warnings.warn("once")
    warnings.warn("never")
    time.sleep(0.01)
with Chunker(f, chunk_size=1) as chunker:
    chunker([[n] for n in range(20)])
    chunker([[n] for n in range(20)])
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert program.stderr.count("UserWarning: once") == 2  # the second run brings the script's functions anew
        assert "never" not in program.stderr


def test_filters_for_categories_of_the_users_own_hold(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(
        "import warnings\nclass Late(UserWarning): pass\ndef warn(): warnings.warn('late', Late)\n"
    )
    body = """
import warnings, late
warnings.simplefilter("error", late.Late)
def f():
    import late as found
    found.warn()
del sys.modules["late"], late
class Mine(UserWarning): pass
warnings.simplefilter("error", Mine)
def g(cls):
    warnings.warn("mine", cls)
failed = chunk(f, [[]], errors="collect") + chunk(g, [[Mine]], errors="collect")
print([(error.error_type, error.error_text) for error in failed])
"""
    assert run_script(tmp_path, body) == "[('late.Late', 'late'), ('Mine', 'mine')]\n"


def test_a_filter_whose_category_is_in_a_module_that_is_not_there_holds_from_its_import_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "late_category.py").write_text("class Late(UserWarning):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    with warnings.catch_warnings():
        filters = WarningFilters()
        filters.load()
        filters.settle(
            [
                ["error", None, "late_category", "Late", None, None, 0],
                ["ignore", None, "builtins", "Warning", None, None, 0],
            ]
        )
        assert [entry[0] for entry in warnings.filters] == ["ignore"]
        try:
            import late_category  # type: ignore[import-not-found]

            assert [entry[0] for entry in warnings.filters] == ["error", "ignore"]
            with filters.put_aside():
                assert [entry[0] for entry in warnings.filters if entry[0] == "error"] == []
            with pytest.raises(late_category.Late):
                warnings.warn("in a call", late_category.Late)
        finally:
            sys.modules.pop("late_category", None)
