"""Supervisors: actors that keep children running by a SupervisorSpec. Carries out what `strategy` decides.

Knows no mailbox.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, TypeVar, cast, overload

from cuebook.errors import ActorStopped, RestartLimitReached, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import (
    ChildSpec,
    ChildState,
    GiveUp,
    Leave,
    Replace,
    ShutDown,
    Strategy,
    SupervisorSpec,
    after_end,
    check_child,
    needs_siblings,
)
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import History, Restart
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.refs.target import Supervised
from cuebook.wire.message import message
from cuebook.wording import repr_of, text_of

__all__ = ["Group", "SupervisorRef"]

_C = TypeVar("_C", bound=Actor)


@message(by_reference=True)
class _Ended:
    id: str
    ref: ActorRef
    restarts: int
    reason: Exit
    error: Any
    is_final: bool


@message(by_reference=True)
class _StartPending:
    pass


@message(by_reference=True)
class _StartChild:
    spec: ChildSpec


@message(by_reference=True)
class _StopChild:
    id: str
    forgets: bool


@message(by_reference=True)
class _RestartChild:
    id: str


@message(by_reference=True)
class _List:
    pass


@message(by_reference=True)
class _Refusal:
    text: str
    cause: Any


class _ChildSlot:
    """One child of a supervisor: its spec, its ref while it lives, and whether its last start failed."""

    __slots__ = ("does_not_start", "is_running", "ref", "spec")

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.ref: ActorRef | None = None
        self.is_running = False
        self.does_not_start = False

    def seen(self, *, is_awaited: bool) -> ChildState:
        """As decisions see it."""
        spec = self.spec
        return ChildState(spec.id, Restart(spec.restart), spec.significant, self.is_running, is_awaited)


class Group(Actor):
    """A supervisor: starts its children in order, each after the one before has started, and keeps them running.

    Parameters:
        spec: what it keeps.
    """

    def __init__(self, spec: SupervisorSpec) -> None:
        self.spec = spec
        self.kept: dict[str, _ChildSlot] = {}
        self.history = History()
        self._pending: dict[str, None] = {}

    async def on_start(self) -> None:
        """Start all children. One that does not start fails the supervisor."""
        for spec in self.spec.children:
            error = await self._start(spec)
            if error is not None:
                raise SupervisionError(f"child {spec.id!r} did not start: {text_of(error)}") from error

    async def receive(self, message: Any) -> Any:
        """Carry out one request, or what follows the end of a child."""
        try:
            return await self._carry_out(message)
        except _Refused as refused:
            return _Refusal(str(refused), refused.__cause__)

    async def _carry_out(self, message: Any) -> Any:
        match message:
            case _Ended():
                await self._on_ended(message)
            case _StartPending():
                pending, self._pending = self._pending, {}
                await self._begin_all([child for child in self.kept if child in pending])
            case _StartChild(spec):
                return await self._start_child(spec)
            case _StopChild(child, forgets):
                return await self._stop_child(child, forgets=forgets)
            case _RestartChild(child):
                return await self._restart_child(child)
            case _List():
                return [[kept.spec.id, kept.is_running] for kept in self.kept.values()]
            case _:
                self.unhandled(message)
        return None

    # What follows an end

    async def _on_ended(self, ended: _Ended) -> None:
        kept = self.kept.get(ended.id)
        if kept is None or kept.ref is not ended.ref or not kept.is_running:
            return  # it was stopped on purpose
        if _target(ended.ref).restarts != ended.restarts and not ended.is_final:
            return  # an earlier incarnation
        kept.is_running = False
        concerned = self.kept.values() if needs_siblings(self.spec, kept.spec) else [kept]
        children = [one.seen(is_awaited=one.spec.id in self._pending) for one in concerned]
        now = self.context.clock.monotonic()
        plan, self.history = after_end(
            self.spec,
            children,
            ended.id,
            ended.reason,
            history=self.history,
            now=now,
            draw=random.random(),
            is_final=ended.is_final,
        )
        match plan:
            case Leave(forgets):
                await self._let_go(kept, forgets=forgets)
            case ShutDown():
                self.context.stop_self()
            case GiveUp():
                limit = self.spec.intensity
                name = self.context.self_ref.name
                raise RestartLimitReached(
                    f"the children of {name} needed more than {limit.restarts_max} restarts within "
                    f"{limit.within_s:g} s, the last one {ended.id!r} after {repr_of(ended.error)}"
                ) from ended.error
            case Replace():
                await self._stop_all(plan)
                # What fails to start, over and over, lets requests in between.
                await self._start_later(plan, is_at_once=plan.delay_s <= 0 and not kept.does_not_start)

    async def _stop_all(self, plan: Replace) -> None:
        for child in plan.stops:
            await self._retire(self.kept[child])
        for child in plan.forgets:
            await self._let_go(self.kept[child], forgets=True)

    async def _start_later(self, plan: Replace, *, is_at_once: bool) -> None:
        if is_at_once and not self._pending:
            await self._begin_all(plan.starts)
            return
        # Plans whose time has not come become one, so that children start in their order.
        self._pending.update(dict.fromkeys(plan.starts))
        self.context.after(plan.delay_s, _StartPending(), "start")

    async def _begin_all(self, children: Iterable[str]) -> None:
        for child in children:
            kept = self.kept.get(child)
            if kept is None or kept.is_running or await self._begin(kept) is None:
                continue
            if self.spec.strategy is not Strategy.ONE_FOR_ONE and kept.ref is not None and kept.ref.is_alive:
                return  # its end is on its way to us, and decides on the rest

    # Single children

    async def _start(self, spec: ChildSpec) -> BaseException | None:
        kept = self.kept[spec.id] = _ChildSlot(spec)
        return await self._begin(kept)

    async def _begin(self, kept: _ChildSlot) -> BaseException | None:
        """Start a child, or its next incarnation; what it failed to start with."""
        kept.is_running = True
        if kept.ref is not None and kept.ref.is_alive:
            _target(kept.ref).begin_again()
        else:
            kept.ref = self._spawn(kept.spec)
        target = _target(kept.ref)
        await target.wait_until_settled()
        kept.does_not_start = target.state is not ActorState.RUNNING
        if not kept.does_not_start:
            return None
        error = target.cause()
        return error if error is not None else ActorStopped(f"{kept.ref.name} has stopped")

    def _spawn(self, spec: ChildSpec) -> ActorRef:
        me = self.context.self_ref
        factory = spec.factory
        if isinstance(factory, SupervisorSpec):
            below = factory

            def factory() -> Group:
                return Group(below)

        def ended(ref: ActorRef, reason: Exit, error: BaseException | None) -> None:
            _report(me, _Ended(spec.id, ref, _target(ref).restarts, reason, error, is_final=False))

        def terminated(ref: ActorRef, error: BaseException | None) -> None:
            reason, _ = _target(ref).ended
            _report(me, _Ended(spec.id, ref, _target(ref).restarts, reason, error, is_final=True))

        return self.context.spawn(
            factory,
            name=f"{me.name}/{spec.id}",
            mailbox=spec.mailbox,
            shutdown_s=spec.shutdown_s,
            start_s=spec.start_s,
            directives=spec.directives,
            attempts=spec.attempts,
            restart=spec.restart,
            on_ended=ended,
            on_terminated=terminated,
        )

    async def _retire(self, kept: _ChildSlot) -> None:
        """End the incarnation of a child, its mailbox kept; within its shutdown_s."""
        kept.is_running = False
        if kept.ref is not None and kept.ref.is_alive:
            await _target(kept.ref).retire(kept.spec.shutdown_s)

    async def _let_go(self, kept: _ChildSlot, *, forgets: bool) -> None:
        """Nothing of the child is left but, unless it is forgotten, its spec."""
        kept.is_running = False
        self._pending.pop(kept.spec.id, None)
        if forgets:
            self.kept.pop(kept.spec.id, None)
        ref, kept.ref = kept.ref, None
        if ref is not None and not _target(ref).finish():
            await ref.stop(kept.spec.shutdown_s, drain=False)

    # Requests

    async def _start_child(self, spec: ChildSpec) -> ActorRef:
        try:
            check_child(spec, self.spec)
        except (TypeError, ValueError) as wrong:
            raise _Refused(str(wrong)) from wrong
        if spec.id in self.kept:
            raise _Refused(f"a child {spec.id!r} is there already")
        error = await self._start(spec)
        if error is not None:
            await self._let_go(self.kept[spec.id], forgets=True)
            raise _Refused(f"child {spec.id!r} did not start: {text_of(error)}") from error
        return self._ref_of(self.kept[spec.id])

    async def _stop_child(self, child: str, *, forgets: bool) -> None:
        await self._let_go(self._known(child), forgets=forgets)

    async def _restart_child(self, child: str) -> ActorRef:
        kept = self._known(child)
        if kept.is_running:
            await self._retire(kept)
        self._pending.pop(child, None)
        error = await self._begin(kept)
        if error is not None:
            await self._let_go(kept, forgets=False)  # whoever asked decides what comes next
            raise _Refused(f"child {child!r} did not start: {text_of(error)}") from error
        return self._ref_of(kept)

    def _ref_of(self, kept: _ChildSlot) -> ActorRef:
        assert kept.ref is not None
        return kept.ref

    def _known(self, child: str) -> _ChildSlot:
        kept = self.kept.get(child)
        if kept is None:
            raise _Refused(f"there is no child {child!r}; there are: {', '.join(self.kept) or 'none'}")
        return kept


class _Refused(Exception):
    """The supervisor does not do what it was asked to, and goes on."""


def _target(ref: ActorRef) -> Supervised:
    """The child of this ref: supervisors start none that lives in another system."""
    return cast("Supervised", target_of(ref))


def _report(supervisor: ActorRef, ended: _Ended) -> None:
    _target(supervisor).report(ended)


class SupervisorRef:
    """A supervisor from outside: its children by id. All requests wait until they are carried out.

    Attributes:
        ref: the supervisor as an actor.
    """

    __slots__ = ("_system", "ref")

    def __init__(self, ref: ActorRef, system: Any) -> None:
        self.ref = ref
        self._system = system

    @overload
    def child(self, child: str) -> ActorRef: ...
    @overload
    def child(self, child: str, kind: type[_C]) -> ActorRef[_C]: ...
    def child(self, child: str, kind: type[Any] = Actor) -> ActorRef[Any]:
        """The ref of a living child.

        Parameters:
            kind: its class, for a type checker; nothing at run time.

        Raises:
            KeyError: there is none.
        """
        del kind
        found: ActorRef = self._system.actor(f"{self.ref.name}/{child}")
        return found

    async def children(self) -> dict[str, bool]:
        """The ids in the order of their start, and whether each runs."""
        return dict(await self._ask(_List()))

    async def start_child(self, spec: ChildSpec) -> ActorRef:
        """Add a child at the end, and start it.

        Raises:
            SupervisionError: its spec makes no sense (the cause says why), its id is taken, or it did not
                start: it is not there then.
        """
        started: ActorRef = await self._ask(_StartChild(spec))
        return started

    async def stop_child(self, child: str) -> None:
        """Stop a child; its spec is kept, for `restart_child`. Raises SupervisionError: there is none."""
        await self._ask(_StopChild(child, forgets=False))

    async def delete_child(self, child: str) -> None:
        """Stop a child and forget it. Raises SupervisionError: there is none."""
        await self._ask(_StopChild(child, forgets=True))

    async def restart_child(self, child: str) -> ActorRef:
        """Start a child that stopped, or begin it anew. Raises SupervisionError: none, or it did not start."""
        started: ActorRef = await self._ask(_RestartChild(child))
        return started

    async def stop(self, timeout: float = 5.0) -> bool:
        """Stop the supervisor with all of its children, the youngest first."""
        return await self.ref.stop(timeout)

    async def _ask(self, request: object) -> Any:
        answer = await self.ref.ask(request, timeout=None)
        if type(answer) is _Refusal:
            raise SupervisionError(f"{self.ref.name}: {answer.text}") from answer.cause
        return answer
