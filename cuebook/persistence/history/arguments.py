"""The arguments of calls: checked, cut into blocks, and known again by their bytes.

Knows neither the function nor the journal that the blocks are kept in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import countOf
from typing import Any, NamedTuple

from cuebook.errors import MalformedMessage
from cuebook.persistence.history.call_form import Call, CallForm, call_key
from cuebook.persistence.history.items import ListCalls
from cuebook.persistence.identity.digest import DIGEST_BYTES, blake16
from cuebook.persistence.identity.parts import readable
from cuebook.persistence.identity.plain import argument_types, plain_block
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.wire.codec import Unpacker, new_packer, unpack

__all__ = [
    "BLOCK_CALLS",
    "SHOWN_BYTES_MAX",
    "Block",
    "Call",
    "Unkept",
    "block_keys",
    "call_key",
    "encode_blocks",
    "plain_parts",
    "shown_calls",
]

BLOCK_CALLS = 256
"""Calls of a whole block."""

SHOWN_BYTES_MAX = 64 * 1024
"""Arguments of a call whose encoding is longer are kept as digest and repr."""

_PLAIN_FORM = 0
_FLAT = frozenset({int, bool, str, type(None)})
_KEYED_FORM = 1
_REPR_MAX = 200


class Block(NamedTuple):
    """Up to `BLOCK_CALLS` calls' arguments.

    Attributes:
        count: how many calls, 1 to 256.
        form: 0, all arguments are plain data: `identity` is one msgpack array of argument lists, `shown` is
            None.
            1: `identity` is a 16-byte key a call; `shown` the encoded arguments, or None where they are not
                kept.
    """

    count: int  # type: ignore[assignment]  # the field hides tuple.count
    form: int
    identity: bytes
    shown: bytes | None


@dataclass(frozen=True, slots=True)
class Unkept:
    """Stands for arguments that were not kept: their key in hex, and how they began."""

    digest: str
    text: str

    def __repr__(self) -> str:
        return f"<not kept: {self.text or self.digest}>"


def encode_blocks(calls: Sequence[Call], form: CallForm | None = None, *, keep: bool = True) -> list[Block]:
    """Calls' arguments in blocks of `BLOCK_CALLS`, the last one shorter.

    Args:
        calls: checked calls.
        form: how the calls of their function are known.
        keep: False keeps digests alone, nothing that could be read.

    Raises:
        MissingFile: a `File` among the arguments cannot be read.

    Cost: 0.1 us a call of plain data, about 3 us and a walk over its values else.
    """
    form = CallForm() if form is None else form
    encoder = ValueEncoder(pickle=True)
    is_plain = keep and form.is_plain
    pack = new_packer().pack if is_plain and _are_lists(calls) else None
    blocks: list[Block] = []
    for start in range(0, len(calls), BLOCK_CALLS):
        part = calls[start : start + BLOCK_CALLS]
        identity = _flat(part, pack) if pack is not None else None
        if identity is None and is_plain:
            identity = _plain(part)
        plain = None if identity is None else Block(len(part), _PLAIN_FORM, identity, None)
        if plain is None or _holds_large_call(plain) or form.hiding.is_in(plain.identity):
            blocks.append(_keyed_block(part, form, encoder if keep else None))
        else:
            blocks.append(plain)
    return blocks


def _holds_large_call(block: Block) -> bool:
    """Whether a plain block has a call whose arguments are too long to be kept as they are."""
    if len(block.identity) <= SHOWN_BYTES_MAX:
        return False
    return max(map(len, plain_parts(block))) > SHOWN_BYTES_MAX


def _are_lists(calls: Sequence[Call]) -> bool:
    return type(calls) is ListCalls or countOf(map(type, calls), list) == len(calls)


def _flat(part: Sequence[Call], pack: Callable[[Any], bytes]) -> bytes | None:
    """The bytes of a block of lists with nothing in them but what most arguments are; None: of any other."""
    if not argument_types(part) <= _FLAT:  # type: ignore[arg-type]
        return None
    try:
        return pack(part)
    except (OverflowError, TypeError):  # a number beyond 64 bits: the long way sees to it
        return None


def _plain(part: Sequence[Call]) -> bytes | None:
    kinds = set(map(type, part))
    if kinds <= {list}:
        return plain_block(part)  # type: ignore[arg-type]
    if kinds <= {list, tuple} or all(isinstance(call, list | tuple) for call in part):
        return plain_block([list(call) for call in part])
    return None


def _keyed_block(part: Sequence[Call], form: CallForm, encoder: ValueEncoder | None) -> Block:
    known = [form.keyed(call) for call in part]
    shown = None
    if encoder is not None:
        shown = b"".join([_shown(call, form, encoder, each) for call, each in zip(part, known, strict=True)])
    return Block(len(part), _KEYED_FORM, b"".join([key for key, _ in known]), shown)


def _shown(call: Call, form: CallForm, encoder: ValueEncoder, known: tuple[bytes, Hiding]) -> bytes:
    """One call's arguments for reading; bytes in place of a list or dict stand for arguments that are not
    kept.
    """
    key, hiding = known
    values: Any = dict(call) if isinstance(call, Mapping) else list(call)
    encoded = b"" if hiding.found or _is_large(values) else _encoded(values, encoder)
    if hiding.found or hiding.is_in(encoded):
        values = form.shown(call, hiding)
        encoded = b"" if _is_large(values) else _encoded(values, encoder)
    if 0 < len(encoded) <= SHOWN_BYTES_MAX and not hiding.is_in(encoded):
        return encoded
    return encoder.encode(key + hiding.hide(_text(values)).encode("utf-8", "replace"))


def _encoded(values: Any, encoder: ValueEncoder) -> bytes:
    try:
        return encoder.encode(values)
    except Exception:  # arguments that cannot be kept are still calls that can be known again
        return b""


def _is_large(values: list[Any] | dict[str, Any]) -> bool:
    """Whether an argument is so long that it need not be encoded to know."""
    for value in values.values() if isinstance(values, dict) else values:
        try:
            size = getattr(value, "nbytes", None)
            if size is None and hasattr(type(value), "__len__"):
                size = len(value)
        except Exception:  # a class of the user's that has neither after all
            size = 0
        if isinstance(size, int) and size > SHOWN_BYTES_MAX:
            return True
    return False


def _text(values: list[Any] | dict[str, Any]) -> str:
    return readable(values)[:_REPR_MAX]


def block_keys(block: Block) -> list[bytes]:
    """The key of each call of a block, from its identity alone: what `call_key` gives for the call.

    Raises:
        MalformedMessage: the block does not hold `count` calls.
    """
    if block.form == _KEYED_FORM:
        identity = block.identity
        if len(identity) != block.count * DIGEST_BYTES:
            raise MalformedMessage(f"{len(identity)} bytes are not the keys of {block.count} calls")
        return [identity[at : at + DIGEST_BYTES] for at in range(0, len(identity), DIGEST_BYTES)]
    return [blake16(part) for part in plain_parts(block)]


def plain_parts(block: Block) -> list[bytes]:
    """The bytes of each call in a block of plain data, as they lie in its identity.

    Raises:
        MalformedMessage: the block does not hold `count` calls.
    """
    unpacker = Unpacker(None, max_buffer_size=len(block.identity))
    try:
        unpacker.feed(block.identity)
        count = unpacker.read_array_header()
        ends = [unpacker.tell()]
        for _ in range(count):
            unpacker.skip()
            ends.append(unpacker.tell())
    except Exception as error:
        raise MalformedMessage(f"a block of {len(block.identity)} bytes is no array of calls: {error}") from error
    if count != block.count or ends[-1] != len(block.identity):
        raise MalformedMessage(f"a block of {block.count} calls holds {count}")
    identity = memoryview(block.identity)
    return [identity[start:end].tobytes() for start, end in itertools.pairwise(ends)]


def shown_calls(block: Block, decoder: ValueDecoder) -> list[Any]:
    """The arguments of a block's calls as lists and dicts again; `Unkept` where they were not kept.

    Raises:
        MalformedMessage: the bytes do not hold the block's calls.
    """
    if block.form == _PLAIN_FORM:
        calls = unpack(block.identity)
        if type(calls) is not list or len(calls) != block.count:
            raise MalformedMessage(f"a block of {block.count} calls holds something else")
        return calls
    if block.shown is None:
        return [Unkept(key.hex(), "") for key in block_keys(block)]
    return [_unkept(item) if type(item) is bytes else item for item in decoder.decode_many(block.shown, block.count)]


def _unkept(item: bytes) -> Unkept:
    return Unkept(item[:DIGEST_BYTES].hex(), item[DIGEST_BYTES:].decode("utf-8", "replace"))
