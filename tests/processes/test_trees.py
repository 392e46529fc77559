"""The tree of a runtime has the actors that live below its own in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from cuebook import Actor, ActorRef, Message, Runtime, message
from cuebook.errors import MalformedMessage
from cuebook.processes.branches import Branches, nodes_of
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from tests.processes.dying import eventually, living

pytestmark = pytest.mark.quick


@message
class Bear(Message[list[ActorRef]]):
    names: list[str]


@message
class Count(Message[int]):
    pass


class Parent(Actor):
    def __init__(self) -> None:
        self.count = 0

    def on_bear(self, m: Bear) -> list[ActorRef]:
        return [self.context.spawn(Parent, name=name) for name in m.names]

    def on_count(self, m: Count) -> int:
        self.count += 1
        return self.count


def names(node: TreeNode) -> dict[str, Any]:
    return {child.name: names(child) for child in node.children if child.name != "supervisor"}


def found(node: TreeNode, name: str) -> Iterator[TreeNode]:
    for child in node.children:
        if child.name == name:
            yield child
        yield from found(child, name)


def test_children_there_and_theirs_are_in_the_tree_as_soon_as_anyone_hears_of_them() -> None:
    async def test(runtime: Runtime) -> None:
        shared = runtime.process("shared")
        one = await runtime.spawn(Parent, name="one", where=shared)
        two = await runtime.spawn(Parent, name="two", where=shared)
        a, _ = await one.ask(Bear(["a", "b"]))
        assert names(runtime.tree()) == {"one": {"a": {}, "b": {}}, "two": {}}
        deep, *_ = await a.ask(Bear(["deep"]))
        await two.ask(Bear(["c"]))
        await eventually(lambda: names(runtime.tree()) == {"one": {"a": {"deep": {}}, "b": {}}, "two": {"c": {}}})
        assert "deep (Parent) running depth=0/1024" in str(runtime.tree())
        for _ in range(7):
            await deep.ask(Count())
        node = await counted(runtime, "deep", 7)
        assert node.statistics.kind == "Parent" and node.statistics.capacity == 1024
        await a.stop()
        await eventually(lambda: names(runtime.tree()) == {"one": {"b": {}}, "two": {"c": {}}})
        await two.stop()
        await eventually(lambda: names(runtime.tree()) == {"one": {"b": {}}})
        shared.kill()
        await eventually(lambda: names(runtime.tree()) == {"one": {}})

    living(test)


async def counted(runtime: Runtime, name: str, processed: int) -> Any:
    async with asyncio.timeout(20):
        while True:
            for node in found(runtime.tree(), name):
                assert node.statistics is not None
                if node.statistics.processed == processed:
                    return node
            await asyncio.sleep(0.01)


def node(name: str, *children: TreeNode, processed: int = 0) -> TreeNode:
    counts = ActorStatistics(ActorState.RUNNING, 0, 0, 8, 0, processed, 0, 0, 0, 0, 0.5, kind="Parent")
    return TreeNode(name, counts, children)


class Peopled:
    def __init__(self) -> None:
        self.serial = 4
        self.children: dict[str, Any] = {}

    def tree(self) -> TreeNode:
        return node("top", *self.children.values())


def test_the_owner_is_told_of_what_has_changed_alone_and_of_counts_after_a_pause() -> None:
    actor, told, timers = Peopled(), [], []
    branches = Branches(lambda: [actor], told.append, lambda delay, what: timers.append(what))
    assert not branches.is_any
    actor.children["a"] = node("a", node("b"))
    branches.changed()
    branches.step()
    (first,) = told
    assert (first.actor, nodes_of(first.nodes)) == (4, (node("a", node("b")),))
    branches.step()
    branches.step()
    assert (len(told), len(timers)) == (1, 1)
    timers.pop()()  # nothing has changed
    assert len(told) == 1
    actor.children["a"] = node("a", processed=3)
    branches.step()
    assert len(told) == 1
    timers.pop()()
    assert nodes_of(told[1].nodes) == (node("a", processed=3),)
    actor.children.clear()
    branches.changed()
    branches._not_before = 0.0
    branches.step()
    assert (told[2].nodes, branches.is_any, timers) == ([], False, [])


@pytest.mark.parametrize(
    "branch",
    [7, [7], [["a", []]], [["a", [], []]], [["a", ["running"], []]], [[1, [], []]], [["a", None, []]]],
)
def test_what_is_no_branch_is_refused(branch: Any) -> None:
    with pytest.raises(MalformedMessage):
        nodes_of(branch)


def test_a_state_that_there_is_none_of_is_refused() -> None:
    counts = ["flying", 0, 0, 8, 0, 0, 0, 0, 0, 0, 0.5, 0, 0.0, "", "", 0, ""]
    with pytest.raises(MalformedMessage, match="no actor is 'flying'"):
        nodes_of([["a", counts, []]])
