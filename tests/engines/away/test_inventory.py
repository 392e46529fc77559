"""What differs between this side and the other one is named before any call."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

import cuebook
from cuebook import ClusterGone, chunk
from cuebook.children.program.elsewhere import changed_here
from cuebook.engines import DaskEngine, RayEngine
from cuebook.engines.away.inventory import Inventory, different_packages, mismatch
from cuebook.engines.away.landmark import Landmark, landmark, sees, sight
from cuebook.engines.away.line import Opened

pytestmark = pytest.mark.quick

HERE = Opened("node-7", 1, False, platform.python_version(), cuebook.__version__, {})


def test_another_python_or_cuebook_is_said_with_what_to_do() -> None:
    assert mismatch(HERE) is None
    assert mismatch(HERE._replace(python="3.11.99"), python="3.11.1") is None
    text = mismatch(HERE._replace(python="3.12.1"), python="3.11.7")
    assert text is not None
    assert "the workers on node-7 have Python 3.12.1, and this program 3.11.7" in text
    assert "Install the same version on both sides" in str(mismatch(HERE._replace(cuebook="0.0.1")))
    with pytest.raises(ClusterGone, match=r"have cuebook 0\.0\.1"):
        Inventory().compare(HERE._replace(cuebook="0.0.1"))


def test_packages_that_differ_are_named_once(capsys: Any) -> None:
    assert different_packages({"a": "1", "b": "2", "c": None}, {"a": "1", "b": None}) == ["b is missing there"]
    inventory = Inventory()
    inventory.packages = {"numpy": "2.1.0"}
    for _ in range(2):
        inventory.compare(HERE._replace(packages={"numpy": "1.26.4"}))
    line = "cuebook: workers on node-7 differ from this program: numpy is 1.26.4 there and 2.1.0 here\n"
    assert capsys.readouterr().err == line


def test_the_packages_in_use_are_those_that_the_users_modules_import() -> None:
    inventory = Inventory()
    inventory.take()
    assert "pytest" in inventory.packages or not inventory.packages.get("pytest")
    assert "cuebook" not in inventory.packages


def test_of_the_environment_only_what_the_program_has_set_goes_elsewhere() -> None:
    at_start = {b"LANG": b"C", b"PATH": b"/bin"}
    now = {b"LANG": b"de", b"PATH": b"/mine", b"SEED": b"3", b"CUDA_VISIBLE_DEVICES": b"0", b"RAY_ADDRESS": b"x"}
    assert changed_here(now, at_start) == {b"LANG": b"de", b"SEED": b"3"}


def test_a_machine_is_known_by_a_file_that_nobody_else_can_open(tmp_path: Path) -> None:
    assert sees(landmark())
    assert not sees(landmark()._replace(nonce=b"x" * 32))
    assert not sees(Landmark(str(tmp_path / "none"), landmark().nonce))


def test_a_folder_that_is_not_there_looks_like_the_one_above_it(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    seen = sight(str(tmp_path / "there" / "a" / "b"))
    assert seen is not None
    assert seen.path == str(tmp_path / "there")
    assert seen == sight(str(tmp_path / "there"))
    assert seen != sight(str(tmp_path))
    os.utime(tmp_path / "there", ns=(1, 1))
    assert seen != sight(str(tmp_path / "there"))


@pytest.mark.parametrize(("where", "extra"), [("dask", "dask"), ("ray", "ray")])
def test_without_the_package_the_error_names_the_extra(where: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("distributed", "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    engine = {"dask": DaskEngine(), "ray": RayEngine()}[where]
    for asked in (where, engine):
        with pytest.raises(ImportError, match=rf'where="{where}" needs .*pip install "cuebook\[{extra}\]"'):
            chunk(abs, [[1]], where=asked)


def test_engines_that_mean_the_same_share_their_warm_workers() -> None:
    assert DaskEngine("tcp://a:1") == DaskEngine("tcp://a:1")
    assert DaskEngine("tcp://a:1") != DaskEngine("tcp://b:1")
    assert hash(RayEngine(num_gpus=1)) == hash(RayEngine(num_gpus=1))
    assert RayEngine(num_gpus=1) != RayEngine(num_gpus=1, runtime_env={"env_vars": {"A": "1"}})
