"""Download many pages at once, durably: an asyncio program, with a server of its own to download from.

    python docs/examples/fan_out.py [JOURNAL] [PAGES]

The server is slow and sometimes refuses. A page that was fetched is in the journal and is not asked for again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cuebook import Runtime

ADDRESS = "FAN_OUT_ADDRESS"


async def fetch(page: str) -> int:
    """GET one page of the server; the number of bytes in it."""
    host, _, port = os.environ[ADDRESS].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {page} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    status = head.split(maxsplit=2)[1]
    if status != b"200":
        raise ConnectionError(f"{page}: the server says {status.decode()}")
    return len(body)


class Server:
    """A small HTTP server: each answer takes 20 ms, and the first request for every tenth page is refused."""

    def __init__(self) -> None:
        self.requests = 0
        self._refused: set[str] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer."""
        page = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.requests += 1
        await asyncio.sleep(0.02)
        if page.endswith("0") and page not in self._refused:
            self._refused.add(page)
            writer.write(b"HTTP/1.0 503 Service Unavailable\r\n\r\n")
        else:
            writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + page.encode() * 100)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server on a free port of this machine; its address is in the environment."""
    server = Server()
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    async with listener:
        os.environ[ADDRESS] = "127.0.0.1:{1}".format(*listener.sockets[0].getsockname())
        yield server


async def main(journal: str = "fan_out.cue", pages: str = "200") -> None:
    """Fetch the pages in order of completion, 50 at a time."""
    names = ([f"/page/{number}"] for number in range(int(pages)))
    fetched = reused = size = 0
    async with serving() as server, Runtime(journal, where="async", chunk_size=50, retries=2, backoff=0.01) as runtime:
        async for done in runtime.stream(fetch, names):
            fetched += not done.reused
            reused += done.reused
            size += done.value
    print(f"{fetched} pages fetched in {server.requests} requests, {reused} were in {journal}; {size:,} bytes in all")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
