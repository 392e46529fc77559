"""Makes `uv.lock`, and from it the requirements that plain pip installs: `make lock`, or `make upgrade` for the newest.

A file for each tested Python and kind of environment, with hashes. Whether they agree can be asked without a network.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from packaging.markers import Marker

from tools.claims import KINDS, LOCK, REQUIREMENTS, ROOT, SHARED, claimed_pythons, requirements_file

HOSTS = ("https://pypi.org/", "https://files.pythonhosted.org/")
HEADER = "# Made by `make lock` from uv.lock; not to be edited.\n"
SYSTEMS = {"linux": ("Linux", ("x86_64", "aarch64")), "darwin": ("Darwin", ("x86_64", "arm64"))}
PATCHES = ("0", "99")
"""A marker that tells patch releases apart stays in the file."""


def run_uv(*arguments: str) -> str:
    """Run uv on the checkout, without settings of the user's that would get into the lock; what it printed."""
    uv = Path(sys.executable).parent / "uv"
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("UV_") or name == "UV_CACHE_DIR"
    }
    command = [str(uv), *arguments, "--python", sys.executable, "--project", str(ROOT)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)} failed")
    return done.stdout


def requirements() -> dict[Path, str]:
    """What each requirements file has to hold, by the lock."""
    files = {
        requirements_file(kind, version): narrowed(exported(groups), [version])
        for kind, groups in KINDS.items()
        for version in claimed_pythons()
    }
    for group in SHARED:
        files[requirements_file(group, "")] = narrowed(exported((group,), "--only-group"), claimed_pythons())
    return {file: HEADER + text for file, text in files.items()}


def exported(groups: tuple[str, ...], option: str = "--group") -> str:
    """The lock of some groups, as uv gives it: for every Python and system at once."""
    plain = (
        "--quiet",
        "--frozen",
        "--offline",
        "--no-default-groups",
        "--no-emit-project",
        "--no-header",
        "--no-annotate",
    )
    return run_uv("export", *plain, *(argument for group in groups for argument in (option, group)))


def narrowed(text: str, versions: list[str]) -> str:
    """The requirements that are for these Pythons, without the markers that say so."""
    lines = []
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        pinned, _, hashes = requirement.partition(" \\\n")
        name, _, marker = (part.strip() for part in pinned.partition(" ; "))
        fits = {Marker(marker).evaluate(environment) for environment in environments(versions)} if marker else {True}
        if True in fits:
            kept = name if fits == {True} else f"{name} ; {marker}"
            lines.append(f"{kept} \\\n{hashes}\n")
    return "".join(lines)


def environments(versions: list[str]) -> Iterator[dict[str, str]]:
    """Every kind of machine that the requirements are for."""
    for version, patch, (system, (name, machines)) in product(versions, PATCHES, SYSTEMS.items()):
        for machine in machines:
            yield {
                "implementation_name": "cpython",
                "implementation_version": f"{version}.{patch}",
                "os_name": "posix",
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_system": name,
                "platform_version": "",
                "python_full_version": f"{version}.{patch}",
                "python_version": version,
                "sys_platform": system,
            }


def foreign_hosts(text: str) -> set[str]:
    """Addresses in a lock that are not PyPI's, and files of one machine: they would not be there elsewhere."""
    addresses = set(re.findall(r'(?:https?|file)://[^\s"]*|(?:path|directory|find-links) = "[^"]*"', text))
    return {address for address in addresses if not address.startswith(HOSTS) and address != "https://pypi.org/simple"}


def differing() -> list[str]:
    """The files that are not what the lock makes of them, those that nothing makes included."""
    wanted = requirements()
    present = {file: file.read_text() for file in REQUIREMENTS.glob("*.txt")}
    return sorted(file.name for file in wanted.keys() | present.keys() if wanted.get(file) != present.get(file))


def write() -> None:
    """Write every requirements file, and remove those of Pythons that are no longer tested."""
    REQUIREMENTS.mkdir(exist_ok=True)
    wanted = requirements()
    for file in set(REQUIREMENTS.glob("*.txt")) - wanted.keys():
        file.unlink()
    for file, text in wanted.items():
        file.write_text(text)


def main() -> None:
    """Lock and export."""
    parser = argparse.ArgumentParser(description="Make uv.lock and the requirements files.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest of everything")
    given = parser.parse_args()
    run_uv("lock", *(["--upgrade"] if given.upgrade else []))
    foreign = foreign_hosts(LOCK.read_text())
    if foreign:
        raise SystemExit(f"uv.lock names places that are not PyPI: {', '.join(sorted(foreign))}; look at uv's settings")
    write()


if __name__ == "__main__":
    main()
