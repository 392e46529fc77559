"""Events reach whoever listens, with keys and values; while nobody does, nothing is imported or printed."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap

import pytest

from cuebook.logs import get_logger

pytestmark = pytest.mark.quick


def run(script: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_unheard_events_import_nothing_and_print_nothing() -> None:
    done = run("""
        import sys
        from cuebook.logs import get_logger
        get_logger("runtime").bind(run=1).error("lost", call=2)
        assert "structlog" not in sys.modules
    """)
    assert done.stdout == done.stderr == ""


def test_heard_events_go_to_the_applications_handlers_and_never_to_stdout() -> None:
    done = run("""
        import logging
        from cuebook.logs import get_logger
        logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
        log = get_logger("runtime").bind(run=1)
        log.info("call done", call=2, name="n")
        log.debug("unheard")
        log.warning("100 %s percent %d", share="5 %")
    """)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "cuebook.runtime INFO call done run=1 call=2 name='n'",
        "cuebook.runtime WARNING 100 %s percent %d run=1 share='5 %'",
    ]


def test_neither_structlog_nor_logging_is_configured() -> None:
    run("""
        import logging
        handler = logging.StreamHandler()
        logging.getLogger("cuebook").addHandler(handler)
        from cuebook.logs import get_logger
        get_logger("runtime").error("heard")
        import structlog
        assert not structlog.is_configured()
        assert logging.getLogger().handlers == []
        assert logging.getLogger("cuebook").level == logging.NOTSET
    """)


def test_records_carry_the_parts_and_the_callers_place(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("cuebook.runtime").bind(run=1)
    with caplog.at_level(logging.DEBUG, "cuebook"):
        log.debug("event", call=2, args="no clash")
    (record,) = caplog.records
    assert record.cuebook == {"run": 1, "call": 2, "args": "no clash"}  # type: ignore[attr-defined]
    assert record.filename == "test_logs.py"


def test_binding_leaves_the_original_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("runtime")
    log.bind(run=1).bind(run=2, call=3).warning("one")
    log.warning("two")
    assert [record.cuebook for record in caplog.records] == [{"run": 2, "call": 3}, {}]  # type: ignore[attr-defined]


def test_an_exception_is_shown_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("runtime").error("failed", exc_info=ValueError("why"))
    assert caplog.records[0].exc_info is not None
    assert "ValueError: why" in caplog.text


def test_a_handler_below_a_logger_that_does_not_propagate_is_not_counted() -> None:
    log = get_logger("quiet")
    stdlib = logging.getLogger("cuebook.quiet")
    assert log.is_heard(logging.WARNING)  # pytest's own handler
    stdlib.propagate = False
    try:
        assert not log.is_heard(logging.WARNING)
        handler = logging.Handler(logging.ERROR)
        stdlib.addHandler(handler)
        assert not log.is_heard(logging.WARNING)
        assert log.is_heard(logging.ERROR)
        stdlib.removeHandler(handler)
    finally:
        stdlib.propagate = True
