"""The port of what people want to be told."""

from dataclasses import dataclass
from typing import Protocol

from twin.domain.people import Actor
from twin.domain.subscription import Subscription
from twin.ports.ledger import SentNotice


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A route notices can take; an address on it is a ``mail``, a ``url``, a ``topic`` or there is none.

    `private` permits addresses of private networks and of this machine.
    """

    name: str
    kind: str
    address: str
    private: bool = False


class Subscriptions(Protocol):
    """What people want to hear of. Whoever changes something is entered in the audit trail."""

    def channels(self) -> list[ChannelInfo]:
        """Routes that can be chosen."""
        ...

    def of(self, owner: str) -> list[Subscription]:
        """Every subscription of a person."""
        ...

    def put(self, subscription: Subscription, by: Actor) -> Subscription:
        """Keep a new one (`subscriber` empty) or change one's own; raises `InputError`, `NotFoundError`."""
        ...

    def drop(self, number: str, by: Actor) -> None:
        """Remove one's own; raises `NotFoundError`."""
        ...

    def stop(self, number: str, secret: str) -> bool:
        """Stop one with the secret its notices carry, without signing in."""
        ...

    def test(self, number: str, by: Actor) -> None:
        """Send a test notice the way of any other; raises `NotFoundError`."""
        ...

    def told(self, number: str, by: Actor) -> list[SentNotice]:
        """What became of the newest notices of one's own; raises `NotFoundError`."""
        ...
