"""Typed messages and their bytes: one table type <-> tag, a msgpack list [tag, field, ...] a message.

Knows no mailbox and no event loop: worker processes import it at start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, dataclass_transform, overload
from weakref import WeakSet

from cuebook.errors import MalformedMessage, MessageTooLarge, UnknownMessage
from cuebook.wire.codec import FRAME_BYTES_MAX, UNPACK_ERRORS, ExtType, new_packer, unpack, unpack_any_key, unpackb
from cuebook.wire.shape import PLAIN, PLAIN_TEXT, Shape
from cuebook.wire.shape_code import Packing

__all__ = [
    "DEPTH_MAX",
    "NAMED_TAG_MAX",
    "TAG_MAX",
    "carry",
    "declared",
    "decode",
    "encode",
    "extend",
    "extended",
    "is_message",
    "is_message_type",
    "message",
    "name_in",
    "opened",
    "outgoing",
    "pack_plain",
    "tag_in",
    "tag_of",
    "type_of",
    "unpack_plain",
]

TAG_MAX = 65_535
"""Tags are 1 to this; below 256 they are cuebook's own."""
NAMED_TAG_MAX = 2**32 - 1
"""Tags beyond those, up to this, are made from names."""
MESSAGE_CODE = 2
"""Of messages within messages, among the extension types."""
DEPTH_MAX = 64
"""Messages within messages within messages ..."""

_LARGE_BYTES = 1024 * 1024
_T = TypeVar("_T")
_SHAPES: dict[type, Shape] = {}
_BY_TAG: dict[int, Shape] = {}
_LOCAL: WeakSet[type] = WeakSet()


_PACKED: dict[type, tuple[int, Callable[[Any], bytes]]] = {}
_UNPACKED: dict[int, Callable[[bytes], Any]] = {}


def extend(cls: type, code: int, pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]) -> None:
    """Let values of a class travel inside messages, as an extension type of msgpack (code 0 to 127)."""
    _PACKED[cls] = (code, pack)
    _UNPACKED[code] = unpack
    PLAIN[cls] = ({cls}, {cls})


def extended(cls: type) -> Callable[[Any], tuple[int, bytes]] | None:
    """What gives the code and the bytes of a value of a class that `extend` was told of; None of any other."""
    packed = _PACKED.get(cls)
    return None if packed is None else lambda value: (packed[0], packed[1](value))


def opened(code: int, data: bytes) -> Any:
    """The value of these bytes, of a class that `extend` was told of."""
    return _UNPACKED[code](data)


def carry(code: int, pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]) -> None:
    """Let values of all other classes travel inside messages, as an extension type of msgpack.

    Parameters:
        pack: gives the bytes of any value, or raises TypeError with the reason. unpack: raises MalformedMessage.
    """
    global _carried
    _carried = (code, pack)
    _UNPACKED[code] = unpack


_carried: tuple[int, Callable[[Any], bytes]] | None = None


def _of_extension(code: int, data: bytes) -> Any:
    unpacked = _UNPACKED.get(code)
    return ExtType(code, data) if unpacked is None else unpacked(data)


def _extension_of(value: object) -> Any:
    """What msgpack calls for each value that it does not know."""
    if type(value) is tuple:
        return list(value)
    packed = _PACKED.get(type(value))
    if packed is not None:
        return ExtType(packed[0], packed[1](value))
    return _carried_value(value)


def _carried_value(value: object) -> ExtType:
    if _carried is None:
        raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} is no plain data ({PLAIN_TEXT})")
    return ExtType(_carried[0], _carried[1](value))


class _Packers(threading.local):
    """One reused packer a thread: half the cost of a new one a message."""

    pack: Callable[[object], bytes]

    def __init__(self) -> None:
        self.depth = 0
        self.pack = new_packer(default=_extension_of).pack


_packers = _Packers()


@overload
def message(cls: type[_T], /) -> type[_T]: ...
@overload
def message(*, tag: int | None = None, by_reference: bool = False) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True)
def message(cls: type[Any] | None = None, /, *, tag: int | None = None, by_reference: bool = False) -> Any:
    """Class decorator, `@message` or `@message(tag=1000)`: makes a class of annotated fields a message type, known by
    its tag on both ends of a wire.

    The class becomes a frozen, slotted dataclass, unless it is one already. Fields hold plain data (None, bool, int,
    float, str, bytes, list, tuple, dict), refs, other messages, and whatever a call may give back: times, enums, sets,
    dataclasses, arrays. Plain data costs least. Where the annotation is a tuple the receiver gets a tuple, where it is
    a list a list; in lists and dicts of a field every tuple arrives as a list (not as the key of a dict), and a
    bytearray as bytes, unless the annotation says bytearray.

    A message is encoded by its sender, and its receiver gets a copy. Only where no copy could be told from it (each
    field a number, None, or a text or bytes of up to 64) does it go as it is within its process, checked all the same.

    Parameters:
        cls: the class, where the decorator stands without parentheses.
        tag: 1 to 65,535, one type each; below 256 cuebook's own. None: a number made from the names of module
            and class, which is the same in every process, until they are renamed; with `by_reference`, none at
            all: it goes by reference only, and its fields may be anything that does not change.
        by_reference: within a process the receiver gets the sender's very object, unchecked and not encoded:
            for types whose fields cannot be changed (numbers, strings, bytes, tuples, other such messages).

    Raises:
        ValueError: the tag is out of its range or stands for another type (in a notebook, the same class may
            be defined again).
        TypeError: the dataclass is not frozen; or, by reference, a field can be changed.
    """

    def register(cls: type[Any]) -> type[Any]:
        if tag is None and by_reference:
            final = _as_dataclass(cls)
            _LOCAL.add(final)
            return final
        number = _tag_by_name(cls) if tag is None else tag
        if tag is not None and (type(tag) is not int or not 1 <= tag <= TAG_MAX):
            raise ValueError(f"the tag of {cls.__qualname__} is a number from 1 to {TAG_MAX}, not {tag!r}")
        taken = _BY_TAG.get(number)
        if taken is not None and not _is_made_again(taken.cls, cls, has_tag=tag is not None):
            advice = "" if tag is not None else "; give it one of its own: @message(tag=...)"
            raise ValueError(f"tag {number} of {cls.__qualname__} already stands for {taken.cls.__qualname__}{advice}")
        final = _as_dataclass(cls)
        shape = Shape(final, number, _packing_of, by_reference=by_reference)
        if taken is not None:
            _SHAPES.pop(taken.cls, None)
        _SHAPES[final] = _BY_TAG[number] = shape
        extend(final, MESSAGE_CODE, _encode_within, _decode_within)
        return final

    if cls is not None and not isinstance(cls, type):
        raise TypeError(f"@message decorates a class, and {cls!r} is none; a tag is given as @message(tag=...)")
    return register if cls is None else register(cls)


def _tag_by_name(cls: type) -> int:
    from zlib import crc32

    name = f"{cls.__module__}.{cls.__qualname__}".encode()
    return TAG_MAX + 1 + crc32(name) % (NAMED_TAG_MAX - TAG_MAX)


def _encode_within(message: object) -> bytes:
    # Not by the packer that is at work on what this message is in.
    packers = _packers
    packers.depth += 1
    try:
        if packers.depth > DEPTH_MAX:
            raise TypeError(f"messages are within messages more than {DEPTH_MAX} deep")
        shape = _SHAPES[type(message)]
        frame: bytes = new_packer(default=_extension_of).pack(shape.take(message))
        return frame
    finally:
        packers.depth -= 1


def _decode_within(data: bytes) -> Any:
    _packers.depth += 1
    try:
        if _packers.depth > DEPTH_MAX:
            raise MalformedMessage(f"messages are within messages more than {DEPTH_MAX} deep")
        return decode(data)
    finally:
        _packers.depth -= 1


def encode(message: object) -> bytes:
    """The bytes of one message. Cost: about 0.5 us for five small fields.

    Raises:
        TypeError: no message type, or a field that cannot be kept or is not of its annotated type; it is named.
        MessageTooLarge: over `FRAME_BYTES_MAX`; nothing was sent.
    """
    shape = _SHAPES.get(type(message))
    if shape is None:
        raise _no_message(message)
    encode = shape.encode
    return encode(message)


def outgoing(message: object) -> Any:
    """What goes into a mailbox of this process: the bytes of a message, or the message itself where its type
    goes by reference, or where it is small and nothing in it could be changed, so that a copy could not be told
    from it. Raises as `encode`.
    """
    shape = _SHAPES.get(type(message))
    if shape is None:
        if type(message) in _LOCAL:
            return message
        raise _no_message(message)
    if shape.is_by_reference:
        return message
    send = shape.send
    return send(message)


def _no_message(message: object) -> TypeError:
    kind = type(message).__qualname__
    if type(message) in _LOCAL:
        return TypeError(f"{kind} has no tag, so it goes by reference only, within its process")
    return TypeError(f"{kind} is no message: declare its class with @message")


def _packing_of(shape: Shape) -> Packing:
    name = shape.cls.__qualname__
    return Packing(_packers, partial(_mended, shape), _LARGE_BYTES, lambda frame: _check_large(frame, name))


def decode(frame: bytes | memoryview) -> Any:
    """The message of these bytes. Cost: about 0.8 us for five small fields. Nothing in the bytes is executed.

    Raises:
        UnknownMessage: no type of this program has the frame's tag; it is named.
        MalformedMessage: no whole msgpack list, or its fields do not fit the type in number or in type.
    """
    try:
        values = unpackb(frame, strict_map_key=False, unicode_errors="surrogatepass", ext_hook=_of_extension)
    except UNPACK_ERRORS as error:
        values = unpack_any_key(frame, _of_extension, error)
    if type(values) is list and values and type(tag := values[0]) is int:
        try:
            build = _BY_TAG[tag].build
        except KeyError:
            text = f"a message with tag {tag} has no type here: it comes from another version"
            raise UnknownMessage(text) from None
        return build(values)
    raise MalformedMessage(f"a frame of {len(frame)} bytes holds no message: no list that begins with a tag")


def is_message(value: object) -> bool:
    """Whether the value is of a declared message type."""
    return type(value) in _SHAPES or type(value) in _LOCAL


def is_message_type(cls: object) -> bool:
    """Whether this is a declared message type."""
    return isinstance(cls, type) and (cls in _SHAPES or cls in _LOCAL)


def tag_of(cls: type) -> int:
    """The tag of a message type. Raises KeyError where it is none."""
    return _SHAPES[cls].tag


def declared() -> list[tuple[type, int | None, bool]]:
    """The message types of this process: each class, its tag (None where it has none), whether it goes by reference."""
    tagged: list[tuple[type, int | None, bool]] = [
        (cls, shape.tag, shape.is_by_reference) for cls, shape in _SHAPES.items()
    ]
    return tagged + [(cls, None, True) for cls in _LOCAL]


def type_of(tag: int) -> type | None:
    """The message type that has this tag here; None where none has."""
    shape = _BY_TAG.get(tag)
    return None if shape is None else shape.cls


def tag_in(content: Any) -> int:
    """The tag of a frame of ours, or of a message itself; 0 where it is neither."""
    if type(content) is not bytes:
        shape = _SHAPES.get(type(content))
        return 0 if shape is None else shape.tag
    head = 1 if content[:1] < b"\xdc" else 3  # the length of a short list is in its first byte
    kind = content[head] if len(content) > head else 0
    width = {0xCC: 1, 0xCD: 2, 0xCE: 4}.get(kind)
    return kind if width is None else int.from_bytes(content[head + 1 : head + 1 + width], "big")


def name_in(content: Any) -> str:
    """The name of the type of a frame of ours, or of a message itself; "?" where no type has its tag."""
    if type(content) is not bytes:
        return type(content).__name__
    shape = _BY_TAG.get(tag_in(content))
    return "?" if shape is None else shape.cls.__name__


def unpack_plain(frame: bytes) -> Any:
    """The value of `pack_plain`. Raises MalformedMessage."""
    return unpack(frame, _of_extension)


def pack_plain(value: object) -> bytes:
    """A value as msgpack bytes, by the packer of messages: what `decode` takes inside a field.

    Raises:
        TypeError: the value cannot travel.
        MessageTooLarge: over `FRAME_BYTES_MAX`.
    """
    try:
        frame = _packers.pack(value)
    except OverflowError:
        frame = _packers.pack(_carried_value(value))
    except ValueError as error:
        raise TypeError(f"a {type(value).__qualname__} cannot travel: {error}") from error
    if len(frame) > _LARGE_BYTES:
        _check_large(frame, type(value).__qualname__)
    return frame


def _mended(shape: Shape, values: list[Any], error: Exception) -> bytes:
    """The frame of a message with a number in it that msgpack does not know; raises what is wrong with any other."""
    if not isinstance(error, OverflowError):
        raise _unsendable(shape, values, error) from error
    try:
        # Each field by itself: refs and messages in the others stay as they are.
        fields = [value if _is_packed(value) else _carried_value(value) for value in values[1:]]
        frame: bytes = _packers.pack([values[0], *fields])
    except (TypeError, ValueError, OverflowError) as error:
        raise _unsendable(shape, values, error) from error
    return frame


def _is_packed(value: object) -> bool:
    try:
        _packers.pack(value)
    except OverflowError:
        return False
    return True


def _check_large(frame: bytes, name: str) -> None:
    # A packer keeps its largest buffer for ever.
    _packers.pack = new_packer(default=_extension_of).pack
    if len(frame) > FRAME_BYTES_MAX:
        raise MessageTooLarge(f"{name} has {len(frame):,} bytes, more than a frame's {FRAME_BYTES_MAX:,}")


def _unsendable(shape: Shape, values: list[Any], error: Exception) -> Exception:
    for name, value in zip(shape.names, values[1:], strict=True):
        try:
            pack_plain(value)
        except (TypeError, ValueError, OverflowError) as reason:
            return TypeError(f"{shape.cls.__qualname__}.{name} cannot travel in a message: {reason}")
    return TypeError(f"{shape.cls.__qualname__} cannot travel: {error}")


def _is_made_again(old: type, new: type, *, has_tag: bool) -> bool:
    """Whether one class takes the place of another: a cell of a notebook, or a local class, that ran again."""
    is_same_name = old.__module__ == new.__module__ and old.__qualname__ == new.__qualname__
    return is_same_name and (old.__module__ == "__main__" or not has_tag)


def _as_dataclass(cls: type[_T]) -> type[_T]:
    from dataclasses import dataclass  # a slow import that a process without messages is spared

    if "__dataclass_fields__" not in vars(cls):
        return dataclass(frozen=True, slots=True)(cls)
    if not {"__setattr__", "__delattr__"} <= vars(cls).keys():  # what frozen=True adds
        raise TypeError(f"{cls.__qualname__} is a message: @dataclass(frozen=True, slots=True), or no @dataclass")
    return cls
