"""A worker has the settings of the program as they are when a run begins, and keeps what calls set."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from cuebook import Chunker, Runtime, Worker, chunk
from cuebook.children.program import import_hook
from cuebook.children.program.import_hook import forget, when_imported
from cuebook.children.program.process_settings import SETTINGS
from cuebook.children.program.program import ProgramHere, take_program
from cuebook.children.program.warning_filters import WarningFilters
from cuebook.engines.local.contexts import AdoptedContext
from tests.support.programs import Program, run_script, start, write_script

CHANGES = {
    "recursion limit": ("sys.setrecursionlimit(3333)", "sys.getrecursionlimit()"),
    "int digits": ("sys.set_int_max_str_digits(5555)", "sys.get_int_max_str_digits()"),
    "socket time-out": ("socket.setdefaulttimeout(7.5)", "socket.getdefaulttimeout()"),
    "locale": ("locale.setlocale(locale.LC_ALL, 'C.UTF-8')", "locale.setlocale(locale.LC_ALL)"),
    "csv field size": ("csv.field_size_limit(77_777)", "csv.field_size_limit()"),
    "decimal context": ("decimal.getcontext().prec = 5", "str(decimal.Decimal(1) / 3)"),
    "decimal rounding": (
        "decimal.getcontext().rounding = decimal.ROUND_UP",
        "str(decimal.Decimal('1.21').quantize(decimal.Decimal('.1')))",
    ),
    "decimal defaults": ("decimal.DefaultContext.prec = 4", "decimal.DefaultContext.prec"),
    "numpy errors": ("numpy.seterr(divide='raise', under='warn')", "numpy.geterr()"),
    "numpy printing": ("numpy.set_printoptions(precision=2, suppress=True)", "str(numpy.array([1 / 3]))"),
    "pandas options": ("pandas.set_option('display.max_rows', 3)", "pandas.get_option('display.max_rows')"),
    "pandas functions": (
        "pandas.set_option('display.float_format', lambda x: f'<{x}>')",
        "(pandas.get_option('display.float_format') or str)(1)",
    ),
    "time zone": ("os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "(time.tzname, time.localtime(0).tm_hour)"),
    "environment": ("os.environ['CUEBOOK_TEST'] = 'é'", "os.environ['CUEBOOK_TEST']"),
    "environment, less": ("del os.environ['CUEBOOK_TEST_GONE']", "os.environ.get('CUEBOOK_TEST_GONE')"),
    "warnings": (
        "warnings.simplefilter('error', UserWarning)",
        "[f[:3] for f in warnings.filters if f[0] == 'error' and f[2] is UserWarning]",
    ),
}


@pytest.mark.parametrize("when", ["before the first run", "between two runs"])
def test_a_call_finds_the_settings_that_hold_in_the_program(when: str, tmp_path: Path) -> None:
    modules = "csv, decimal, locale, numpy, pandas, socket, sys, os, time, warnings"
    changes = "\n".join(change for change, _ in CHANGES.values())
    look = ", ".join(f"{name!r}: {shown}" for name, (_, shown) in CHANGES.items())
    body = f"""
import {modules}
os.environ["CUEBOOK_TEST_GONE"] = "x"
def look():
    import {modules}
    return {{{look.replace("os.environ['CUEBOOK_TEST']", "os.environ.get('CUEBOOK_TEST')")}}}
before = look()
chunkers = {{where: Chunker(look, where=where, chunk_size=1) for where in ("process", "thread")}}
if {when.startswith("between")}:
    for where, chunker in chunkers.items():
        found = chunker([[]])[0]
        assert found == before, (where, found, before)
{changes}
after = look()
assert all(after[name] != before[name] for name in after if name != "locale"), (before, after)
for where, chunker in chunkers.items():
    found = chunker([[]])[0]
    different = {{name: (found[name], after[name]) for name in after if found[name] != after[name]}}
    assert not different, (where, different)
print("the same")
"""
    assert run_script(tmp_path, body) == "the same\n"


def test_every_setting_is_tried() -> None:
    assert {setting.name for setting in SETTINGS} <= CHANGES.keys()


def test_settings_go_back_to_what_they_were_with_the_program(tmp_path: Path) -> None:
    body = """
import decimal, pandas
def look():
    import decimal, pandas
    return decimal.getcontext().prec, pandas.get_option("display.max_rows"), os.environ.get("CUEBOOK_TEST")
with Chunker(look, chunk_size=1) as chunker:
    for prec, rows, value in [(5, 3, "a"), (28, 60, None), (7, 4, "b")]:
        decimal.getcontext().prec = prec
        pandas.set_option("display.max_rows", rows)
        os.environ.pop("CUEBOOK_TEST", None)
        if value is not None:
            os.environ["CUEBOOK_TEST"] = value
        [found] = chunker([[]])
        assert found == (prec, rows, value), found
"""
    run_script(tmp_path, body)


def test_what_a_call_or_a_setup_sets_stays_while_the_program_does_not_change_it(tmp_path: Path) -> None:
    body = """
import decimal
class Own(Worker):
    def setup(self):
        os.environ.setdefault("OF_SETUP", "setup")
        decimal.getcontext().prec = 9
def look(change):
    import decimal
    found = os.environ.get("OF_SETUP"), os.environ.get("OF_CALL"), os.environ.get("OF_BOTH"), decimal.getcontext().prec
    if change:
        os.environ["OF_CALL"] = os.environ["OF_BOTH"] = "call"
    return found
with Chunker(look, actors=Own, chunk_size=1) as chunker:
    print(chunker([[True]])[0])
    print(chunker([[False]])[0])
    os.environ["OF_BOTH"] = "program"
    print(chunker([[False]])[0])
"""
    assert run_script(tmp_path, body).splitlines() == [
        "('setup', None, None, 9)",
        "('setup', 'call', 'call', 9)",
        "('setup', 'call', 'program', 9)",
    ]


def test_the_share_of_the_cores_stays_whatever_else_is_in_the_environment(tmp_path: Path) -> None:
    body = """
def look(): return os.environ["OMP_NUM_THREADS"]
os.environ.pop("OMP_NUM_THREADS", None)
with Chunker(look, chunk_size=os.cpu_count()) as chunker:
    print(chunker([[]])[0])
    os.environ["CUEBOOK_TEST"] = "x"
    print(chunker([[]])[0])
"""
    assert run_script(tmp_path, body) == "1\n1\n"


def test_a_library_that_no_call_imports_is_not_imported_for_its_settings(tmp_path: Path) -> None:
    body = """
import numpy, pandas
numpy.seterr(all="raise")
pandas.set_option("display.max_rows", 3)
def look():
    before = [name for name in ("numpy", "pandas", "decimal", "locale") if name in sys.modules]
    import numpy
    return before, numpy.geterr()["over"]
print(chunk(look, [[]]))
"""
    assert run_script(tmp_path, body) == "[([], 'raise')]\n"


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


# -- threads and coroutines

token: contextvars.ContextVar[str] = contextvars.ContextVar("token", default="none")
other: contextvars.ContextVar[str] = contextvars.ContextVar("other", default="none")


def plain_look(_: int) -> tuple[str, str, int]:
    return token.get(), other.get(), decimal.getcontext().prec


async def async_look(n: int) -> tuple[str, str, int]:
    return plain_look(n)


@pytest.mark.parametrize("where", ["thread", "async"])
def test_calls_have_the_context_variables_of_whoever_asks_for_the_run(where: str) -> None:
    def look(chunker: Chunker) -> set[Any]:
        return set(chunker([[n] for n in range(4)]))

    def with_token(chunker: Chunker) -> set[Any]:
        token.set("ada")
        decimal.setcontext(decimal.Context(prec=5))
        return look(chunker)

    def with_other(chunker: Chunker) -> set[Any]:
        other.set("bob")
        return look(chunker)

    with Chunker(async_look if where == "async" else plain_look, where=where, chunk_size=2) as chunker:
        assert contextvars.copy_context().run(look, chunker) == {("none", "none", 28)}
        assert contextvars.copy_context().run(with_token, chunker) == {("ada", "none", 5)}
        assert contextvars.copy_context().run(with_other, chunker) == {("none", "bob", 28)}


async def two_runs_at_once(where: str) -> list[set[Any]]:
    async with Runtime(where=where, chunk_size=2) as runtime:

        async def one(name: str) -> set[Any]:
            token.set(name)
            func = async_look if where == "async" else plain_look
            return {done.value async for done in runtime.stream(func, [[n] for n in range(6)])}

        return list(await asyncio.gather(one("a"), one("b")))


@pytest.mark.parametrize("where", ["thread", "async"])
def test_runs_at_the_same_time_have_each_their_own(where: str) -> None:
    found = asyncio.run(two_runs_at_once(where))
    assert found == [{("a", "none", 28)}, {("b", "none", 28)}]


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_what_a_setup_puts_into_the_context_is_there_for_calls(where: str) -> None:
    class Setting(Worker):
        async def setup(self) -> None:
            await asyncio.sleep(0)
            decimal.getcontext().prec = 7

    async def prec(_: int) -> int:
        return decimal.getcontext().prec

    def initialize() -> None:
        decimal.getcontext().prec = 6

    assert chunk(prec, [[1], [2]], actors=Setting, where=where, chunk_size=1) == [7, 7]
    assert chunk(prec, [[1], [2]], initializer=initialize, where=where, chunk_size=1) == [6, 6]
    assert decimal.getcontext().prec == 28


def test_an_adopted_context_gives_back_what_it_took() -> None:
    def body() -> None:
        adopted = AdoptedContext()
        context = contextvars.copy_context()
        context.run(token.set, "x")
        adopted.adopt(context)
        assert token.get() == "x"
        adopted.adopt(contextvars.Context())
        assert token.get() == "none"

    contextvars.copy_context().run(body)


def test_an_actor_in_a_process_has_the_settings_too(tmp_path: Path) -> None:
    body = """
import asyncio, decimal, warnings
decimal.getcontext().prec = 5
os.environ["CUEBOOK_TEST"] = "x"
warnings.simplefilter("error", UserWarning)

@message(tag=1000)
class Look:
    pass

class Looker(Actor):
    def on_look(self, message: Look) -> str:
        import decimal
        try:
            warnings.warn("careless")
        except UserWarning:
            return f"{decimal.Decimal(1) / 3} {os.environ['CUEBOOK_TEST']}"

async def main():
    async with Runtime() as runtime:
        print(await (await runtime.spawn(Looker, where="process")).ask(Look()))
asyncio.run(main())
"""
    assert run_script(tmp_path, body) == "0.33333 x\n"


# -- within


def test_something_is_done_at_the_end_of_an_import_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_one.py").write_text("value = 1\n")
    (tmp_path / "heavy_two.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    done: list[int] = []
    when_imported("heavy_one", lambda: done.append(1), "old")
    when_imported("heavy_one", lambda: done.append(sys.modules["heavy_one"].value), "old")
    when_imported("heavy_two", lambda: done.append(3), "never")
    forget("heavy_two", "never")
    try:
        import heavy_one  # type: ignore[import-not-found]
        import heavy_two  # type: ignore[import-not-found]

        assert (done, heavy_two.value) == ([1], 2)
        assert "exec_module" not in vars(heavy_one.__spec__.loader)
        when_imported("heavy_one", lambda: done.append(9), "now")
        assert done == [1, 9]
        with pytest.raises(ModuleNotFoundError):
            when_imported("no_such_module", lambda: None, "x")
            __import__("no_such_module")
    finally:
        for name in ("heavy_one", "heavy_two"):
            sys.modules.pop(name, None)
        import_hook._finder.waiting.clear()


def test_a_setting_that_cannot_be_read_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", object())  # as when another thread has just begun to import it
    assert isinstance(take_program(), bytes)


def test_the_same_program_twice_changes_nothing_the_second_time() -> None:
    here, program = ProgramHere(), take_program()
    limit = sys.getrecursionlimit()
    with warnings.catch_warnings():
        here.load(program)
        here.settle()
        try:
            sys.setrecursionlimit(limit + 1)
            here.load(program)
            here.settle()
            assert sys.getrecursionlimit() == limit + 1
        finally:
            sys.setrecursionlimit(limit)
