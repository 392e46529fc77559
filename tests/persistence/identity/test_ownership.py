"""Whose a file, module or class is: what installers wrote down decides, not the folder's name."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.installed import distribution_of
from cuebook.persistence.identity.ownership import is_library_file, is_users_class, is_users_module, package_version


class Folder:
    """A folder of packages as installers leave it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, name: str, text: str = "") -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def distribution(
        self, name: str, files: Iterable[str], *, url: Any = None, installer: str = "pip", record: bool = True
    ) -> None:
        info = f"{name}-1.5.dist-info"
        for file in files:
            self.file(file)
        rows = [f'"{file}",sha256=x,1' if "," in file else f"{file},sha256=x,1" for file in files]
        self.file(f"{info}/INSTALLER", f"{installer}\n")
        if record:
            self.file(f"{info}/RECORD", "\r\n".join([f"{info}/INSTALLER,,", *rows, ""]))
        if url is not None:
            self.file(f"{info}/direct_url.json", json.dumps(url))


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """As `pip install --target` makes it: the user's code and libraries in one folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path / "bundle"))
    return Folder(tmp_path / "bundle")


def test_in_a_bundle_what_a_record_lists_is_installed_and_all_else_is_the_users(bundle: Folder) -> None:
    bundle.distribution("somelib", ["somelib/__init__.py", "somelib/core.py"])
    handler, helper = bundle.file("handler.py"), bundle.file("helpers/clean.py")

    assert is_library_file(str(bundle.root / "somelib" / "core.py"))
    assert not is_library_file(handler)
    assert not is_library_file(helper)
    assert not is_library_file(bundle.file("somelib/of_the_users.py"))


@pytest.mark.parametrize("name", ["Py-Yaml", "entirely_other"])
def test_a_package_of_another_name_than_its_distribution_is_found(bundle: Folder, name: str) -> None:
    bundle.distribution(name, ["yaml/__init__.py", "_yaml.py", "odd, name/data.py"])
    bundle.distribution("beside", ["beside.py"])

    assert all(
        is_library_file(str(bundle.root / file)) for file in ("yaml/__init__.py", "_yaml.py", "odd, name/data.py")
    )
    assert not is_library_file(bundle.file("mine.py"))


def test_packages_of_two_distributions_in_one_namespace_are_told_apart(bundle: Folder) -> None:
    bundle.distribution("acme-core", ["acme/core/__init__.py"])
    mine = bundle.file("acme/mine/__init__.py")

    assert is_library_file(str(bundle.root / "acme" / "core" / "__init__.py"))
    assert not is_library_file(mine)


@pytest.mark.parametrize("info", [{}, {"editable": True}])
def test_a_package_that_was_installed_from_a_folder_is_the_users_own(tmp_path: Path, info: dict[str, Any]) -> None:
    packages = Folder(tmp_path / "lib" / "site-packages")
    packages.distribution("mine", ["mine/__init__.py"], url={"url": "file:///src/mine", "dir_info": info})
    packages.distribution("wheel", ["wheel.py"], url={"url": "https://x/wheel.whl", "archive_info": {}})
    packages.distribution("vcs", ["vcs.py"], url={"url": "https://x/vcs", "vcs_info": {"vcs": "git"}})

    assert not is_library_file(str(packages.root / "mine" / "__init__.py"))
    assert is_library_file(str(packages.root / "wheel.py"))
    assert is_library_file(str(packages.root / "vcs.py"))


def test_what_a_distributor_built_from_a_folder_of_its_own_is_a_librarys(tmp_path: Path) -> None:
    packages = Folder(tmp_path / "site-packages")
    url = {"url": "file:///croot/fast_1234/work", "dir_info": {}}
    packages.distribution("fast", ["fast/__init__.py"], url=url, installer="conda")

    assert is_library_file(str(packages.root / "fast" / "__init__.py"))


def test_a_file_that_somebody_put_among_installed_packages_is_the_users(tmp_path: Path) -> None:
    packages = Folder(tmp_path / "site-packages")
    packages.distribution("somelib", ["somelib/__init__.py"])

    assert not is_library_file(packages.file("my_tools.py"))
    assert not is_library_file(packages.file("mine/deep/tools.py"))


def test_packages_without_a_record_are_known_by_their_metadata(tmp_path: Path) -> None:
    packages = Folder(tmp_path / "site-packages")
    packages.distribution("bare", ["bare/__init__.py"], record=False)
    packages.file("Old_Lib-2.0.egg-info/top_level.txt", "oldlib\n")
    debian = Folder(tmp_path / "dist-packages")

    assert is_library_file(str(packages.root / "bare" / "__init__.py"))
    assert is_library_file(packages.file("oldlib/__init__.py"))
    assert is_library_file(packages.file("egg-1.0-py3.11.egg/egg/__init__.py"))
    assert is_library_file(debian.file("apt_pkg.py"))


def test_the_standard_library_frozen_modules_and_cuebook_are_libraries() -> None:
    assert all(map(is_library_file, (json.__file__, "<frozen os>", fingerprint.__code__.co_filename)))
    assert not is_library_file("<stdin>")
    assert not is_library_file(__file__)
    assert is_library_file(np.__file__)


def module_of(name: str, monkeypatch: pytest.MonkeyPatch, **own: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(own)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_a_module_without_a_file_is_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cython registers some without a file; six and torch have such below packages of theirs."""
    assert not is_users_module(module_of("cython_runtime", monkeypatch))
    assert not is_users_module(module_of("_cython_3_3_0", monkeypatch))
    assert not is_users_module(module_of("numpy.moves", monkeypatch))
    assert not is_users_module(module_of("numpy.ops", monkeypatch, __file__="_ops.py"))
    assert is_users_module(module_of("made_here", monkeypatch))

    inside = type("Inside", (), {"__module__": "numpy.moves"})
    mine = type("Mine", (), {"__module__": "made_here"})
    assert not is_users_class(inside)
    assert is_users_class(mine)


def test_a_namespace_package_is_installed_where_all_its_portions_are(
    bundle: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.distribution("acme-core", ["acme/core/__init__.py"])
    bundle.file("mine/part.py")

    assert not is_users_module(module_of("acme", monkeypatch, __path__=[str(bundle.root / "acme")]))
    assert is_users_module(module_of("mine", monkeypatch, __path__=[str(bundle.root / "mine")]))


def test_versions_come_from_the_package_or_from_its_metadata(bundle: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.distribution("somelib", ["somelib.py"])
    file = str(bundle.root / "somelib.py")

    module_of("somelib", monkeypatch, __file__=file)
    assert package_version("somelib.inner") == ("somelib", "1.5")
    module_of("somelib", monkeypatch, __file__=file, __version__="7")
    assert package_version("somelib") == ("somelib", "7")
    module_of("mine", monkeypatch, __file__=bundle.file("mine.py"), __version__="7")
    assert package_version("mine") is None
    assert package_version("json") is None


def test_functions_of_a_bundles_library_count_by_name_and_the_users_by_their_code(
    bundle: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.distribution("bundled_lib", ["bundled_lib.py"])
    bundle.file("bundled_lib.py", "def clean(x): return x\n")
    bundle.file("bundled_handler.py", "import bundled_lib\ndef f(x): return bundled_lib.clean(x)\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import bundled_handler  # type: ignore[import-not-found]

    found = fingerprint(bundled_handler.f)

    assert [part.label for part in found.parts] == ["code of f", "global bundled_lib"]
    assert found.packages == (("bundled_lib", "1.5"),)
    for name in ("bundled_handler", "bundled_lib"):
        del sys.modules[name]


def test_a_folder_is_looked_through_once(bundle: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.distribution("somelib", [f"somelib/m{number}.py" for number in range(40)])
    listed: list[str] = []
    import os

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(str(folder)) or scan(folder))
    for number in range(40):
        assert distribution_of(str(bundle.root / "somelib" / f"m{number}.py")) is not None

    assert listed.count(str(bundle.root)) == 1
