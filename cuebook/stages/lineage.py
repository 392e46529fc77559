"""By what a stage is known: its code, its arguments, and the values of other stages. Knows no file and no run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.identity.files import File
from cuebook.persistence.identity.fingerprint import Fingerprint, Part
from cuebook.persistence.identity.parts import readable
from cuebook.persistence.identity.registry import register_identity
from cuebook.persistence.identity.secrets.hiding import Hiding

__all__ = ["Given", "Lineage", "StageArguments", "Upstream", "arguments_of", "lineage_of"]

_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class Upstream:
    """Stands among arguments for the value of a stage, which is known without being read.

    Attributes:
        hash: of the stage. digest: of its value. stage: its name.
    """

    hash: bytes
    digest: bytes
    stage: str


register_identity(Upstream, lambda upstream: (upstream.hash, upstream.digest))

Given = Callable[[Any], Upstream | None]
"""What stage a value is known to be the value of, unchanged since."""


@dataclass(frozen=True, slots=True)
class StageArguments:
    """The arguments of one call of a stage.

    Attributes:
        counted: by name, with an `Upstream` in the place of each value of a stage.
        upstream: those, in order. files: the files among them.
    """

    counted: Mapping[str, Any]
    upstream: tuple[Upstream, ...]
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one call of a stage is made of.

    Attributes:
        hash: its 16 bytes.
        parts: what counts, for people: of the code, then of the arguments.
        upstream: the values of stages among its arguments. files: the files among them.
        opaque: arguments that cannot be seen, so that the call is never the same again.
        unseen: parts of the code that nobody can see into.
        packages: names and versions of the libraries that the code refers to.
    """

    hash: bytes
    parts: tuple[Part, ...]
    upstream: tuple[Upstream, ...]
    files: tuple[File, ...]
    opaque: Mapping[str, str]
    unseen: tuple[str, ...]
    packages: tuple[tuple[str, str], ...]


def arguments_of(
    signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any], given: Given
) -> StageArguments:
    """The arguments of a call with its defaults left out, as they count.

    Raises:
        TypeError: the function does not take them.
    """
    bound = signature.bind(*args, **kwargs)
    found: list[Upstream] = []
    files: list[File] = []

    def counted(value: Any, depth: int = 0) -> Any:
        upstream = given(value)
        if upstream is not None:
            found.append(upstream)
            return upstream
        if isinstance(value, File):
            files.append(value)
        elif depth < _DEPTH_MAX:
            if type(value) in (list, tuple):
                return type(value)(counted(part, depth + 1) for part in value)
            if type(value) is dict:
                return {key: counted(part, depth + 1) for key, part in value.items()}
        return value

    named = {name: counted(value) for name, value in bound.arguments.items()}
    return StageArguments(named, tuple(found), tuple(files))


def lineage_of(name: str, print_: Fingerprint, arguments: StageArguments, hiding: Hiding) -> Lineage:
    """What a call of a stage is made of.

    Args:
        name: of the stage. print_: of its function. hiding: keys the digests of secrets, and gets these.

    Raises:
        MissingFile: a file among the arguments cannot be read.

    Cost: one digest of the arguments that are no values of stages.
    """
    form = CallForm(hiding=hiding)
    key = form.key(dict(arguments.counted))
    parts = [*print_.parts]
    for each, value in arguments.counted.items():
        digest, label = CallForm(hiding=hiding).key({each: value}).hex(), f"argument {each}"
        if isinstance(value, Upstream):
            label = f"stage {value.stage}"
        parts.append(Part(label, digest, "" if isinstance(value, Upstream) else hiding.hide(readable(value))))
    whole = blake16(joined(b"stage", [name.encode("utf-8", "surrogatepass"), print_.digest, key]))
    return Lineage(
        whole, tuple(parts), arguments.upstream, arguments.files, form.opaque, print_.opaque, print_.packages
    )
