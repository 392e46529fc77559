"""Code objects in pickles: nothing of them is lost, and no Python runs what another one compiled."""

from __future__ import annotations

import pickle
import pickletools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cuebook.persistence.values.decoder import ValueDecoder
from cuebook.persistence.values.encoder import ValueEncoder
from cuebook.persistence.values.pickling import code_bytes
from cuebook.persistence.values.pickling.by_value import dumps


def make(k: int) -> Callable[[int], Any]:
    def inner(x: int) -> Any:
        class Local:
            def sum(self) -> int:
                return (lambda: x + k)()

        return Local().sum()

    return inner


def test_a_function_sent_by_value_keeps_its_whole_code_object() -> None:
    func = make(2)

    sent = pickle.loads(dumps(func))

    assert sent(3) == 5
    assert sent.__code__ == func.__code__
    assert sent.__code__.co_filename == __file__
    assert list(sent.__code__.co_positions()) == list(func.__code__.co_positions())


def test_equal_code_gives_equal_bytes_whoever_else_refers_to_its_constants() -> None:
    scope: dict[str, Any] = {}
    exec(f"def f(): return 'a text that nobody else has {id(scope)}', 12345678901234567890123", scope)
    first = dumps(scope["f"].__code__)
    held = [scope["f"].__code__.co_consts, *scope["f"].__code__.co_consts]

    assert dumps(scope["f"].__code__) == first
    assert held


def test_code_of_another_python_is_not_run_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(code_bytes, "COMPILER", "cpython-399")
        data = dumps(make(1))

    sent = pickle.loads(data)

    with pytest.raises(
        RuntimeError, match=rf"inner was compiled by cpython-399, and this is {sys.implementation.cache_tag}"
    ):
        sent(1)


def test_an_object_whose_class_has_methods_of_another_python_can_still_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Local:
        def __init__(self, x: int) -> None:
            self.x = x

        def double(self) -> int:
            return self.x * 2

    with monkeypatch.context() as patch:
        patch.setattr(code_bytes, "COMPILER", "cpython-399")
        data = ValueEncoder().encode(Local(4))
    del Local

    found: Any = ValueDecoder().decode(data)

    assert found.x == 4


def test_a_stored_pickle_names_no_code_object_but_ours() -> None:
    named = [argument for _, argument, _ in pickletools.genops(dumps(make(1))) if isinstance(argument, str)]

    assert "code_of" in named
    assert "CodeType" not in named
