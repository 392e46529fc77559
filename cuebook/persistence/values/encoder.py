"""Values as bytes: plain data at msgpack's speed, every other type in the form that belongs to it.

Knows neither calls nor records; where a buffer is large it asks a blob store to keep it.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock
from itertools import chain
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code, Entangled, Refused, Shared, type_name
from cuebook.persistence.values.file_forms import FILE_MARK
from cuebook.persistence.values.registry import form_of, known_forms
from cuebook.persistence.values.scan import FIXED, SIZED, is_flat, packs_as_it_is, wrapped
from cuebook.persistence.values.sharing import shared_parts
from cuebook.persistence.values.standard import Wrapped
from cuebook.wire.codec import ExtType, new_packer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cuebook.errors import ValueNotKept
    from cuebook.persistence.blobs.port import BlobSink
    from cuebook.persistence.values.codes import Form
    from cuebook.persistence.values.pickling.pickles import PickleScope

__all__ = ["ValueEncoder"]

NESTING_MAX = 100
"""Deepest nesting of special types; what is deeper is pickled whole. (Lists and dicts: 900.)"""
ALONE_MAX = 8
"""Deepest nesting of parts that are kept alone: exceptions in attributes of exceptions."""
PARTS_FREE = 65_536
"""So many special parts are written before it is checked whether the same ones come again and again."""
FORMS_MAX = 4096
_NOTHING: frozenset[int] = frozenset()
_TREES = frozenset({list, dict})


class ValueEncoder:
    """Writes values so that they come back as the same values of the same types. Threads may share one.

    Parameters:
        pickle: whether objects of types without a form of their own may be pickled.
        blobs: where large buffers and large values go; None: they stay inside.
        blob_bytes: what is longer than this, in bytes, is large.
        portable: classes of `__main__` take their definition along, for a process with another `__main__`.
        label: what the value is called in error messages.
        reloads: the first object of each class that is pickled is loaded again at once, as many classes can be
            pickled and not loaded; one that cannot is refused.
    """

    def __init__(
        self,
        *,
        pickle: bool = True,
        blobs: BlobSink | None = None,
        blob_bytes: int = 256 * 1024,
        portable: bool = False,
        label: str = "result",
        reloads: bool = False,
    ) -> None:
        self.portable = portable
        self._pickle = pickle
        self._blobs = blobs
        self._large = sys.maxsize if blobs is None else blob_bytes
        self._label = label
        self._reloads = reloads
        self._reloaded: set[type] = set()
        self._unproven: set[type] = set()
        self._forms: dict[type, Form] = known_forms()
        self._pack: Callable[[Any], bytes] = new_packer().pack
        self._packs: list[Callable[[Any], bytes]] = []
        self._free = allocate_lock()
        self._depth = 0
        self._scope: PickleScope | None = None
        self._alone: set[int] = set()
        self._parts = 0
        self._seen: set[int] = set()
        self._refs: dict[Any, None] = {}
        self._root: Any = None
        self._defined: Any = None
        self._shared: frozenset[int] = _NOTHING
        self._definitions: list[bytes] = []
        self._numbers: dict[int, int | None] = {}

    def encode(self, value: Any) -> bytes:
        """The bytes of a value; they say themselves where they end.

        Raises:
            ValueNotKept: a part of it cannot be kept; the message names the path to that part, and why.
            JournalError: a blob could not be written.

        Cost: 0.2 us for a plain scalar, 1 us and more where types have to be kept; a large array is written
        to its blob from its own buffer. What pickled objects share stays shared; plain containers come apart.
        """
        kind = type(value)
        if kind in FIXED or (kind in SIZED and len(value) <= self._large):
            return self._plain(value)
        if (kind is list or kind is dict) and is_flat(value):
            return self._plain(value)
        return self._special_value(value)

    def encode_many(self, values: Sequence[Any]) -> tuple[bytes, list[int]]:
        """The bytes of all values, one after the other, and the length of each; raises as `encode`.

        Cost: 0.1 us for each plain scalar.
        """
        parts: list[bytes] = []
        try:
            if _are_plain(values):
                parts = list(map(self._pack, values))
        except OverflowError:  # an int of more than 64 bits
            pass
        lengths = list(map(len, parts))
        if not parts or max(lengths) > self._large:
            parts = list(map(self.encode, values))
            lengths = list(map(len, parts))
        return b"".join(parts), lengths

    def _plain(self, value: Any) -> bytes:
        try:
            data = self._pack(value)
        except OverflowError:  # an int of more than 64 bits
            return self._special_value(value)
        return data if len(data) <= self._large else self._special_value(value)

    def _special_value(self, value: Any) -> bytes:
        # Never waited for: whoever holds it may be this very thread, in an object's own `__reduce__` that encodes.
        if not self._free.acquire(blocking=False):
            return self._twin(blobs=self._blobs).encode(value)
        try:
            return self._whole(value)
        except Refused as refusal:
            raise self._not_kept(value, str(refusal)) from refusal.__cause__
        finally:
            self._reset()
            self._free.release()

    # What the forms ask for

    def nested(self, value: Any) -> bytes:
        """Bytes of a part that may hold anything."""
        kind = type(value)
        if kind is list or kind is dict:
            fits = is_flat(value) or (not self._shared and packs_as_it_is(value, self._large))
        else:
            fits = kind in FIXED
        data = self.bare(value if fits else wrapped(value, self._large, self._shared))
        if fits and len(data) > self._large:  # there may be a large str inside
            data = self.bare(wrapped(value, self._large))
        return data

    def bare(self, value: Any) -> bytes:
        """Bytes of a part that is known to be plain data, extension values and read-only buffers."""
        depth = self._depth
        if depth == NESTING_MAX:
            raise Entangled
        if depth == len(self._packs):
            self._packs.append(self._new_pack())
        self._depth = depth + 1
        try:
            return self._packs[depth](value)
        except (ValueError, RecursionError) as error:  # deeper than msgpack goes, or longer than 4 GiB
            raise Entangled from error
        finally:
            self._depth = depth

    def buffer(self, data: bytes | bytearray | memoryview) -> Any:
        """The buffer itself, or the extension that refers to its blob where it is large."""
        length = data.nbytes if isinstance(data, memoryview) else len(data)
        if self._blobs is None or length <= self._large:
            return bytes(data) if isinstance(data, bytearray) else data
        return self._blob(data, length)

    def pickled(self, value: Any) -> Any:
        """The extension that refers to the value in this scope's pickle."""
        cls = type(value)
        if not self._pickle:
            raise Refused("it needs pickle, which pickle=False forbids")
        if self._scope is None:
            from cuebook.persistence.values.pickling.pickles import PickleScope

            self._scope = PickleScope(self._large, portable=self.portable)
        if self._reloads and cls not in self._reloaded:
            self._unproven.add(cls)
        number, start, length = self._scope.add(value)
        named = value if isinstance(value, type) else cls
        where = [named.__module__, named.__qualname__] if isinstance(named.__module__, str) else ["", named.__name__]
        return ExtType(Code.REFERENCE, self.bare([number, start, length, *where]))

    def alone(self, value: Any) -> bytes | None:
        """Bytes of a part that share nothing with the rest of the value; None where it cannot be kept."""
        if id(value) in self._alone or len(self._alone) == ALONE_MAX:
            return None
        scope, self._scope = self._scope, None
        unproven, self._unproven = self._unproven, set()
        self._alone.add(id(value))
        try:
            return self._whole(value)
        except Refused:
            return None
        finally:
            self._alone.discard(id(value))
            self._scope, self._unproven = scope, unproven

    # How a value is put together

    def _twin(self, *, blobs: BlobSink | None = None) -> ValueEncoder:
        """Another of the same kind, for whoever comes while this one is at work (another thread)."""
        return ValueEncoder(
            pickle=self._pickle,
            blobs=blobs,
            blob_bytes=self._large,
            portable=self.portable,
            label=self._label,
            reloads=self._reloads,
        )

    def _reset(self) -> None:
        self._depth = 0
        self._scope = None
        self._alone.clear()
        self._parts = 0
        self._seen.clear()
        self._refs.clear()
        self._unproven.clear()

    def _new_pack(self) -> Callable[[Any], bytes]:
        pack: Callable[[Any], bytes] = new_packer(self._special).pack
        return pack

    def _whole(self, value: Any) -> bytes:
        """A value with the pickle of its objects around it, in a blob if it is large."""
        depth = self._depth
        outer = (self._root, self._shared, self._definitions, self._numbers)
        self._root, self._shared, self._definitions, self._numbers = value, _NOTHING, [], {}
        try:
            data = self._with_pickles(self._tree(value, depth))
        except (Entangled, RecursionError):
            self._forget(depth)
            data = self._as_pickle(value)
        finally:
            self._root, self._shared, self._definitions, self._numbers = outer
        if len(data) <= self._large:
            return data
        # What it refers to stands outside of the blob again: compaction and `verify` look for references in records
        # alone, and read no blob to find more of them.
        inner: list[Any] = list(self._refs)
        if FILE_MARK in data:
            inner.append(FILE_MARK)
        return self.bare(
            ExtType(Code.BLOB_VALUE, self.bare([type_name(type(value)), self._blob(data, len(data)), *inner]))
        )

    def _tree(self, value: Any, depth: int) -> bytes:
        """A value with what stands in several of its places written once, before it."""
        # Few values hold a part twice, and to know it before costs a walk over all: so each is written as if it held
        # none, and written once more where a part is met again.
        try:
            return self.nested(value)
        except Shared:
            self._forget(depth)
            self._shared = shared_parts(value)
            tree = self.nested(value)
            return self.bare(ExtType(Code.SHARED, self.bare([self._definitions, tree])))

    def _forget(self, depth: int) -> None:
        """Begin anew with a value."""
        self._depth, self._scope, self._parts = depth, None, 0
        self._seen.clear()

    def _shared_part(self, value: Any) -> Any:
        """The extension that refers to a part that stands in several places; it is written when it is met first."""
        key = id(value)
        if key not in self._numbers:
            self._numbers[key] = None
            self._defined = None if type(value) in _TREES else value
            data = self.nested(value)
            self._numbers[key] = len(self._definitions)
            self._definitions.append(data)
        number = self._numbers[key]
        if number is None:
            raise Entangled  # it holds itself
        return ExtType(Code.SHARED_PART, self.bare(number))

    def _blob(self, data: bytes | bytearray | memoryview, length: int) -> Any:
        """The reference to a new blob; a value's outermost bytes hold all of its references."""
        assert self._blobs is not None
        ref = ExtType(Code.BLOB_REF, self._blobs.write(data) + length.to_bytes(8, "little"))
        self._refs[ref] = None
        return ref

    def _as_pickle(self, value: Any) -> bytes:
        if not self._pickle:
            raise Refused("it refers to itself or is nested too deeply, so it needs pickle, which pickle=False forbids")
        try:
            return self._with_pickles(self.bare(self.pickled(value)))
        except Entangled as error:
            raise Refused("it is longer than 4 GiB") from error

    def _with_pickles(self, tree: bytes) -> bytes:
        scope = self._scope
        if scope is None:
            return tree
        if self._unproven:
            scope.reload()
            self._reloaded |= self._unproven
            self._unproven.clear()
        parts = [self.buffer(scope.stream()), list(map(self.buffer, scope.buffers)), scope.count, tree]
        return self.bare(ExtType(Code.PICKLED, self.bare(parts)))

    def _special(self, value: Any) -> Any:
        """What msgpack calls for each part that it does not know."""
        if type(value) is Wrapped:
            value = value.value
        if not self._shared:
            if not self._parts and shared_parts(self._root):
                raise Shared
        elif id(value) in self._shared:
            if value is not self._defined:
                return self._shared_part(value)
            self._defined = None
        self._parts += 1
        if self._parts > PARTS_FREE:
            self._check_sharing(value)
        form = self._forms.get(type(value))
        if form is None:
            form = self._find_form(type(value))
        return form(value, self)

    def _check_sharing(self, value: Any) -> None:
        """Ends the tree form of a value whose parts are shared so often that writing each would never end."""
        self._seen.add(id(value))
        recorded = self._parts - PARTS_FREE
        if recorded >= PARTS_FREE and 4 * len(self._seen) < recorded:
            raise Entangled

    def _find_form(self, cls: type) -> Form:
        if len(self._forms) > FORMS_MAX:  # classes made on the fly
            self._forms = {}
            self._reloaded.clear()
        self._forms.update(known_forms())
        if cls not in self._forms:
            self._forms[cls] = form_of(cls)
        return self._forms[cls]

    # Why a value is not kept

    def _not_kept(self, value: Any, reason: str) -> ValueNotKept:
        from cuebook.persistence.values.refusals import explain

        return explain(value, self._label, (self._twin().refusal, reason))

    def refusal(self, value: Any) -> str | None:
        """Why a value cannot be kept; None if it can."""
        try:
            self._whole(value)
        except Refused as refusal:
            return str(refusal)
        finally:
            self._reset()
        return None


def _are_plain(values: Sequence[Any]) -> bool:
    """Whether all values are None, bools and numbers, or lists of them."""
    kinds = set(map(type, values))
    if kinds == {list}:
        kinds = set(map(type, chain.from_iterable(values)))
    return kinds <= FIXED
