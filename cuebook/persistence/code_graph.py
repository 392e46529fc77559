"""The graph of everything that a function's behaviour depends on, numbered in one canonical order.

Knows no journal: it gives lines of bytes that are equal for equal graphs, and labelled parts for people.
"""

from __future__ import annotations

import types
from collections import deque
from typing import TYPE_CHECKING, Any

from cuebook.persistence.chain_resolution import MISSING, resolve_chain
from cuebook.persistence.class_identity import class_members, find_member, functions_of
from cuebook.persistence.code_identity import code_form
from cuebook.persistence.code_references import Chain, chains_of
from cuebook.persistence.digest import blake16, joined
from cuebook.persistence.fingerprint_parts import DETAIL_MAX, Part, name_in_label, readable
from cuebook.persistence.hiding import Hiding
from cuebook.persistence.module_identity import module_text
from cuebook.persistence.ownership import (
    is_users_class,
    is_users_function,
    is_users_module,
    library_name,
    package_version,
)
from cuebook.persistence.secret_literals import hidden_source
from cuebook.persistence.value_identity import ValueWalk
from cuebook.persistence.value_outline import outline
from cuebook.persistence.wrapped_code import told_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CodeGraph", "classes_referred_to"]

_IMPLIED = ("__getattr__", "__getattribute__", "__setattr__", "__delattr__")


class CodeGraph:
    """Functions, classes and modules of the user's own, reached from what is referred to, breadth first.

    Each is a node with a number by its first visit; a node's line holds its own content and, per reference,
    a number or a value's bytes. So recursion ends, and equal graphs give equal lines whatever their modules
    are called.

    Args:
        home: the module whose name is left out of labels.
        hiding: gets the secrets that are met; by default they are forgotten.
    """

    def __init__(self, home: str = "__main__", hiding: Hiding | None = None) -> None:
        self.home = home
        self.hiding = Hiding() if hiding is None else hiding
        self.lines: list[bytes] = []
        self.parts: dict[str, Part] = {}
        self.opaque: set[str] = set()
        self.packages: dict[str, str] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._waiting: deque[tuple[Any, type | None]] = deque()
        self._alive: list[Any] = []

    def refer(self, item: Any, owner: type | None = None) -> bytes:
        """A function, method, class or module: the number of its node, or a library's name.

        `owner` is the class of the object that a method is bound to: then the members that the method uses
        count, not all.
        """
        if isinstance(item, types.MethodType):
            target = item.__self__
            return self.refer(item.__func__, target if isinstance(target, type) else type(target))
        if isinstance(item, types.FunctionType):
            if is_users_function(item) or told_by(item):
                return self._number(item, owner if owner is not None and is_users_class(owner) else None)
        elif isinstance(item, type):
            if is_users_class(item):
                return self._number(item, None)
        elif isinstance(item, types.ModuleType) and is_users_module(item):
            return self._number(item, None)
        return self._library(item)

    def value(self, label: str, value: Any) -> bytes:
        """A value that a function is bound to, as a part of this label; the user's code becomes a node."""
        if isinstance(value, types.FunctionType | types.ModuleType | type):
            reference = self.refer(value)
            if reference.startswith(b"L"):
                self.add_part(label, reference, library_name(value))
            return reference
        name = name_in_label(label)
        return self._walked(label, value, lambda walk: walk.named(name, value))

    def bound(self, label: str, value: Any) -> bytes:
        """What a method is bound to: its state alone, as the class's code is in the method's node."""
        if isinstance(value, type):
            return self.refer(value)
        return self._walked(label, value, lambda walk: walk.bound(value))

    def _walked(self, label: str, value: Any, encode: Callable[[ValueWalk], bytes]) -> bytes:
        walk = ValueWalk(self.hiding)
        try:
            encoded = encode(walk)
        except Exception:  # nested too deep, or a class of the user's that raises where nobody expects it
            encoded = walk.unseen(value)
        self.opaque.update(f"{label} ({name})" for name in walk.opaque)
        self.opaque.update(f"{label} ({name}, seeded by the system)" for name in walk.unseeded)
        found = walk.take_found()
        self.add_part(label, encoded, outline(value, walk, name_in_label(label)))
        return joined(b"V", [encoded, *(self.refer(item) for item in found)])

    def add_part(self, label: str, content: bytes, detail: str) -> None:
        """Keep a part for people; another one of the same label is numbered."""
        part = Part(label, blake16(content).hex(), detail[:DETAIL_MAX])
        number = 2
        while self.parts.setdefault(part.label, part).digest != part.digest:
            part = Part(f"{label} ({number})", part.digest, part.detail)
            number += 1

    def drain(self) -> list[bytes]:
        """Visit all that was referred to and what that refers to; the lines of all nodes, in their order."""
        while self._waiting:
            item, owner = self._waiting.popleft()
            try:
                self.lines.append(self._node(item, owner))
            except Exception as error:  # identity never raises: a metaclass of the user's, a damaged module
                name = readable(item)
                self.opaque.add(f"{name} ({type(error).__name__})")
                self.lines.append(joined(b"unseen", [name.encode("utf-8", "surrogatepass")]))
        return self.lines

    def _node(self, item: Any, owner: type | None) -> bytes:
        if isinstance(item, types.FunctionType):
            return self._function(item, owner)
        return self._class(item) if isinstance(item, type) else self._module(item)

    def _number(self, item: Any, owner: type | None) -> bytes:
        key = (id(item), id(owner))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._alive.append((item, owner))
            self._waiting.append((item, owner))
        return b"#" + number.to_bytes(4, "little")

    def _library(self, item: Any) -> bytes:
        self._note_package(item)
        return joined(b"L", [library_name(item).encode("utf-8", "surrogatepass")])

    def _note_package(self, item: Any) -> None:
        module = item.__name__ if isinstance(item, types.ModuleType) else getattr(item, "__module__", None)
        package = package_version(module) if isinstance(module, str) else None
        if package is not None:
            self.packages[package[0]] = package[1]

    def _label(self, module: Any, name: str) -> str:
        return name if module in (self.home, "__main__", None) else f"{module}.{name}"

    def _function(self, function: types.FunctionType, owner: type | None) -> bytes:
        if not is_users_function(function):
            self._note_package(function)
            name = library_name(function)
            inner = [self.value(f"{label} of {name}", value) for label, value in told_by(function)]
            return joined(b"wrapper", [name.encode(), *inner])
        code = function.__code__
        label = self._label(function.__globals__.get("__name__"), code.co_qualname)
        text = hidden_source(code_form(code).text, self.hiding)
        content = text.encode("utf-8", "surrogatepass")
        self.add_part(f"code of {label}", content, text)
        bound = [self.value(f"{name} of {label}", value) for name, value in _bindings(function)]
        used = [line for chain in chains_of(code) for line in self._chain(function, owner, chain)]
        return joined(b"function", [content, joined(b"", bound), joined(b"", used)])

    def _chain(self, function: types.FunctionType, owner: type | None, chain: Chain) -> Iterator[bytes]:
        if chain.base == "owner":
            if owner is not None:
                yield from self._member(owner, chain.attributes[0] if chain.attributes else None)
            return
        resolved = resolve_chain(function, chain)
        if resolved is None:
            return
        label = f"global {self._label(function.__globals__.get('__name__'), resolved.names)}"
        value, told = resolved.value, resolved.names.encode("utf-8", "surrogatepass")
        if value is MISSING:
            self.add_part(label, b"missing", "not defined")
            yield joined(b"missing", [told])
            return
        yield joined(b"name", [told, self.value(label, value)])
        if resolved.rest and isinstance(value, types.FunctionType) and resolved.rest[0] in value.__dict__:
            yield self.value(f"{label}.{resolved.rest[0]}", value.__dict__[resolved.rest[0]])

    def _member(self, owner: type, name: str | None) -> Iterator[bytes]:
        """What a method uses of its class: one member, or all where the object itself is passed on."""
        if name is None or name == "__class__":
            yield self.refer(owner)
            return
        for wanted in (name, *_IMPLIED):
            found = find_member(owner, wanted)
            if found is not None and is_users_class(found[0]):
                yield joined(b"member", [wanted.encode(), self._content(found[0], wanted, found[1], owner)])

    def _content(self, cls: type, name: str, member: Any, owner: type | None) -> bytes:
        functions = functions_of(member)
        label = self._label(cls.__module__, f"{cls.__qualname__}.{name}")
        if functions is None:
            return self.value(f"attribute {label}", member)
        kind = type(member).__name__.encode()
        references = [
            self.refer(function, owner) if isinstance(function, types.FunctionType) else self.value(label, function)
            for function in functions
        ]
        return joined(kind, references)

    def _class(self, cls: type) -> bytes:
        name = self._label(cls.__module__, cls.__qualname__)
        members = class_members(cls)
        own = [
            cls.__qualname__,
            *(base.__qualname__ for base in cls.__bases__),
            *(member for member, _ in members),
        ]
        content = joined(b"class", [part.encode("utf-8", "surrogatepass") for part in own])
        self.add_part(f"class {name}", content, f"bases and members: {', '.join(own[1:])}")
        lines = [self.refer(base) for base in (type(cls), *cls.__bases__)]
        lines += [self._content(cls, member, value, None) for member, value in members]
        return joined(b"class", [content, *lines])

    def _module(self, module: types.ModuleType) -> bytes:
        text = module_text(module)
        label = f"module {module.__name__}"
        if text is None:
            self.opaque.add(label)
            text = ""
        text = hidden_source(text, self.hiding)
        content = text.encode("utf-8", "surrogatepass")
        self.add_part(label, content, text)
        return joined(b"module", [content])


def _bindings(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Defaults and closure of a function, each with its label."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from (
        (f"default {name}", value) for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=False)
    )
    yield from ((f"default {name}", value) for name, value in sorted((function.__kwdefaults__ or {}).items()))
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            value = cell.cell_contents
        except ValueError:
            value = "@empty"
        if not isinstance(value, types.ModuleType):  # of a module, the attributes that are used count
            yield f"closure {name}", value


def classes_referred_to(func: Any) -> list[type]:
    """The user's own classes that a callable refers to, itself and by what it calls, in the order of their discovery."""
    graph = CodeGraph()
    graph.value("function", func)
    graph.drain()
    return [item for item, _ in graph._alive if isinstance(item, type)]
