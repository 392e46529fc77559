"""A program that is cancelled while warm workers wait: its runtime ends, and its workers with it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.chaos import Chaos
from cuebook.testing.simulation.life import Life
from cuebook.testing.simulation.plan import Scenario, drawn_calls
from cuebook.testing.simulation.witness import Witness
from cuebook.testing.virtual_time import run_virtual

CALM = Scenario(kills=0, failures=0, deaths=0, crashes=0, misfortune=0.0)


class Cancelled(Life):
    """Its run ends well, and then the program is cancelled."""

    async def _work(self, app: Any) -> bool:
        app.table.keeps_warm = True
        await super()._work(app)
        assert any(host.is_alive for host in self._hosts)
        raise asyncio.CancelledError


@pytest.mark.parametrize("seed", range(5))
def test_a_cancelled_application_ends_and_leaves_no_host(seed: int) -> None:
    witness = Witness(CALM, drawn_calls(CALM, random.Random(seed)))
    life = Cancelled(str(seed), CALM, witness, Chaos(seed, CALM.mischief, witness))

    with pytest.raises(asyncio.CancelledError):
        run_virtual(life.live(MemoryStore()), stall_s=0.5)

    assert [host.name for host in life._hosts if host.is_alive] == []
    assert witness.violations == []
