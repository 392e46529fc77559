"""Handlers of the program see of a worker's log records what they would see if all were one process."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from cuebook.children.logs.forwarding import emit_in_parent, logging_state
from cuebook.children.logs.log_records import pack_record, unpack_record
from cuebook.children.logs.logged import Logged
from cuebook.children.logs.tracebacks import pack_error, unpack_error
from tests.support.programs import run_script, start

SEEN = """
import logging, traceback
class Seen(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
    def emit(self, record):
        self.records.append(record)
seen = Seen()
"""


def test_a_handler_sees_the_same_of_a_record_as_in_a_thread(tmp_path: Path) -> None:
    """Every attribute but those of time, process, thread and stack, for records of every kind."""
    body = (
        SEEN
        + """
from decimal import Decimal
class Shown:
    def __init__(self, x): self.x = x
    def __str__(self): return f"shown {self.x}"
    def __eq__(self, other): return type(other) is Shown and other.x == self.x
    __hash__ = None
class Odd(Exception):
    def __init__(self, one, two): super().__init__(f"{one} and {two}")

logging.addLevelName(25, "SUCCESS")
root = logging.getLogger()
root.setLevel(logging.DEBUG)
root.addHandler(seen)

def fail():
    try:
        {}["key"]
    except KeyError as error:
        error.add_note("a note")
        raise Odd("odd", 3) from error

def records(x):
    log = logging.getLogger("app.work")
    log.debug("plain")
    log.info("an argument %s, and %d", "x", 3)
    log.warning("by name %(a)s %(b).2f", {"a": [1, 2], "b": 1.5})
    log.error(Shown(7))
    log.critical("object %s %s", Shown(8), Decimal("1.50"))
    log.log(25, "of a level of its own")
    log.log(33, "of a level without a name")
    log.info("more", extra={"user": "ada", "weight": Decimal(3), "thing": Shown(9), "many": [Shown(1)]})
    log.info("100 %")
    log.info("percent %% done %s", ())
    try:
        fail()
    except Odd:
        log.exception("failed with %s", "it")
    try:
        raise ExceptionGroup("many", [ValueError(1), TypeError(2)])
    except ExceptionGroup as group:
        log.error("group", exc_info=group)
    log.error("no exception", exc_info=True)
    log.warning("with its stack", stack_info=True)
    (lambda: log.info("from a lambda"))()
    logging.info("of the root")
    return x

def facts(where):
    seen.records.clear()
    chunk(records, [[1]], where=where, chunk_size=1)
    found = []
    for record in seen.records:
        if record.name.startswith(("cuebook", "asyncio")):
            continue
        fields = dict(vars(record))
        shown = {name: type(fields.pop(name, None)).__name__ for name in (
            "created", "msecs", "relativeCreated", "process", "thread", "threadName", "processName", "taskName", "stack_info")}
        error = fields.pop("exc_info")
        text = "".join(traceback.format_exception(*error)) if error and error[0] else error
        found.append((record.getMessage(), fields, shown, text.partition("File")[2].partition("program.py")[2] if isinstance(text, str) else text))
    return found

one, other = facts("thread"), facts("process")
assert len(one) == len(other) >= 16
for a, b in zip(one, other, strict=True):
    assert a == b, f"{a}\\n{b}"
print("the same")
"""
    )
    assert run_script(tmp_path, body) == "the same\n"


def test_handlers_of_named_loggers_get_theirs_and_levels_filters_and_disabled_hold(tmp_path: Path) -> None:
    body = (
        SEEN
        + """
app, quiet, loud, filtered = map(logging.getLogger, ("app", "app.quiet", "app.loud", "app.filtered"))
app.setLevel(logging.INFO)
app.addHandler(seen)
app.propagate = False
logging.getLogger("app.off").disabled = True
quiet.setLevel(logging.ERROR)
loud.setLevel(1)
def mark(record):
    record.marked = True
    return "drop" not in record.msg
filtered.addFilter(mark)
logging.getLogger("other").addHandler(seen)

def f(x):
    for name in ("app", "app.quiet", "app.loud", "app.off", "app.filtered", "app.new", "other", "stranger"):
        log = logging.getLogger(name)
        log.log(1, "very low")
        log.debug("debug")
        log.info("info")
        log.info("drop this")
        log.error("error")
chunk(f, [[1]])
print(sorted((r.name, r.msg, getattr(r, "marked", False)) for r in seen.records))
"""
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert eval(program.stdout) == sorted(
            [(name, msg, False) for name in ("app", "app.new") for msg in ("info", "drop this", "error")]
            + [("app.quiet", "error", False), ("other", "error", False)]
            + [("app.loud", msg, False) for msg in ("very low", "debug", "info", "drop this", "error")]
            + [("app.filtered", msg, True) for msg in ("info", "error")]
        )
        assert program.stderr == "error\n"  # of the stranger, by the handler of last resort


def test_warm_workers_log_as_the_program_does_at_each_call(tmp_path: Path) -> None:
    body = (
        SEEN
        + """
def f(x):
    logging.getLogger("app").info("%s", x)
    logging.getLogger("app").warning("%s", x)
log = logging.getLogger("app")
with Chunker(f, chunk_size=1) as chunker:
    chunker([["nobody listens"]])
    log.addHandler(seen)
    chunker([["default"]])
    log.setLevel(logging.INFO)
    chunker([["info"]])
    log.setLevel(logging.NOTSET)
    chunker([["not set"]])
    log.disabled = True
    chunker([["disabled"]])
    log.disabled = False
    logging.disable(logging.WARNING)
    chunker([["off"]])
    logging.disable(logging.NOTSET)
    chunker([["on"]])
print([(r.levelname, r.getMessage()) for r in seen.records])
"""
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert eval(program.stdout) == [
            ("WARNING", "default"),
            ("INFO", "info"),
            ("WARNING", "info"),
            ("WARNING", "not set"),
            ("WARNING", "on"),
        ]
        assert program.stderr == "nobody listens\n"


HELPER = """
import logging
handler = logging.FileHandler("helper.log")
log = logging.getLogger("helper")
log.addHandler(handler)
log.propagate = False
log.setLevel(logging.INFO)
log.info("imported")
class Mark(logging.Filter):
    value = "program"
    def filter(self, record):
        record.value = self.value
        return True
mark = Mark()
log.addFilter(mark)
def f(x):
    Mark.value = "call"
    log.info("call %s", x)
    if not log.handlers:
        raise AssertionError("a handler is there")
    logging.basicConfig(format="of the worker: %(message)s")
    return x
"""


def test_handlers_that_a_module_sets_up_as_it_is_imported_write_once(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    body = SEEN + "import helper\nhelper.log.addHandler(seen)\nlogging.getLogger().addHandler(seen)\n"
    body += (
        "chunk(helper.f, [[1], [2]], chunk_size=2)\nprint(sorted((r.msg % r.args, r.value) for r in seen.records))\n"
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert eval(program.stdout) == [("call 1", "call"), ("call 2", "call")]
        assert program.stderr == ""
    assert sorted((tmp_path / "helper.log").read_text().splitlines()) == ["call 1", "call 2", "imported"]


def test_handlers_that_a_call_or_a_setup_adds_are_the_workers_own_and_the_program_gets_the_records_too(
    tmp_path: Path,
) -> None:
    body = (
        SEEN
        + """
logging.getLogger("app").addHandler(seen)
class Own(Worker):
    def setup(self):
        logging.getLogger("app").addHandler(logging.FileHandler("setup.log"))
def f(x):
    handler = logging.FileHandler(f"call-{x}.log")
    logging.getLogger("private").addHandler(handler)
    logging.getLogger("private").warning("private %s", x)
    logging.getLogger("private").removeHandler(handler)
    logging.getLogger("app").warning("both %s", x)
chunk(f, [[1], [2]], actors=Own, chunk_size=1)
print([r.getMessage() for r in seen.records])
"""
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert (program.stdout, program.stderr) == ("['both 1', 'both 2']\n", "")
    assert (tmp_path / "setup.log").read_text() == "both 1\nboth 2\n"
    assert [(tmp_path / f"call-{x}.log").read_text() for x in (1, 2)] == ["private 1\n", "private 2\n"]


def test_warnings_that_the_program_captures_are_records(tmp_path: Path) -> None:
    body = SEEN + (
        "import warnings\nlogging.captureWarnings(True)\nlogging.getLogger('py.warnings').addHandler(seen)\n"
        "chunk(lambda: warnings.warn('careful'), [[]])\nprint([r.getMessage() for r in seen.records])\n"
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert "careful" in program.stdout
        assert program.stderr == ""


def test_what_cannot_travel_is_told_in_words_and_keeps_nothing_back(tmp_path: Path) -> None:
    body = (
        SEEN
        + """
import threading
logging.getLogger("app").addHandler(seen)
class Held:
    def __init__(self): self.lock = threading.Lock()
    def __str__(self): return "a held one"
    def __repr__(self): return "Held()"
class Silent(Held):
    def __repr__(self): raise RuntimeError
class Broken(Exception):
    def __init__(self): super().__init__("broken"); self.lock = threading.Lock()
def f():
    log = logging.getLogger("app")
    log.warning("with %s", Held(), extra={"held": Held(), "silent": Silent(), "plain": 3})
    log.warning(Held())
    try:
        raise Broken
    except Broken:
        log.exception("it broke")
    log.warning("%s", "x" * 20_000_000)
chunk(f, [[]])
one, two, three, four = seen.records
print(one.getMessage(), one.held, one.silent, one.plain)
print(two.getMessage())
print(three.exc_info[0].__name__, str(three.exc_info[1]), three.exc_info[2].tb_frame.f_code.co_name)
print(len(four.getMessage()))
"""
    )
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert program.stdout.splitlines()[:3] == [
            "with a held one Held() <Silent> 3",
            "a held one",
            "Broken broken f",
        ]
        assert int(program.stdout.splitlines()[3]) < 300_000


def test_json_by_the_programs_own_record_factory_has_what_the_factory_adds(tmp_path: Path) -> None:
    body = (
        SEEN
        + """
plain = logging.getLogRecordFactory()
def made(*args, **kwargs):
    record = plain(*args, **kwargs)
    record.app = "census"
    return record
logging.setLogRecordFactory(made)
logging.getLogger("app").addHandler(seen)
chunk(lambda: logging.getLogger("app").warning("w"), [[]])
[record] = seen.records
print(record.app, record.process != os.getpid(), 0 <= record.relativeCreated < 60_000, 0 <= record.msecs < 1000)
"""
    )
    assert run_script(tmp_path, body) == "census True True True\n"


def test_a_program_without_logging_configures_none_in_its_workers() -> None:
    state = logging_state()
    assert state is None or state["handled"]  # pytest has handlers of its own


def test_a_record_whose_bytes_are_not_understood_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    emit_in_parent(Logged(b"no pickle"))
    assert "Traceback" in capsys.readouterr().err


def make_chain(depth: int) -> BaseException:
    """An exception with a traceback, a cause and notes."""
    try:
        if depth:
            try:
                raise make_chain(depth - 1)
            except BaseException as error:
                raise RuntimeError(depth) from error
        compile("a b", "<there>", "exec")
    except BaseException as error:
        error.add_note(f"note {depth}")
        return error
    raise AssertionError


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_traceback_made_again_is_formatted_as_the_one_that_was(depth: int) -> None:
    error = make_chain(depth)
    assert traceback.format_exception(unpack_error(pack_error(error))) == traceback.format_exception(error)


def test_a_very_long_chain_and_a_very_deep_traceback_are_cut() -> None:
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise ValueError("deep")

    try:
        deep(500)
    except ValueError as error:
        [node] = pack_error(error)
        assert len(node["frames"]) == 200
    assert len(pack_error(make_chain(80))) == 50


def test_an_exception_of_a_class_that_is_not_here_has_its_name_text_and_notes() -> None:
    class Local(Exception):
        def __reduce__(self) -> str:
            raise TypeError

    error = Local("of nowhere")
    error.add_note("noted")
    found = unpack_error(pack_error(ExceptionGroup("some", [error])))
    assert isinstance(found, ExceptionGroup)
    [inner] = found.exceptions
    assert (type(inner).__qualname__, str(inner), inner.__notes__) == (Local.__qualname__, "of nowhere", ["noted"])


def test_a_record_goes_there_and_back() -> None:
    record = logging.LogRecord("n", logging.INFO, "p.py", 3, "m %s", ("a",), None, "f")
    arrived = unpack_record(pack_record(record, was_handled=True, filters=["x"]))
    assert (arrived.was_handled, arrived.filters) == (True, ["x"])
    assert arrived.record.getMessage() == "m a"
    assert (arrived.record.created, arrived.record.msecs) == (record.created, record.msecs)
