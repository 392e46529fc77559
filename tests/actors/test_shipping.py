"""Calls made into messages: no message is too large, whatever batch the user has fixed, and none is lost."""

from __future__ import annotations

import asyncio

import pytest

from cuebook.actors import shipping
from cuebook.actors.shipping import Shipment, make_shipment
from cuebook.engines.calls.protocol import calls_fields, calls_indexes
from cuebook.wire.codec import unpack
from tests.support.crew import crewed_run


@pytest.mark.parametrize("most", [1, 7, 16, 10_000])
def test_a_batch_with_too_many_bytes_goes_in_several_messages(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "MESSAGE_BYTES_MAX", most)

    async def main() -> None:
        run = crewed_run(calls=50)
        batch = run.take(50)
        assert batch is not None
        shipment = Shipment(run.slots[0], 0.0)
        assert make_shipment(run, batch, shipment, 50) == []
        found = [calls_fields(frame) for frame in shipment.frames]
        assert [index for fields in found if fields for index in calls_indexes(fields[1:])] == list(range(50))
        assert all(len(fields[-1]) <= most or fields[2] == 1 for fields in found if fields)
        assert [call for fields in found if fields for call in unpack(fields[-1])] == [[n] for n in range(50)]
        assert shipment.calls == run.slots[0].outstanding.calls == 50
        assert (len(found) > 1) == (most < 60)

    asyncio.run(main())
