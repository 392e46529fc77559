"""The bytes of each form, fixed for good: a journal of today is read by every later version."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import subprocess
import sys
import uuid
import zoneinfo
from dataclasses import dataclass

import msgpack
import numpy as np
import pytest

from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved

pytestmark = pytest.mark.quick


@dataclass
class Point:
    x: int
    y: float


class Color(enum.Enum):
    RED = 1


Row = collections.namedtuple("Row", "a b")  # noqa: PYI024
for _cls in (Point, Color, Row):
    _cls.__module__ = "golden"

GOLDEN = [
    (None, "c0"),
    ([1, -1.5, "x", b"y", True, {"k": 1}], "9601cbbff8000000000000a178c40179c381a16b01"),
    (2**64, "c70901000000000000000001"),
    ((1, (2,)), "c706029201d5029102"),
    ({1}, "d5039101"),
    (frozenset({"a"}), "c7030491a161"),
    (1 - 2j, "d805000000000000f03f00000000000000c0"),
    (..., "d40600"),
    (NotImplemented, "d40601"),
    (range(1, 9, 2), "d60793010902"),
    (slice(None, 3, None), "d60893c003c0"),
    (bytearray(b"ab"), "d609c4026162"),
    (decimal.Decimal("-1.50"), "c7050b2d312e3530"),
    (fractions.Fraction(1, 3), "c7030c920103"),
    (dt.date(2020, 1, 2), "d60de4070102"),
    (dt.time(1, 2, 3, 4, fold=1), "c7070e960102030401c0"),
    (dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "c7150f99cd07e401020304050600c7071191d61093000000"),
    (dt.timedelta(-1, 2, 3), "d61093ff0203"),
    (dt.timezone(dt.timedelta(hours=1), "X"), "c70c1192c706109300cd0e1000a158"),
    (zoneinfo.ZoneInfo("Europe/Berlin"), "c70d124575726f70652f4265726c696e"),
    (uuid.UUID(int=1), "d81300000000000000000000000000000001"),
    (pathlib.PurePosixPath("a/b"), "d61400612f62"),
    (collections.OrderedDict([("a", 1)]), "d61592a16101"),
    (collections.defaultdict(list, {"a": [1]}), "c70a1693a46c697374a1619101"),
    (collections.Counter("aab"), "c7071794a16102a16201"),
    (collections.deque([1], 2), "c70318920201"),
    (msgpack.ExtType(3, b"x"), "c705199203c40178"),
    (np.array([[1, 2]], "<i2"), "d81e94a33c6932920102a143c40401000200"),
    (
        np.zeros(1, [("a", "<i4"), ("b", ">f8", (2,))]),
        "c7631e9486a56e616d657392a161a162a7666f726d61747392a33c693492a33e66389102a76f666673657473920004a67469746c657392c0c0a86974656d73697a6514a7616c69676e6564c29101a143c4140000000000000000000000000000000000000000",
    ),
    (np.float64(1), "c70f1f92a33c6638c408000000000000f03f"),
    (np.str_("x"), "d61f92c0a178"),
    (Row(1, 2), "c7132895a6676f6c64656ea3526f7792a161a1620102"),
    (Color.RED, "c7132994a6676f6c64656ea5436f6c6f72a352454401"),
    (Point(1, 2.0), "c71d2a93a6676f6c64656ea5506f696e7482a17801a179cb4000000000000000"),
    (
        ValueError("x", 1),
        "c72b2b9198a0a86275696c74696e73aa56616c75654572726f72a8282778272c203129c092c402a178c4010190c2",
    ),
    (Opaque("pickle", "T", 3, b"d"), "c70e4694a67069636b6c65a15403c40164"),
    (Unresolved("m", "n", {"a": 1}, "why"), "c70d4794a16da16e81a16101a3776879"),
]


@pytest.fixture(autouse=True)
def _module(monkeypatch):
    module = type(sys)("golden")
    module.Point, module.Color, module.Row = Point, Color, Row
    monkeypatch.setitem(sys.modules, "golden", module)


@pytest.mark.parametrize(("value", "golden"), GOLDEN, ids=lambda part: f"{part!r:.30}")
def test_the_form_of_each_type_stays_as_it_is(value, golden):
    data = bytes.fromhex(golden)
    assert ValueEncoder(pickle=False).encode(value) == data
    back = ValueDecoder().decode(data)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_importing_the_codec_loads_nothing_slow():
    """Worker processes import it at start."""
    slow = {"asyncio", "anyio", "aiosqlite", "structlog", "cloudpickle", "numpy", "dataclasses", "pathlib"}
    slow |= {"hashlib", "pickle", "inspect"}
    code = f"""
import sys
before = set(sys.modules)
import cuebook.persistence.blobs.folder
from cuebook.persistence.values import ValueDecoder, ValueEncoder
ValueDecoder().decode(ValueEncoder().encode([1, (2, {{3}})]))
print([name for name in {sorted(slow)} if name in set(sys.modules) - before])
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
