"""The port of accounts, sessions and sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from twin.domain.audit import Entry
from twin.domain.people import Actor, Person, Program, Role, SignedIn, Vouched


class People(Protocol):
    """Accounts, sessions and machine tokens of a line.

    Whatever changes something is entered in the audit trail with the actor given.
    """

    local: bool
    """True when nobody signs in and whoever reaches the loopback address acts as operator."""

    def whose(self, session: str | None, token: str | None, origin: str) -> Actor | None:
        """Who shows this session's or machine's secret; in local mode the local operator."""
        ...

    def unclaimed(self) -> bool:
        """True while nobody has an account that can sign in."""
        ...

    async def sign_in(self, name: str, password: str, origin: str) -> SignedIn:
        """Open a session; raises `SignInError`."""
        ...

    async def accept(self, invitation: str, name: str, password: str, origin: str) -> SignedIn:
        """Choose a password with an invitation, and open a session; raises `SignInError`."""
        ...

    def vouched(self, who: Vouched, origin: str) -> SignedIn:
        """Open a session for whom an identity provider vouches; raises `SignInError`."""
        ...

    def invited(self, invitation: str) -> Person | None:
        """Whom an invitation is for; the name is empty when it may be chosen."""
        ...

    def sign_out(self, session: str, by: Actor) -> None:
        """End a session."""
        ...

    def people(self) -> list[Person]:
        """Every account, by name."""
        ...

    def programs(self) -> list[Program]:
        """Every machine's token, by name; never the token itself."""
        ...

    def invite(self, person: Person, by: Actor) -> str:
        """Make an account, or let a person choose another password; returns the one-time secret."""
        ...

    def change(self, name: str, role: Role, barred: bool, by: Actor) -> Person:
        """Change role or access; every session of the person ends at once."""
        ...

    def admit(self, name: str, role: Role, days: float, by: Actor, renew: bool = False) -> str:
        """Give a program a token, which is returned this once; raises `TakenError` for a name in use."""
        ...

    def dismiss(self, name: str, by: Actor) -> None:
        """Take a program's token back."""
        ...

    def trail(self, after: int, limit: int) -> list[Entry]:
        """Entries of the audit trail numbered above `after`, oldest first."""
        ...

    def trail_length(self) -> int:
        """Number of the newest entry of the audit trail."""
        ...


@dataclass(frozen=True, slots=True)
class Leaving:
    """Where somebody is sent to sign in, and the secret that the browser keeps meanwhile."""

    url: str
    browser: str


class IdentityProvider(Protocol):
    """Who says who somebody is, in place of a password here."""

    label: str
    """what people call it"""

    async def leave(self) -> Leaving:
        """Begin a sign-in; raises `ConnectorError` when the provider can not be asked."""
        ...

    async def come_back(self, browser: str, answer: Mapping[str, str]) -> Vouched:
        """End a sign-in with the provider's answer; raises `SignInError` or `ConnectorError`."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
