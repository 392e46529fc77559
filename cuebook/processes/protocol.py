"""What a process of actors and its owner say to each other. Knows no socket and no actor.

`Deliver`, `Settled`, `Forward` and `Answered` carry the traffic: they are packed and opened as plain lists, many
messages at a time. What an actor receives stays opaque bytes here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cuebook.errors import MalformedMessage
from cuebook.wire.codec import new_packer, pack, unpack
from cuebook.wire.message import decode, encode, message

__all__ = [
    "ANSWERED",
    "DELIVER",
    "FORWARD",
    "SETTLED",
    "VERSION",
    "Admit",
    "Asked",
    "Begin",
    "Below",
    "Buried",
    "Ended",
    "Expel",
    "GaveUp",
    "HeldUp",
    "Hello",
    "Kill",
    "MayWait",
    "Observe",
    "Order",
    "QuitProcess",
    "Retire",
    "Signal",
    "Started",
    "StoppedForGood",
    "Teach",
    "TraceActor",
    "Traced",
    "Verb",
    "WaitVerdict",
    "WaitsNoMore",
    "Welcome",
    "Worked",
    "open_frame",
    "pack_order",
    "pack_traffic",
]

VERSION = 4
"""Of all that follows: both ends have the same, or the process is ended."""

DELIVER, SETTLED, FORWARD, ANSWERED = 100, 101, 102, 103
_LARGE_BYTES = 1024 * 1024

_FIELDS: dict[int, tuple[type | tuple[type, ...], ...]] = {
    # actor, incarnation, number of the first message, frames, which are asks (None: none, True: all), senders, traces
    DELIVER: (int, int, int, list, (list, bool, type(None)), (list, type(None)), (list, type(None))),
    # actor, number of the last message that was begun, busy seconds, answers (flat: number, form, value)
    SETTLED: (int, int, float, list),
    # number, address, frame, whether it is an ask, whether it is urgent, address of the sender, who waits for it, trace
    FORWARD: (int, bytes, bytes, bool, bool, (bytes, type(None)), (list, type(None)), (str, type(None))),
    # numbers of messages that were posted, answers (flat: number, form, value)
    ANSWERED: (list, list),
}
"""Kind of traffic to the types of its fields."""


@message(tag=104)
class Hello:
    """The first frame of a child. `home`: id of the actor system in it."""

    version: int
    pid: int
    home: bytes


@message(tag=105)
class Welcome:
    """The first frame to a child. `home`: id of the owner's actor system; `options`: the owner's surroundings."""

    version: int
    home: bytes
    options: dict[str, Any]


@message(tag=106)
class Admit:
    """Make room for an actor, known by its number in the owner's system.

    Attributes:
        slot: its place in the shared page, 0: none. parcel: the class, its arguments, its message types.
        options: mailbox bounds, restart, attempts: plain data.
    """

    actor: int
    name: str
    slot: int
    parcel: bytes
    options: dict[str, Any]


@message(tag=107)
class Begin:
    """Start the actor's next incarnation."""

    actor: int
    incarnation: int


@message(tag=108)
class Started:
    """The incarnation has started."""

    actor: int
    incarnation: int


@message(tag=109)
class Ended:
    """The incarnation has ended; what it had not begun is the owner's again.

    Attributes:
        is_failure: it failed with `error` (as `outcomes.pack_error` has it); else it stopped itself.
        is_escaped: its own code let that error escape; else the runtime ended it.
        culprit: number of the message that it had in hand, 0: none.
    """

    actor: int
    incarnation: int
    is_failure: bool
    is_escaped: bool
    error: Any
    culprit: int


@message(tag=110)
class Expel:
    """Stop the actor for good, within this time."""

    actor: int
    timeout: float
    drain: bool


@message(tag=111)
class StoppedForGood:
    """The actor has stopped for good. `was_drained`: everything that was queued had been handled."""

    actor: int
    was_drained: bool


@message(tag=112)
class Kill:
    """End the incarnation as a failure, in the middle of its handler."""

    actor: int
    error: Any


@message(tag=113)
class Retire:
    """End the incarnation in good order."""

    actor: int


@message(tag=114)
class Asked:
    """The actor asks its owner to stop it: by `stop_self` (timeout None) or by `ref.stop()` in its process."""

    actor: int
    timeout: float | None
    drain: bool


@message(tag=115)
class Buried:
    """A message went nowhere in the child."""

    frame: bytes
    target: str
    sender: str | None
    reason: str
    traceback: str


@message(tag=116)
class Teach:
    """A message type that the child will need: to be imported, or whole; with tag 0 another class, whole. `name`: for
    people.
    """

    tag: int
    module: str
    name: str
    parcel: bytes | None


@message(tag=117)
class Observe:
    """Say what becomes of the actor at this address."""

    address: bytes


@message(tag=118)
class Signal:
    """What became of an observed actor: `down` (with its reason), `restarted` (with the count) or `failed`."""

    address: bytes
    kind: str
    reason: str
    count: int
    error: Any


@message(tag=119)
class Verb:
    """What a ref asks of its actor beside messages: `stop`, `kill`, `unpark`."""

    address: bytes
    verb: str
    timeout: float
    drain: bool
    error: Any


@message(tag=120)
class QuitProcess:
    """Stop all actors within this time, then exit."""

    timeout: float


@message(tag=121)
class GaveUp:
    """Nobody waits any more for the answer to the forwarded ask of this number."""

    number: int


@message(tag=122)
class HeldUp:
    """A handler holds up the child's loop, or has held it up: the fields of a Blockage."""

    actor: str
    message: str
    seconds: float
    stack: str
    at: float


@message(tag=123)
class TraceActor:
    """Say what the actor does, or say it no more."""

    actor: int
    on: bool


@message(tag=124)
class Traced:
    """What a traced actor has done: the fields of a TraceEvent."""

    at: float
    actor: str
    kind: str
    frame: bytes
    peer: str | None
    seconds: float
    error: Any
    trace_id: str
    count: int


@message(tag=125)
class Below:
    """What lives below an actor of the owner's: `branches.nodes_of` reads it."""

    actor: int
    nodes: list[Any]


@message(tag=126)
class Worked:
    """What a handler has done, for whoever looks at all messages: the fields of a WorkElsewhere."""

    actor: str
    kind: str
    message: str
    count: int
    began: float
    seconds: float
    waited_s: float
    mark: str
    parent: str | None
    error: Any


@message(tag=127)
class MayWait:
    """Somebody in the child is about to wait for an actor that waits for the answers to these forwarded asks: those in
    `waiting`, as in `Forward`.
    """

    question: int
    asks: list[int]
    waiting: list[Any]


@message(tag=128)
class WaitVerdict:
    """Whether they may: with no names they may. Else the ask that would close a circle, and who is in it."""

    question: int
    ask: int
    names: list[str]


@message(tag=129)
class WaitsNoMore:
    """Those of this question wait no more."""

    question: int


Order = (
    Hello | Welcome | Admit | Begin | Started | Ended | Expel | StoppedForGood | Kill | Retire | Asked | Buried | Teach
    | Observe | Signal | Verb | QuitProcess | GaveUp
    | HeldUp | TraceActor | Traced | Below | Worked | MayWait | WaitVerdict | WaitsNoMore
)  # fmt: skip

_SEEN: set[tuple[int, tuple[type, ...]]] = set()
"""Kinds with types of their fields that passed the check: there are not many."""

_pack: Callable[[Any], bytes] = new_packer().pack


def pack_traffic(fields: list[Any], size: int) -> bytes:
    """The frame of some traffic; `size`: about how many bytes it has."""
    # A packer keeps its largest buffer for ever.
    return _pack(fields) if size < _LARGE_BYTES else pack(fields)


def pack_order(order: Order) -> bytes:
    """The frame of anything else."""
    return encode(order)


def open_frame(frame: bytes) -> Any:
    """The fields of some traffic as a list, its kind first; anything else as its message.

    Raises:
        MalformedMessage, UnknownMessage: it is neither; nothing in it was executed.
    """
    # A list of up to 15 items and a tag below 128 take a byte each.
    kind = frame[1] if len(frame) > 1 else 0
    expected = _FIELDS.get(kind)
    if expected is None:
        return decode(frame)
    fields = unpack(frame)
    if type(fields) is not list:
        raise MalformedMessage(f"{len(frame)} bytes of traffic of kind {kind} that are no list")
    shape = (kind, tuple(map(type, fields)))
    if shape not in _SEEN or fields[0] != kind:
        _check(kind, fields, expected)
        _SEEN.add(shape)
    return fields


def _check(kind: int, fields: list[Any], expected: tuple[type | tuple[type, ...], ...]) -> None:
    if len(fields) != len(expected) + 1 or fields[0] != kind:
        raise MalformedMessage(f"traffic of kind {kind} that has not its {len(expected) + 1} fields")
    for field, wanted in zip(fields[1:], expected, strict=True):
        if not isinstance(field, wanted):
            raise MalformedMessage(f"traffic of kind {kind} has a {type(field).__qualname__} where it has none")
