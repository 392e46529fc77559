"""The composition root: what its end waits for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cuebook.actors.application import Application


def test_the_end_waits_for_a_journal_that_is_being_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def main() -> None:
        begun, gate = asyncio.Event(), asyncio.Event()
        async with Application() as app:
            file, _ = await app.journal(str(tmp_path / "x.cue"))
            close = type(file).close

            async def slowly() -> None:
                begun.set()
                await gate.wait()
                await close(file)
                done.append("closed")

            monkeypatch.setattr(file, "close", slowly)
            releasing = asyncio.create_task(app.release(file))
            await begun.wait()
            asyncio.get_running_loop().call_later(0.02, gate.set)
        assert done == ["closed"]
        await releasing

    asyncio.run(main())
