"""What a durable actor owes, carried out: reminders when they are due, deliveries until they are confirmed.

What is owed is `kept_duties`; that it is kept is the keeper's.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cuebook.actors.stream_messages import StreamFound
from cuebook.durable.batch import EventBatch
from cuebook.durable.ledger import Ledger
from cuebook.durable.owed.duties import Address, Duty
from cuebook.durable.owed.kept_duties import KeptDuties, address_in, cleared, number_in
from cuebook.durable.owed.messages import Delivered, Due
from cuebook.durable.owed.posting import post
from cuebook.durable.owed.repeating import Repeated, first_not_missed, next_due
from cuebook.errors import CodecError, CuebookError, Rejected, UnhandledMessage
from cuebook.persistence.records.stream_heads import DutyRow
from cuebook.persistence.values.in_messages import opening_pickles
from cuebook.runtime.cells.actor import Context
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.message import decode

__all__ = ["Cause", "Directory", "Obligations", "directory_of", "offer_directory", "retry_delay_s"]

CONFIRM_S = 30.0
"""Seconds that a receiver has to confirm a delivery; then it is sent again."""
RETRY_FIRST_S = 0.1
RETRY_MAX_S = 60.0
_TIMER = "cuebook.duty"
_DIRECTORY = "directory"


class Directory(Protocol):
    """Where durable actors are found by their addresses, and woken."""

    def ref_of(self, address: Address, *, may_import: bool = True) -> ActorRef | None:
        """The actor; None where nothing is known of its class, and its module is not to be had or imported."""

    def owes(self, name: str, due: float | None) -> None:
        """An actor is to be awake at this time (seconds since 1970); None: need not."""


def directory_of(extensions: dict[str, Any]) -> Directory | None:
    """The directory of a system; None where it has none."""
    return extensions.get(_DIRECTORY)


def offer_directory(extensions: dict[str, Any], directory: Directory) -> None:
    """Give a system its directory."""
    extensions[_DIRECTORY] = directory


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a command is handled: a reminder, and what is owed in its place once it is; or which delivery it was."""

    clears: DutyRow | None = None
    delivery: tuple[str, int] | None = None

    def for_good(self) -> Cause:
        """The same, but nobody handles this reminder: it is owed no more."""
        return self if self.clears is None else Cause(clears=cleared(self.clears[0]))


class Handler(Protocol):
    """The keeper."""

    def handle(self, command: Any, cause: Cause) -> Any:
        """Handle a command, and keep with its effect what it was caused by."""

    def add(self, rows: Sequence[DutyRow]) -> None:
        """Keep duties that no command has to do with."""

    def confirm(self) -> Any:
        """Answer the message in hand when all before it is on disk."""


def retry_delay_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0 for none, 0.1 after the first, doubled each time, at most
    60.
    """
    return 0.0 if failures <= 0 else min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(failures - 1, 30))


class Obligations:
    """The duties of one incarnation.

    Args:
        name: the actor's, as a sender.

    Attributes:
        kept: all that it owes, with what is on its way to the disk.
    """

    def __init__(self, handler: Handler, context: Context, ledger: Ledger, found: StreamFound, *, name: str) -> None:
        self._handler = handler
        self._context = context
        self._failures = ledger.failures
        self._refusal = ledger.refusal
        self._stream = found.number
        self._name = name
        # An actor that was removed and begins anew numbers its deliveries from 1 again: nobody is to take them for old.
        self._sender = f"{name}@{found.opened_at!r}"
        self._unsent: dict[str, list[tuple[int, str]]] = {}  # number and key of each, by receiver; a heap
        self._sending: set[str] = set()
        self._is_over = False
        self.kept = KeptDuties()

    def begin(self, kept: KeptDuties) -> None:
        """Take up what was owed when the actor recovered."""
        self.kept = kept
        self._see_to(kept.owed)

    def end(self) -> None:
        """Do nothing more: the incarnation is over."""
        self._is_over = True

    def note(self, batch: EventBatch, duties: Sequence[Duty], cause: Cause) -> None:
        """Put what a command has cleared and set into the batch."""
        if cause.clears is not None:
            self.kept.take((cause.clears,))
            batch.add_duties((cause.clears,))
        batch.add_duties(self.kept.rows_of(duties, self._context.clock.time()))
        if cause.delivery is not None:
            self.kept.receive((cause.delivery,))
            batch.received[cause.delivery[0]] = cause.delivery[1]

    def stored(self, keys: Iterable[str]) -> None:
        """What is owed under these keys has changed on disk, so it has not failed yet: see to it."""
        for key in keys:
            self._failures.pop((self._stream, key), None)
        self._see_to(keys)

    def _see_to(self, keys: Iterable[str]) -> None:
        receivers: dict[str, None] = {}
        for key in keys:
            row = self.kept.owed.get(key)
            if row is None:
                self._context.cancel_timer((_TIMER, key))
            elif row[3] is None:
                self._remind(row)
            else:
                receiver = address_in(row).name
                heapq.heappush(self._unsent.setdefault(receiver, []), (number_in(key), key))
                receivers[receiver] = None
        for receiver in receivers:
            self._send(receiver)
        directory = directory_of(self._context.system.extensions)
        if directory is not None:
            directory.owes(self._name, self.kept.next_due())

    # Reminders

    def _remind(self, row: DutyRow) -> None:
        key, due, _, _ = row
        left_s = max(0.0, due - self._context.clock.time())
        failures = self._failures.get((self._stream, key), 0)
        self._wait(max(left_s, retry_delay_s(failures)), Due(key, due))

    def due(self, message: Due) -> Any:
        """Handle a reminder, or send a delivery again."""
        row = self.kept.owed.get(message.key)
        if row is None or row[1] != message.due:
            return None
        key, due, frame, target = row
        if target is not None:
            self._send(address_in(row).name)
            return None
        now = self._context.clock.time()
        if due > now:  # the clock was set back
            self._remind(row)
            return None
        failures = self._failed(key)
        self._wait(retry_delay_s(failures), message)  # for the case that this fails
        try:
            repeated = self._read(frame or b"")
            told = self._read(repeated.frame) if type(repeated) is Repeated else repeated
        except UnhandledMessage as error:
            log = self._context.log.warning if failures == 1 else self._context.log.info
            log("a reminder cannot be read, and is tried again", key=key, error=str(error))
            return None
        if type(repeated) is not Repeated:
            return self._handler.handle(told, Cause(clears=cleared(key)))
        first = first_not_missed(repeated, due, now) if failures == 1 else due
        if first != due:
            skipped = (key, first, frame, None)
            self.kept.take((skipped,))
            self._handler.add((skipped,))
            return None
        again = (key, next_due(repeated, due, now), frame, None)
        return self._handler.handle(told, Cause(clears=again))

    def delivered(self, message: Delivered) -> Any:
        """Handle a delivery, once."""
        if message.number <= self.kept.seen.get(message.sender, 0):
            return self._handler.confirm()
        return self._handler.handle(self._read(message.frame), Cause(delivery=(message.sender, message.number)))

    def _read(self, frame: bytes) -> Any:
        try:
            with opening_pickles(self._refusal is None):
                return decode(frame)
        except CodecError as error:  # of a message type that is no more: it stays owed
            raise UnhandledMessage(f"{self._name} cannot read a message that is owed: {error}") from error

    # Deliveries

    def _send(self, receiver: str) -> None:
        """Send the first delivery to a receiver, unless one is on its way."""
        if receiver in self._sending or self._is_over:
            return
        row = self._first_unsent(receiver)
        if row is None:
            return
        directory = directory_of(self._context.system.extensions)
        where, refusal = address_in(row).where, self._refusal
        ref = None if directory is None else directory.ref_of(address_in(row), may_import=refusal is None)
        if ref is None:
            lost = CuebookError(f"its class {where} is not to be found")
            self._undelivered(row, lost if refusal is None else refusal(where))
            return
        self._sending.add(receiver)
        message = Delivered(self._sender, number_in(row[0]), row[2] or b"")
        post(ref, message, lambda _, error: self._answered(row, error), timeout_s=CONFIRM_S)

    def _first_unsent(self, receiver: str) -> DutyRow | None:
        unsent = self._unsent.get(receiver, [])
        while unsent:
            row = self.kept.owed.get(unsent[0][1])
            if row is not None:
                return row
            heapq.heappop(unsent)
        self._unsent.pop(receiver, None)
        return None

    def _answered(self, row: DutyRow, error: CuebookError | None) -> None:
        receiver = address_in(row).name
        self._sending.discard(receiver)
        if self._is_over:
            return
        if error is not None and not isinstance(error, Rejected):
            self._undelivered(row, error)
            return
        if error is not None:
            self._context.log.warning("delivery rejected", receiver=receiver, reason=str(error))
        done = cleared(row[0])
        self.kept.take((done,))
        self._handler.add((done,))
        self._send(receiver)

    def _undelivered(self, row: DutyRow, error: CuebookError) -> None:
        key, due, _, _ = row
        failures = self._failed(key)
        delay_s = retry_delay_s(failures)
        log = self._context.log.info if failures < 3 else self._context.log.warning
        log("delivery is sent again", receiver=address_in(row).name, failures=failures, in_s=delay_s, error=str(error))
        self._wait(delay_s, Due(key, due))

    def _failed(self, key: str) -> int:
        """One failure more, unless it turns out well: how many in a row."""
        failures = self._failures.get((self._stream, key), 0) + 1
        self._failures[self._stream, key] = failures
        return failures

    def _wait(self, delay_s: float, message: Due) -> None:
        self._context.after(delay_s, message, key=(_TIMER, message.key))
