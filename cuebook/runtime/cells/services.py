"""Who offers what: actors by service key, and who is told when that changes. Knows no mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.errors import ActorStopped
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.wire.message import message

__all__ = ["Listing", "ServiceKey", "Services"]


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """The name of something that any number of actors may offer."""

    name: str


@message(by_reference=True)
class Listing:
    """Who offers a service now, in the order in which they came."""

    key: ServiceKey
    refs: tuple[ActorRef, ...]


class Services:
    """The registry of one system. What an actor registered or subscribed to ends with it, not with a restart."""

    __slots__ = ("_offers", "_subscribers")

    def __init__(self) -> None:
        self._offers: dict[ServiceKey, dict[ActorRef, None]] = {}
        self._subscribers: dict[ServiceKey, dict[ActorRef, None]] = {}

    def register(self, key: ServiceKey, ref: ActorRef) -> None:
        """This actor offers the service; no effect where it does already. Raises ActorStopped."""
        _check(key, ref)
        offers = self._offers.setdefault(key, {})
        if ref not in offers:
            offers[ref] = None
            self._tell(key)

    def unregister(self, key: ServiceKey, ref: ActorRef) -> bool:
        """It does no more. Whether it did."""
        offers = self._offers.get(key, {})
        if ref not in offers:
            return False
        del offers[ref]
        if not offers:
            del self._offers[key]
        self._tell(key)
        return True

    def find(self, key: ServiceKey) -> tuple[ActorRef, ...]:
        """Who offers the service now."""
        return tuple(self._offers.get(key, ()))

    def subscribe(self, key: ServiceKey, ref: ActorRef) -> None:
        """Send this actor a Listing now, and at every change, before all its messages. Raises ActorStopped."""
        _check(key, ref)
        self._subscribers.setdefault(key, {})[ref] = None
        target_of(ref).report(Listing(key, self.find(key)))

    def unsubscribe(self, key: ServiceKey, ref: ActorRef) -> bool:
        """Send it none any more. Whether it was subscribed."""
        subscribers = self._subscribers.get(key, {})
        if ref not in subscribers:
            return False
        del subscribers[ref]
        if not subscribers:
            del self._subscribers[key]
        return True

    def forget(self, ref: ActorRef) -> None:
        """The actor has ended for good. Cost: one look-up for each key in use."""
        for key in list(self._subscribers):
            self.unsubscribe(key, ref)
        for key in list(self._offers):
            self.unregister(key, ref)

    def _tell(self, key: ServiceKey) -> None:
        listing = Listing(key, self.find(key))
        for subscriber in self._subscribers.get(key, ()):
            target_of(subscriber).report(listing)


def _check(key: ServiceKey, ref: ActorRef) -> None:
    if not isinstance(key, ServiceKey):
        raise TypeError(f"a service has a ServiceKey, not {key!r}")
    if not ref.is_alive:
        raise ActorStopped(f"{ref.name} has stopped, so it has no part in {key.name!r}")
