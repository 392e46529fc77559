"""Classes of a script in values that are kept."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import types
import weakref
from typing import Any

import pytest

from cuebook.errors import ValueNotKept
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved

pytestmark = pytest.mark.quick


@pytest.fixture
def module():
    """A module that can change between writing and reading."""
    module = types.ModuleType("changing_module")
    sys.modules["changing_module"] = module
    yield module
    sys.modules.pop("changing_module", None)


# Classes of a script

SCRIPT = """
    import sys
    from collections import namedtuple
    from dataclasses import dataclass
    from enum import Enum
    from cuebook.persistence.values import ValueDecoder, ValueEncoder

    @dataclass
    class Point:
        x: int

    class Color(Enum):
        RED = 1

    Row = namedtuple("Row", "a b")

    class Plain:
        def __init__(self, x):
            self.x = x

    class Failure(Exception):
        def __init__(self, code, *, why):
            super().__init__(f"failed with {code}")
            self.code = code

    if len(sys.argv) == 1:
        value = [Point(1), Color.RED, Row(1, Plain(2)), Plain(3), Failure(4, why=5), Plain]
        sys.stdout.write(ValueEncoder().encode(value).hex())
    else:
        point, color, row, plain, failure, cls = ValueDecoder().decode(bytes.fromhex(sys.argv[1]))
        assert point == Point(1) and color is Color.RED and type(row) is Row and row.b.x == 2
        assert type(plain) is Plain and plain.x == 3 and cls is Plain and type(row.b) is Plain
        assert type(failure) is Failure and failure.code == 4 and str(failure) == "failed with 4"
        sys.stdout.write("the same")
"""


def run(code, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def from_script():
    return run(SCRIPT)


def test_the_same_script_reads_its_own_classes(from_script):
    assert run(SCRIPT, from_script) == "the same"


def test_another_program_reads_fields_and_pickled_classes_by_value(from_script):
    point, color, row, plain, failure, cls = ValueDecoder().decode(bytes.fromhex(from_script))
    assert (point, color) == (
        Unresolved("__main__", "Point", {"x": 1}),
        Unresolved("__main__", "Color", {"name": "RED", "value": 1}),
    )
    assert row.fields["a"] == 1
    assert (plain.x, type(plain).__name__) == (3, "Plain")
    assert type(plain) is cls is type(row.fields["b"])
    assert str(failure) == "__main__.Failure: failed with 4"


def test_classes_of_main_travel_with_their_definition_when_asked_to():
    code = SCRIPT.replace("ValueEncoder()", "ValueEncoder(portable=True)")
    point, color, row, plain, failure, _ = ValueDecoder().decode(bytes.fromhex(run(code)))
    assert (point.x, color.name, row.a, plain.x, failure.code) == (1, "RED", 1, 3, 4)
    assert type(failure).__name__ == "Failure"


def test_a_class_that_arrived_with_a_function_is_found_again_in_the_worker():
    """A state of a call names a class of the script; the worker has it only with the function."""
    code = """
        import sys, pickle
        from cuebook.persistence.values.pickling.by_value import dumps
        from cuebook.persistence.values import ValueDecoder, ValueEncoder
        from dataclasses import dataclass
        @dataclass
        class Progress:
            step: int
        def work():
            return Progress(3)
        sys.stdout.write(dumps(work).hex())
    """
    worker = """
        import sys, pickle
        from cuebook.persistence.values import ValueDecoder, ValueEncoder
        work = pickle.loads(bytes.fromhex(sys.argv[1]))
        state = work()
        back = ValueDecoder().decode(ValueEncoder(pickle=False).encode([state]))
        assert back == [state] and type(back[0]) is type(state)
        sys.stdout.write("found")
    """
    assert run(worker, run(code)) == "found"


class NotLoadable:
    """As many classes are: what pickle calls to make it again wants more than it is given."""

    def __init__(self, one: int, two: int) -> None:
        self.one, self.two = one, two

    def __reduce__(self) -> tuple[Any, ...]:
        return NotLoadable, (self.one,)


def test_what_can_be_pickled_and_not_loaded_is_refused_where_that_is_asked_for() -> None:
    encoder = ValueEncoder(reloads=True)
    for _ in range(2):
        with pytest.raises(ValueNotKept, match=r"result\[1\]\['x'\]: .*NotLoadable cannot be kept: .*not loaded again"):
            encoder.encode([1, {"x": NotLoadable(1, 2)}])
    assert ValueDecoder().decode(encoder.encode([complex, {1: object}])) == [complex, {1: object}]
    assert type(ValueDecoder().decode(ValueEncoder().encode(NotLoadable(1, 2)))) is Unresolved


def test_an_attribute_of_an_exception_that_cannot_be_loaded_is_left_out_and_proves_nothing() -> None:
    encoder = ValueEncoder(reloads=True)
    error = ValueDecoder().decode(encoder.encode(ValueError("text", NotLoadable(1, 2))))
    assert error.args[0] == "text" and type(error.args[1]) is Opaque
    with pytest.raises(ValueNotKept):
        encoder.encode(NotLoadable(1, 2))


def test_each_class_is_loaded_again_once() -> None:
    made = Counting()
    encoder = ValueEncoder(reloads=True)
    Counting.loads = 0
    first = [encoder.encode(made) for _ in range(3)]
    assert Counting.loads == 1
    assert encoder.encode([made, made]) and Counting.loads == 1
    assert first[0] == first[2]


class Counting:
    loads = 0

    def __setstate__(self, state: object) -> None:
        Counting.loads += 1

    def __getstate__(self) -> int:
        return 1


def test_an_object_that_was_pickled_is_let_go_at_once() -> None:
    """Without a wait for the collector: it may be a table of gigabytes."""
    made = Counting()
    alive = weakref.ref(made)
    gc.disable()
    try:
        ValueEncoder().encode(made)
        del made
        assert alive() is None
    finally:
        gc.enable()
