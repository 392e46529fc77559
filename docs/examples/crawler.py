"""A crawler whose fetchers may fail: a pool, deadlines, directives, restarts, and a rate kept by a timer.

    python docs/examples/crawler.py [PAGES] [RATE]

It crawls a server of its own. That server hangs up now and then, never answers for one page, and sends nonsense for
another. The crawler reads every page that can be read, at most RATE a second, and says what became of the others.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from cuebook import (
    Actor,
    ActorFailed,
    AskTimeout,
    Backoff,
    ChildSpec,
    Delivery,
    Message,
    Pool,
    RestartIntensity,
    Runtime,
    SupervisorSpec,
    message,
)

PATIENCE_S = 1.0
"""Seconds that a page may take."""
FETCHERS = 4


@message(tag=2101)
class Fetch(Message[list[str]]):
    """Get this page; the answer is what it links to."""

    page: str


@message(tag=2102)
class Crawl(Message[dict[str, str]]):
    """Read all pages that can be reached from here; the answer is what went wrong, by page."""

    start: str


@message(tag=2103)
class Tick:
    """It is time for the next page."""


@message(tag=2104)
class Read:
    """A page was read, or could not be."""

    page: str
    links: list[str]
    failure: str


class Fetcher(Actor[Fetch]):
    """One connection, kept open. What happened to it is unknown after a failure: the next incarnation has its own."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    async def on_start(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)

    async def on_stop(self) -> None:
        self.writer.close()

    async def on_failure(self, error: BaseException) -> None:
        if hasattr(self, "writer"):  # it may have failed to connect
            self.writer.close()

    async def on_fetch(self, message: Fetch) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            self.writer.write(f"GET {message.page} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            body = await self.reader.readexactly(int(length[1]) if length else 0)
        if not body.startswith(b"<html>"):
            raise ValueError(f"{message.page} is no page")
        return re.findall(r'href="([^"]+)"', body.decode())


class Crawler(Actor[Crawl]):
    """Knows what is still to be read. Its fetchers are its children: they end with it."""

    def __init__(self, host: str, port: int, rate: float) -> None:
        self.fetcher = partial(Fetcher, host, port)
        self.pause_s = 1 / rate
        self.seen: set[str] = set()
        self.waiting: list[str] = []
        self.underway = 0
        self.failures: dict[str, str] = {}
        self.asked: Delivery | None = None

    async def on_start(self) -> None:
        self.pool = Pool(
            self.context,
            self.fetcher,
            size=FETCHERS,
            name="fetcher",
            routing="pull",  # a page waits for a fetcher that is free
            attempts=2,  # a page that failed its fetcher is tried once more, by the next incarnation
            directives={ValueError: "resume"},  # nothing is wrong with the connection: go on
            backoff=Backoff(first_s=0.01),
            intensity=RestartIntensity(restarts_max=100, within_s=1.0),
        )

    def on_crawl(self, message: Crawl) -> None:
        self.asked = self.context.defer()  # answered when all is read
        self.find([message.start])
        self.on_tick(Tick())

    def on_tick(self, message: Tick) -> None:
        if self.waiting:
            page = self.waiting.pop(0)
            self.underway += 1
            self.context.pipe_to_self(
                self.pool.ask(Fetch(page), timeout=10.0),
                lambda links, error: Read(page, links or [], "" if error is None else reason(error)),
            )
        if self.waiting or self.underway:
            self.context.after(self.pause_s, Tick(), key="tick")
        elif self.asked is not None:
            self.asked.reply(self.failures)

    def on_read(self, message: Read) -> None:
        self.underway -= 1
        self.find(message.links)
        if message.failure:
            self.failures[message.page] = message.failure

    def find(self, pages: list[str]) -> None:
        new = [page for page in pages if page not in self.seen]
        self.seen.update(new)
        self.waiting += new


def reason(error: BaseException) -> str:
    """Why a page could not be read, in words."""
    if isinstance(error, ActorFailed) and error.__cause__ is not None:
        return f"{type(error.__cause__).__name__} {error.__cause__}".strip()
    return "no fetcher was free in time" if isinstance(error, AskTimeout) else str(error)


class Server:
    """Page n links to 2n + 1 and 2n + 2. Every seventh page hangs up the first time; the last two are worse."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.requests = 0
        self._asked: set[int] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                number = int(request.split()[1].removeprefix(b"/"))
                is_first = number not in self._asked
                self._asked.add(number)
                if number == self.pages - 1:
                    continue  # never answered
                if number % 7 == 6 and is_first:
                    break
                below = [n for n in (2 * number + 1, 2 * number + 2) if n < self.pages]
                links = "".join(f'<a href="/{n}">{n}</a>' for n in below)
                body = b"\x00\xff" if number == self.pages - 2 else f"<html>{links}</html>".encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(pages: int) -> AsyncIterator[tuple[Server, int]]:
    """A server and its port."""
    server = Server(pages)
    listener = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    try:
        yield server, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


async def main(pages: str = "60", rate: str = "200") -> None:
    """Crawl, and say what came of it."""
    async with serving(int(pages)) as (server, port), Runtime() as runtime:
        crawler = ChildSpec("crawler", partial(Crawler, "127.0.0.1", port, float(rate)), restart="transient")
        top = await runtime.supervise(SupervisorSpec([crawler]), name="top")
        began = time.monotonic()
        failures = await top.child("crawler").ask(Crawl("/0"), timeout=300.0)
        seconds = time.monotonic() - began
        counts = runtime.system.statistics()
        restarts = sum(one.restarts for name, one in counts.items() if name.startswith("fetcher"))
        print(f"{int(pages) - len(failures)} pages read in {server.requests} requests and {seconds:.2f} s")
        print(f"the fetchers were restarted {restarts} times")
        for page, failure in sorted(failures.items()):
            print(f"{page}: {failure}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
