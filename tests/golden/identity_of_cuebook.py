"""Functions of a program that uses names of cuebook: where those names live inside of it must not count."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, field

import cuebook
from cuebook import (
    Actor,
    ActorOptions,
    Backoff,
    CallFailed,
    Checkpoint,
    Chunker,
    CuebookError,
    Done,
    Effect,
    MailboxSpec,
    Message,
    Overflow,
    PersistentActor,
    Progress,
    Restart,
    Runtime,
    SnapshotPolicy,
    Strategy,
    Worker,
    chunk,
    current_call,
    last_checkpoint,
    make_checkpoint,
    message,
    persist,
)

BACKOFF = Backoff()
ERRORS = (CallFailed, cuebook.WorkerDied)
TABLE = {"worker": Worker, "run": chunk}


def calls_current_call(x):
    return current_call().seed + x


def calls_it_through_the_package(x):
    return cuebook.current_call().index + x


def imports_it_inside(x):
    from cuebook import current_call as call

    return call().attempt + x


def imports_the_package_inside(x):
    import cuebook as book

    return book.current_call().worker + x


def makes_checkpoints(x):
    state = last_checkpoint() or 0
    for step in range(state, x):
        make_checkpoint(step)
    return state


async def awaits_checkpoints(x):
    await make_checkpoint(x)
    await asyncio.sleep(0)
    return x


def runs_chunk_inside(x):
    return chunk(calls_current_call, [[x]])


def has_a_class_as_default(x, kind=Worker):
    return kind, x


def has_a_function_as_default(x, call=current_call):
    return call().seed + x


def has_a_backoff_as_default(x, backoff=Backoff()):
    return backoff, x


def has_a_strategy_as_default(x, strategy=Strategy.ONE_FOR_ONE, restart=Restart.TRANSIENT):
    return strategy, restart, x


def has_options_as_default(x, options=ActorOptions()):
    return options, x


def has_a_mailbox_as_default(x, mailbox=MailboxSpec(overflow=Overflow.WAIT)):
    return mailbox, x


def has_a_policy_as_default(x, *, policy=SnapshotPolicy()):
    return policy, x


def catches_an_error(x):
    try:
        return 1 / x
    except CuebookError as error:
        return str(error)


def catches_errors_of_a_tuple(x):
    try:
        return 1 / x
    except ERRORS:
        return None


def reads_a_global_object(x):
    return BACKOFF, x


def reads_a_table(x):
    return TABLE["worker"], x


def annotates(x: Checkpoint, y: Done | None = None) -> Progress:
    return x, y


def decorated(function):
    @functools.wraps(function)
    def around(*args):
        return function(*args), current_call().index

    return around


@decorated
def is_decorated(x):
    return x + 1


class Model(Worker):
    """A worker of the user's own."""

    scale = 2

    def setup(self):
        self.offset = current_call

    def run(self, func, *args):
        return func(*args) * self.scale


@message
class Deposit(Message[int]):
    amount: int


@dataclass(frozen=True)
class Settings:
    backoff: Backoff = field(default_factory=Backoff)
    restart: Restart = Restart.PERMANENT


class Counter(Actor):
    def on_deposit(self, command: Deposit):
        return command.amount


class Account(PersistentActor[int]):
    def initial_state(self):
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(command).reply(lambda balance: balance)


def uses_a_worker_class(x):
    return Model().scale * x


def uses_a_message(x):
    return Deposit(x)


def uses_an_actor(x):
    return Counter, x


def uses_a_durable_actor(x):
    return Account, x


def uses_settings(x, settings=Settings()):
    return settings.restart, x


async def opens_a_runtime(x):
    async with Runtime() as runtime:
        return await runtime.chunk(calls_current_call, [[x]])


def opens_a_chunker(x):
    with Chunker(2) as chunker:
        return chunker(calls_current_call, [[x]])


def made(call):
    def bound(x):
        return call().seed, x

    return bound


has_it_in_a_closure = made(current_call)
has_it_in_a_partial = functools.partial(has_a_class_as_default, kind=Model)

FUNCTIONS = [
    calls_current_call, calls_it_through_the_package, imports_it_inside, imports_the_package_inside,
    makes_checkpoints, awaits_checkpoints, runs_chunk_inside, has_a_class_as_default, has_a_function_as_default,
    has_a_backoff_as_default, has_a_strategy_as_default, has_options_as_default, has_a_mailbox_as_default,
    has_a_policy_as_default, catches_an_error, catches_errors_of_a_tuple, reads_a_global_object, reads_a_table,
    annotates, is_decorated, Model, uses_a_worker_class, uses_a_message, uses_an_actor, uses_a_durable_actor,
    uses_settings, opens_a_runtime, opens_a_chunker, has_it_in_a_closure, has_it_in_a_partial,
]  # fmt: skip
