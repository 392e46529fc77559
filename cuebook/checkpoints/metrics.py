"""Metrics of a checkpoint: numbers, texts and truth values by name, as plain data. Knows nobody who keeps them."""

from __future__ import annotations

import contextlib
from typing import Any

__all__ = ["METRICS_MAX", "plain_metrics"]

METRICS_MAX = 1_000
_INT_MAX = 1 << 63


def plain_metrics(metrics: dict[str, Any] | None) -> dict[str, Any]:
    """Metrics as JSON has them: numbers of numpy and torch become those of Python.

    Raises:
        TypeError: they are no mapping of names to numbers, texts or truth values.
        ValueError: there are more than 1,000, or one is a whole number of more than 64 bits.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, dict) or any(type(name) is not str for name in metrics):
        raise TypeError(f"metrics={metrics!r} must be a dict with names as keys")
    if len(metrics) > METRICS_MAX:
        raise ValueError(f"{len(metrics):,} metrics are too many: at most {METRICS_MAX:,} go with a checkpoint")
    return {name: _plain(name, value) for name, value in metrics.items()}


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        plain = value if type(value) in (bool, int, float, str, type(None)) else _narrowed(value)
        if type(plain) is int and not -_INT_MAX <= plain < _INT_MAX:
            raise ValueError(f"metric {name} is a whole number of more than 64 bits: give it as a float or a text")
        return plain
    item = getattr(value, "item", None)  # a number of numpy, torch, jax
    if callable(item) and not getattr(value, "shape", None):
        with contextlib.suppress(TypeError):
            return _plain(name, item())
    raise TypeError(f"metric {name}={value!r} must be a number, a text or a truth value")


def _narrowed(value: Any) -> Any:
    return next(kind(value) for kind in (bool, int, float, str) if isinstance(value, kind))
