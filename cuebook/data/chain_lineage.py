"""By what a chain is known: its sources by content, its steps by what they say, its functions by their code.

Knows no job.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cuebook.data.plan import DatasetStep, RelationStep, RowStep, SourceStep, Step
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.identity.files import File
from cuebook.persistence.identity.fingerprint import Fingerprint, fingerprint
from cuebook.persistence.identity.parts import Part
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.records.job_heads import StageRead
from cuebook.stages.stage_run import file_read

__all__ = ["ChainLineage", "ChainLineages", "saved_hash"]


@dataclass(frozen=True, slots=True)
class ChainLineage:
    """What a step of a chain is made of.

    Attributes:
        hash: its 16 bytes.
        parts: what counts, for people. packages: names and versions of the libraries that functions refer to.
        upstream: the hashes of the data sets that it follows. reads: the files.
        unseen: parts of functions that nobody can see into.
        code: of a row step the digest of its function; else empty.
    """

    hash: bytes
    parts: tuple[Part, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    upstream: tuple[bytes, ...] = ()
    reads: tuple[StageRead, ...] = ()
    unseen: tuple[str, ...] = ()
    code: bytes = b""

    @property
    def code_number(self) -> int:
        """By which rows say that they were made by this code."""
        return int.from_bytes(self.code[:4], "little")


def saved_hash(name: str, lineage: ChainLineage) -> bytes:
    """The hash of a chain that is saved under a name."""
    return blake16(joined(b"saved", [name.encode("utf-8", "surrogatepass"), lineage.hash]))


class ChainLineages:
    """The lineages of the steps of a chain, as things are now; each is looked at once.

    Args:
        hiding: keys the digests of secrets, and gets these.
    """

    def __init__(self, hiding: Hiding) -> None:
        self._hiding = hiding
        self._known: dict[Step, ChainLineage] = {}

    def of(self, step: Step) -> ChainLineage:
        """The lineage of one.

        Raises:
            MissingFile: a file cannot be read.

        Cost: a look at each file, its content where that is not known; 0.3 ms a function.
        """
        found = self._known.get(step)
        if found is None:
            found = self._known[step] = self._made(step)
        return found

    def _made(self, step: Step) -> ChainLineage:
        if isinstance(step, SourceStep):
            return self._of_source(step)
        if isinstance(step, DatasetStep):
            digest = blake16(joined(b"data set", [step.hash, step.value]))
            return ChainLineage(digest, (Part(f"stage {step.name}", digest.hex(), ""),), upstream=(step.hash,))
        if isinstance(step, RelationStep):
            before = [self.of(step.of), *([] if step.other is None else [self.of(step.other)])]
            parts = [step.kind.encode(), step.identity]
            label = Part(step.kind, blake16(step.identity).hex(), step.detail)
            return _following(b"relation", before, parts, ([label], (), ()))
        return self._of_rows(step)

    def _of_source(self, step: SourceStep) -> ChainLineage:
        reads = tuple(file_read(File(path)) for path in step.files)
        names = [_below(path, step.files) for path in step.files]
        content = [part for read, name in zip(reads, names, strict=True) for part in (name, read.digest)]
        identity = step.identity()
        parts = [Part(f"file {os.path.basename(read.name)}", read.digest.hex(), "") for read in reads]
        parts.append(Part(f"read_{step.kind}", blake16(identity).hex(), step.detail))
        return ChainLineage(
            blake16(joined(b"source", [step.kind.encode(), identity, *content])), tuple(parts), reads=reads
        )

    def _of_rows(self, step: RowStep) -> ChainLineage:
        extra = [each for each in (step.options.run.get("worker"), step.options.run.get("initializer")) if each]
        print_ = fingerprint(
            step.func, depends=step.depends, version=step.version, extra=extra, hiding=self._hiding
        )  # fmt: skip
        how = f"{step.kind} {step.outputs.is_single} {step.is_batch} {step.outputs.text}"
        code = blake16(joined(b"row code", [print_.digest, how.encode("utf-8", "surrogatepass")]))
        texts = [*step.params, "", *step.by, "", str(step.outputs.is_single), str(step.is_batch)]
        parts = [step.kind.encode(), code, *(text.encode("utf-8", "surrogatepass") for text in texts)]
        made = _following(b"rows", [self.of(step.of)], parts, _of_code(step, print_))
        return ChainLineage(made.hash, made.parts, made.packages, made.upstream, made.reads, made.unseen, code)


def _of_code(step: RowStep, print_: Fingerprint) -> tuple[list[Part], tuple[tuple[str, str], ...], tuple[str, ...]]:
    wanted = Part(f"output of {step.name}", blake16(step.outputs.text.encode()).hex(), step.outputs.text)
    given = Part(f"columns of {step.name}", blake16(repr(step.params).encode()).hex(), ", ".join(step.params))
    return [*print_.parts, wanted, given], print_.packages, print_.opaque


def _following(
    tag: bytes,
    before: Sequence[ChainLineage],
    content: Sequence[bytes],
    known: tuple[Sequence[Part], Sequence[tuple[str, str]], Sequence[str]],
) -> ChainLineage:
    parts, packages, unseen = known
    return ChainLineage(
        blake16(joined(tag, [*(each.hash for each in before), *content])),
        tuple(_numbered([part for each in before for part in each.parts], parts)),
        tuple({pair: None for each in before for pair in each.packages} | dict.fromkeys(packages)),
        tuple({each: None for one in before for each in one.upstream}),
        tuple({(read.form, read.name): read for one in before for read in one.reads}.values()),
        tuple({each: None for one in before for each in one.unseen} | dict.fromkeys(unseen)),
    )


def _numbered(before: Sequence[Part], parts: Sequence[Part]) -> list[Part]:
    """The parts behind those before; one whose label there is already gets a number, so that each is compared."""
    found = list(before)
    labels = {part.label for part in before}
    for part in parts:
        label, number = part.label, 1
        while label in labels:
            number += 1
            label = f"{part.label} ({number})"
        labels.add(label)
        found.append(Part(label, part.digest, part.detail))
    return found


def _below(path: str, files: Sequence[str]) -> bytes:
    """What of a file's name counts: nothing where it is alone, else where it lies below the folder of all of them."""
    if len(files) == 1:
        return b""
    return os.fsencode(os.path.relpath(path, os.path.commonpath([os.path.dirname(each) for each in files])))
