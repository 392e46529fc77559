"""Exceptions as values: type, arguments, attributes and causes; none of them breaks writer or reader."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest

from cuebook.errors import CallFailed, JournalBusy
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, UnresolvedException

pytestmark = pytest.mark.quick

PLAIN = ValueEncoder(pickle=False)
PICKLING = ValueEncoder()
READER = ValueDecoder()
DISTRUSTING = ValueDecoder(trusted=False)


class Odd(Exception):
    """Pickle cannot rebuild it: its arguments are not those of __init__."""

    ran = 0

    def __init__(self, code, *, why):
        Odd.ran += 1
        super().__init__(f"{code}: {why}")
        self.code = code


class Slotted(ValueError):
    __slots__ = ("place",)

    def __init__(self, text, place):
        super().__init__(text)
        self.place = place


class OddOs(OSError):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Group(ExceptionGroup):
    def derive(self, excs):
        return Group(self.message, excs)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Fixed(Exception):
    code = 5

    @property
    def doubled(self):
        return 2


BUILT_IN = [
    ValueError(1, "x"),
    KeyError("key"),
    Exception(),
    OSError(2, "no such file", "name"),
    OSError("only text"),
    ConnectionResetError(104, "reset"),
    UnicodeDecodeError("utf8", b"x", 0, 1, "bad"),
    SystemExit(3),
    KeyboardInterrupt(),
    StopIteration(5),
    SyntaxError("bad", ("file", 1, 2, "text")),
    ImportError("no", name="module", path="path"),
    ExceptionGroup("several", [ValueError(1), ExceptionGroup("inner", [KeyError(2)])]),
    RecursionError("deep"),
]
OWN = [
    Odd(1, why=2),
    Slotted("text", 3),
    OddOs("text", 7),
    Group("mine", [Odd(1, why=2)]),
    json.JSONDecodeError("bad", "{", 1),
    subprocess.CalledProcessError(3, ["cmd"], output="out"),
    CallFailed(3, [1], error_type="ValueError"),
    JournalBusy("busy", host="here", pid=3),
    Fixed("x"),
]


def facts(error):
    if error is None:
        return None
    held = {name: repr(part) for name, part in vars(error).items()}
    known = {
        name: getattr(error, name, None) for name in ("filename", "errno", "name", "path", "place", "code", "lineno")
    }
    return (
        type(error),
        str(error),
        repr(error.args),
        held,
        known,
        facts(error.__cause__),
        facts(error.__context__),
    )


@pytest.mark.parametrize("error", BUILT_IN, ids=lambda error: f"{error!r:.30}")
def test_built_in_exceptions_are_kept_and_need_no_trust(error):
    data = PLAIN.encode([error])
    assert facts(READER.decode(data)[0]) == facts(error) == facts(DISTRUSTING.decode(data)[0])


@pytest.mark.parametrize("error", OWN, ids=lambda error: type(error).__name__)
def test_own_exceptions_are_kept_without_running_their_code(error):
    data = PLAIN.encode(error)
    ran = Odd.ran
    assert facts(READER.decode(data)) == facts(error)
    assert Odd.ran == ran


def test_causes_contexts_and_notes_are_kept():
    try:
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")
        except ValueError as second:
            raise Odd(3, why="third") from second
    except Odd as caught:
        error = caught
    error.add_note("a note")
    back = READER.decode(PLAIN.encode(error))
    assert back.__notes__ == ["a note"]
    assert type(back.__cause__) is ValueError
    assert type(back.__cause__.__context__) is KeyError
    assert back.__suppress_context__
    assert back.__traceback__ is None


def test_a_ring_of_causes_ends():
    one, other = ValueError(1), ValueError(2)
    one.__context__, other.__context__ = other, one
    back = READER.decode(PLAIN.encode(one))
    assert back.__context__.args == (2,)
    assert back.__context__.__context__ is None
    one.__cause__ = one
    READER.decode(PLAIN.encode(one))


def test_a_chain_of_a_thousand_causes_is_cut():
    error = ValueError(0)
    for number in range(1000):
        following = ValueError(number)
        following.__cause__ = error
        error = following
    READER.decode(PLAIN.encode(error))


def test_an_attribute_that_cannot_be_kept_becomes_a_placeholder():
    error = Odd(1, why=2)
    error.lock = threading.Lock()
    error.itself = error
    error.args = (threading.Lock(), 5)
    back = READER.decode(PICKLING.encode({"e": error}))["e"]
    assert type(back) is Odd
    assert (back.code, back.args[1]) == (1, 5)
    assert back.lock == back.args[0] == Opaque("not kept", "_thread.lock")


def test_exceptions_that_hold_each_other_end():
    errors = [Odd(n, why=0) for n in range(6)]
    for error in errors:
        error.others = errors
    assert type(READER.decode(PICKLING.encode(errors[0]))) is Odd


def test_an_exception_without_a_text_is_kept():
    assert type(READER.decode(PLAIN.encode(Unprintable("x")))) is Unprintable


def test_local_exceptions_are_kept_by_value_or_by_name_and_text():
    class Local(Exception):
        pass

    back = READER.decode(PICKLING.encode(Local("text")))
    assert (type(back).__name__, back.args) == ("Local", ("text",))
    back = READER.decode(PLAIN.encode(Local("text")))
    assert type(back) is UnresolvedException
    assert str(back).endswith("Local: text")


def test_without_trust_own_exceptions_are_name_and_text_with_their_chain():
    error = Odd(1, why=2)
    error.__cause__ = ValueError("why")
    error.add_note("note")
    back = DISTRUSTING.decode(PLAIN.encode(error))
    assert type(back) is UnresolvedException
    assert (back.module, back.qualname, back.text) == (__name__, "Odd", "1: 2")
    assert back.__cause__.args == ("why",)
    assert back.__notes__ == ["note"]
    assert type(READER.decode(PLAIN.encode(back))) is UnresolvedException


def test_a_placeholder_in_the_arguments_of_a_built_in_exception_breaks_nothing():
    error = OSError(2, "text", Odd)
    assert isinstance(DISTRUSTING.decode(PICKLING.encode(error)), (OSError, UnresolvedException))
    group = ExceptionGroup("g", [Odd(1, why=1)])
    assert isinstance(DISTRUSTING.decode(PICKLING.encode(group)), ExceptionGroup)
