"""Who the function of a run is, and how its calls are known, under the key of its journal's secrets. Knows no run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cuebook.chunks.options import Options
from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.run_parts import secrets_key
from cuebook.persistence.identity.fingerprint import ALGORITHM, Fingerprint, fingerprint
from cuebook.persistence.identity.secrets.hiding import Hiding

__all__ = ["Identity", "identify", "key_of"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The function of a run.

    Attributes:
        func, options: as given.
        fingerprint: of the function, with what `depends` names and the Worker class.
        form: how its calls are known.
        hiding: its secrets.
        has_secrets: whether the fingerprint depends on the key.
    """

    func: Callable[..., Any]
    options: Options
    fingerprint: Fingerprint
    form: CallForm
    hiding: Hiding
    has_secrets: bool

    @property
    def code(self) -> Fingerprint | None:
        """Of which workers compare what they import; None: they do not."""
        return self.fingerprint if self.options.version is None else None

    @property
    def seed(self) -> bytes:
        """What seeds the calls: the fingerprint, the same in every journal."""
        return _fingerprint(self.func, self.options, Hiding()).digest if self.has_secrets else self.fingerprint.digest

    def is_of(self, run: RunState) -> bool:
        """Whether an earlier run is of the same function."""
        opened = run.opened
        if opened.algorithm != ALGORITHM:
            return False
        if opened.fingerprint == self.fingerprint.digest:
            return True
        key = secrets_key(run)
        if not self.has_secrets or key == self.hiding.key or opened.function != self.fingerprint.name:
            return False
        return _fingerprint(self.func, self.options, Hiding(key)).digest == opened.fingerprint

    def redacted(self) -> Fingerprint:
        """The fingerprint as it may be recorded: no detail has the text of a secret."""
        hide = self.hiding.hide
        parts = tuple(replace(part, detail=hide(part.detail)) for part in self.fingerprint.parts)
        return replace(self.fingerprint, parts=parts)


def identify(func: Callable[..., Any], options: Options, key: bytes) -> Identity:
    """Find out who a function is.

    Args:
        key: for the digests of secrets.

    Raises:
        ValueError: `ignore` names what is no parameter.

    Cost: as `fingerprint`. With `version` the function is not looked at.
    """
    hiding = Hiding(key)
    form = CallForm(func, ignore=options.ignore, hiding=hiding)
    print_ = _fingerprint(func, options, hiding)
    return Identity(func, options, print_, form, hiding, hiding.met > 0)


def _fingerprint(func: Callable[..., Any], options: Options, hiding: Hiding) -> Fingerprint:
    depends, version = options.depends, options.version
    return fingerprint(func, depends=depends, version=version, extra=options.of_workers, hiding=hiding)


def key_of(history: JournalState) -> bytes:
    """What keys the secrets of a new run: the key of the newest run, else a new one."""
    for run in reversed(history.runs.values()):
        key = secrets_key(run)
        if key:
            return key
    return Hiding.new_key()
