"""The graph of everything that a function's behaviour depends on, numbered in one canonical order.

Knows no journal: it gives lines of bytes that are equal for equal graphs, and labelled parts for people.
"""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from cuebook.persistence.identity.code.added import added_to_classes
from cuebook.persistence.identity.code.annotations import annotations_of
from cuebook.persistence.identity.code.bindings import attributes_of, closure_of, defaults_of, docstring_of
from cuebook.persistence.identity.code.classes import class_members, functions_of, hidden_maker
from cuebook.persistence.identity.code.imported import place_of_import
from cuebook.persistence.identity.code.modules import module_members
from cuebook.persistence.identity.code.part_list import PartList
from cuebook.persistence.identity.code.resolution import Resolver, Use
from cuebook.persistence.identity.code.settings import decimal_context
from cuebook.persistence.identity.code.static_attributes import StaticReader
from cuebook.persistence.identity.code.use_labels import HOLE, Receiver, UseLabels
from cuebook.persistence.identity.code.wrappers import told_by
from cuebook.persistence.identity.digest import joined
from cuebook.persistence.identity.ownership import is_users_class, is_users_function, is_users_module, library_name
from cuebook.persistence.identity.parts import name_in_label, readable
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.identity.secrets.names import is_secret_name
from cuebook.persistence.identity.source_detail import source_detail
from cuebook.persistence.identity.syntax.access import Access, Chain
from cuebook.persistence.identity.syntax.code import CodeForm, code_form
from cuebook.persistence.identity.syntax.instructions import UnknownInstruction
from cuebook.persistence.identity.values.outline import outline
from cuebook.persistence.identity.values.walk import ValueWalk

__all__ = ["CodeGraph", "classes_referred_to"]

_RECEIVERS_MAX = 500
"""Objects whose attributes are followed one by one; of any further one all counts."""


class _Attributes(NamedTuple):
    """What was set on a function, as a node."""

    item: types.FunctionType


class _Hints(NamedTuple):
    """The annotations of a function, as a node."""

    item: types.FunctionType


class _Docs(NamedTuple):
    """The docstring of a function or class, as a node."""

    item: types.FunctionType | type


class CodeGraph(PartList):
    """Functions, classes and modules of the user's own, reached from what is referred to, breadth first.

    Each is a node with a number by its first visit; a node's line holds its own content and, per reference,
    a number or a value's bytes. So recursion ends, and equal graphs give equal lines whatever their modules
    are called. A method is a node for each object that it is bound to: of that it counts what the method reads.

    Args:
        home: the module whose name is left out of labels.
        hiding: gets the secrets that are met; by default they are forgotten.
    """

    def __init__(self, home: str = "__main__", hiding: Hiding | None = None) -> None:
        super().__init__(home)
        self.hiding = Hiding() if hiding is None else hiding
        self.lines: list[bytes] = []
        self._reader = StaticReader()
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._waiting: deque[tuple[Any, Receiver | None]] = deque()
        self._alive: list[Any] = []
        self._lines_of: dict[tuple[str, int], tuple[bytes, str]] = {}
        self._walks: dict[tuple[int, bool], tuple[ValueWalk, bytes, list[Any]]] = {}
        self._receivers: set[int] = set()
        self._reads_hints = self._reads_docs = self._asks_subclasses = False
        self.subclasses: dict[type, None] = {}
        self._names: set[str] = set()
        self._library_classes: dict[type, None] = {}
        self._added: set[tuple[str, int]] = set()

    def refer(self, item: Any, receiver: Receiver | None = None) -> bytes:
        """A function, method, class or module: the number of its node, or a library's name.

        Args:
            receiver: what a method is bound to: then what the method reads of it counts; else nothing of it, as it
                is counted elsewhere.
        """
        if isinstance(item, types.MethodType):
            return self._method(item)
        if isinstance(item, types.FunctionType):
            if is_users_function(item) or told_by(item):
                return self._number(item, receiver)
        elif isinstance(item, type):
            if is_users_class(item):
                return self._number(item, None)
            self._library_classes[item] = None
        elif isinstance(item, types.ModuleType) and is_users_module(item):
            return self._number(item, None)
        self.note_package(item)
        return joined(b"L", [library_name(item).encode("utf-8", "surrogatepass")])

    def value(self, label: str, value: Any) -> bytes:
        """A value with which the code may do anything, as a part of this label; the user's code becomes a node."""
        if isinstance(value, types.FunctionType | types.ModuleType | type):
            reference = self._as_value(value)
            if reference.startswith(b"L"):
                self.add_part(label, reference, library_name(value))
            return reference
        key = (label, id(value))
        known = self._lines_of.get(key)
        if known is None:
            known = self._lines_of[key] = self._walked(label, value)
        else:
            self.note_place(known[1])
        return known[0]

    def receiver(self, label: str, method: types.MethodType) -> Receiver | None:
        """What a method is bound to, where its attributes can be told one by one."""
        target = method.__self__
        is_known = isinstance(method.__func__, types.FunctionType) and is_users_function(method.__func__)
        if is_known and (isinstance(target, type) or self._reader.is_plain(target)):
            name = target.__qualname__ if isinstance(target, type) else type(target).__qualname__
            return Receiver(target, label, f"attribute {HOLE} of {name}")
        return None

    def drain(self) -> list[bytes]:
        """Visit all that was referred to and what that refers to; the lines of all nodes, in their order."""
        self._visit()
        self.records_places = False  # another process may have none of what follows, and need none
        while self._refer_to_added():
            self._visit()
        self._count_settings()
        self.place, self.records_places = None, True
        return self.lines

    def _visit(self) -> None:
        while self._waiting or self._refer_to_asked():
            item, receiver = self._waiting.popleft()
            try:
                of: Any = item.item if isinstance(item, _ABOUT) else item
                self.place = place_of_import(of)
                self.lines.append(self._node(item, receiver))
            except UnknownInstruction:
                raise
            except Exception as error:  # identity never raises: a metaclass of the user's, a damaged module
                name = readable(item)
                self.opaque.add(f"{name} ({type(error).__name__})")
                self.lines.append(joined(b"unseen", [name.encode("utf-8", "surrogatepass")]))

    def _count_settings(self) -> None:
        """The context of decimals, where something refers to these and the program has set it."""
        held = {cls.__module__ for cls in self._library_classes}
        context = decimal_context() if "decimal" in self.noted or "decimal" in held else None
        if context is not None:
            self.lines.append(joined(b"settings", [self.value("context of decimal", context)]))

    def _refer_to_added(self) -> bool:
        """What the program has put into libraries' classes under names that some code reads; whether any is new."""
        for name, item in added_to_classes(self._library_classes, frozenset(self._names)):
            key = (name, id(item))
            if key not in self._added:
                self._added.add(key)
                self._alive.append((item, None))
                self.lines.append(joined(b"added", [name.encode("utf-8", "surrogatepass"), self.refer(item)]))
        return bool(self._waiting)

    def _refer_to_asked(self) -> bool:
        """What some code asks for of all that was met: hints, docstrings, subclasses; whether any of it is new."""
        is_asked = self._reads_hints or self._reads_docs or self._asks_subclasses
        for item in [item for item, _ in self._alive] if is_asked else ():
            if self._reads_docs and isinstance(item, types.FunctionType | type):
                self._number(_Docs(item), None)
            if self._reads_hints and isinstance(item, types.FunctionType) and is_users_function(item):
                self._number(_Hints(item), None)
            if self._asks_subclasses and isinstance(item, type):
                below: list[type] = type.__subclasses__(item)
                for each in filter(is_users_class, below):
                    self.subclasses[each] = None
                    self._number(each, None)
        return bool(self._waiting)

    def _method(self, method: types.MethodType) -> bytes:
        receiver = self.receiver("", method)
        reference = self.refer(method.__func__, receiver)
        if receiver is not None or isinstance(method.__self__, type):
            return reference
        return joined(b"M", [reference, self.refer(type(method.__self__))])

    def _as_value(self, item: Any) -> bytes:
        """A function as more than its code: whoever has it may read what was set on it."""
        reference = self.refer(item)
        if isinstance(item, types.FunctionType) and is_users_function(item) and attributes_of(item):
            return joined(b"F", [reference, self._number(_Attributes(item), None)])
        return reference

    def _walked(self, label: str, value: Any) -> tuple[bytes, str]:
        """A value as a part: its canonical bytes and the code that these refer to; walked once, whatever its labels.

        Returns:
            the line, and the label that the part has.
        """
        name = name_in_label(label)
        key = (id(value), is_secret_name(name))
        known = self._walks.get(key)
        if known is None:
            walk = ValueWalk(self.hiding)
            try:
                encoded = walk.named(name, value)
            except Exception:  # nested too deep, or a class of the user's that raises where nobody expects it
                encoded = walk.unseen(value)
            known = self._walks[key] = (walk, encoded, walk.take_found())
            self._alive.append((value, None))
        walk, encoded, found = known
        self.opaque.update(f"{label} ({kind})" for kind in walk.opaque)
        self.opaque.update(f"{label} ({kind}, seeded by the system)" for kind in walk.unseeded)
        self._library_classes[type(value)] = None
        has = self.add_part(label, encoded, lambda: outline(value, walk, name))
        line = [encoded, *map(self._as_value, found)]
        if walk.context:
            line += self._set_here(f"{label} as it is set", walk.context.values())
        return joined(b"V", line), has

    def _set_here(self, label: str, values: Iterable[Any]) -> list[bytes]:
        """What context variables are set to: calls in this process see it, others have it otherwise."""
        self.records_places, before = False, self.records_places
        try:
            return [self.value(label, value) for value in values]
        finally:
            self.records_places = before

    def _node(self, item: Any, receiver: Receiver | None) -> bytes:
        if isinstance(item, types.FunctionType):
            return self._function(item, receiver) if is_users_function(item) else self._wrapper(item)
        if isinstance(item, type):
            return self._class(item)
        if isinstance(item, types.ModuleType):
            return self._module(item)
        return self._about(item)

    def _about(self, node: _Attributes | _Hints | _Docs) -> bytes:
        function: Any = node.item
        if isinstance(node, _Docs):
            text, label = docstring_of(function), self.label(function.__module__, function.__qualname__)
            return joined(b"docs", [] if text is None else [self.value(f"docstring of {label}", text)])
        label = self.label(function.__globals__.get("__name__"), function.__qualname__)
        if isinstance(node, _Attributes):
            told = [(name, self.value(f"attribute {label}.{name}", value)) for name, value in attributes_of(function)]
            return joined(b"attributes", [part for name, line in told for part in (name.encode(), line)])
        hints = annotations_of(function)
        return joined(b"hints", [self.value(f"hints of {label}", hints)] if hints else [])

    def classes(self) -> list[type]:
        """Those that were met so far, in the order of discovery."""
        return [item for item, _ in self._alive if isinstance(item, type)]

    def _number(self, item: Any, receiver: Receiver | None) -> bytes:
        if receiver is not None and not isinstance(receiver.value, type):
            self._receivers.add(id(receiver.value))
            if len(self._receivers) > _RECEIVERS_MAX:
                self._receivers.discard(id(receiver.value))
                whole = self.value(receiver.label, receiver.value)
                return joined(b"W", [whole, self._number(item, None)])
        of = item.item if isinstance(item, _ABOUT) else item
        key = (type(item), id(of), None if receiver is None else id(receiver.value))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._alive.append((item, receiver))
            self._waiting.append((item, receiver))
        return b"#" + number.to_bytes(4, "little")

    def _wrapper(self, function: types.FunctionType) -> bytes:
        """A library's function around the user's."""
        self.note_package(function)
        name = library_name(function)
        inner = told_by(function)
        lines = [self.value(f"{label} of {name}", value) for label, value in inner]
        own = [value for _, value in inner if isinstance(value, types.FunctionType) and is_users_function(value)]
        asked: list[type[_Hints | _Docs]] = [_Hints]
        if name.partition(".")[0] not in sys.stdlib_module_names:
            asked.append(_Docs)  # it may be a prompt
        told = [self._number(about(each), None) for each in own for about in asked]
        return joined(b"wrapper", [name.encode(), *lines, *told])

    def _function(self, function: types.FunctionType, receiver: Receiver | None) -> bytes:
        code = function.__code__
        label = self.label(function.__globals__.get("__name__"), code.co_qualname)
        form = code_form(code)
        content = form.content_hiding(self.hiding)
        self.add_part(f"code of {label}", content, lambda: source_detail(form.text_hiding(self.hiding)))
        access = self._access(function, form, label)
        named = {chain.name for chain in access.chains if chain.base == "free"}
        bound = [self.value(f"default {name} of {label}", value) for name, value in defaults_of(function)]
        bound += [self.value(f"closure {name} of {label}", value) for name, value in closure_of(function, named)]
        if receiver is not None and not code.co_argcount:  # its `*args` hold the object
            bound.append(self.value(receiver.label, receiver.value))
        labels = UseLabels(self.label(function.__globals__.get("__name__"), ""), label, receiver)
        resolver = Resolver(function, receiver, self._reader, labels)
        used = [self._use(chain, use, labels) for chain in access.chains for use in resolver.uses(chain)]
        self._library_classes |= resolver.library_classes
        return joined(b"function", [content, joined(b"", bound), joined(b"", used)])

    def _access(self, function: types.FunctionType, form: CodeForm, label: str) -> Access:
        access = form.access
        if access.builtins & function.__globals__.keys():
            access = form.access_without(function.__code__)
        self.opaque.update(f"{what} in {label}" for what in access.hidden)
        self._names |= form.names
        self._reads_hints |= access.reads_hints
        self._reads_docs |= access.reads_docs
        self._asks_subclasses |= access.asks_subclasses
        return access

    def _use(self, chain: Chain, use: Use, labels: UseLabels) -> bytes:
        before = self.place
        self.place = use.place or before
        try:
            return self._used(chain, use, labels)
        finally:
            self.place = before

    def _used(self, chain: Chain, use: Use, labels: UseLabels) -> bytes:
        told = f"{chain.base} {use.names}".encode("utf-8", "surrogatepass")
        if use.kind == "set":
            return joined(b"set", [told])
        label = labels.of(chain.base, use.names)
        if use.kind == "missing":
            self.add_part(label, b"missing", "not defined")
            return joined(b"missing", [told])
        if use.kind == "value":
            return joined(b"name", [told, self.value(label, use.value)])
        line = [told, self.refer(use.value, use.receiver)]
        if use.settings is not None:
            line.append(self.value(f"settings of {label}", use.settings))
        return joined(b"call", line)

    def _content(self, cls: type, name: str, member: Any) -> bytes:
        functions = functions_of(member)
        if name.startswith("@"):
            return self.value(f"{name[1:]} of {self.label(cls.__module__, cls.__qualname__)}", member)
        label = self.label(cls.__module__, f"{cls.__qualname__}.{name}")
        if functions is None:
            return self.value(f"attribute {label}", member)
        references = [
            self._as_value(function) if isinstance(function, types.FunctionType) else self.value(label, function)
            for function in functions
        ]
        return joined(type(member).__name__.encode(), references)

    def _class(self, cls: type) -> bytes:
        name = self.label(cls.__module__, cls.__qualname__)
        members = class_members(cls)
        bases = [base.__qualname__ for base in cls.__bases__]
        own = [cls.__qualname__, *bases, *(member for member, _ in members)]
        content = joined(b"class", [part.encode("utf-8", "surrogatepass") for part in own])
        self.add_part(f"class {name}", content, f"bases and members: {', '.join(own[1:])}")
        maker = hidden_maker(cls)
        if maker is not None:
            self.opaque.add(f"class {name} (made by {maker})")
        lines = [self.refer(base) for base in (type(cls), *cls.__bases__)]
        lines += [self._content(cls, member, value) for member, value in members]
        return joined(b"class", [content, *lines])

    def _module(self, module: types.ModuleType) -> bytes:
        """A module of which any name may be read: all that it holds."""
        members, is_seen = module_members(module)
        if not is_seen:
            self.opaque.add(f"module {module.__name__}")
        names = [name for name, _ in members]
        self.add_part(f"module {module.__name__}", joined(b"", [name.encode() for name in names]), ", ".join(names))
        lines = [self.value(f"global {self.label(module.__name__, name)}", value) for name, value in members]
        own = [] if type(module) is types.ModuleType else [self.refer(type(module))]
        return joined(b"module", [*own, *map(str.encode, names), *lines])


_ABOUT = (_Attributes, _Hints, _Docs)


def classes_referred_to(func: Any) -> list[type]:
    """The user's own classes that a callable refers to, itself and by what it calls, in the order of discovery."""
    graph = CodeGraph()
    graph.value("function", func)
    graph.drain()
    return graph.classes()
