"""Write docs/reference.md from the docstrings of the public names:  python docs/make_reference.py"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Any

import cuebook
import cuebook.data
import cuebook.engines
import cuebook.experiments
import cuebook.testing
import cuebook.tracing
from cuebook import errors
from cuebook.runtime.policy.phases import TABLE, PhaseEvent

GROUPS = {
    "Running calls": ["chunk", "stream", "Chunker", "Runtime", "Done", "Retry", "Plan", "Worker", "freeze_support"],
    "Stages, steps and data sets": [
        "stage",
        "step",
        "job",
        "Job",
        "Dataset",
        "datasets",
        "read_dataset",
        "delete_dataset",
    ],
    "Tuning": ["tune", "Tuning"],
    "What counts": ["File", "Secret", "moved", "register_identity"],
    "Inside a call": ["current_call", "CurrentCall", "make_checkpoint", "last_checkpoint"],
    "Looking at a run": ["Checkpoint", "Journal", "Event", "EventKind", "Progress"],
    "Actors": [
        "Actor",
        "Context",
        "ActorRef",
        "message",
        "Message",
        "handles",
        "ActorOptions",
        "MailboxSpec",
        "Overflow",
        "Delivery",
    ],
    "Actors that fail": [
        "Restart",
        "RestartIntensity",
        "Backoff",
        "Directive",
        "SupervisorSpec",
        "ChildSpec",
        "Strategy",
        "AutoShutdown",
        "SupervisorRef",
        "Down",
        "Restarted",
        "Exit",
    ],
    "Many actors": ["ActorSystem", "Pool", "Routing", "ServiceKey", "Services", "Listing", "current_actor"],
    "Actors in processes": ["ActorProcess", "Ladder"],
    "Durable actors": ["PersistentActor", "persist", "Effect", "SnapshotPolicy", "EventEnvelope", "DurablePromise"],
    "Looking at actors": [
        "ActorState",
        "ActorStatistics",
        "DeadLetter",
        "DeadReason",
        "ShutdownReport",
    ],
}
TESTING = [
    "ActorKit",
    "DurableKit",
    "Ran",
    "DurableRan",
    "Probe",
    "VirtualTime",
    "run_virtual",
    "MemoryRuntime",
    "JournalFaults",
    "TransportFaults",
    "linked",
    "simulate",
    "World",
    "Trouble",
    "Simulation",
    "SimulationFailed",
    "LeftBehind",
]
TRACING = ["TreeNode", "TraceEvent", "TraceKind", "Blockage"]
ENGINES = ["DaskEngine", "RayEngine", "ExecutorEngine"]
DATA = [
    "read_csv",
    "read_parquet",
    "read_json",
    "read_values",
    "read_records",
    "read_pandas",
    "read_database",
    "read_dataset",
    "read_storage",
    "C",
    "DataChain",
]
EXPERIMENTS = ["Workspace", "Outcome", "ExperimentTable"]
HIDDEN = {
    *(f"{name}.{member}" for name in ENGINES for member in ("connect", "default_chunk_size", "make_host")),
    "ActorProcess.close",
    "DataChain.of_kept",
    "DataChain.of_source",
    "ActorProcess.connect",
    "ActorProcess.end",
    "ActorProcess.grace_s",
    "ActorProcess.left",
    "CurrentCall.port",
    "JournalFaults.next_append",
    "JournalFaults.next_open",
    "TransportFaults.next_fault",
    "Trouble.mischief",
    "ActorRef.forward_nowait",
    "ActorSystem.find",
    "ActorSystem.forget",
    "ActorSystem.is_traced",
    "ActorSystem.next_serial",
    "ActorSystem.start",
    "ActorSystem.tasks",
    "Delivery.owes",
    "Delivery.settle",
    "Effect.answer_of",
    "PersistentActor.address_of",
    "PersistentActor.followed",
    "PersistentActor.receive",
    "Runtime.interrupt",
    "Runtime.resume",
    "Services.forget",
}
HEAD = """# Reference

Made from the docstrings by `python docs/make_reference.py`. Every name is imported from `cuebook`, those of the test
kit from `cuebook.testing`. The command has a [page of its own](how-to/inspecting.md).

To begin with actors eight names are enough: `Actor`, `message`, `Message`, `ActorOptions`, `Rejected`, `Runtime`, and
for what outlives the program `PersistentActor` and `persist`.
"""
SECTIONS = r"(Args|Parameters|Attributes|Returns|Raises|Cost|Source)"


def reference() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [part for name in names for part in described(name, getattr(cuebook, name))]
    parts.append("## Engines\n\nImported from `cuebook.engines`; [how to use them](how-to/laptop-to-cluster.md).\n")
    parts += [part for name in ENGINES for part in described(name, getattr(cuebook.engines, name))]
    parts.append("## Tables\n\nImported from `cuebook.data`; [how to use them](how-to/data.md).\n")
    parts.append("What is wrong with a chain or its input is a `cuebook.data.DataError`, which is a `CuebookError`.\n")
    parts += [part for name in DATA for part in described(name, getattr(cuebook.data, name))]
    parts.append("## Experiments\n\nImported from `cuebook.experiments`; [how to use them](how-to/experiments.md).\n")
    parts += [part for name in EXPERIMENTS for part in described(name, getattr(cuebook.experiments, name))]
    parts.append("## Tracing\n\nImported from `cuebook.tracing`; [how to use it](how-to/seeing-inside.md).\n")
    parts += [part for name in TRACING for part in described(name, getattr(cuebook.tracing, name))]
    parts.append("## Testing\n\nImported from `cuebook.testing`; [how to use it](how-to/testing-actors.md).\n")
    parts += [part for name in TESTING for part in described(name, getattr(cuebook.testing, name))]
    parts += ["## Errors\n", "\n".join(error_tree(cuebook.CuebookError)) + "\n"]
    parts += ["## Version\n", f"`__version__` is the package's version, {cuebook.__version__!r}.\n"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def described(name: str, thing: Any, level: int = 3) -> Iterator[str]:
    """A name's heading, its docstring, and its members'."""
    yield f"{'#' * level} `{name}`\n"
    if called := signature(thing):
        wrapped = textwrap.fill(name + called, 100, subsequent_indent="    ", break_on_hyphens=False)
        yield f"```text\n{wrapped}\n```\n"
    yield "\n".join(markdown(inspect.getdoc(thing) or "")) + "\n"
    if not inspect.isclass(thing):
        return
    for member, value in members(thing):
        value = inspect.unwrap(getattr(value, "__func__", value))
        if member.startswith("_") or f"{name}.{member}" in HIDDEN:
            continue
        if isinstance(value, FunctionType | property):
            yield from described(f"{name}.{member}", value, level + 1)
        elif isinstance(value, Enum):
            said = texts(thing).get(member, "")
            yield f"* `{name}.{member}` (`{value.value!r}`){': ' + said if said else ''}\n"


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class defines, and what it has from classes of cuebook that have no place of their own here."""
    named = [getattr(cuebook, name) for name in cuebook.__all__] + [getattr(cuebook.testing, name) for name in TESTING]
    elsewhere = {
        above
        for one in named
        if inspect.isclass(one) and one is not cls and issubclass(cls, one)
        for above in one.__mro__
    }
    seen: set[str] = set()
    for base in cls.__mro__:
        if base is cls or (base.__module__.startswith("cuebook.") and base not in elsewhere):
            yield from ((name, value) for name, value in vars(base).items() if name not in seen)
            seen |= set(vars(base))


def texts(cls: type) -> dict[str, str]:
    """What stands below each member of an enum in its source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    return {
        one.targets[0].id: " ".join(below.value.value.split())
        for one, below in pairwise(body)
        if isinstance(one, ast.Assign) and isinstance(below, ast.Expr)
    }


def signature(thing: Any) -> str:
    """Parameters with their defaults, without types; nothing for what is not called by users."""
    if isinstance(thing, property) or (inspect.isclass(thing) and thing.__name__ in NOT_MADE_BY_USERS):
        return ""
    shown: list[str] = []
    is_marked = False
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_marked and "*" not in "".join(shown):
            shown.append("*")
            is_marked = True
        stars = (
            "*"
            if parameter.kind is parameter.VAR_POSITIONAL
            else "**"
            if parameter.kind is parameter.VAR_KEYWORD
            else ""
        )
        shown.append(f"{stars}{parameter.name}{default(parameter)}")
    return f"({', '.join(shown)})"


NOT_MADE_BY_USERS = {
    "Actor",
    "ActorRef",
    "ActorState",
    "ActorStatistics",
    "AutoShutdown",
    "Checkpoint",
    "Context",
    "CurrentCall",
    "DeadLetter",
    "DeadReason",
    "Delivery",
    "Directive",
    "Done",
    "Down",
    "DurableRan",
    "Event",
    "EventKind",
    "Exit",
    "LeftBehind",
    "Listing",
    "Message",
    "Overflow",
    "Progress",
    "Ran",
    "Restart",
    "Restarted",
    "Routing",
    "Services",
    "Strategy",
    "SupervisorRef",
    "TreeNode",
    "Worker",
    "Simulation",
    "SimulationFailed",
    "World",
}


def default(parameter: inspect.Parameter) -> str:
    """`=value`, or nothing."""
    if parameter.default is parameter.empty:
        return ""
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return "=…" if value is ... or type(value) is object or callable(value) else f"={value!r}"


def markdown(text: str) -> Iterator[str]:
    """A docstring's lines; its sections become lists."""
    is_listed = False
    for line in text.splitlines():
        section = re.match(rf"{SECTIONS}:(.*)", line)
        if section is not None:
            is_listed = section[1] in ("Args", "Parameters", "Attributes", "Raises") and not section[2].strip()
            yield from ("", f"*{section[1]}*:{section[2]}") if not is_listed else ("", f"*{section[1]}*:", "")
        elif is_listed and (item := re.match(r" {4}(\S.*?): (.*)", line)):
            names = ", ".join(f"`{name}`" for name in item[1].split(", "))
            yield f"* {names}: {item[2]}"
        elif is_listed and re.match(r" {5,}\S", line):
            yield f"  {line.strip()}"
        else:
            yield line.removeprefix("    ") if not is_listed else line.strip()


def error_tree(error: type[Exception], depth: int = 0) -> Iterator[str]:
    """An error's line and those of the errors that are its kind."""
    summary, *rest = (inspect.getdoc(error) or "").split("\n\n")
    attributes = [" ".join(part.split()) for part in rest if part.startswith("Attributes:")]
    yield f"{'  ' * depth}* `{error.__name__}`: {' '.join([' '.join(summary.split()), *attributes])}"
    for kind in error.__subclasses__():
        if kind.__name__ in errors.__all__:
            yield from error_tree(kind, depth + 1)


PHASES = "<!-- the phases of an actor, by docs/make_reference.py -->"


def phases() -> str:
    """The table of phases, as the architecture page has it between two marks."""
    lines = [f"| | {' | '.join(change.value for change in PhaseEvent)} |", f"|---|{'---|' * len(PhaseEvent)}"]
    for phase, following in TABLE.items():
        cells = [following[change].value if change in following else "" for change in PhaseEvent]
        lines.append(f"| **{phase.value}** | {' | '.join(cells)} |")
    return "\n".join([PHASES, "", *lines, "", PHASES])


def architecture(page: str) -> str:
    """The architecture page with the table of today."""
    before, _, after = page.split(PHASES)
    return before + phases() + after


def main() -> None:
    """Write the page beside this file, and what another one has of the code."""
    here = Path(__file__)
    here.with_name("reference.md").write_text(reference())
    other = here.with_name("architecture.md")
    other.write_text(architecture(other.read_text()))


if __name__ == "__main__":
    main()
