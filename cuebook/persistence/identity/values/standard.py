"""How values of the standard library count that give no state to pickle, or one that says too much.

Knows no other library, and no walk: forms are called by the walk, with itself as their first argument.
"""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.digest import joined

__all__ = ["STANDARD_FORMS"]

_XOF_BYTES = 32


def _random(_walk: Any, value: Any) -> bytes | None:
    """A generator counts by its state; the one behind the functions of `random` and that of the system never."""
    random = sys.modules.get("random")
    if value is getattr(random, "_inst", None):
        return joined(b"hidden", [b"random"])
    if isinstance(value, getattr(random, "SystemRandom", ())):
        return joined(b"hidden", [b"SystemRandom"])
    return None


def _code_object(_walk: Any, value: Any) -> bytes:
    from cuebook.persistence.identity.syntax.code import code_form

    return joined(b"code", [code_form(value).content])


def _struct(_walk: Any, value: Any) -> bytes:
    return joined(b"Struct", [value.format.encode(), str(value.size).encode()])


def _context_variable(walk: Any, value: Any) -> bytes:
    """A context variable: name and default. What it is set to is noted apart: other processes have it otherwise."""
    import contextvars

    default = _held(contextvars.Context(), value)
    current = _held(contextvars.copy_context(), value)
    if current and not (default and default[0] is current[0]):
        walk.context[value] = current[0]
    return joined(b"ContextVar", [value.name.encode("utf-8", "surrogatepass"), walk.encode(default)])


def _held(context: Any, variable: Any) -> list[Any]:
    try:
        return [context.run(variable.get)]
    except LookupError:
        return []


def _hash(_walk: Any, value: Any) -> bytes:
    """A hash of hashlib or hmac, by what it has taken in so far: its digest tells."""
    length = () if value.digest_size else (_XOF_BYTES,)
    return joined(b"hash", [value.name.encode(), value.digest(*length)])


def _reference(walk: Any, value: Any) -> bytes:
    return joined(b"ref", [walk.encode(value())])


def _weak_set(walk: Any, value: Any) -> bytes:
    return joined(b"WeakSet", [walk.unordered(b"s", list(value))])


def _weak_dict(walk: Any, value: Any) -> bytes:
    return joined(type(value).__name__.encode(), [walk.pairs(b"d", list(value.items()))])


def _secret(walk: Any, value: Any) -> bytes:
    """A Secret, or a pydantic one: it does not count, and its text is hidden."""
    held = value.get_secret_value() if hasattr(value, "get_secret_value") else value.value
    if isinstance(held, bytes):
        held = held.decode("latin-1")
    walk.hiding.forbid(held if isinstance(held, str) else "")
    return joined(b"secret", [])


def _file(_walk: Any, value: Any) -> bytes:
    """A File by its content and the last part of its name."""
    return joined(b"file", [value.path.name.encode("utf-8", "surrogatepass"), value.stamped().digest])


STANDARD_FORMS: dict[tuple[str, str], Any] = {
    ("_random", "Random"): _random,
    ("builtins", "code"): _code_object,
    ("_struct", "Struct"): _struct,
    ("_contextvars", "ContextVar"): _context_variable,
    ("_hashlib", "HASH"): _hash,
    ("_hashlib", "HMAC"): _hash,
    ("_blake2", "blake2b"): _hash,
    ("_blake2", "blake2s"): _hash,
    ("weakref", "ReferenceType"): _reference,
    ("_weakrefset", "WeakSet"): _weak_set,
    ("weakref", "WeakKeyDictionary"): _weak_dict,
    ("weakref", "WeakValueDictionary"): _weak_dict,
    ("cuebook", "File"): _file,
    ("cuebook", "Secret"): _secret,
    ("pydantic.types", "_SecretBase"): _secret,
}
