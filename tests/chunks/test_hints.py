"""Whoever resolves annotations in a worker finds what they name, also where they are strings."""

from __future__ import annotations

from pathlib import Path

from tests.support.programs import Program

HEAD = """
from __future__ import annotations
import dataclasses, decimal, json, threading, typing, zipfile
from decimal import Decimal
"""
BODY = """
Meters = typing.NewType("Meters", float)
T = typing.TypeVar("T")
Pair = tuple[int, str]
@dataclasses.dataclass
class Price:
    amount: Decimal
    exact: decimal.Decimal
@dataclasses.dataclass
class Item:
    price: Price
    length: Meters
    pair: Pair
    later: typing.Optional[Later] = None
    archive: zipfile.ZipFile | None = None
    def other(self, of: Item) -> Price: ...
@dataclasses.dataclass
class Odd:
    busy: Busy | None = None
class Later: pass
class Busy:
    lock = threading.Lock()
def plain(x: Price, y: Later) -> Meters: ...
def fields(_):
    import sys
    before = "zipfile" in sys.modules
    hints = typing.get_type_hints(Item) if Odd(None) else {}
    seen = {name: getattr(hint, "__name__", str(hint)) for name, hint in hints.items()}
    return before, seen, [*typing.get_type_hints(plain)], [*typing.get_type_hints(Item.other)], hints.get("length") is Meters
def give(_):
    return Meters, T
if __name__ == "__main__":
    before, seen, *rest = chunk(fields, [[1]], progress_bar=False)[0]
    print(before, seen, *rest)
    meters, t = chunk(give, [[1]], progress_bar=False)[0]
    print(meters is Meters, t is T)
"""


def test_annotations_that_are_strings_are_resolved_in_a_worker(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(HEAD + "from cuebook import chunk\n" + BODY)
    with Program(tmp_path, "typed.py") as program:
        assert program.wait() == 0, program.stderr
        printed = program.stdout.splitlines()
    assert printed[0].startswith("False {'price': 'Price', 'length': 'Meters', 'pair': 'tuple', 'later': ")
    assert printed[0].endswith("['x', 'y', 'return'] ['of', 'return'] True")
    assert printed[1] == "True True"
