"""`where="ray"` and `RayEngine`: the Ray that the program is connected to, one of an address, or a local one.

Light: Ray is imported when it is used.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cuebook.children.limits import cpus_allowed
from cuebook.children.port import Output
from cuebook.engines.port import Host
from cuebook.errors import ClusterGone
from cuebook.notices import say

if TYPE_CHECKING:
    from cuebook.engines.ray.session import RaySession

__all__ = ["RayEngine"]

ANSWER_S = 5.0
"""How long a head may take to answer first."""
SPARE_MAX = 64


class RayEngine:
    """Calls on the nodes of a Ray cluster: `where=RayEngine()`.

    Each worker of a run is a process of cuebook's own beside an actor of Ray's, and holds the actor's resources until
    the run is over. Scheduling, retries and results stay with this program; Ray gives places and carries messages.

    Args:
        address: of the head, as for `ray.init`. None: the Ray that the program is connected to, else the one of
            RAY_ADDRESS, or else a local one, which is said.
        num_cpus, num_gpus, resources: what each worker needs, as in Ray. Calls see the GPUs that Ray gives them.
        runtime_env: for the workers, as in Ray.
        wait: seconds to wait for the first worker where there is no room; None: for ever.

    Cost: a worker starts in about a second; a message takes some 2 ms, however many calls it holds.
    """

    name = "ray"
    shares_memory = False
    can_end_calls = True
    needs_coroutines = False
    refuses: Mapping[str, str] = {}

    def __init__(
        self,
        address: str | None = None,
        *,
        num_cpus: float = 1,
        num_gpus: float = 0,
        resources: Mapping[str, float] | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        wait: float | None = 600.0,
    ) -> None:
        self.address = address
        self.wait = wait
        self._options: dict[str, Any] = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        if resources:
            self._options["resources"] = dict(resources)
        if runtime_env:
            self._options["runtime_env"] = dict(runtime_env)

    def __repr__(self) -> str:
        return f"RayEngine({self.address!r})" if self.address else "RayEngine()"

    def _key(self) -> tuple[Any, ...]:
        return self.address, self.wait, json.dumps(self._options, sort_keys=True, default=repr)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RayEngine) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def connect(self) -> None:
        """As `AwayEngine`."""
        session = self._session()
        session.inventory.take()
        if not session.slots(self._needs) and self.wait is not None:
            text = f"the Ray cluster has no room for {self._options} yet: waiting for up to {self.wait:g} s"
            session.inventory.say_once(text)

    def default_chunk_size(self) -> int:
        """As many as the cluster has room for, and as many again, which wait for it to grow."""
        slots = max(1, self._session().slots(self._needs))
        return slots + min(slots, SPARE_MAX)

    def make_host(self, *, cores: int, output: Output) -> Host:
        """As `Engine`."""
        from cuebook.engines.away.host import AwayHost
        from cuebook.engines.ray.line import RayLine

        session = self._session()
        cores = max(1, int(self._options["num_cpus"]))
        return AwayHost(RayLine(session, self._options, self.wait), output, session.inventory, cores=cores)

    @property
    def _needs(self) -> dict[str, float]:
        options = self._options
        return {"CPU": options["num_cpus"], "GPU": options["num_gpus"], **options.get("resources", {})}

    def _session(self) -> RaySession:
        try:
            import ray
        except ImportError as error:
            raise ImportError('where="ray" needs Ray: pip install "cuebook[ray]" (or ray)', name=error.name) from error
        with _lock:
            if not ray.is_initialized():
                _sessions.clear()
                _connect(self.address)
            if not _sessions:
                from cuebook.engines.ray.session import RaySession

                _sessions.append(RaySession())
            return _sessions[0]


_lock = threading.RLock()
_sessions: list[RaySession] = []


def _connect(address: str | None) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
    if address is None and not os.environ.get("RAY_ADDRESS"):
        count = cpus_allowed()
        ray.init(num_cpus=count, include_dashboard=False, address="local", **quiet)
        say(f"no Ray is there: started a local one of {count} CPUs")
        return
    address = address or os.environ["RAY_ADDRESS"]
    _check_answers(address)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, OSError, RuntimeError) as error:
        raise ClusterGone(f"no Ray answers at {address}: {error}") from error


def _check_answers(address: str) -> None:
    """Raises ClusterGone where nothing listens, within seconds: Ray itself would go on trying for a minute."""
    host, mark, port = address.rpartition("://")[2].rpartition(":")
    if not mark or not port.isdigit():
        return  # "auto", or a name of Ray's own
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise ClusterGone(f"no Ray answers at {address} within {ANSWER_S:g} s: {error}") from error
