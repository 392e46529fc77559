"""Functions as bytes: modules that are sent whole while something is dumped, and only then."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from cuebook.children.byvalue import dump


@pytest.fixture
def module() -> Iterator[ModuleType]:
    made: Any = ModuleType("a_users_module")
    sys.modules["a_users_module"] = made
    exec("def double(n):\n    return 2 * n\n", made.__dict__)
    yield made
    sys.modules.pop("a_users_module", None)


def registered() -> set[str]:
    return set(cloudpickle.list_registry_pickle_by_value())


def test_a_module_that_is_named_twice_is_sent_whole_once(module: Any) -> None:
    before = registered()
    main = sys.modules["__main__"]
    data = dump(module.double, [module, main, module, main])
    del sys.modules["a_users_module"]
    assert pickle.loads(data)(4) == 8
    assert registered() == before


def test_what_the_program_sends_by_value_itself_stays_so(module: Any) -> None:
    cloudpickle.register_pickle_by_value(module)
    try:
        dump(module.double, [module])
        assert "a_users_module" in registered()
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def test_threads_that_dump_at_once_do_not_take_each_others_modules_away(module: Any) -> None:
    before = registered()
    begun, may_end = threading.Event(), threading.Event()

    class Slow:
        def __reduce__(self) -> Any:
            begun.set()
            assert may_end.wait(30)
            return int, ()

    dumped: list[bytes] = []
    one = threading.Thread(target=lambda: dumped.append(dump([Slow(), module.double], [module])))
    other = threading.Thread(target=lambda: dumped.append(dump(module.double, [module])))
    one.start()
    assert begun.wait(30)
    other.start()
    may_end.set()
    one.join(30)
    other.join(30)
    del sys.modules["a_users_module"]
    assert sorted(type(pickle.loads(data)).__name__ for data in dumped) == ["function", "list"]
    assert registered() == before


def test_an_error_of_pickling_leaves_nothing_registered(module: Any) -> None:
    before = registered()
    with pytest.raises(TypeError, match="pickle"):
        dump(threading.Lock(), [module])
    assert registered() == before
