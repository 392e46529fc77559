"""Bytes as values again: the inverse of the encoder, and nothing beyond its closed list of forms.

Knows neither calls nor records. Without trust it runs no code of the user's: no pickle, no import.
"""

from __future__ import annotations

from _thread import allocate_lock
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cuebook.errors import CuebookError, MalformedMessage
from cuebook.persistence.values.codes import BlobRef, Code, Unopened
from cuebook.persistence.values.placeholders import Opaque, Unresolved
from cuebook.persistence.values.standard import OPENINGS
from cuebook.wire.codec import UNPACK_ERRORS, Unpacker, malformed, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cuebook.persistence.blobs.port import BlobSource
    from cuebook.persistence.values.codes import Decoding, Opening
    from cuebook.persistence.values.pickling.names import Names

__all__ = ["ValueDecoder"]

NESTING_MAX = 128
"""Deepest nesting of extension values that is read; the encoder writes less."""
STACK_NESTING_MAX = 8
"""Deeper than this msgpack's parser is kept off the C stack: it takes 40 kB a level (200 levels crash)."""
BLOB_REF_BYTES = 40


class ValueDecoder:
    """Reads what `ValueEncoder` wrote. Any number of threads may use one.

    Parameters:
        trusted: whether pickles may be opened and the modules of the user's classes imported. Without trust
            such parts become `Opaque` and `Unresolved` placeholders.
        blobs: where large buffers lie; None: they become `Opaque` placeholders, unread. Those that lie beside a message
            are mapped and not copied.
        names: gives the classes that values name; None: as nobody's in particular.

    Attributes:
        placeholders: how many placeholders it has put in the place of parts so far; those that were values before
            do not count.
        unresolved_count: how many of them are `Unresolved`.
        newest_unresolved: what the last of these stands for, and why, in words.
        files: gets each `File` that is read, where it is a list.
    """

    def __init__(self, *, trusted: bool = True, blobs: BlobSource | None = None, names: Names | None = None) -> None:
        self.trusted = trusted
        self.placeholders = 0
        self.unresolved_count = 0
        self.newest_unresolved = ""
        self.files: list[Any] | None = None
        self._blobs = blobs
        self._free = allocate_lock()
        self._depth = 0
        self._scopes: list[_Scope] = []
        self._shares: list[list[Any]] = []
        self._source = names
        self._names: dict[tuple[str, str], Any] = {}
        self._openings: dict[int, Opening] = {**OPENINGS, **_INNER_OPENINGS}

    def decode(self, data: bytes | memoryview) -> Any:
        """The value of these bytes.

        Raises:
            MalformedMessage: they are no encoded value; nothing in them was executed.
            JournalCorrupt: a blob is missing or damaged.

        Cost: 0.5 us for a plain scalar. An array is read from its blob into its own buffer, or mapped.
        """
        if not self._free.acquire(blocking=False):
            twin = self._twin()
            value = twin.decode(data)
            self.placeholders += twin.placeholders
            if twin.unresolved_count:
                self.unresolved_count += twin.unresolved_count
                self.newest_unresolved = twin.newest_unresolved
            return value
        try:
            return unpack(data, self._special)
        except MemoryError as error:
            raise MalformedMessage(f"these {len(data)} bytes ask for more memory than there is") from error
        finally:
            self._free.release()

    def _twin(self) -> ValueDecoder:
        """Another of the same kind, for whoever comes while this one is at work (another thread)."""
        return ValueDecoder(trusted=self.trusted, blobs=self._blobs, names=self._source)

    def decode_many(self, data: bytes | memoryview, count: int) -> list[Any]:
        """The values of `count` encodings one after the other; raises as `decode`. One pass for all of them.

        Parameters:
            data: the encodings, nothing before, between or after them.
            count: how many they are, 0 or more.
        """
        if count > len(data):  # each has a byte at least
            raise MalformedMessage(f"{count} values in {len(data)} bytes")
        values: list[Any] = self.decode(b"".join((b"\xdd", count.to_bytes(4, "big"), data)))
        return values

    def split(self, data: bytes, count: int) -> list[memoryview]:
        """The bytes of each of an array's `count` items, none of which is opened; raises as `decode`."""
        unpacker = Unpacker(max_buffer_size=max(len(data), 1))
        unpacker.feed(data)
        try:
            if unpacker.read_array_header() != count:
                raise MalformedMessage(f"an array of other than {count} items")
            ends = [unpacker.tell()]
            for _ in range(count):
                unpacker.skip()
                ends.append(unpacker.tell())
        except UNPACK_ERRORS as error:
            raise malformed(data, error) from error
        view = memoryview(data)
        return [view[start:end] for start, end in pairwise(ends)]

    # What the forms ask for

    def nested(self, data: bytes | memoryview) -> Any:
        """The part that these bytes stand for."""
        if self._depth <= STACK_NESTING_MAX:
            return unpack(data, self._special)
        unpacker = Unpacker(
            strict_map_key=False,
            unicode_errors="surrogatepass",
            ext_hook=self._special,
            max_buffer_size=max(len(data), 1),
        )
        unpacker.feed(data)
        value = unpacker.unpack()
        if unpacker.tell() != len(data):
            raise MalformedMessage("an extension value has surplus bytes")
        return value

    def size(self, part: Any) -> int:
        """Length in bytes of an inline buffer or of a blob, checked before space is made for it."""
        if type(part) is not BlobRef:
            return len(_inline(part))
        if self._blobs is None:
            raise Unopened(part)
        self._blobs.check(part.digest, part.length)
        return part.length

    def fill(self, part: Any, target: memoryview) -> None:
        """Fill `target`, of exactly `size(part)` bytes, with an inline buffer or a blob."""
        if type(part) is not BlobRef:
            target[:] = _inline(part)
        elif self._blobs is None:
            raise Unopened(part)
        else:
            self._blobs.read_into(part.digest, target)

    def mapped(self, part: Any) -> memoryview | None:
        """A blob where it lies, which may be written to and which nobody else sees; None: it has to be read."""
        if type(part) is not BlobRef or self._blobs is None:
            return None
        return self._blobs.mapped(part.digest, part.length)

    def content(self, part: Any) -> bytearray | memoryview:
        """An inline buffer or all of a blob, as a buffer that may be written to."""
        mapped = self.mapped(part)
        if mapped is not None:
            return mapped
        content = bytearray(self.size(part))
        self.fill(part, memoryview(content))
        return content

    def resolve(self, module: str, qualname: str) -> Any:
        """What stands under this name in a module; LookupError with the reason where it cannot be had."""
        if not self.trusted:
            raise LookupError("its class is imported only for a journal that is trusted, see trust=")
        name = (module, qualname)
        if name not in self._names:
            self._names[name] = self._known_names().resolve(module, qualname)
        return self._names[name]

    def _known_names(self) -> Names:
        if self._source is None:
            from cuebook.persistence.values.pickling.names import Names

            self._source = Names()
        return self._source

    def defaults(self, cls: type, missing: Iterable[str]) -> dict[str, Any] | None:
        """None: a value of a class that has other fields now is no value of it."""
        return None

    def unresolved(self, name: tuple[str, str], fields: dict[str, Any], reason: str) -> Any:
        """The placeholder for an object that cannot be rebuilt here."""
        self.placeholders += 1
        self.unresolved_count += 1
        self.newest_unresolved = f"{'.'.join(name)}: {reason}"
        return Unresolved(*name, fields, reason)

    def opaque(self, kind: str, type_name: str, size: int, digest: bytes) -> Opaque:
        """The placeholder for a part that is not opened."""
        self.placeholders += 1
        return Opaque(kind, type_name, size, digest)

    # How extension values are opened

    def _special(self, code: int, data: bytes) -> Any:
        """What msgpack calls for each extension value."""
        opening = self._openings.get(code) or self._late_opening(code)
        if self._depth == NESTING_MAX:
            raise MalformedMessage("extension values are nested too deeply")
        self._depth += 1
        try:
            return opening(data, self)
        except (CuebookError, MemoryError):
            raise
        except Unopened as unopened:
            ref = unopened.ref
            return self.opaque("blob", _BLOB_NAMES.get(code, "value"), ref.length, ref.digest)
        except ImportError as error:  # numpy, where it is not installed
            return self.unresolved((error.name or "", "array"), {"size": len(data)}, str(error))
        except Exception as error:  # whatever a standard type raises for fields that do not fit it
            raise MalformedMessage(f"extension value {code} of {len(data)} bytes does not fit: {error}") from error
        finally:
            self._depth -= 1

    def _late_opening(self, code: int) -> Opening:
        """The forms whose modules are loaded when the first value of theirs is met."""
        if code in {Code.ARRAY, Code.ARRAY_SCALAR}:
            from cuebook.persistence.values.arrays import ARRAY_OPENINGS

            self._openings.update(ARRAY_OPENINGS)
        elif code in {Code.DATACLASS, Code.ENUM, Code.NAMED_TUPLE}:
            from cuebook.persistence.values.pickling.objects import OBJECT_OPENINGS

            self._openings.update(OBJECT_OPENINGS)
        elif code == Code.EXCEPTION:
            from cuebook.persistence.values.exceptions import open_exception

            self._openings[code] = open_exception
        else:
            raise MalformedMessage(f"extension type {code} is none of ours")
        return self._openings[code]

    def open_pickled(self, data: bytes) -> Any:
        """A tree with the objects that it refers to."""
        stream, buffers, count, tree = self.nested(data)
        scope = _Scope(stream, buffers, count)
        self._scopes.append(scope)
        try:
            return self.nested(tree)
        finally:
            self._scopes.pop()

    def open_shared(self, data: bytes) -> Any:
        """A tree with parts that stand in several of its places."""
        definitions, tree = self.nested(data)
        self._shares.append([])
        try:
            for definition in definitions:
                self._shares[-1].append(self.nested(definition))
            return self.nested(tree)
        finally:
            self._shares.pop()

    def open_shared_part(self, data: bytes) -> Any:
        """One of them."""
        number = self.nested(data)
        if type(number) is not int or number < 0:
            raise ValueError("no number of a shared part")
        return self._shares[-1][number]

    def open_reference(self, data: bytes) -> Any:
        """One object of the innermost scope."""
        number, start, length, module, qualname = self.nested(data)
        scope = self._scopes[-1]
        if not self.trusted:
            return self._unopened_object(scope, (start, length), (module, qualname))
        if scope.objects is None and scope.reason is None:
            self._load(scope)
        if scope.objects is None:
            return self.unresolved((module, qualname), {}, scope.reason or "")
        return scope.objects[number]

    def _unopened_object(self, scope: _Scope, span: tuple[int, int], name: tuple[str, str]) -> Opaque:
        import hashlib

        start, length = span
        if type(scope.stream) is BlobRef:
            content = scope.stream.digest + start.to_bytes(8, "little")
        else:
            content = _inline(scope.stream)[start : start + length]
        digest = hashlib.blake2b(content, digest_size=16).digest()
        shown = name[1] if name[0] in {"builtins", ""} else ".".join(name)
        return self.opaque("pickle", shown, length, digest)

    def _load(self, scope: _Scope) -> None:
        """Rebuild the objects of a scope: the one place where bytes of a journal may run code."""
        from cuebook.persistence.values.pickling.pickles import load_all

        stream, buffers = self.content(scope.stream), [self.content(part) for part in scope.buffers]
        try:
            scope.objects = load_all(stream, buffers, scope.count, self._known_names())
        except Exception as error:  # a class that is gone or has changed
            scope.reason = f"{type(error).__name__}: {error}"

    def open_blob_value(self, data: bytes) -> Any:
        """A whole value that lies in a blob."""
        name, part, *_ = self.nested(data)
        if self._blobs is None:
            return self.opaque("blob", name, part.length, part.digest)
        return self.nested(memoryview(self.content(part)))


class _Scope:
    """The pickle around a tree; opened when the first of its objects is asked for."""

    __slots__ = ("buffers", "count", "objects", "reason", "stream")

    def __init__(self, stream: Any, buffers: list[Any], count: int) -> None:
        self.stream = stream
        self.buffers = buffers
        self.count = count
        self.objects: list[Any] | None = None
        self.reason: str | None = None


def _inline(part: Any) -> bytes:
    if type(part) is not bytes:
        raise TypeError(f"a {type(part).__name__} where a buffer should be")
    return part


def _open_blob_ref(data: bytes, _: Decoding) -> BlobRef:
    if len(data) != BLOB_REF_BYTES:
        raise ValueError("no reference to a blob")
    return BlobRef(data[:32], int.from_bytes(data[32:], "little"))


def _open_opaque(data: bytes, decoding: Decoding) -> Any:
    kind, name, size, digest = decoding.nested(data)
    return Opaque(str(kind), str(name), int(size), bytes(_inline(digest)))


def _open_unresolved(data: bytes, decoding: Decoding) -> Any:
    module, qualname, fields, reason = decoding.nested(data)
    return Unresolved(str(module), str(qualname), dict(fields), str(reason))


_BLOB_NAMES = {
    int(Code.ARRAY): "numpy.ndarray",
    int(Code.BLOB_BYTES): "bytes",
    int(Code.BLOB_STR): "str",
    int(Code.BYTEARRAY): "bytearray",
    int(Code.MEMORYVIEW): "memoryview",
}

_INNER_OPENINGS: dict[int, Any] = {
    Code.PICKLED: lambda data, decoder: decoder.open_pickled(data),
    Code.REFERENCE: lambda data, decoder: decoder.open_reference(data),
    Code.SHARED: lambda data, decoder: decoder.open_shared(data),
    Code.SHARED_PART: lambda data, decoder: decoder.open_shared_part(data),
    Code.BLOB_VALUE: lambda data, decoder: decoder.open_blob_value(data),
    Code.BLOB_REF: _open_blob_ref,
    Code.OPAQUE: _open_opaque,
    Code.UNRESOLVED: _open_unresolved,
}
