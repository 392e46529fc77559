"""A web application with a runtime in its lifespan: an actor behind requests, and durable calls.

    uvicorn web_app:app

Any ASGI framework with a lifespan does; this one is Starlette's, and FastAPI takes the same function.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from cuebook import Actor, Runtime, message

JOURNAL = os.environ.get("WEB_APP_JOURNAL", "web_app.cue")


@message(tag=1200)
class Visit:
    who: str


@message(tag=1201)
class Visits:
    pass


class Guestbook(Actor):
    """Counts visits, one message at a time: no locks, whatever the number of requests."""

    def __init__(self) -> None:
        self.visits: dict[str, int] = {}

    def on_visit(self, message: Visit) -> int:
        self.visits[message.who] = self.visits.get(message.who, 0) + 1
        return self.visits[message.who]

    def on_visits(self, message: Visits) -> dict[str, int]:
        return self.visits


def collatz(start: int) -> int:
    """How many steps to 1; runs in a worker process, once for each start, whatever becomes of the server."""
    steps = 0
    while start != 1:
        start = start // 2 if start % 2 == 0 else 3 * start + 1
        steps += 1
    return steps


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with Runtime(JOURNAL, chunk_size=2) as runtime:
        app.state.runtime = runtime
        app.state.guestbook = await runtime.spawn(Guestbook, name="guestbook")
        yield
        report = await runtime.close()
    print(f"shutdown: {report}")


async def visit(request: Request) -> JSONResponse:
    who = request.path_params["who"]
    return JSONResponse({"who": who, "visits": await request.app.state.guestbook.ask(Visit(who), timeout=5)})


async def visits(request: Request) -> JSONResponse:
    return JSONResponse(await request.app.state.guestbook.ask(Visits(), timeout=5))


async def steps(request: Request) -> JSONResponse:
    starts = [int(start) for start in request.path_params["starts"].split(",")]
    return JSONResponse(await request.app.state.runtime.chunk(collatz, [[start] for start in starts]))


async def tree(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(request.app.state.runtime.tree()))


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/visit/{who}", visit, methods=["POST"]),
        Route("/visits", visits),
        Route("/steps/{starts}", steps),
        Route("/tree", tree),
    ],
)
