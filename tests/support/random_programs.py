"""Small programs made at random: classes, objects that hold each other, and a function that reads some of it somehow.

What such a function gives is decided by numbers in objects, classes, namespaces and modules. `cells` lists each of them,
so that one can be changed at a time.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HEADER = """
import argparse, dataclasses, functools, types
import {other} as other

def plain(x): return x.a0
def whole(x): return sorted((k, v) for k, v in vars(x).items() if isinstance(v, int))
def measured(x): return len(x)
"""

OTHER = """
k0, k1, k2 = 1, 2, 3
def h0(x): return x + k0
def h1(x): return h0(x) * k1
def kept(x): return x + kept.weight
kept.weight = 5
NAME = "k2"
def __getattr__(name):
    if name == "lazy":
        return k2 * 7
    raise AttributeError(name)
"""

SPECIALS = {
    "__len__": ("abs({}) % 50", "len({})"),
    "__repr__": ("str({})", "repr({})"),
    "__bool__": ("{} % 2 == 0", "(1 if {} else 2)"),
    "__call__": ("{}", "{}()"),
    "__eq__": ("{}", "({} == 0)"),
    "__hash__": ("hash({})", "hash({})"),
    "__iter__": ("iter([{}])", "list({})"),
    "__getitem__": ("{}", "{}[0]"),
    "__contains__": ("{} % 3 == 0", "(0 in {})"),
    "__add__": ("{}", "({} + 0)"),
    "__int__": ("int({})", "int({})"),
    "__format__": ("str({})", 'f"{{{}}}"'),
    "__lt__": ("{} % 2 == 0", "({} < 0)"),
    "__enter__": ("{}", "entered({})"),
}
"""A method with two underscores, what it gives of an expression, and how it is called."""

TAKES_ONE = {"__eq__", "__getitem__", "__contains__", "__add__", "__format__", "__lt__"}


class Class(NamedTuple):
    """A class of a program: what its objects have."""

    name: str
    kind: str
    numbers: list[str]
    objects: dict[str, Class]
    constants: list[str]
    methods: list[str]
    properties: list[str]
    specials: list[str]
    base: Class | None


class Writer:
    """Writes one program from a seed."""

    def __init__(self, seed: int, other: str) -> None:
        self.random = random.Random(seed)
        self.other = other
        self.lines: list[str] = []
        self.classes: list[Class] = []

    def program(self) -> str:
        """Its source; `f` is the function, without arguments."""
        self.lines = [HEADER.format(other=self.other), "def entered(x):\n    with x as y: return y\n"]
        for number in range(self.random.randint(1, 4)):
            self._class(f"C{number}")
        roots = [self._object(f"G{number}") for number in range(self.random.randint(1, 3))]
        roots.append(self._namespace("ARGS"))
        self.lines.append('KIND = "a0"\nTABLE = {"one": G0}\n')
        self._function(roots)
        return "\n".join(self.lines) + "\n"

    def _class(self, name: str) -> None:
        pick = self.random
        kind = pick.choice(["plain", "plain", "plain", "slots", "dataclass", "getattr", "getstate"])
        base = (
            pick.choice([each for each in self.classes if each.kind == "plain"] or [None])
            if pick.random() < 0.4
            else None
        )
        if base is not None:
            kind = "plain"
        numbers = [
            *(base.numbers if base else ()),
            *(f"a{i}" for i in range(len(base.numbers) if base else 0, 4 + (base is not None))),
        ]
        objects = dict(base.objects) if base else {}
        for place in range(pick.randint(0, 2)):
            if self.classes and f"o{place}" not in objects:
                objects[f"o{place}"] = pick.choice(self.classes)
        constants = [*(base.constants if base else ()), f"k{name}"]
        made = Class(name, kind, numbers, objects, constants, [], [], [], base)
        body = self._fields(made)
        for number in range(pick.randint(1, 4)):
            method = f"m{number}"
            body.append(f"    def {method}(self):\n        return {self._sum('self', made, in_class=True)}")
            made.methods.append(method)
        if base is not None and base.methods:
            made.methods.extend(each for each in base.methods if each not in made.methods)
            body.append(f"    def up(self):\n        return super().{pick.choice(base.methods)}(), self.a1")
            made.methods.append("up")
        for decorator, list_ in (("property", made.properties), ("functools.cached_property", made.properties)):
            if pick.random() < 0.4 and (kind != "slots" or decorator == "property"):
                member = f"p{len(list_)}"
                body.append(
                    f"    @{decorator}\n    def {member}(self):\n        return {self._sum('self', made, in_class=True)}"
                )
                list_.append(member)
        if pick.random() < 0.5:
            body.append(f"    @classmethod\n    def make(cls):\n        return cls.k{name} * 3")
            body.append("    @staticmethod\n    def still():\n        return other.h1(2)")
            made.methods.extend(["make", "still"])
        for special in pick.sample(sorted(SPECIALS), pick.randint(0, 3)):
            if special == "__hash__" or (kind == "dataclass" and special in ("__repr__", "__eq__")):
                continue
            inner = SPECIALS[special][0].format(self._number("self", made))
            parameters = "self, x" if special in TAKES_ONE else "self"
            body.append(f"    def {special}({parameters}):\n        return {inner}")
            made.specials.append(special)
        if "__enter__" in made.specials:
            body.append("    def __exit__(self, *_): pass")
        if "__eq__" in made.specials:
            body.append("    __hash__ = object.__hash__")
        header = f"class {name}({base.name if base else ''}):"
        if kind == "dataclass":
            header = f"@dataclasses.dataclass\n{header}"
        self.lines.append("\n".join([header, *body]) + "\n")
        self.classes.append(made)

    def _fields(self, made: Class) -> list[str]:
        names = [*made.numbers, *made.objects]
        body = [f"    k{made.name} = {self.random.randint(1, 99)}"]
        if made.kind == "slots":
            body.append(f"    __slots__ = {tuple(names)!r}")
        if made.kind == "dataclass":
            body = [f"    k{made.name} = {self.random.randint(1, 99)}", *(f"    {name}: object" for name in names)]
        else:
            sets = "".join(f"\n        self.{name} = {name}" for name in names)
            body.append(f"    def __init__(self, {', '.join(names)}):{sets}")
        if made.kind == "getattr":
            body.append(
                "    def __getattr__(self, name):\n        if name == 'made': return self.a3\n        raise AttributeError(name)"
            )
        if made.kind == "getstate":
            body.append("    def __getstate__(self):\n        return dict(self.__dict__)")
        return body

    def _object(self, name: str) -> tuple[str, Class]:
        made = self.random.choice(self.classes)
        self.lines.append(f"{name} = {self._built(made)}")
        return name, made

    def _built(self, made: Class) -> str:
        given = [str(self.random.randint(0, 99)) for _ in made.numbers]
        return f"{made.name}({', '.join([*given, *map(self._built, made.objects.values())])})"

    def _namespace(self, name: str) -> tuple[str, Class]:
        objects = {"o0": self.random.choice(self.classes)}
        made = Class(name, "namespace", ["a0", "a1", "a2"], objects, [], [], [], [], None)
        given = [f"{each}={self.random.randint(0, 99)}" for each in made.numbers]
        given += [f"{each}={self._built(of)}" for each, of in objects.items()]
        kind = self.random.choice(["types.SimpleNamespace", "argparse.Namespace"])
        self.lines.append(f"{name} = {kind}({', '.join(given)})")
        return name, made

    def _sum(self, at: str, made: Class, *, in_class: bool = False) -> str:
        terms = [self._term(at, made, in_class=in_class) for _ in range(self.random.randint(1, 2))]
        return f"({', '.join(terms)},)"

    def _number(self, at: str, made: Class) -> str:
        return f"{at}.{self.random.choice(made.numbers)}"

    def _term(self, at: str, made: Class, *, in_class: bool = False) -> str:
        """An expression that reads something of an object, in one of the ways that programs have."""
        pick, number = self.random, self.random.choice(made.numbers)
        ways: list[str] = [f"{at}.{number}"] * 4
        ways += [
            f'getattr({at}, "{number}")',
            f"getattr({at}, KIND)",
            f"[{at}][0].{number}",
            f"(lambda: {at}.{number})()",
            f"[{at}.{number} for _ in range(2)]",
            f"(lambda y: y.{number})({at})",
            f"plain({at})",
            f'hasattr({at}, "{number}")',
            f"[each.{number} for each in ({at},)]",
            f"(1 if {at} else 2)",
            f"(not {at})",
            f"({at} is None)",
            f"({at} and {at}.{number})",
            f"[1 for _ in (1,) if {at}]",
        ]
        if made.kind != "slots":
            ways += [f'vars({at})["{number}"]', f'{at}.__dict__["{number}"]', f"whole({at})"]
        ways += [f"{at}.{each}()" for each in made.methods]
        ways += [f"{at}.{each}" for each in made.properties]
        ways += [f"{at}.{each}" for each in made.constants] + [f"type({at}).{each}" for each in made.constants]
        ways += [SPECIALS[each][1].format(at) for each in made.specials if not in_class]
        ways += [f"{at}.made"] if made.kind == "getattr" else []
        if made.objects:
            name, of = pick.choice(list(made.objects.items()))
            ways += [self._term(f"{at}.{name}", of, in_class=in_class)] * 4
        return pick.choice(ways)

    def _function(self, roots: list[tuple[str, Class]]) -> None:
        pick = self.random
        body = []
        for number in range(pick.randint(1, 5)):
            name, made = pick.choice(roots)
            body.append(f"r{number} = {self._term(name, made)}")
        extra = [
            "x = G0; s = x.a1",
            "s = TABLE['one'].a1",
            "s = other.h1(3)",
            "s = getattr(other, other.NAME)",
            "s = other.kept(2), other.kept.weight",
            "s = other.lazy",
            "s = globals()['ARGS'].a1",
            "s = [y for y in (ARGS.a2, G0.a3) if y]",
            "s = (z := ARGS.a0) and z",
            "def inner(g=None):\n        return G0.a2, ARGS.a1\n    s = inner()",
            "class Local:\n        got = ARGS.a2\n    s = Local.got",
            "from other_name import k0 as s".replace("other_name", self.other),
            "import other_name as o; s = o.k1".replace("other_name", self.other),
            "try:\n        s = G0.a1 // 1\n    except Exception as error:\n        s = str(error)",
            "g = ARGS\n    while g: s = g.a1; g = None",
            "match ARGS.a0:\n        case 0: s = G0.a0\n        case _: s = G0.a1",
            "s = 0\n    for s in [ARGS.a0, ARGS.a1]: pass",
            's = eval("ARGS.a2 + 1")',
            "kept = ARGS.a1; ARGS.a1 = G0.a2; s = ARGS.a1; ARGS.a1 = kept",
            "kept = ARGS.o0; ARGS.o0 = G0; s = ARGS.o0.a1; ARGS.o0 = kept",
            "while not G0: break\n    else: s = 1\n    s = 2 if ARGS.o0 is not None and G0 else 3",
        ]
        body.append(pick.choice(extra))
        names = [f"r{number}" for number in range(len(body) - 1)]
        text = "\n    ".join([*body, f"return ({', '.join([*names, 's'])},)"])
        if pick.random() < 0.3:
            given = ", ".join(name for name, _ in roots)
            inner = text.replace("\n", "\n    ")
            self.lines.append(f"def make({given}):\n    def f():\n        {inner}\n    return f\nf = make({given})")
        else:
            self.lines.append(f"def f():\n    {text}")


class Cell(NamedTuple):
    """A number that something in a program holds."""

    name: str
    holder: Any
    attribute: str

    def read(self) -> int:
        number: int = getattr(self.holder, self.attribute)
        return number

    def write(self, number: int) -> None:
        setattr(self.holder, self.attribute, number)

    def forget_caches(self) -> None:
        """Drop what cached properties have computed."""
        own = getattr(self.holder, "__dict__", {})
        for name in [name for name in own if name[:1] == "p" and not isinstance(self.holder, type | types.ModuleType)]:
            delattr(self.holder, name)


def cells(module: Any) -> Iterator[Cell]:
    """Every number in the objects, classes and modules of a program."""
    seen: set[int] = set()
    pending = [(name, value) for name, value in vars(module).items() if not name.startswith("__")]
    while pending:
        name, value = pending.pop()
        if id(value) in seen or isinstance(value, types.ModuleType) and value is not module.other:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            pending.extend((f"{name}[{key}]", part) for key, part in value.items())
            continue
        for attribute, part in _attributes(value):
            if type(part) is int:
                yield Cell(f"{name}.{attribute}", value, attribute)
            elif _is_of_program(part, module):
                pending.append((f"{name}.{attribute}", part))


def _attributes(value: Any) -> list[tuple[str, Any]]:
    slots = getattr(type(value), "__slots__", ())
    own = list(getattr(value, "__dict__", {}).items()) + [
        (name, getattr(value, name)) for name in slots if hasattr(value, name)
    ]
    return [(name, part) for name, part in own if not name.startswith("__")]


def _is_of_program(value: Any, module: Any) -> bool:
    if isinstance(value, types.FunctionType | type | types.ModuleType):
        return getattr(value, "__module__", None) in (module.__name__, module.other.__name__)
    return type(value).__module__ in (module.__name__, "types", "argparse")


def made_program(seed: int, folder: Path) -> Any:
    """A program of this seed, as a module that was imported from a file."""
    import importlib.util

    other = f"random_other_{seed}"
    sources = {other: OTHER, f"random_program_{seed}": Writer(seed, other).program()}
    for name, source in sources.items():
        path = folder / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module
