"""Names come from users, too: what is shown of actors steers no terminal, and stays one line each."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.pool import Pool
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message
from cuebook.wording import in_one_line
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick

ODD = "Cart/\x1b[2J\n\u202eab"
SHOWN = r"Cart/\x1b[2J\n\u202eab"


@message
class Get:
    pass


class Names(Actor):
    def receive(self, message: Any) -> str:
        return str(self.context.self_ref.name)


@virtually
async def test_names_are_shown_as_escapes_and_are_what_they_were() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(Names, name=ODD)
        pool = Pool(system, Names, size=1, name=ODD + "p")
        ref.trace()
        events = system.traces()
        assert await ref.ask(Get()) == ODD
        event = str(await anext(events))
        for text in (repr(ref), repr(pool), str(system.tree()), system.dump(), event):
            assert SHOWN in text
            assert not {"\x1b", "\u202e"} & set(text)
        assert len(str(system.tree()).splitlines()) == 3


def test_what_can_be_printed_stays() -> None:
    assert in_one_line("Cart/\u00fc\u65e5 a") == "Cart/\u00fc\u65e5 a"
    assert in_one_line("\ud800\x07") == "\\ud800\\x07"
