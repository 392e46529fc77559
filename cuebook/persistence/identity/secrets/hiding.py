"""What a run hides: values of secret names leave a digest keyed by their journal, and their text is never recorded.

Knows neither functions nor records.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from cuebook.persistence.identity.digest import DIGEST_BYTES
from cuebook.persistence.identity.secrets.names import is_secret_name, names_secret

__all__ = ["HIDDEN", "HIDDEN_CHARACTERS_MIN", "Hiding"]

HIDDEN = "<hidden>"
"""Stands in a text for what was hidden."""

HIDDEN_CHARACTERS_MIN = 8
"""A shorter value is hidden under its name alone: as a text it would be found everywhere."""

_KEY_BYTES = 16
_NOT_IN_URLS = re.compile(r"[^A-Za-z0-9_.~-]")
_ADOPTED_MAX = 256


class Hiding:
    """The secrets of one run, as they are met.

    Args:
        key: keys the digests of secrets; lies in the journal. Empty where nothing is kept.
        beside: what was hidden before, and is hidden here, too.

    Attributes:
        key: as given.
        met: how many secrets that count were met so far; while it is 0 nothing depends on the key.
        found: how many were met that count or do not.
    """

    def __init__(self, key: bytes = b"", beside: Hiding | None = None) -> None:
        self.key: bytes = key if beside is None else beside.key
        self.met = 0
        self.found = 0
        self._beside = beside
        self._texts: dict[str, None] = {}
        self._ordered: list[str] | None = []

    def __repr__(self) -> str:
        return f"<Hiding {self.met} secrets>"

    @staticmethod
    def new_key() -> bytes:
        """A key for a new journal."""
        return os.urandom(_KEY_BYTES)

    def take(self, other: Hiding) -> None:
        """All that another one has met was met here, too."""
        if other.found:
            self.met += other.met
            self.found += other.found
            self._texts.update(other._texts)
            self._ordered = None

    def adopt(self, other: Hiding) -> None:
        """Hide what another one hides, as long as that is not a lot: not a text for each of a million calls."""
        if len(self._texts) < _ADOPTED_MAX:
            self._texts.update(other._texts)
            self._ordered = None

    def digest(self, value: str | bytes) -> bytes:
        """The keyed digest of a secret, which is noted as met."""
        self.note(value)
        data = b"s" + value.encode("utf-8", "surrogatepass") if isinstance(value, str) else b"b" + bytes(value)
        return blake2b(data, digest_size=DIGEST_BYTES, key=self.key, person=b"cuebook-secret").digest()

    def note(self, value: str | bytes) -> None:
        """A secret was met: its text is hidden from now on wherever it stands."""
        self.met += 1
        self.forbid(value if isinstance(value, str) else bytes(value).decode("latin-1"))

    def forbid(self, text: str) -> None:
        """Hide a text wherever it stands; it does not count."""
        self.found += 1
        if len(text) < HIDDEN_CHARACTERS_MIN or text in self._texts:
            return
        for form in (text, repr(text)[1:-1], json.dumps(text)[1:-1], repr(text.encode("latin-1", "replace"))[2:-1]):
            self._texts[form] = None
        if _NOT_IN_URLS.search(text):
            from urllib.parse import quote, quote_plus

            plain = text.encode("utf-8", "surrogatepass")
            self._texts |= dict.fromkeys((quote(plain), quote(plain, safe=""), quote_plus(plain)))
        self._ordered = None

    def hide(self, text: str) -> str:
        """The text without any secret that was met."""
        for secret in self._longest_first():
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text if self._beside is None else self._beside.hide(text)

    def is_in(self, data: bytes | memoryview) -> bool:
        """Whether bytes hold the text of a secret that was met."""
        if self._texts:
            plain = bytes(data)
            if any(secret.encode("utf-8", "surrogatepass") in plain for secret in self._texts):
                return True
        return self._beside is not None and self._beside.is_in(data)

    def hidden_command(self, words: list[str]) -> str:
        """A command line without its secrets: those that were met, and the values of options named like one."""
        shown: list[str] = []
        is_value = False
        for word in words:
            name, sign, value = word.partition("=")
            if not (sign and is_secret_name(name.lstrip("-"))) and ": " in word:  # a header
                name, sign, value = word.partition(": ")
            if is_value and not word.startswith("-"):
                self.forbid(word)
                shown.append(HIDDEN)
                is_value = False
            elif sign and value and is_secret_name(name.lstrip("-")):
                self.forbid(value)
                shown.append(f"{name}{sign}{HIDDEN}")
                is_value = False
            else:
                is_value = not sign and word.startswith("-") and is_secret_name(word.lstrip("-"))
                shown.append(word)
        return self.hide(" ".join(shown))

    def hidden_in(self, value: Any) -> Any:
        """Plain data without the texts of secrets: a copy where it holds any."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, bytes | bytearray):
            return HIDDEN.encode() if self.is_in(bytes(value)) else value
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.hidden_in(part) for part in value)
        if isinstance(value, Mapping) and type(value) is dict:
            return {self.hidden_in(name): self._under(name, part) for name, part in value.items()}
        return value

    def _under(self, name: Any, value: Any) -> Any:
        if isinstance(name, str) and names_secret(name, value) and isinstance(value, str | bytes):
            return HIDDEN
        return self.hidden_in(value)

    def _longest_first(self) -> list[str]:
        if self._ordered is None:
            self._ordered = sorted(self._texts, key=len, reverse=True)
        return self._ordered
