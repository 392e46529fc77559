"""The house's rules, read off the source: imports, single importers, sizes, sleeps, what is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import cuebook
import cuebook.testing

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(cuebook.__file__).parent
"""That of the checkout, or the one that is installed where these tests come from an sdist."""

FLOORS = [
    {"__main__", "cli", "compat", "testing"},
    {"tuning", "data"},
    {"profiling"},
    {"api", "stages", "tracing"},
    {"experiments"},
    {"chunks", "checkpoints"},
    {"durable"},
    {"actors"},
    {"engines", "processes"},
    {"children"},
    {"workplace"},
    {"runtime", "persistence"},
    {"wire", "pages"},
    {"errors", "logs", "clock", "wording", "choices", "notices", "temporary"},
]
"""The folders from the top down. Folders of one floor may import each other as long as no cycle arises."""

APART = ({"runtime", "persistence"}, {"engines", "processes"})
"""Folders of one floor that do not import each other."""

ROOMS = {
    "persistence": [
        {"upkeep", "recall"},
        {"history"},
        {"journal"},
        {"stores"},
        {"records"},
        {"values"},
        {"identity", "blobs"},
        {"trust"},
    ],
    "durable": [{"entities"}, {"readside"}, {"events"}, {"owed"}],
    "runtime": [{"seeing", "groups"}, {"cells"}, {"reports"}, {"refs"}, {"policy", "tasks"}],
}
"""The rooms of a folder, from the top down: imports between them run downwards too."""

SINGLE_IMPORTERS = {
    "msgpack": "cuebook.wire.codec",
    "aiosqlite": "cuebook.persistence.stores.sqlite.writing",
    "structlog": "cuebook.logs",
    "opentelemetry": "cuebook.runtime.seeing.telemetry",
    "setproctitle": "cuebook.children.title",
    "yaml": "cuebook.experiments.yaml_files",
}
FILE_LINES_MAX = 400
LONG = {
    "cuebook/chunks/options.py": "every option of a run, in one place",
    "cuebook/data/chain.py": "one class, the face of the chain, whose steps have modules of their own",
    "cuebook/errors.py": "every error that users may meet, in one place",
    "cuebook/actors/supervisor.py": "one class, whose decisions, outbox, orders and checkpoints have modules of their own",
    "cuebook/api/runtime.py": "one class, whose faces, signals and what it shows have modules of their own",
}
"""Files over that, and why: a class is never cut in order to fit."""
LONG_TESTS = {
    "tests/persistence/identity/test_class_contents.py": "tables of classes and edits, a table a library",
    "tests/persistence/identity/test_code_as_values.py": "one table of programs and edits",
    "tests/persistence/identity/test_what_is_read.py": "one table of programs and edits",
    "tests/persistence/values/test_by_value.py": "one table of kinds of classes",
    "tests/test_architecture.py": "the lists of the house in one place",
}
"""Tests over that, and why; what is no table is cut by subject. The list may only get shorter."""
ROOM_MODULES_MAX = 20
CROWDED: set[str] = set()
"""Folders that hold more than a room should. None any more."""
NAMED_TWICE = {
    "Checkpoint": "compat keeps the names of the package that it stands in for",
    "Chunker": "compat keeps the names of the package that it stands in for",
    "Effect": "what a durable actor wants, and what the test kit has seen of any actor: users know both by these names",
    "Failed": "a record's head, and what the test kit has seen of a handler: users compare with it",
}
"""Classes that share their name with another one, and why; the list may only get shorter."""
FUNCTION_LINES_MAX = 50
POSITIONAL_MAX = 4
MANY_POSITIONAL = {"chunk", "Chunker.__init__", "Chunker.__call__"}
"""The public faces whose order of parameters is given."""
FIVE_POSITIONAL = {
    "cuebook.chunks.records.opening_entry",
    "cuebook.engines.calls.outcome.failure_message",
    "cuebook.persistence.records.chain.head_check",
    "cuebook.persistence.upkeep.compaction._copy",
}
"""Those that still take a fifth; the list may only get shorter."""

SLEEP_MAX_S = 0.05
SLEEPS_ALLOWED: set[str] = set()
"""Test files that have to wait for real time, and why. None so far."""

HEAVY = ("asyncio", "anyio", "aiosqlite", "structlog", "cloudpickle", "numpy", "rich", "click")

CONTINUED = {
    "BesideWriter": "buffers beside messages know no calls; those of a run are counted by the calls that need them",
    "PartList": "the walk over code notes its parts as it goes",
}
"""Bases that one class alone has, in another module; the list may only get shorter."""
OVERRIDDEN = {
    "CoroutineHost": "hosts of one place share their orders, and differ in how they take and end calls",
    "DurableKit": "a kit that makes another bench",
    "JournalWriter": "a journal that is written knows more of what is committed",
    "KeptDecoder": "a decoder makes its like for what lies within",
    "MemoryRuntime": "a runtime that makes another application",
    "ThreadHost": "as `CoroutineHost`",
    "_CarriedDecoder": "as `KeptDecoder`",
    "_CarryingEncoder": "an encoder that finds other forms",
}
"""Classes that override a private method of another module's class, and why; the list may only get shorter."""
WRITTEN_FROM_OUTSIDE = {
    "cuebook.persistence.journal.writer._left": "users are counted where the open journals are, under one lock",
}
"""Functions that change an object of another module's class; the list may only get shorter."""

IS_KNOWN_BY = {
    "actor": {
        "cuebook.actors.application", "cuebook.actors.journal", "cuebook.actors.supervisor", "cuebook.actors.worker",
        "cuebook.durable.entities.entity", "cuebook.durable.persistent_actor", "cuebook.processes.elsewhere",
        "cuebook.runtime.cells.actor", "cuebook.runtime.cells.cell", "cuebook.runtime.cells.context",
        "cuebook.runtime.cells.incarnation", "cuebook.runtime.cells.lifecycle", "cuebook.runtime.groups",
        "cuebook.runtime.system",
    },
    "call": {"cuebook.engines"},
    "cell": {"cuebook.runtime.cells.cell", "cuebook.runtime.cells.ending", "cuebook.runtime.cells.lifecycle"},
    "chunk": {"cuebook.api", "cuebook.chunks"},
    "digest": {"cuebook.persistence.identity.digest", "cuebook.persistence.identity.value_digest"},
    "disk": {"cuebook.persistence.stores.sqlite"},
    "durable actor": {"cuebook.durable.entities.entity", "cuebook.durable.keeper", "cuebook.durable.persistent_actor"},
    "event loop": {"anyio", "asyncio"},
    "fingerprint": {"cuebook.persistence.identity.fingerprint"},
    "frame": {"cuebook.wire.frame"},
    "host": {"cuebook.engines.local.host", "cuebook.engines.port", "cuebook.engines.process"},
    "journal": {"cuebook.actors.journal", "cuebook.persistence.journal"},
    "link": {"cuebook.processes.child_end", "cuebook.processes.link", "cuebook.processes.owner_end"},
    "loop": {"anyio", "asyncio"},
    "mailbox": {"cuebook.runtime.cells.mailbox"},
    "numpy": {"numpy"},
    "pickle": {"cloudpickle", "pickle"},
    "pickler": {"cuebook.persistence.values.pickling.by_value", "cuebook.persistence.values.pickling.pickles"},
    "policy": {"cuebook.runtime.policy"},
    "pytest": {"pytest"},
    "record": {"cuebook.persistence.records"},
    "ref": {"cuebook.runtime.refs.ref"},
    "restart": {"cuebook.runtime.policy.restarts"},
    "run": {"cuebook.actors.runs", "cuebook.chunks.opened", "cuebook.chunks.opening"},
    "scheduling": {"cuebook.actors.dispatch", "cuebook.actors.supervisor"},
    "socket": {"socket"},
    "store": {"cuebook.persistence.stores"},
    "supervision": {"cuebook.runtime.groups", "cuebook.runtime.policy.restarts"},
    "telemetry": {"cuebook.runtime.seeing.telemetry", "opentelemetry"},
    "value": {"cuebook.persistence.values.decoder", "cuebook.persistence.values.encoder"},
    "worker": {"cuebook.actors.worker", "cuebook.engines.calls.function", "cuebook.engines.calls.worker_life"},
}  # fmt: skip
"""What a module imports that knows one of these, whatever its first lines say: modules, or rooms of them."""

Module = tuple[str, ast.Module]


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(folder: Path) -> dict[str, ast.Module]:
    """Every module below a folder."""
    return {module_name(path): ast.parse(path.read_bytes()) for path in sorted(folder.rglob("*.py"))}


MODULES = parsed(PACKAGE)


def imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports anywhere in it, also within functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import hides a layer: {ast.unparse(node)}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def floor_of(module: str) -> int | None:
    """The number of a module's floor from the top; None for the package itself."""
    parts = module.split(".")
    if len(parts) < 2:
        return None
    return next((number for number, folders in enumerate(FLOORS) if parts[1] in folders), None)


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a tree, with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{within}.{node.name}".lstrip(".")
            if not isinstance(node, ast.ClassDef):
                yield name, node
        yield from functions(node, name)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_every_module_lives_on_a_known_floor() -> None:
    """A new folder has to be given its place before anything can be said of its imports."""
    lost = [name for name in MODULES if name != "cuebook" and floor_of(name) is None]

    assert not lost, "\n".join(lost)


def test_imports_run_strictly_downwards() -> None:
    """No module imports from a floor above its own, not even for a type or within a function."""
    upward = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        for target in imported(tree)
        if target.startswith("cuebook.")
        and (here := floor_of(name)) is not None
        and (there := floor_of(target)) is not None
        and there < here
    ]

    assert not upward, "\n".join(upward)


def test_folders_that_stand_side_by_side_do_not_lean_on_each_other() -> None:
    """What is kept knows no actor, and what an actor is knows no disk; a process of actors makes no calls."""
    sideways = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        for target in imported(tree)
        for apart in APART
        if (here := folder_of(name)) in apart and (there := folder_of(target)) in apart and here != there
    ]

    assert not sideways, "\n".join(sideways)


@pytest.mark.parametrize("folder", ROOMS)
def test_imports_between_the_rooms_of_a_folder_run_downwards(folder: str) -> None:
    """A room is read without those above it."""
    rooms = ROOMS[folder]
    place = {name: number for number, names in enumerate(rooms) for name in names}
    found = {path.name for path in (PACKAGE / folder).iterdir() if path.is_dir() and path.name != "__pycache__"}
    upward = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        for target in imported(tree)
        if (here := place.get(room_of(name, folder))) is not None
        and (there := place.get(room_of(target, folder))) is not None
        and there < here
    ]

    assert found == place.keys()
    assert not upward, "\n".join(upward)


def folder_of(module: str) -> str:
    """The folder of the package that a module lies in."""
    return (module.split(".") + [""])[1]


def room_of(module: str, folder: str) -> str:
    """The room of a folder that a module lies in; empty where it lies elsewhere."""
    prefix = f"cuebook.{folder}."
    return module.removeprefix(prefix).split(".")[0] if module.startswith(prefix) else ""


def test_the_pages_name_the_floors_in_this_order() -> None:
    """Whoever contributes reads the same list that is tested here."""
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    floors = [
        [name for name in names if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()] for names in FLOORS
    ]
    said = re.search(r"Imports run strictly downwards: (.*?) → third parties", text)

    assert said is not None
    assert [set(re.findall(r"`(\w+)`", floor)) for floor in said.group(1).split(" → ")] == [
        set(names) - {"__main__"} for names in floors
    ]


def test_no_room_is_a_cellar() -> None:
    """A newcomer reads the names of a room at a glance."""
    crowded = {
        str(path.relative_to(ROOT)): count
        for path in [PACKAGE, *PACKAGE.rglob("*")]
        if path.is_dir()
        and (count := len([f for f in path.glob("*.py") if f.name != "__init__.py"])) > ROOM_MODULES_MAX
    }

    assert crowded.keys() == CROWDED, str(crowded)


def test_a_class_has_its_name_alone() -> None:
    """Whoever reads a name knows the class, whichever room he reads in: private classes too, as a traceback, a log line
    and a search show them without their module. Type variables are no classes, and mean what their module says.
    """
    homes: dict[str, list[str]] = {}
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    twice = {name: modules for name, modules in homes.items() if len(modules) > 1}

    assert {name: twice[name] for name in twice.keys() - NAMED_TWICE.keys()} == {}
    assert NAMED_TWICE.keys() <= twice.keys()


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class of the package, with its module."""
    for module, tree in MODULES.items():
        yield from ((module, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def name_of(node: ast.expr) -> str:
    """The last name of what a base, an annotation or a call names; "" where it is none."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_no_class_is_continued_in_a_base_that_it_alone_has() -> None:
    """A class that is too long is cut at a seam, into objects that have each other. What is made by itself, is there for
    users to derive from, or only says what others have to have, is no half of a class.
    """
    homes = {node.name: (module, node) for module, node in classes()}
    made = {name_of(node.func) for tree in MODULES.values() for node in ast.walk(tree) if isinstance(node, ast.Call)}
    heirs: dict[str, list[str]] = {}
    for module, node in classes():
        for base in map(name_of, node.bases):
            if base in homes and homes[base][0] != module:
                heirs.setdefault(base, []).append(f"{module}.{node.name}")
    public = {*cuebook.__all__, *cuebook.testing.__all__}
    alone = {
        base: names[0]
        for base, names in heirs.items()
        if len(names) == 1
        and not {base} & (made | public)
        and "Protocol" not in map(name_of, homes[base][1].bases)
        and any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in homes[base][1].body)
    }

    assert {base: alone[base] for base in alone.keys() - CONTINUED.keys()} == {}
    assert CONTINUED.keys() <= alone.keys()


def test_no_private_method_is_overridden_in_another_module() -> None:
    """What a class may say differently from another has a public name, and is declared in a port."""
    homes = {node.name: (module, node) for module, node in classes()}
    overriding = set()
    for module, node in classes():
        bases = list(map(name_of, node.bases))
        for base in bases:  # grows on the way
            there, above = homes.get(base, (module, node))
            bases += [name_of(further) for further in above.bases if name_of(further) not in bases]
            if there != module and private_methods(node) & private_methods(above):
                overriding.add(node.name)

    assert overriding - OVERRIDDEN.keys() == set()
    assert OVERRIDDEN.keys() <= overriding


def private_methods(node: ast.ClassDef) -> set[str]:
    """Names of a class's methods that are its own affair."""
    methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {name for name in methods if name.startswith("_") and not name.startswith("__")}


def test_no_class_is_continued_in_functions_of_another_module() -> None:
    """What changes an object is its class's own; plain data alone is written by whoever folds it or keeps books on it."""
    homes = {node.name: module for module, node in classes() if not is_plain_data(node)}
    writing = {
        f"{module}.{function.name}"
        for module, tree in MODULES.items()
        for function in tree.body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for parameter in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        if parameter.annotation is not None and homes.get(name_of(parameter.annotation), module) != module
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and name_of(node.value) == parameter.arg
    }

    assert writing - WRITTEN_FROM_OUTSIDE.keys() == set()
    assert WRITTEN_FROM_OUTSIDE.keys() <= writing


def is_plain_data(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass."""
    decorators = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return "dataclass" in map(name_of, decorators)


def disowned(tree: ast.Module) -> Iterator[str]:
    """What a module says that it knows nothing of, in the singular: "Knows no actor and no loop" is two."""
    text = " ".join((ast.get_docstring(tree) or "").split())
    for said in re.findall(r"[Kk]nows (?:no|neither) ([^.:;]*)", text):
        for noun in re.split(r",? (?:and |nor )(?:no )?|, (?:no )?", said):
            yield noun if noun in IS_KNOWN_BY else noun.removesuffix("s")


def test_what_a_module_says_that_it_does_not_know_it_does_not_import() -> None:
    """The first lines are what a reader goes by. Whatever a word of theirs stands for is in one list."""
    known = [
        f"{module} knows no {noun}, and imports {target}"
        for module, tree in MODULES.items()
        for noun in disowned(tree)
        for target in imported(tree)
        if any(f"{target}.".startswith(f"{room}.") for room in IS_KNOWN_BY.get(noun, ()))
        and not module.startswith(target)
    ]

    assert not known, "\n".join(known)
    assert sum(noun in IS_KNOWN_BY for tree in MODULES.values() for noun in disowned(tree)) > 150


def test_no_module_but_the_package_itself_imports_the_package() -> None:
    """The lazy names of `cuebook` are for users: `from cuebook import X` within the library would hide a layer."""
    allowed = {"cuebook", "cuebook.__main__"}
    through_the_front = [
        name
        for name, tree in MODULES.items()
        if name not in allowed and floor_of(name) != 0 and "cuebook" in set(imported(tree))
    ]

    assert not through_the_front, "\n".join(through_the_front)


def test_there_is_no_import_cycle() -> None:
    """Also none that is only there for type checkers."""
    graph = {
        name: {target for target in imported(tree) if target in MODULES and target not in (name, "cuebook")}
        for name, tree in MODULES.items()
        if name != "cuebook"
    }

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(error.args[1]))


@pytest.mark.parametrize(("package", "only"), SINGLE_IMPORTERS.items())
def test_a_third_party_is_imported_by_one_module_alone(package: str, only: str) -> None:
    """So each of them can be replaced, and is looked at, in one place."""
    importers = {name for name, tree in MODULES.items() for target in imported(tree) if target.split(".")[0] == package}

    assert importers == {only}


def test_what_a_store_is_made_of_is_known_in_its_own_folder_alone() -> None:
    """A further store is one more folder: nobody else asks SQLite, or the files of its journals, for anything."""
    own = "cuebook.persistence.stores.sqlite"
    of_their_own = {"cuebook.persistence.history.reuse_cursor"}  # an index of its own in a temporary file
    known = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        for target in imported(tree)
        if not name.startswith(own) and name not in of_their_own
        if target.split(".")[0] == "sqlite3" or target.startswith(own)
    ]

    assert not known, "\n".join(known)


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    """Files aim at 300 lines; none is over the bound."""
    long = {
        str(path): count
        for folder in (PACKAGE, ROOT / "benchmarks", ROOT / "docs", ROOT / "tools")
        for path in folder.rglob("*.py")
        if (count := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }

    assert not {path for path in long if not path.endswith(tuple(LONG))}, str(long)


def test_no_file_of_tests_is_too_long_to_be_read_at_once() -> None:
    """Tests are cut by subject; a table of cases may be as long as it is."""
    long = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if len(path.read_text().splitlines()) > FILE_LINES_MAX
    }

    assert long == LONG_TESTS.keys()


def test_no_function_is_too_long_to_be_read_at_once() -> None:
    """Bodies aim at 20 lines; none is over the bound."""
    long = {
        f"{module}.{name}": lines
        for module, tree in MODULES.items()
        for name, function in functions(tree)
        if (lines := body_lines(function)) > FUNCTION_LINES_MAX
    }

    assert not long, str(long)


def test_no_function_takes_too_many_positional_parameters() -> None:
    """What comes after the fourth is given by name; the public faces with a given order aside."""
    many = {
        f"{module}.{name}"
        for module, tree in MODULES.items()
        for name, function in functions(tree)
        if len([a for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in ("self", "cls")])
        > POSITIONAL_MAX
        and name not in MANY_POSITIONAL
        and not is_protocol_of_python(name)
    }

    assert not many - FIVE_POSITIONAL, "\n".join(many - FIVE_POSITIONAL)


def is_protocol_of_python(name: str) -> bool:
    """Whether the number of parameters is the language's choice."""
    return name.rpartition(".")[2] in ("__exit__", "__aexit__")


def test_every_module_says_what_it_is() -> None:
    """The first line of each file is a sentence for the reader."""
    silent = [name for name, tree in MODULES.items() if not ast.get_docstring(tree)]

    assert not silent, "\n".join(silent)


def test_no_test_waits_for_real_time() -> None:
    """Time has a double, and processes are waited for by what they say; a sleep is a pause between two looks.

    Calls that are to be killed may sleep: they are functions of their own within a test, or beside it.
    """
    sleeps = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.name not in SLEEPS_ALLOWED
        for _, function in functions(ast.parse(path.read_bytes()))
        if is_of_the_test(path, function)
        for call in own_calls(function)
        if is_long_sleep(call) and not is_virtual(path, call)
    ]

    assert not sleeps, "\n".join(sleeps)


def test_no_connection_is_left_to_the_garbage_collector() -> None:
    """A connection of sqlite3 as a context manager commits and stays open, which newer Pythons warn of."""
    left = [
        f"{path.relative_to(folder.parent)}:{item.context_expr.lineno}"
        for folder in (PACKAGE, ROOT / "tests")
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.With)
        for item in node.items
        if ast.unparse(item.context_expr).startswith("sqlite3.connect(")
    ]

    assert not left, "\n".join(left)


def is_of_the_test(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function runs in the test itself: a test, a fixture, or what tests share."""
    decorators = " ".join(ast.unparse(decorator) for decorator in function.decorator_list)
    return function.name.startswith("test_") or "fixture" in decorators or path.parent.name == "support"


def own_calls(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """The calls in a function's body, without those in functions within it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def is_long_sleep(node: ast.Call) -> bool:
    """Whether a call is time.sleep(x), asyncio.sleep(x) or anyio.sleep(x) with a number over the bound."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"):
        return False
    module = node.func.value
    if not (isinstance(module, ast.Name) and module.id in ("time", "asyncio", "anyio")):
        return False
    seconds = node.args[0] if node.args else None
    return isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float) and seconds.value > SLEEP_MAX_S


def is_virtual(path: Path, node: ast.Call) -> bool:
    """Whether the sleep is one of the loop, in a test that runs on virtual time."""
    is_of_loop = not ast.unparse(node.func).startswith("time.")
    return is_of_loop and "virtual" in path.read_text()


@pytest.mark.parametrize("module", ["cuebook", "cuebook.engines.process.child"])
def test_what_every_worker_and_program_imports_first_is_light(module: str) -> None:
    """Start-up time: heavy packages load when they are first needed."""
    program = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.split() == []


@pytest.mark.skipif((ROOT / "PKG-INFO").exists(), reason="an sdist has no links")
def test_the_links_at_the_root_lead_into_the_package() -> None:
    """`actors`, `runtime` and `persistence` are found at the root, and there is one copy of each."""
    for name in ("actors", "runtime", "persistence"):
        assert (ROOT / name).is_symlink()
        assert (ROOT / name).resolve() == PACKAGE / name
