"""One call of a stage: whether its value is kept, and if not, what is kept when it has been made.

Knows no function's way of being called: `stage.py` calls it, at once or as a coroutine.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.checkpoints.around import progress_around
from cuebook.errors import CuebookError, JournalCorrupt, RecoveryFailed, StageError
from cuebook.persistence.history.jobs.job import KeptStage
from cuebook.persistence.identity.dependencies import what_is_missing
from cuebook.persistence.identity.files import File
from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.value_digest import value_digest
from cuebook.persistence.records.job_heads import StageKept, StageRead
from cuebook.stages.lazy_value import LazyValue, is_loaded, whole
from cuebook.stages.lineage import Lineage, Upstream, arguments_of, lineage_of
from cuebook.stages.progress.stage_news import StageNews
from cuebook.stages.progress.stage_progress import StageProgress
from cuebook.stages.reasons import FIRST_TIME, RESET, differences, reason_line
from cuebook.stages.stage_run import StageRun, current_stage, file_read
from cuebook.stages.stored_value import StageBody, is_in_record, keep_bytes, read_value, version_of
from cuebook.stages.value_forms import EncodedValue, encode_value
from cuebook.workplace.capture import Capture, name_below
from cuebook.workplace.manifest import Manifest
from cuebook.workplace.restore import restore
from cuebook.workplace.survey import survey

if TYPE_CHECKING:
    from cuebook.stages.job import Job
    from cuebook.stages.port import StagePort

__all__ = ["StageCall", "called_with"]

_SCALARS = (int, float, str, bytes, complex, type(None))
_REBUILT_MAX = 10_000


class StageCall:
    """A call of a stage in a job.

    Args:
        job: that it belongs to. stage: what is called. args, kwargs: as given.

    Attributes:
        run: what it reads and writes while it runs.

    Raises:
        TypeError: the function does not take these arguments. MissingFile: a `File` among them cannot be read.
        StageError: it is called by itself with the same arguments.
    """

    def __init__(self, job: Job, stage: StagePort, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._job = job
        self._stage = stage
        self._book = book = job.book
        arguments = arguments_of(stage.signature, args, kwargs, self._given)
        hiding = book.hiding
        with stage.looked_at():
            print_ = fingerprint(stage.func, depends=stage.depends, version=stage.version, hiding=hiding)
            self._lineage: Lineage = lineage_of(stage.name, print_, arguments, hiding)
        self._hash = self._lineage.hash
        above = current_stage.get()
        if above is not None and above.is_within(self._hash):
            raise StageError(
                f"a stage calls itself with the same arguments: {' -> '.join([*above.names(), stage.name])}"
            )
        self._above = above
        self._number = job.number_of(stage.name)
        self._began = time.time()
        self._reads_given = [file_read(file) for file in arguments.files]
        self._reasons: list[str] = []
        self.run = StageRun(stage.name, self._hash, book.folder / "items" / f"{_file_name(stage.name)}.cuebook", above)
        self._is_reset = False
        self._is_begun = False

    # -- before -----------------------------------------------------------------------------------------------------

    def claim(self) -> Future[None] | None:
        """Take the lineage for this call; another call of it that is running is given back, to be waited for."""
        running = self._job.running
        with self._job.counting:
            before = running.get(self._hash)
            if before is None:
                running[self._hash] = Future()
            return before

    def release(self) -> None:
        """Let go of the lineage."""
        if self._is_begun:
            self._job.show(self._news("failed"))
        with self._job.counting:
            future = self._job.running.pop(self._hash, None)
        if future is not None:
            future.set_result(None)

    def kept(self, redo: Callable[[], Any] | None) -> tuple[Any] | None:
        """The value that is kept, alone in a tuple; None where the stage has to be done.

        Args:
            redo: does it, where the value turns out to be damaged when it is looked at; None: nobody can then, so that
                the value is read through now.
        """
        kept = self._book.state.stages.get(self._hash)
        if kept is None:
            self._reasons = self._differences()
            return None
        refusal = self._refusal(kept)
        value = None if refusal else self._loaded(kept, redo)
        if value is None:
            self._reasons = [refusal or "its value cannot be read"] if not self._reasons else self._reasons
            return None
        self._take_over(kept)
        return value

    def begin(self) -> None:
        """Tell why it is done, where it was before, and remember that it is redone."""
        job = self._job
        if self._reasons != [FIRST_TIME]:
            job.is_redone[self._hash] = self._stage.name
            job.said_once(reason_line(self._stage.name, self._reasons))
        if self._lineage.opaque:
            which = ", ".join(f"{name} ({what})" for name, what in self._lineage.opaque.items())
            job.said_once(f"{self._stage.name} is done by every run: nobody can see into its argument {which}")
        if self._is_reset:
            job.is_reset.add(self._hash)
        self._is_begun = True
        self._tell_missing()
        job.show(self._news("running", reasons=self._told_reasons()))

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """While this lasts the stage runs here: what is read, written and kept as progress belongs to it."""
        book, stage = self._book, self._stage
        run = book.run if self._is_reset or self._is_to_be_reset() else None
        progress = StageProgress(book, stage.name, self._hash, func=stage.func, only_run=run)
        tokens = current_stage.set(self.run), progress_around.set(progress)
        try:
            yield
        finally:
            progress.end()
            current_stage.reset(tokens[0])
            progress_around.reset(tokens[1])

    # -- after ------------------------------------------------------------------------------------------------------

    def keep(self, value: Any) -> Any:
        """Keep what the stage gave, on disk when this returns; gives it back.

        Raises:
            ValueNotKept: it cannot be kept. JournalError, WorkplaceError: it could not be written.
        """
        value = whole(value)
        seconds = time.time() - self._began
        encoded = encode_value(value)
        workplace = self._job.workplace
        with workplace.files.in_use():
            outputs = self._captured()
            (digest, _, pieces), inside = keep_bytes(encoded, workplace.files)
            version = self._job.versions.take(self._stage.name, self._book.folder.name)
            head = StageKept(
                self._hash, self._stage.name, self._number, version, encoded.form, digest, len(encoded.data), pieces,
                encoded.rows, encoded.digest, self._began, seconds, self._upstream(), self._reads(), outputs,
                tuple(self._book.hiding.hide(reason) for reason in self._reasons),
            )  # fmt: skip
            body = StageBody(self._lineage.parts, self._lineage.packages, inside)
            kept = self._book.keep_stage(head, body.encode(self._book.hiding.hide))
        self._know(kept, encoded)
        self._is_begun = False
        self._job.show(self._news("done", head, reasons=self._told_reasons()))
        self._tell_above(kept)
        return value

    # -- within -----------------------------------------------------------------------------------------------------

    def _given(self, value: Any) -> Upstream | None:
        job = self._job
        if type(value) is LazyValue and not is_loaded(value):
            return object.__getattribute__(value, "_cuebook_load").keywords["upstream"]  # type: ignore[no-any-return]
        value = whole(value)
        if isinstance(value, (*_SCALARS, File, type)) or callable(value) or not job.values:
            return None
        found = job.values.get(value_digest(value))
        return None if found is None else Upstream(*found)

    def _differences(self) -> list[str]:
        before = self._book.state.by_name.get((self._stage.name, self._number))
        if before is None:
            return [FIRST_TIME]
        parts = StageBody.decode(self._book.body(before.seq)).parts
        values = {digest.hex(): name for _, digest, name in self._job.values.values() if self._is_redone(name)}
        names = {part.digest: values[part.digest] for part in self._lineage.parts if part.digest in values}
        return [self._book.hiding.hide(line) for line in differences(self._lineage, parts, names)]

    def _is_redone(self, name: str) -> bool:
        return name in self._job.is_redone.values()

    def _is_to_be_reset(self) -> bool:
        reset = self._job.reset
        return reset.is_all or self._stage.name in reset.stages

    def _refusal(self, kept: KeptStage) -> str | None:
        """Why a kept value is not taken; None where it is."""
        job, head = self._job, kept.head
        if kept.run != self._book.run:
            follows = [*head.upstream, *(each.hash for each in self._lineage.upstream)]
            if self._is_to_be_reset():
                self._is_reset = True
                return RESET if job.reset.is_all else "it is to be done again"
            if any(each in job.is_reset for each in follows):
                self._is_reset = True
                return f"stage {next(job.is_redone.get(each, '?') for each in follows if each in job.is_reset)}"
        if not job.versions.is_there(head.stage, head.version):
            return "its data set was deleted"
        if not is_in_record(head):
            try:
                job.workplace.files.check(version_of(head))
            except CuebookError as error:
                return f"its stored value cannot be read ({error})"
        return next((text for read in head.reads if (text := self._changed(read)) is not None), None) or self._restored(
            head
        )

    def _changed(self, read: StageRead) -> str | None:
        if read.form == "file":
            try:
                is_same = File(read.name).stamped().digest == read.digest
            except OSError:
                return f"file {read.name} is gone"
            return None if is_same else f"file {read.name} changed"
        from cuebook.stages.datasets import identity_of

        now = identity_of(self._job, read.name, read.version or None)
        if now == read.digest:
            return None
        return f"data set {read.name} changed" if now else f"data set {read.name} is gone"

    def _restored(self, head: StageKept) -> str | None:
        """Bring back the files that it has written, where they are not as they were."""
        if not head.outputs:
            return None
        manifest = Manifest.decode(head.outputs)
        workplace = self._job.workplace
        there = survey(workplace.root, manifest)
        if len(there) == len(manifest.files) and all(file.is_same(there.get(file.name)) for file in manifest.files):
            return None
        try:
            aside = workplace.folder / "aside" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(3).hex()}"
            done = restore(manifest, workplace.root, workplace.files, aside=aside)
        except JournalCorrupt as error:
            return f"a file that it wrote cannot be brought back ({error})"
        names = ", ".join(os.fsdecode(name) for name in done.written[:3])
        self._job.said_once(f"{head.stage} is taken over: {names} brought back as it was")
        return None

    def _loaded(self, kept: KeptStage, redo: Callable[[], Any] | None) -> tuple[Any] | None:
        head, book = kept.head, self._book
        upstream = Upstream(head.hash, head.value, head.stage)
        read = partial(
            read_value, head, partial(book.body, kept.seq), self._job.workplace.files, func=self._stage.func
        )  # fmt: skip
        if not is_in_record(head):
            if redo is None and self._is_damaged(head):
                return None
            return (LazyValue(partial(self._looked_at, read, redo, upstream=upstream)),)
        try:
            value, files = read()
        except CuebookError as error:
            self._reasons = [f"its value cannot be read ({error})"]
            return None
        if not all(file.is_unchanged() for file in files):
            self._reasons = ["a file that it gave back is gone or has changed"]
            return None
        self._note(value, upstream)
        return (value,)

    def _looked_at(self, read: Callable[[], Any], redo: Callable[[], Any] | None, *, upstream: Upstream) -> Any:
        try:
            value, files = read()
        except (JournalCorrupt, RecoveryFailed) as error:
            self._job.workplace.files.drop_damaged(version_of(self._book.state.stages[self._hash].head))
            if redo is None:
                raise
            return self._redone(redo, f"its stored value cannot be read ({error})")
        if redo is not None and not all(file.is_unchanged() for file in files):
            return self._redone(redo, "a file that it gave back is gone or has changed")
        self._note(value, upstream)
        return value

    def _redone(self, redo: Callable[[], Any], reason: str) -> Any:
        self._reasons = [reason]
        self.begin()
        value = self.keep(redo())
        self._note(value, Upstream(self._hash, self._book.state.stages[self._hash].head.value, self._stage.name))
        return value

    def _is_damaged(self, head: StageKept) -> bool:
        files = self._job.workplace.files
        try:
            files.verify(version_of(head))
        except JournalCorrupt as error:
            files.drop_damaged(version_of(head))
            self._reasons = [f"its stored value is damaged ({error})"]
            return True
        return False

    def _note(self, value: Any, upstream: Upstream) -> None:
        """Know a value again that was loaded: it may have another digest than when it was kept."""
        if not isinstance(value, _SCALARS):
            self._job.values[value_digest(value)] = (upstream.hash, upstream.digest, upstream.stage)

    def _take_over(self, kept: KeptStage) -> None:
        head = kept.head
        self._book.skip(kept.seq)
        self._job.show(self._news("skipped", head))
        self._job.used[head.stage] = (head.version, head.hash, head.value)
        self._job.values[head.value] = (head.hash, head.value, head.stage)
        if self._lineage.unseen:
            names = ", ".join(self._lineage.unseen[:3])
            self._job.said_once(
                f"{head.stage} has parts that cuebook cannot see into ({names}): its value is taken over even if these "
                "have changed; name what it depends on with depends=, or set version="
            )
        self._tell_missing()
        self._tell_above(kept)

    def _tell_missing(self) -> None:
        if missing := what_is_missing(self._stage.depends):
            names = ", ".join(missing)
            self._job.said_once(
                f"depends= of {self._stage.name} names what cannot be read, and counts as missing: {names}"
            )

    def _know(self, kept: KeptStage, encoded: EncodedValue) -> None:
        head = kept.head
        self._job.used[head.stage] = (head.version, head.hash, head.value)
        self._job.values[encoded.digest] = (head.hash, head.value, head.stage)

    def _tell_above(self, kept: KeptStage) -> None:
        """What a stage inside of another one has read, that one has read."""
        if self._above is not None:
            self._above.has_used(kept.head.hash)
            for read in kept.head.reads:
                self._above.has_read(read)

    def _news(self, status: str, head: StageKept | None = None, *, reasons: Sequence[str] = ()) -> StageNews:
        depth = 0 if self._above is None else len(self._above.names())
        if head is None:
            seconds = time.time() - self._began
            return StageNews(self, self._stage.name, depth, status, seconds=seconds, reasons=reasons)
        return StageNews(
            self, head.stage, depth, status,
            rows=head.rows, seconds=head.seconds, version=head.version, reasons=reasons,
        )  # fmt: skip

    def _told_reasons(self) -> Sequence[str]:
        return () if self._reasons == [FIRST_TIME] else self._reasons

    def _upstream(self) -> tuple[bytes, ...]:
        return tuple(dict.fromkeys([*(each.hash for each in self._lineage.upstream), *self.run.upstream]))

    def _reads(self) -> tuple[StageRead, ...]:
        return (*self._reads_given, *self.run.reads.values())

    def _captured(self) -> bytes:
        if not self.run.outputs:
            return b""
        workplace = self._job.workplace
        names = [name_below(workplace.root, path) for path in self.run.outputs]
        return Capture(workplace.root, workplace.files).take(names).encode()


def called_with(value: Any) -> Any:
    """An argument as the function gets it: no lazy value, and a path for each `File`."""
    value = whole(value)
    if isinstance(value, File):
        return Path(value.path)
    if type(value) in (list, tuple) and len(value) <= _REBUILT_MAX:
        parts = [called_with(part) for part in value]
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else type(value)(parts)
    if type(value) is dict and len(value) <= _REBUILT_MAX:
        changed = {key: called_with(part) for key, part in value.items()}
        return value if all(changed[key] is part for key, part in value.items()) else changed
    return value


def _file_name(name: str) -> str:
    from cuebook.stages.job_name import folder_name

    return folder_name(name)
