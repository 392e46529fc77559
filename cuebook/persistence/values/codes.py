"""The closed list of extension types that values are written with, and what their forms may ask for.

Knows no single type's form: those stand in `value_types`, `arrays`, `objects`, `failures` and `pickles`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

__all__ = [
    "TOO_DEEP",
    "BlobRef",
    "Code",
    "Decoding",
    "Encoding",
    "Entangled",
    "Refused",
    "Unopened",
    "type_name",
]


class Code(IntEnum):
    """Number of each extension type in the bytes. Never reused or renumbered: journals outlive code."""

    BIG_INT = 1
    TUPLE = 2
    SET = 3
    FROZENSET = 4
    COMPLEX = 5
    SINGLETON = 6
    RANGE = 7
    SLICE = 8
    BYTEARRAY = 9
    MEMORYVIEW = 10
    DECIMAL = 11
    FRACTION = 12
    DATE = 13
    TIME = 14
    DATETIME = 15
    TIMEDELTA = 16
    TIMEZONE = 17
    ZONE_INFO = 18
    UUID = 19
    PATH = 20
    ORDERED_DICT = 21
    DEFAULT_DICT = 22
    COUNTER = 23
    DEQUE = 24
    EXT_TYPE = 25
    FILE = 26
    ARRAY = 30
    ARRAY_SCALAR = 31
    NAMED_TUPLE = 40
    ENUM = 41
    DATACLASS = 42
    EXCEPTION = 43
    PICKLED = 50
    REFERENCE = 51
    SHARED = 52
    SHARED_PART = 53
    BLOB_VALUE = 60
    BLOB_BYTES = 61
    BLOB_STR = 62
    BLOB_REF = 63
    OPAQUE = 70
    UNRESOLVED = 71
    IN_MESSAGE = 80


TOO_DEEP = "it is nested too deeply"
"""The one reason that holds for the whole of a value and not for a part of it."""


class BlobRef:
    """Where a large buffer lies: its digest (32 bytes of sha256) and its length in bytes."""

    __slots__ = ("digest", "length")

    def __init__(self, digest: bytes, length: int) -> None:
        self.digest = digest
        self.length = length


class Unopened(Exception):
    """A part lies in a blob, and the decoder was given no blob store."""

    def __init__(self, ref: BlobRef) -> None:
        super().__init__(ref)
        self.ref = ref


class Refused(Exception):
    """One part cannot be kept; whoever caught it looks for the path to the part."""


class Entangled(Exception):
    """The value refers to itself, is nested too deeply, or shares so much that a tree of it would be huge."""


class Shared(Exception):
    """The value holds one object that can be changed in two places: it has to be written once."""


class Encoding(Protocol):
    """What the form of one type may ask of the encoder that it writes for."""

    portable: bool

    def nested(self, value: Any) -> bytes:
        """Bytes of a part that may hold anything."""
        ...

    def bare(self, value: Any) -> bytes:
        """Bytes of a part that is known to be plain data, extension values and read-only buffers."""
        ...

    def buffer(self, data: bytes | bytearray | memoryview) -> Any:
        """The buffer itself, or the extension that refers to its blob where it is large."""
        ...

    def pickled(self, value: Any) -> Any:
        """The extension that refers to the value in this scope's pickle. Raises Refused."""
        ...

    def alone(self, value: Any) -> bytes | None:
        """Bytes of a part that share nothing with the rest of the value; None where it cannot be kept."""
        ...


class Decoding(Protocol):
    """What the form of one type may ask of the decoder that it reads for."""

    trusted: bool
    files: list[Any] | None

    def nested(self, data: bytes | memoryview) -> Any:
        """The part that these bytes stand for."""
        ...

    def size(self, part: Any) -> int:
        """Length in bytes of an inline buffer or of a blob, checked before space is made for it."""
        ...

    def fill(self, part: Any, target: memoryview) -> None:
        """Fill `target`, of exactly `size(part)` bytes, with an inline buffer or a blob."""
        ...

    def mapped(self, part: Any) -> memoryview | None:
        """A blob where it lies, which may be written to and which nobody else sees; None: it has to be read."""
        ...

    def resolve(self, module: str, qualname: str) -> Any:
        """What stands under this name in a module; LookupError with the reason where it cannot be had."""
        ...

    def defaults(self, cls: type, missing: Iterable[str]) -> dict[str, Any] | None:
        """What stands for fields that a class has got since; None where nothing may."""
        ...

    def unresolved(self, name: tuple[str, str], fields: dict[str, Any], reason: str) -> Any:
        """The placeholder for an object that cannot be rebuilt here."""
        ...

    def opaque(self, kind: str, type_name: str, size: int, digest: bytes) -> Any:
        """The placeholder for a part that is not opened."""
        ...


if TYPE_CHECKING:
    Form: TypeAlias = Callable[[Any, Encoding], Any]
    Opening: TypeAlias = Callable[[bytes, Decoding], Any]


def type_name(cls: type) -> str:
    """`module.Class`, without the module for built-in types."""
    module = getattr(cls, "__module__", None)
    name = getattr(cls, "__qualname__", cls.__name__)
    return name if module in {"builtins", None} else f"{module}.{name}"
