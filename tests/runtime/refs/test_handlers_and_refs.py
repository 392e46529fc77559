"""Handlers are found by annotation; refs travel inside messages and pickles and come out as themselves."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, MalformedMessage, UnhandledMessage
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.policy.restarts import Backoff
from cuebook.runtime.refs.ref import REF_CODE, ActorRef
from cuebook.runtime.refs.typed import Message
from cuebook.runtime.system import ActorSystem
from cuebook.wire.codec import ExtType, pack
from cuebook.wire.message import decode, encode, message
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually


@message(tag=60_301)
class Introduce(Message[str]):
    to: ActorRef
    others: list = ()
    maybe: ActorRef | None = None


class Shelf(Actor):
    def __init__(self) -> None:
        self.total = 0

    def on_add(self, message: Add) -> None:
        self.total += message.n

    async def on_question(self, message: Get | Echo) -> Any:
        await asyncio.sleep(0)
        return self.total if isinstance(message, Get) else message.value


class Bigger(Shelf):
    def on_add(self, message: Add) -> None:
        self.total += 100 * message.n

    def on_boom(self, message: Boom) -> str:
        return f"calm: {message.text}"

    def on_question_of_time(self, message: Pause) -> float:
        return message.seconds


@virtually
async def test_handlers_are_found_by_annotation_unions_async_and_inherited() -> None:
    async with ActorSystem() as system:
        shelf, bigger = system.spawn(Shelf, name="shelf"), system.spawn(Bigger, name="bigger")
        for ref in (shelf, bigger):
            ref.tell_nowait(Add(2))
        assert await shelf.ask(Get()) == 2
        assert await bigger.ask(Get()) == 200
        assert await bigger.ask(Echo([1])) == [1]
        assert await bigger.ask(Boom("x")) == "calm: x"
        assert await bigger.ask(Pause(3.5)) == 3.5
        with pytest.raises(UnhandledMessage, match=r"shelf \(Shelf\) has no handler for Boom"):
            await shelf.ask(Boom())
        assert shelf.statistics().restarts == 0


def test_a_subclass_takes_over_a_type_under_another_name() -> None:
    class Renamed(Shelf):
        def on_sum(self, message: Add) -> str:
            return "renamed"

    class Narrower(Shelf):
        def on_question(self, message: Get) -> str:
            return "narrower"

    assert Renamed._handlers[Add] == "on_sum"
    assert Echo not in Narrower._handlers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def on_a(self, m: Add): ...\n    def on_b(self, m: Add): ...", "has two handlers for Add: on_a and on_b"),
        ("def on_a(self, m: int): ...", "Odd.on_a handles <class 'int'>, which is no message type"),
        ("def on_a(self, m: Add | int): ...", "Odd.on_a handles <class 'int'>"),
        ("def on_a(self, m): ...", r"Odd.on_a is to say which message it handles: on_a\(self, m: SomeMessage\)"),
        ("def on_a(self): ...", "Odd.on_a is to take self and one message"),
        ("def on_a(self, m: Add, n: int = 0): ...", "Odd.on_a is to take self and one message"),
        ("def on_a(self, m: 'Missing'): ...", "the annotation of Odd.on_a names what is not there"),
    ],
)
def test_a_handler_that_makes_no_sense_is_an_error_where_the_class_is_made(body: str, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        exec(f"class Odd(Actor):\n    {body}", {"Actor": Actor, "Add": Add})


def test_a_class_with_a_receive_of_its_own_may_call_its_methods_as_it_likes() -> None:
    class Own(Actor):
        def receive(self, message: Any) -> Any:
            return self.on_anything(1, 2)

        def on_anything(self, a: int, b: int) -> int:
            return a + b


def test_messages_of_a_local_scope_may_be_handled() -> None:
    @message(by_reference=True)
    class Local:
        n: int

    class Here(Actor):
        def on_local(self, message: Local) -> int:
            return message.n

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            assert await system.spawn(Here, name="here").ask(Local(3)) == 3

    scene()


@virtually
async def test_signals_have_handlers_too() -> None:
    downs: list[Any] = []

    class Watches(Actor):
        def __init__(self, target: ActorRef) -> None:
            self.target = target

        async def on_start(self) -> None:
            self.context.watch(self.target)

        def on_down(self, message: Down) -> None:
            downs.append(message.ref)

    async with ActorSystem() as system:
        target = system.spawn(Counter, name="target")
        system.spawn(lambda: Watches(target), name="watches")
        await asyncio.sleep(0.1)
        await target.stop()
        await asyncio.sleep(0.1)
    assert downs == [target]


# Refs


class Meets(Actor):
    def on_introduce(self, message: Introduce) -> Any:
        return [message.to, *message.others, message.maybe]


@virtually
async def test_a_ref_inside_a_message_and_an_answer_is_itself() -> None:
    async with ActorSystem() as system:
        a, meets = system.spawn(Counter, name="a"), system.spawn(Meets, name="meets")
        got = await meets.ask(Introduce(a, [a, {"deep": meets}], None))
        assert got[0] is a
        assert got[1] is a
        assert got[2] == {"deep": meets}
        assert got[3] is None
        assert decode(encode(Introduce(a, (), a))).maybe is a


@virtually
async def test_a_pickled_ref_is_itself_across_restarts() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="a", backoff=Backoff(first_s=0.0))
        data = pickle.dumps(ref)
        with pytest.raises(ActorFailed):
            await ref.ask(Boom())
        assert pickle.loads(data) is ref
        assert await pickle.loads(data).ask(Get()) == 0


@virtually
async def test_the_ref_of_a_stopped_actor_does_not_reach_its_namesake() -> None:
    async with ActorSystem() as system:
        old = system.spawn(Counter, name="a")
        data, frame = pickle.dumps(old), encode(Introduce(old))
        await old.stop()
        system.spawn(Counter, name="a")
        for ref in (pickle.loads(data), decode(frame).to):
            assert not ref.is_alive
            assert repr(ref).startswith("<ActorRef a stopped")
            with pytest.raises(ActorStopped, match="a has stopped"):
                ref.tell_nowait(Add(1))
            with pytest.raises(ActorStopped):
                await ref.ask(Get())
            with pytest.raises(ActorStopped):
                await ref.tell(Get())
            assert await ref.stop()
            ref.kill()
            assert not ref.unpark()
            again = pickle.loads(pickle.dumps(ref))
            assert not again.is_alive


@virtually
async def test_a_ref_of_a_system_that_is_not_here_says_so() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Counter, name="a")
        data = pickle.dumps(ref).replace(system.id, bytes(16))
    with pytest.raises(ActorStopped, match="a lives in no actor system of this process"):
        await pickle.loads(data).ask(Get())


@virtually
async def test_refs_of_two_systems_with_the_same_names_are_two() -> None:
    async with ActorSystem() as one, ActorSystem() as two:
        refs = [system.spawn(Counter, name="a") for system in (one, two)]
        assert [decode(encode(Introduce(ref))).to for ref in refs] == refs
        await refs[0].tell(Introduce(refs[1]))


@virtually
async def test_who_is_gone_can_be_watched() -> None:
    downs: list[Any] = []

    class Watches(Actor):
        def on_introduce(self, message: Introduce) -> None:
            self.context.watch(message.to)

        def on_down(self, message: Down) -> None:
            downs.append(message.ref.name)

    async with ActorSystem() as system:
        gone = system.spawn(Counter, name="gone")
        frame = encode(Introduce(gone))
        await gone.stop()
        watches = system.spawn(Watches, name="watches")
        await watches.tell(decode(frame))
        await asyncio.sleep(0.1)
    assert downs == ["gone"]


@pytest.mark.parametrize("address", [b"", b"\xc1", pack([1, 2, 3]), pack([b"", "a"]), pack("a")])
def test_a_malformed_address_is_a_malformed_message(address: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(pack([60_301, ExtType(REF_CODE, address), [], None]))


def test_a_class_that_says_what_it_takes_has_a_handler_for_each() -> None:
    with pytest.raises(TypeError, match=r"takes Get and has no handler.*def on_get\(self, message: Get\)"):

        class Half(Actor[Add | Get]):
            def on_add(self, message: Add) -> None:
                pass

    class Whole(Actor[Add | Get]):
        def on_either(self, message: Add | Get | Down) -> None:
            pass

    class Matching(Actor[Add | Get]):
        def receive(self, message: Any) -> None:
            pass


@message(tag=60_302)
class Early:
    """Its field names a class that comes later."""

    of: ActorRef[Later]
    more: ActorRef[Actor[Add | Get]] | None = None


class Later(Actor):
    def on_early(self, message: Early) -> str:
        return message.of.name


@virtually
async def test_a_message_may_name_the_class_behind_a_ref_before_it_is_there() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Later, name="later")
        assert await ref.ask(Early(ref)) == "later"
        with pytest.raises(TypeError, match=r"Early\.of is ActorRef, not str"):
            await ref.ask(Early("later"))  # type: ignore[arg-type]


@pytest.mark.parametrize("hook", ["on_start", "on_stop", "on_failure"])
def test_a_hook_that_is_to_receive_a_message_is_refused_at_the_class_with_another_name(hook: str) -> None:
    """A message may be called Start; its handler may not."""

    def method(self: Any, error: Any, m: Add) -> None: ...

    def short(self: Any, m: Add) -> None: ...

    with pytest.raises(TypeError, match=rf"Odd\.{hook} is a hook, .* such as {hook}_message\(self, m"):
        type("Odd", (Actor,), {hook: method if hook == "on_failure" else short})
    type("Fine", (Actor,), {hook: lambda self, error=None, *more, **others: None})
