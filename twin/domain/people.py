"""Who may do what: roles, what each permits, and the person or program that asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a route or an act asks for."""

    READ = "read"
    """see values, alarms and events; keep one's own subscriptions"""
    OPERATE = "operate"
    """acknowledge, shelve, comment, give reference values"""
    COMMAND = "command"
    """ask the plant for something, where the line enables it"""
    ENGINEER = "engineer"
    """take out of service, suppress, configure"""
    REVIEW = "review"
    """read the audit trail"""
    APPROVE = "approve"
    """approve or reject versions of models, and roll back"""
    ADMINISTER = "administer"
    """invite, change and bar people and programs"""


class Role(StrEnum):
    """What a person is on this line."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    QUALITY = "quality"
    ADMINISTRATOR = "administrator"


_P = Permission

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: frozenset({_P.READ}),
    Role.OPERATOR: frozenset({_P.READ, _P.OPERATE, _P.COMMAND}),
    Role.ENGINEER: frozenset({_P.READ, _P.OPERATE, _P.COMMAND, _P.ENGINEER}),
    Role.QUALITY: frozenset({_P.READ, _P.REVIEW, _P.APPROVE}),
    Role.ADMINISTRATOR: frozenset({_P.READ, _P.REVIEW, _P.ADMINISTER}),
}
"""What each role permits; whoever gives rights away does not run the plant (separation of duties)."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program that asks for something.

    Parameters
    ----------
    name : str
        Account name; unique on the line.
    role : Role
    origin : str
        Where from: an address, or how it came in.
    program : bool
        True for a machine's token.
    """

    name: str
    role: Role
    origin: str = ""
    program: bool = False

    def may(self, permission: Permission) -> bool:
        """Tell whether the role permits it."""
        return permission in PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Person:
    """An account.

    Parameters
    ----------
    name : str
        What is written to sign in, lower case.
    full_name : str
        Printed name.
    role : Role
    language : str
        ``"en"`` or ``"fr"``.
    barred : bool
        True when it can no longer sign in; accounts are never removed, the audit trail names them.
    joined : bool
        True once the person chose a password.
    """

    name: str
    full_name: str
    role: Role
    language: str = "en"
    barred: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who somebody is, as an identity provider says.

    Parameters
    ----------
    subject : str
        The provider and its own key of the person; never changes.
    name, full_name : str
        Account name and printed name.
    role : Role or None
        By the person's groups; None when no group has a role here.
    language : str
        ``"en"`` or ``"fr"``.
    """

    subject: str
    name: str
    full_name: str
    role: Role | None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Program:
    """A machine's right to ask, known by its token.

    Parameters
    ----------
    name : str
    role : Role
    until_ns : int
        End of its validity [ns since 1970-01-01 UTC].
    by : str
        Who gave it.
    """

    name: str
    role: Role
    until_ns: int
    by: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An open session.

    Parameters
    ----------
    token : str
        The secret its holder shows; kept here only as a hash.
    actor : Actor
    until_ns : int
        When it ends by itself [ns since 1970-01-01 UTC].
    """

    token: str
    actor: Actor
    until_ns: int
