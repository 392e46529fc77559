"""A census of the Python standard library's source, without its tests: one file a call, every result in a journal.

    python docs/examples/census.py [JOURNAL]

Interrupt it at any moment, in any way, and run the same command again: only the files that are left are measured.
`CENSUS_FILES=100` measures no more than the first hundred files.
"""

from __future__ import annotations

import ast
import io
import os
import sys
import sysconfig
import time
import tokenize
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cuebook import Checkpoint, chunk

STDLIB = Path(sysconfig.get_path("stdlib"))
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test"}
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def measure(path: str, digest: str) -> dict[str, Any]:
    """Parse and measure one file. A file that changed has another digest, so it is another call.

    Returns:
        Plain data, so that `cuebook export` gives it to any other tool. `error` says why a file is no valid Python.
    """
    source = (STDLIB / path).read_bytes()
    measured: dict[str, Any] = {"path": path, "size_bytes": len(source), "error": None}
    try:
        nodes = list(ast.walk(ast.parse(source)))
        tokens = list(tokenize.tokenize(io.BytesIO(source).readline))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        return measured | {"lines": 0, "comments": 0, "classes": 0, "functions": [], "error": str(error)}
    return measured | {
        "lines": len(source.splitlines()),
        "comments": sum(token.type == tokenize.COMMENT for token in tokens),
        "classes": sum(isinstance(node, ast.ClassDef) for node in nodes),
        "functions": [describe(node) for node in nodes if isinstance(node, FUNCTIONS)],
    }


def describe(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    """One function. Its cyclomatic complexity is 1, and one more for each branch (McCabe); nested ones count alone."""
    complexity = 1
    for inner in walk_own(node):
        complexity += isinstance(inner, BRANCHES)
        complexity += len(inner.values) - 1 if isinstance(inner, ast.BoolOp) else 0
        complexity += 1 + len(inner.ifs) if isinstance(inner, ast.comprehension) else 0
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    return {"name": node.name, "line": node.lineno, "lines": lines, "complexity": complexity}


def walk_own(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below this one that is not within a further function."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FUNCTIONS):
            yield child
            yield from walk_own(child)


def source_files() -> list[tuple[str, str]]:
    """Each source file of the standard library, and the digest of what is in it."""
    files = sorted(path for path in STDLIB.rglob("*.py") if not LEFT_OUT.intersection(path.parts))
    files = files[: int(os.environ.get("CENSUS_FILES", len(files)))]
    return [(str(path.relative_to(STDLIB)), blake2b(path.read_bytes(), digest_size=8).hexdigest()) for path in files]


def report(census: list[dict[str, Any]], console: Console) -> None:
    """Two tables: the largest packages, and the most complex functions."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for file in census:
        first, *rest = Path(file["path"]).parts
        packages.setdefault(first if rest else "(modules)", []).append(file)
    largest = sorted(packages.items(), key=lambda item: -sum(file["lines"] for file in item[1]))[:12]
    table = table_of("The largest packages", "package", FIGURES)
    for name, files in [*largest, ("all", census)]:
        table.add_row(name, *figures(files), style="bold" if name == "all" else None)
    console.print(table)

    functions = [function | {"path": file["path"]} for file in census for function in file["functions"]]
    functions.sort(key=lambda function: (-function["complexity"], function["path"]))
    table = table_of("The most complex functions", "function", ("lines", "complexity"))
    table.add_column("where")
    for one in functions[:12]:
        table.add_row(one["name"], f"{one['lines']:,}", str(one["complexity"]), f"{one['path']}:{one['line']}")
    console.print(table)
    invalid = sum(file["error"] is not None for file in census)
    if invalid:
        console.print(f"{invalid} files are not valid Python.")


FIGURES = ("files", "kB", "lines", "comments", "classes", "functions", "mean complexity")


def figures(files: list[dict[str, Any]]) -> list[str]:
    """One row of FIGURES."""
    complexities = [function["complexity"] for file in files for function in file["functions"]]
    sums = [sum(file[key] for file in files) for key in ("lines", "comments", "classes")]
    counts = (len(files), sum(file["size_bytes"] for file in files) // 1000, *sums, len(complexities))
    return [*(f"{count:,}" for count in counts), f"{sum(complexities) / max(1, len(complexities)):.2f}"]


def table_of(title: str, first: str, numbers: tuple[str, ...]) -> Table:
    """A table with a column of names and columns of numbers."""
    table = Table(first, title=title, title_justify="left")
    for number in numbers:
        table.add_column(number, justify="right")
    return table


def main(journal: str = "census.cue") -> None:
    """Measure what the journal does not hold yet, then print the census of everything."""
    files = source_files()
    print(f"{len(files):,} files of {STDLIB}, journal {journal}", file=sys.stderr)
    print("Press Ctrl-C (or kill it) and run the same command again: it goes on where it stopped.", file=sys.stderr)
    began = time.perf_counter()
    census = chunk(measure, files, path=journal)
    seconds = time.perf_counter() - began

    report(census, Console(width=None if sys.stdout.isatty() else 100))
    reused = Checkpoint.load(journal).runs[-1].reused
    fresh = len(files) - reused
    print(f"{len(files):,} files: {fresh:,} measured now in {seconds:.1f} s, {reused:,} were in {journal}.")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2])
    except KeyboardInterrupt:
        sys.exit(130)
