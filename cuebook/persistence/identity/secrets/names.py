"""Which names say that what they stand for is secret: `api_key`, `apiKey`, `password`, `Authorization` ...

Knows no values. Names are read by whole words: `max_tokens`, `tokenizer` and `author` are ordinary names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

__all__ = ["is_secret_name", "may_be_secret", "may_name_secrets", "names_a_secret", "names_secret"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset(
    {
        "apikey", "auth", "authorization", "credential", "credentials", "passphrase", "passwd", "password", "passwords",
        "secret", "secrets", "token",
    }
)  # fmt: skip
_SECRET_PAIRS = frozenset({("api", "key"), ("api", "keys"), ("private", "key"), ("private", "keys"), ("access", "key")})
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{3,}")
_SIGNS = ("passw", "passphrase", "secret", "token", "credential", "auth")
_SIGN = re.compile(r"(?i)passw|passphrase|secret|token|credential|auth|api.?key|private.?key|access.?key")


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether a name of a variable, attribute, parameter, key of a dict, option or header is one of a secret.

    >>> [is_secret_name(name) for name in ("api_key", "apiKey", "X-API-Key", "API_TOKEN", "max_tokens", "author")]
    [True, True, True, True, False, False]

    Cost: 50 ns for a name that was asked for before.
    """
    if _SIGN.search(name) is None:
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if not _SECRET.isdisjoint(words):
        return True
    return any(pair in _SECRET_PAIRS for pair in pairwise(words))


def may_be_secret(name: str) -> bool:
    """Whether there are values that are secret under this name."""
    return is_secret_name(name) or is_secret_name(name.rstrip("sS"))


def names_secret(name: str, value: object) -> bool:
    """Whether a value of this name is secret, or a table of secrets: `tokens` that is a dict, not a list of words."""
    return is_secret_name(name) or (isinstance(value, dict) and may_be_secret(name))


def may_name_secrets(text: str) -> bool:
    """Whether a text could hold such a name at all: a quick look, before it is taken apart."""
    lower = text.lower()
    return any(sign in lower for sign in _SIGNS) or ("key" in lower and _SIGN.search(lower) is not None)


def names_a_secret(data: bytes) -> bool:
    """Whether bytes, such as those of a pickle, hold such a name. Cost: 1 ms for 64 kB."""
    return any(is_secret_name(name.decode()) for name in set(_NAME.findall(data)))
