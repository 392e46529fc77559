"""The class that users derive from. Knows no mailbox and no loop."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar, NoReturn

from cuebook.errors import UnhandledMessage
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.handlers import check_taken, handlers_of, is_rebuilt, names_around
from cuebook.runtime.refs.typed import Accepts, M_contra

__all__ = ["Actor", "Context", "Delivery"]


class Actor(Accepts[M_contra]):
    """State of its own, and one message at a time.

    An object of this class is one incarnation. After a failure a new one is made by the factory, with the
    mailbox of the old one, without the message that failed. Each incarnation ends with `on_stop` or with
    `on_failure`.

    Attributes:
        context: set before `on_start`.

    `class Counter(Actor[Add | Get])` says which messages others may send: a type checker finds every other one
    (`ActorRef[Counter]`), and a class whose handlers are found by annotation needs one for each. What it sends
    itself, and what the runtime tells it, need not be named.

    A class may define `receive_many(self, deliveries)` (sync or async) in place of `receive`: it gets all
    that waits, as a list of Delivery, at most 256, to commit as a group; each delivery is answered by its
    `reply` or `fail`, now or later.
    """

    context: Context
    _handlers: ClassVar[dict[type, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.receive is Actor.receive and not is_rebuilt(cls):
            cls._handlers = handlers_of(cls, names_around(1))
            if not hasattr(cls, "receive_many"):
                check_taken(cls, cls._handlers, Actor)
        elif not is_rebuilt(cls):
            with suppress(TypeError):  # what is called on_... need be no handler there
                cls._handlers = handlers_of(cls, names_around(1))

    async def on_start(self) -> None:
        """Before the first message. Raising is a failure of this incarnation."""

    async def on_stop(self) -> None:
        """After the last message of an orderly end, children gone. Raising is logged."""

    async def on_failure(self, error: BaseException) -> None:
        """After this incarnation failed with `error`, in `on_start` too; children gone. Raising is logged."""

    def receive(self, message: M_contra) -> Any:
        """Handle one message; plain or `async def`.

        One that awaits something runs in a task, which costs ten times as much as one that does not, plain or
        async: that one runs where the message is received. `asyncio.current_task()` is a task that has ended in it.

        Where a class does not define it, the method called `on_...` whose parameter is annotated with the
        message's type handles it: `def on_put(self, message: Put)`, also `Put | Take`, also `async def`.

        Returns:
            The answer to an ask: a message, or whatever one may hold. (For a plain handler: or an awaitable of it.)

        Raises:
            Exception: fails the incarnation; whoever asked gets ActorFailed.
            UnhandledMessage: there is no handler for it; the actor goes on.
        """
        name = self._handlers.get(type(message))
        if name is None:
            self.unhandled(message)
        return getattr(self, name)(message)

    def unhandled(self, message: object) -> NoReturn:
        """Say that there is no handler for this message, from within `receive`.

        Raises:
            UnhandledMessage: for whoever asked; the actor goes on, and the message is a dead letter.
        """
        name = self.context.self_ref.name
        kind = type(message).__qualname__
        raise UnhandledMessage(f"{name} ({type(self).__qualname__}) has no handler for {kind}", target=name)
