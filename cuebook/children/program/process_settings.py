"""Settings that hold for a whole process or thread: which there are, how each is read and set. Knows no worker.

Light: nothing is imported that the program has not imported.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["SETTINGS", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One of them.

    Attributes:
        module: it is there with this module.
        read: its value, which pickle keeps.
        write: sets it.
        is_default: whether a value is what a fresh process has anyway.
        is_heavy: the module is not imported for its sake: it is set when a call imports the module.
        is_of_thread: each thread has its own.
    """

    name: str
    module: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    is_default: Callable[[Any], bool]
    is_heavy: bool = False
    is_of_thread: bool = False


def _module(name: str) -> Any:
    return sys.modules[name]


def _read_locale() -> str:
    locale = _module("_locale")
    return str(locale.setlocale(locale.LC_ALL))


def _write_locale(value: str) -> None:
    locale = _module("_locale")
    if locale.setlocale(locale.LC_ALL) != value:
        locale.setlocale(locale.LC_ALL, value)


def _read_decimal() -> Any:
    return _module("decimal").getcontext().copy()


def _write_decimal(value: Any) -> None:
    _module("decimal").setcontext(value.copy())


_OF_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "traps")


def _read_decimal_defaults() -> Any:
    return _module("decimal").DefaultContext.copy()


def _write_decimal_defaults(value: Any) -> None:
    defaults = _module("decimal").DefaultContext
    for name in _OF_DECIMAL:
        setattr(defaults, name, getattr(value, name))


def _is_usual_decimal(value: Any) -> bool:
    decimal = _module("decimal")
    traps = [decimal.DivisionByZero, decimal.Overflow, decimal.InvalidOperation]
    usual = decimal.Context(28, decimal.ROUND_HALF_EVEN, -999999, 999999, 1, 0, [], traps)
    return all(getattr(value, name) == getattr(usual, name) for name in _OF_DECIMAL)


_USUAL_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def _read_numpy_errors() -> Any:
    numpy = _module("numpy")
    return numpy.geterr(), numpy.geterrcall()


def _write_numpy_errors(value: Any) -> None:
    numpy = _module("numpy")
    state, call = value
    if call is not None or numpy.geterrcall() is not None:
        numpy.seterrcall(call)
    numpy.seterr(**state)


_USUAL_PRINTING = {"edgeitems": 3, "threshold": 1000, "floatmode": "maxprec", "precision": 8, "suppress": False}


def _read_numpy_printing() -> Any:
    return _module("numpy").get_printoptions()


def _write_numpy_printing(value: Any) -> None:
    _module("numpy").set_printoptions(**value)


def _is_usual_printing(value: Any) -> bool:
    is_plain = all(value.get(name) == usual for name, usual in _USUAL_PRINTING.items())
    return is_plain and not value.get("formatter") and not value.get("legacy") and value.get("linewidth") == 75


def _read_pandas() -> dict[str, Any]:
    """Options that are not as they come."""
    config = _module("pandas")._config.config
    changed = {}
    for key, option in config._registered_options.items():
        value: Any = config._global_config
        for part in key.split("."):
            value = value[part]
        if value is not option.defval and value != option.defval and key not in config._deprecated_options:
            changed[key] = value
    return changed


_set_in_pandas: set[str] = set()


def _write_pandas(value: dict[str, Any]) -> None:
    pandas = _module("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key in _set_in_pandas - value.keys():
            pandas.reset_option(key)
        for key, option in value.items():
            pandas.set_option(key, option)
    _set_in_pandas.clear()
    _set_in_pandas.update(value)


def _never(_: Any) -> bool:
    return False


SETTINGS = (
    Setting("recursion limit", "sys", sys.getrecursionlimit, sys.setrecursionlimit, _never),
    Setting("int digits", "sys", sys.get_int_max_str_digits, sys.set_int_max_str_digits, _never),
    Setting(
        "socket time-out",
        "socket",
        lambda: _module("socket").getdefaulttimeout(),
        lambda value: _module("socket").setdefaulttimeout(value),
        lambda value: value is None,
    ),
    Setting("locale", "_locale", _read_locale, _write_locale, _never),
    Setting(
        "csv field size",
        "_csv",
        lambda: _module("_csv").field_size_limit(),
        lambda value: _module("_csv").field_size_limit(value),
        lambda value: value == 131072,
    ),
    Setting("decimal context", "decimal", _read_decimal, _write_decimal, _is_usual_decimal, is_of_thread=True),
    Setting("decimal defaults", "decimal", _read_decimal_defaults, _write_decimal_defaults, _is_usual_decimal),
    Setting(
        "numpy errors",
        "numpy",
        _read_numpy_errors,
        _write_numpy_errors,
        lambda value: value == (_USUAL_ERRORS, None),
        is_heavy=True,
        is_of_thread=True,
    ),
    Setting("numpy printing", "numpy", _read_numpy_printing, _write_numpy_printing, _is_usual_printing, is_heavy=True),
    Setting("pandas options", "pandas", _read_pandas, _write_pandas, lambda value: not value, is_heavy=True),
)
