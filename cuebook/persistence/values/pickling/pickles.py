"""Objects that only pickle can keep: one stream for all of a value, so that what they share stays shared.

Knows neither the tree around them nor where the bytes go.
"""

from __future__ import annotations

import io
import pickle
import sys
import weakref
from typing import TYPE_CHECKING, Any, Protocol

from cuebook.persistence.identity.secrets.names import names_a_secret
from cuebook.persistence.values.codes import TOO_DEEP, Refused
from cuebook.persistence.values.pickling.by_value import ByValuePickler, dumps, stays_inside
from cuebook.persistence.values.pickling.class_making import arrived_classes
from cuebook.persistence.values.pickling.own_names import is_own, own_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["PickleScope", "class_of_main", "is_local", "load_all", "namesake_in_main"]


CHANGED_BY_CLOUDPICKLE = frozenset({io.TextIOWrapper, memoryview})
DEFINITION_BYTES_MAX = 64 * 1024
_definitions: weakref.WeakKeyDictionary[type, bytes] = weakref.WeakKeyDictionary()


class _Pickler(ByValuePickler):
    """By value, but a class of `__main__` becomes the reader's own class where its script has one."""

    portable = False

    def goes_by_value(self, cls: type) -> bool:
        return not _is_of_main(cls) and super().goes_by_value(cls)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and _is_of_main(obj):
            definition: bytes | None = _definition_of(obj)
            if definition is not None and not self.portable and _is_too_much(definition):
                definition = None  # it drags the script's data along, and the script itself has the class
            return class_of_main, (obj.__qualname__, definition)
        if not self.portable and (type(obj).__module__, type(obj).__name__) == ("cuebook", "Secret"):
            raise pickle.PicklingError("a Secret is never written to a journal")
        if type(obj) in CHANGED_BY_CLOUDPICKLE:
            return _as_it_is(obj)
        return super().reducer_override(obj)


def _is_of_main(cls: type) -> bool:
    return cls.__module__ == "__main__" and not is_local(cls)


def _as_it_is(obj: Any) -> Any:
    """Cloudpickle would make a StringIO of an open file, and bytes of a memoryview."""
    if type(obj) is memoryview and obj.format == "B" and obj.ndim == 1:
        return memoryview, (obj.tobytes() if obj.readonly else bytearray(obj),)
    raise pickle.PicklingError(f"cannot pickle {type(obj).__name__!r} object")


def _is_too_much(definition: bytes) -> bool:
    """Whether a class takes too much with it for a journal: a lot, or what has a secret's name."""
    return len(definition) > DEFINITION_BYTES_MAX or names_a_secret(definition)


def _definition_of(cls: type) -> bytes | None:
    definition = _definitions.get(cls)
    if definition is None:
        try:
            definition = dumps(cls)
        except Exception:  # its methods use what cannot be pickled; the script itself still has the class
            return None
        _definitions[cls] = definition
    return definition


def is_local(cls: type) -> bool:
    """Whether a class has no name that leads to it: one made inside a function."""
    return "<locals>" in cls.__qualname__


def _in_main(qualname: str) -> type | None:
    """The class of this name in this process's own `__main__`."""
    found: Any = sys.modules.get("__main__")
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) and found.__module__ == "__main__" else None


def namesake_in_main(qualname: str) -> type | None:
    """The class of this name in `__main__`, or one that came here with a function from another `__main__`."""
    found = _in_main(qualname)
    if found is not None:
        return found
    for cls in arrived_classes():
        if cls.__module__ == "__main__" and cls.__qualname__ == qualname:
            return cls
    return None


def class_of_main(qualname: str, definition: bytes | None) -> type:
    """The class of this name in `__main__`, else the one described. Named in stored pickles.

    Raises:
        LookupError: neither is to be had.
    """
    found = _in_main(qualname)
    if found is not None:
        return found
    if definition is not None:
        return pickle.loads(definition)  # type: ignore[no-any-return]
    cls = namesake_in_main(qualname)
    if cls is None:
        raise LookupError(f"this program's __main__ has no class {qualname}")
    return cls


class PickleScope:
    """The objects of one value that are pickled, in one stream with one memo.

    Parameters:
        buffer_bytes: buffers longer than this are kept out of the stream, unchanged and uncopied.
        portable: classes of `__main__` take their definition with them, however large it is.
    """

    def __init__(self, buffer_bytes: int, *, portable: bool = False) -> None:
        self._file = io.BytesIO()
        self._places: dict[int, tuple[int, int, int]] = {}
        self._kept: list[Any] = []
        self.buffers: list[memoryview] = []
        # No method of ours: in a ring with its pickler, the scope would keep large objects until the collector comes.
        self._pickler = _Pickler(self._file, protocol=5, buffer_callback=stays_inside(buffer_bytes, self.buffers))
        self._pickler.portable = portable

    def add(self, value: Any) -> tuple[int, int, int]:
        """Pickle one more object, or find it where it is in already.

        Returns:
            Its number in the stream, and the offset and length of its bytes there.

        Raises:
            Refused: it cannot be pickled. The scope is of no more use.
        """
        known = self._places.get(id(value))
        if known is not None:
            return known
        start = self._file.tell()
        try:
            self._pickler.dump(value)
        except (pickle.PicklingError, RecursionError) as error:
            deep = isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError)
            raise Refused(TOO_DEEP if deep else str(error)) from error
        except Exception as error:  # whatever a user's __reduce__ raises
            raise Refused(str(error) or type(error).__name__) from error
        place = (len(self._kept), start, self._file.tell() - start)
        self._places[id(value)] = place
        self._kept.append(value)
        return place

    @property
    def count(self) -> int:
        """How many objects are in the stream."""
        return len(self._kept)

    def stream(self) -> memoryview:
        """The pickles, one after the other, to be read with one memo."""
        return self._file.getbuffer()

    def reload(self) -> None:
        """Raise Refused unless everything in the stream can be loaded again."""
        try:
            load_all(self.stream(), self.buffers, self.count)
        except Exception as error:  # whatever the classes of the objects raise
            raise Refused(f"it can be pickled, but not loaded again: {type(error).__name__}: {error}") from error


class ClassNames(Protocol):
    """Which class stands under which name, see `Names`."""

    def resolve(self, module: str, qualname: str) -> Any:
        """That of a module."""

    def class_of_main(self, qualname: str) -> type | None:
        """That of a script."""


class _Unpickler(pickle.Unpickler):
    """Finds classes as the function knows them whose values these are."""

    names: ClassNames | None = None

    def find_class(self, module: str, name: str) -> Any:
        if is_own(module):
            found = own_object(module, name)
            return self._class_of_main if found is class_of_main and self.names is not None else found
        if self.names is None:
            return super().find_class(module, name)
        if module.partition(".")[0] in _NEVER_MOVED:
            return super().find_class(module, name)
        try:
            return self.names.resolve(module, name)
        except LookupError as error:
            raise pickle.UnpicklingError(str(error.args[0])) from error

    def _class_of_main(self, qualname: str, definition: bytes | None) -> type:
        found = None if self.names is None else self.names.class_of_main(qualname)
        return class_of_main(qualname, definition) if found is None else found


_NEVER_MOVED = frozenset({*sys.builtin_module_names, "cloudpickle", "copyreg", "numpy", "_codecs"})


def load_all(
    stream: bytes | bytearray | memoryview, buffers: Iterable[Any], count: int, names: ClassNames | None = None
) -> list[Any]:
    """The objects of a scope. Executes what the stream says: only for bytes of this user's own.

    Args:
        names: gives the classes that the stream names; None: as pickle finds them.

    Raises:
        whatever the classes of the objects raise when they are rebuilt.
    """
    unpickler = _Unpickler(io.BytesIO(stream), buffers=buffers)
    unpickler.names = names
    load: Callable[[], Any] = unpickler.load
    return [load() for _ in range(count)]
