"""The socket on which a program asks its runner for checkpoints. Knows no file and no journal.

It lies in a folder of its own that no other user can enter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cuebook.checkpoints.program import HEAD_BYTES_MAX
from cuebook.errors import CuebookError
from cuebook.temporary import owned_prefix

__all__ = ["CheckpointPort", "TriggerServer", "TriggerSocket"]

STATE_BYTES_MAX = 1 << 32
_FOLDER_BYTES_MAX = 85
"""The name of a socket has 103 bytes on macOS, and 107 on Linux; `mkdtemp` adds eight or nine, and `/s` is two."""


class CheckpointPort(Protocol):
    """Who makes the checkpoints."""

    async def checkpoint(self, request: dict[str, Any], state: bytes | None, is_wanted: Callable[[], bool]) -> Any:
        """Make one; gives what is answered, plain data."""

    async def start_state(self) -> bytes | None:
        """The state that this attempt goes on from."""


class TriggerSocket:
    """The place of the socket: in the folder for temporary files, or in /tmp where its name would be too long there."""

    def __init__(self) -> None:
        prefix = owned_prefix("cuebook-exp-")
        is_long = len(os.fsencode(tempfile.gettempdir())) + len(prefix) > _FOLDER_BYTES_MAX
        self.folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp" if is_long else None))  # noqa: S108 - it is ours
        self.path = str(self.folder / "s")

    def remove(self) -> None:
        """Take it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


class TriggerServer:
    """Answers triggers, each on a connection of its own.

    Args:
        path: of the socket. port: makes the checkpoints.
    """

    def __init__(self, path: str, port: CheckpointPort) -> None:
        self._path = path
        self._port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=HEAD_BYTES_MAX)
        os.chmod(self._path, 0o600)  # noqa: PTH101 - as the socket is named elsewhere

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, data = await self._answer(reader)
            writer.write(json.dumps({**head, "size": None if data is None else len(data)}).encode() + b"\n")
            writer.write(data or b"")
            await writer.drain()
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):  # no question, or nobody waits any more
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes | None]:
        request = json.loads(await reader.readuntil(b"\n"))
        size = request["size"]
        if size is not None and not 0 <= size <= STATE_BYTES_MAX:
            return {"error": f"a state of {size:,} bytes is too large"}, None
        state = None if size is None else await reader.readexactly(size)
        try:
            if request["do"] == "state":
                return {}, await self._port.start_state()
            return await self._port.checkpoint(request, state, lambda: not reader.at_eof()), None
        except CuebookError as error:
            return {"error": str(error)}, None
