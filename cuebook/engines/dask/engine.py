"""`where="dask"` and `DaskEngine`: a client of Dask's that is there, one of an address, or a local cluster.

Light: Dask is imported when it is used.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cuebook.children.limits import cpus_allowed
from cuebook.children.port import Output
from cuebook.engines.port import Host
from cuebook.errors import ClusterGone
from cuebook.notices import say

if TYPE_CHECKING:
    from cuebook.engines.dask.session import DaskSession

__all__ = ["DaskEngine"]

ANSWER_S = 5
"""How long a scheduler may take to answer first."""
SPARE_MAX = 64

T = TypeVar("T")


class DaskEngine:
    """Calls on the workers of a Dask cluster: `where=DaskEngine(client)`.

    Each worker of a run is a process of cuebook's own beside a worker of Dask's, and holds one of its threads until the
    run is over. Scheduling, retries and results stay with this program; Dask gives places and carries messages.

    Args:
        client_or_address: a `distributed.Client` or cluster, or the address of a scheduler. None: the client that the
            program has, or else a local cluster, which is said.
        resources: what a place must have, as in Dask: `{"GPU": 1}`. A place holds it while the run goes on.
        wait: seconds to wait for the first worker where the cluster has none; None: for ever.

    Cost: a worker starts in some 0.3 s; a message takes 2 ms, however many calls it holds.
    """

    name = "dask"
    shares_memory = False
    can_end_calls = True
    needs_coroutines = False
    refuses: Mapping[str, str] = {}

    def __init__(
        self,
        client_or_address: Any = None,
        *,
        resources: Mapping[str, float] | None = None,
        wait: float | None = 600.0,
    ) -> None:
        self.client_or_address = client_or_address
        self.resources = dict(resources or {})
        self.wait = wait

    def __repr__(self) -> str:
        given = "" if self.client_or_address is None else repr(self.client_or_address)
        return f"DaskEngine({given})"

    def _key(self) -> tuple[Any, ...]:
        given = self.client_or_address
        return (given if isinstance(given, str | None) else id(given), tuple(sorted(self.resources.items())), self.wait)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DaskEngine) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def connect(self) -> None:
        """As `AwayEngine`."""
        session = self._session()
        session.inventory.take()
        if not _run(session.slots()) and self.wait is not None:
            text = f"the Dask cluster at {session.address} has no workers yet: waiting for up to {self.wait:g} s"
            session.inventory.say_once(text)

    def default_chunk_size(self) -> int:
        """The threads of the cluster, and as many again, which wait for it to grow."""
        slots = max(1, _run(self._session().slots()))
        return slots + min(slots, SPARE_MAX)

    def make_host(self, *, cores: int, output: Output) -> Host:
        """As `Engine`."""
        from cuebook.engines.away.host import AwayHost
        from cuebook.engines.dask.line import DaskLine

        session = self._session(is_known=True)
        return AwayHost(DaskLine(session, self.resources, self.wait), output, session.inventory, cores=cores)

    def _session(self, *, is_known: bool = False) -> DaskSession:
        """That of its client; with `is_known` the one that there was, though its scheduler may be gone."""
        try:
            import distributed  # noqa: F401 - whether it is there
        except ImportError as error:
            text = 'where="dask" needs Dask: pip install "cuebook[dask]" (or dask[distributed])'
            raise ImportError(text, name=error.name) from error
        with _lock:
            return _session_of(self.client_or_address, is_known=is_known)


_lock = threading.RLock()
_sessions: dict[Any, DaskSession] = {}


def _session_of(given: Any, *, is_known: bool) -> DaskSession:
    from cuebook.engines.dask.session import DaskSession

    key = given if isinstance(given, str | None) else id(given)
    found = _sessions.get(key)
    if found is not None and (is_known or found.is_alive):
        return found
    client = _client_of(given)
    known = next((each for each in _sessions.values() if each.client is client), None)
    _sessions[key] = session = known or DaskSession(client)
    return session


def _client_of(given: Any) -> Any:
    from distributed import Client, LocalCluster

    if isinstance(given, Client):
        if given.status != "running":
            raise ClusterGone(f"the Dask client {given!r} is not connected (status {given.status!r})")
        return given
    if given is not None:
        try:
            return Client(given, timeout=ANSWER_S, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise ClusterGone(f"no Dask scheduler answers at {given} within {ANSWER_S} s: {error}") from error
    try:
        return Client.current()
    except ValueError:
        count = cpus_allowed()
        cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0")
        say(f"no Dask client is there: started a local cluster of {count} workers at {cluster.scheduler_address}")
        return Client(cluster, set_as_default=False)


def _run(question: Coroutine[Any, Any, T]) -> T:
    """The answer to a question of a session, from a thread that may have a loop running."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(asyncio.run(question))
        except (OSError, TimeoutError) as error:
            answers.append(ClusterGone(f"the Dask scheduler does not answer: {error or 'no answer in time'}"))
        except BaseException as error:
            answers.append(error)

    thread = threading.Thread(target=ask, name="cuebook-dask-question")
    thread.start()
    thread.join()
    if isinstance(answers[0], BaseException):
        raise answers[0]
    found: T = answers[0]
    return found
