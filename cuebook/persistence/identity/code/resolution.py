"""What a chain of names in a function's code stands for just now.

Knows no digests: it looks names up, in globals, closures, modules, imports and plain objects, and runs none of theirs.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from cuebook.persistence.identity.code.added import added_by_user
from cuebook.persistence.identity.code.imported import place_of_import
from cuebook.persistence.identity.code.modules import OF_PYTHON, imported_module
from cuebook.persistence.identity.code.static_attributes import Attribute, StaticReader
from cuebook.persistence.identity.code.use_labels import Receiver, UseLabels
from cuebook.persistence.identity.ownership import is_users_class, is_users_function, is_users_module
from cuebook.persistence.identity.syntax.access import Chain, indirection

__all__ = ["MISSING", "Resolver", "Use"]

MISSING = object()
_CONSTANTS = frozenset({"Ellipsis", "False", "None", "NotImplemented", "True", "__debug__", "__doc__", "__name__", "_"})
_MODULES_OF_PYTHON = frozenset({"_frozen_importlib", "_sitebuiltins", "exceptions", "gettext"})


class Use(NamedTuple):
    """What a function uses of something outside of it.

    Attributes:
        kind: "value": all of it; "code": a function is called, with `receiver` as its first argument; "missing": there
            is nothing of that name; "set": it is set, and not read.
        names: how the code came there, joined by dots.
        value: the value or the function.
        receiver: of "code", else None.
        settings: what else decides what the code does.
        place: of the module, class or function on the way of which another process has the one that it imports.
    """

    kind: Literal["value", "code", "missing", "set"]
    names: str
    value: Any = None
    receiver: Receiver | None = None
    settings: Any = None
    place: str | None = None


class Resolver:
    """Resolves the chains of one function.

    Args:
        receiver: the object or class that the function is bound to.
        reader: reads attributes of plain objects.
        labels: what people know the things as that the function uses.

    Attributes:
        library_classes: classes of libraries that were met.
    """

    def __init__(
        self, function: types.FunctionType, receiver: Receiver | None, reader: StaticReader, labels: UseLabels
    ) -> None:
        self.library_classes: dict[type, None] = {}
        self._function, self._receiver, self._reader, self._labels = function, receiver, reader, labels
        code = function.__code__
        self._cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))

    def uses(self, chain: Chain) -> Iterator[Use]:
        """What a chain uses; nothing where its text says all (a builtin), or where no receiver is known."""
        if chain.base == "super":
            yield from self._super(chain)
            return
        if chain.base == "owner":
            if self._receiver is not None:
                yield from self._walk(chain, self._receiver.value, [])
            return
        found = self._base(chain.base, chain.name, chain.level)
        if found is None:
            return
        if found[0] is MISSING:
            yield Use("missing", chain.name)
            return
        yield from self._walk(chain, found[0], [chain.name])

    def _base(self, base: str, name: str, level: int = 0) -> tuple[Any] | None:
        if base == "module":
            return (sys.modules.get(str(self._function.__globals__.get("__name__")), MISSING),)
        if base == "import":
            by = indirection(name)
            given = self._base(*by) if by is not None else (name,)
            if given is None or not isinstance(given[0], str):
                return (MISSING,)
            name = given[0]
            return (imported_module(name, level, self._function.__globals__),)
        if base == "free":
            try:
                return (self._cells[name].cell_contents,)
            except (KeyError, ValueError):  # a cell that is still empty
                return (MISSING,)
        if name in OF_PYTHON and name != "__doc__":
            return None
        value = self._function.__globals__.get(name, MISSING)
        if value is MISSING:
            value = builtins.__dict__.get(name, MISSING)
            if base == "maybe" or (value is not MISSING and _is_of_python(name, value)):
                return None
        return (value,)

    def _walk(self, chain: Chain, value: Any, names: list[str]) -> Iterator[Use]:
        """Down the attributes, as far as anybody can tell; what is reached there counts whole."""
        last = len(chain.attributes) - 1
        where: str | None = None
        for place, step in enumerate(chain.attributes):
            name = self._named(step)
            use = chain.use if place == last else "value"
            where = _place_of(value) or where
            if isinstance(value, types.FunctionType) and name in value.__dict__ and is_users_function(value):
                yield Use("code", ".".join(names), value)
            found = Attribute("unsure") if name is None else self._attribute(value, name, use, chain)
            if found.kind == "unsure":
                below = chain._replace(attributes=chain.attributes[place:])
                yield from self._unsure(below, value, names, where)
                return
            names = [*names, str(name)]
            if found.kind != "value":
                yield self._found(found, chain, names, of=value)._replace(place=where)
                return
            value = found.value
        if chain.use == "fill" and type(value) in (dict, list):
            if type(value) is list:
                yield Use("value", f"{'.'.join(names)}.__len__", len(value), place=where)
            else:
                yield Use("set", ".".join(names))
            return
        if chain.use in ("call", "test"):
            called = self._called(chain, value, names)
            if called is not None:
                yield called._replace(place=where)
                return
        yield Use("value", ".".join(names), value, place=where)

    def _unsure(self, chain: Chain, value: Any, names: list[str], where: str | None) -> Iterator[Use]:
        """All that something holds; of a library's module or class, what the user has put there."""
        holder = sys.modules.get(value) if chain.base == "import" and isinstance(value, str) else value
        added, given = None, chain.attributes
        if isinstance(holder, types.ModuleType | type):
            if any(map(indirection, given)):
                given = tuple(self._named(step) or "" for step in given)
            added = added_by_user(holder, given, self.library_classes)
        if added is None:
            yield Use("value", ".".join(names), value, place=where)
            return
        below = chain._replace(attributes=chain.attributes[added.steps :])
        yield from self._walk(below, added.value, [*names, *given[: added.steps]])

    def _named(self, step: str) -> str | None:
        """An attribute's name: as it is written, or what the variable that gives it holds."""
        by = indirection(step)
        if by is None:
            return step
        found = self._base(*by)
        name = None if found is None else found[0]
        return name if isinstance(name, str) else None

    def _attribute(self, value: Any, name: str, use: str, chain: Chain) -> Attribute:
        if isinstance(value, types.ModuleType):
            if not is_users_module(value):
                return Attribute("unsure")
            if use == "store":
                return Attribute("set")
            return _of_module(value, name, is_imported=chain.base == "import")
        if isinstance(value, types.FunctionType):
            found = value.__dict__.get(name, MISSING) if is_users_function(value) else MISSING
            return Attribute("unsure") if found is MISSING else Attribute("value", found)
        return self._reader.read(value, name, use)

    def _found(self, found: Attribute, chain: Chain, names: list[str], of: Any) -> Use:
        joined = ".".join(names)
        if found.kind != "code":
            return Use("set" if found.kind == "set" else "missing", joined)
        receiver = None
        if found.receiver is not None:
            if found.receiver is of:
                receiver = self._labels.receiver(chain.base, ".".join(names[:-1]), of)
            else:
                receiver = self._labels.class_receiver(found.receiver)
        return Use("code", joined, found.value, receiver, found.settings)

    def _called(self, chain: Chain, value: Any, names: list[str]) -> Use | None:
        """What runs at the end of a chain, where it can be told from all else that could be done with what is there."""
        joined = ".".join(names)
        if chain.use == "test":
            return self._run(self._reader.tested(value), chain, joined, "__bool__")
        if isinstance(value, types.FunctionType):
            return Use("code", joined, value) if is_users_function(value) else None
        if isinstance(value, types.MethodType):
            function, target = value.__func__, value.__self__
            is_known = isinstance(function, types.FunctionType) and is_users_function(function)
            if is_known and (isinstance(target, type) or self._reader.is_plain(target)):
                return Use("code", joined, function, self._labels.receiver(chain.base, joined, target))
            return None
        return self._run(self._reader.called(value), chain, joined, "__call__")

    def _run(self, found: Attribute, chain: Chain, names: str, special: str) -> Use | None:
        """A method of Python's own name that runs; None where nobody can tell."""
        if found.kind == "set":
            return Use("set", names)
        if found.kind != "code":
            return None
        receiver = None if found.receiver is None else self._labels.receiver(chain.base, names, found.receiver)
        return Use("code", f"{names}.{special}", found.value, receiver, found.settings)

    def _super(self, chain: Chain) -> Iterator[Use]:
        cls, receiver = self._base("free", "__class__"), self._receiver
        if cls is None or not isinstance(cls[0], type):
            return
        found = Attribute("unsure")
        if receiver is not None and chain.attributes and indirection(chain.attributes[0]) is None:
            found = self._reader.after(cls[0], receiver.value, chain.attributes[0])
        is_call = len(chain.attributes) == 1 and chain.use == "call"
        if found.kind == "code" and is_call:
            bound = None if found.receiver is None else self._labels.receiver("owner", "", found.receiver)
            yield Use("code", f"super.{chain.attributes[0]}", found.value, bound, found.settings)
        elif found.kind not in ("set", "missing"):
            yield Use("value", "super", cls[0])
            if receiver is not None:
                yield Use("value", "", receiver.value)


def _is_of_python(name: str, value: Any) -> bool:
    """Whether a name that every module sees is Python's (or a shell's) own, and not one that the program has added."""
    if name in _CONSTANTS or isinstance(value, types.BuiltinFunctionType):
        return True
    made_by = value.__module__ if isinstance(value, type | types.FunctionType) else type(value).__module__
    is_plain_class = isinstance(value, type) and made_by == "builtins"
    return is_plain_class or made_by in _MODULES_OF_PYTHON or str(made_by).partition(".")[0] == "IPython"


def _place_of(value: Any) -> str | None:
    """Where something, or its class, is imported from, if it is the user's."""
    if isinstance(value, types.ModuleType):
        return place_of_import(value) if is_users_module(value) else None
    if isinstance(value, types.FunctionType):
        return place_of_import(value) if is_users_function(value) else None
    item = value if isinstance(value, type) else type(value)
    return place_of_import(item) if is_users_class(item) else None


def _of_module(module: types.ModuleType, name: str, *, is_imported: bool) -> Attribute:
    """What a module of the user's has under a name; its own `__getattr__` is code that the name is given to."""
    value = module.__dict__.get(name, MISSING)
    if value is MISSING and hasattr(type(module), name):
        return Attribute("unsure")  # a class of its own stands behind the module
    if value is MISSING:
        value = sys.modules.get(f"{module.__name__}.{name}", MISSING)
    if value is MISSING and is_imported and hasattr(module, "__path__"):
        value = imported_module(f"{module.__name__}.{name}", 0, {})
        if not isinstance(value, types.ModuleType):
            value = MISSING
    if value is not MISSING:
        return Attribute("value", value)
    gives = module.__dict__.get("__getattr__")
    return Attribute("code", gives) if isinstance(gives, types.FunctionType) else Attribute("missing")
