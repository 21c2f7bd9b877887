"""Accounts, sessions, invitations and machine tokens, kept in the ledger with the trail of what was done."""

import hashlib
import re
import secrets
from collections.abc import Callable, Hashable
from dataclasses import asdict, replace
from typing import Any, Final

import orjson

from twin.domain.alarm import DESIGN
from twin.domain.audit import Deed, Entry
from twin.domain.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    SignInError,
    StorageError,
    TakenError,
)
from twin.domain.people import Actor, Person, Program, Role, SignedIn, Vouched
from twin.ports import Document, Ledger
from twin.runtime.passwords import Passwords, check_strength
from twin.runtime.tries import Tries

HOUR_NS: Final = 3_600_000_000_000
SESSION_H: Final = 12.0
"""A session ends after a shift of twelve hours (chosen default)."""
WALL_H: Final = 30 * 24.0
"""A viewer's session, such as a wall screen's, ends after thirty days (chosen default)."""
INVITATION_H: Final = 72.0
"""An invitation is good for three days (chosen default)."""
MOST_TRIES: Final = 10
"""Wrong passwords for one account in 15 min (chosen default)."""
MOST_FROM_ONE: Final = 100
"""Wrong passwords from one address in 15 min, whatever the accounts (chosen default)."""
LOCAL: Final = Actor("operator", Role.OPERATOR, "local mode")
"""Whoever reaches the loopback address while nobody signs in."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
RESERVED: Final = frozenset({"system", DESIGN})
"""Names under which the service itself stands in the audit trail."""
WRONG: Final = "Name or password is not right."


class PeopleBook:
    """`twin.ports.People` over a ledger. Sessions are kept as hashes; one process owns them.

    Parameters
    ----------
    ledger : Ledger
    now_ns : Callable[[], int]
        Wall time [ns since 1970-01-01 UTC].
    local : bool
        Nobody signs in; only for a service on the loopback address.
    """

    def __init__(self, ledger: Ledger, now_ns: Callable[[], int], local: bool = False) -> None:
        self.local = local
        self._ledger, self._now_ns = ledger, now_ns
        self._passwords = Passwords()
        self._by_account, self._by_origin = Tries(MOST_TRIES), Tries(MOST_FROM_ONE)
        self._load()

    # who asks

    def whose(self, session: str | None, token: str | None, origin: str) -> Actor | None:
        """Who shows this session's or machine's secret; in local mode the local operator."""
        if token is not None:
            row = self._alive(self._programs, token)
            return None if row is None else Actor(row["name"], Role(row["role"]), origin, program=True)
        row = self._alive(self._sessions, session) if session else None
        account = self._accounts.get(row["name"]) if row else None
        if account and not account["barred"]:
            return Actor(account["name"], Role(account["role"]), origin)
        return LOCAL if self.local else None

    def unclaimed(self) -> bool:
        """True while nobody has an account that can sign in."""
        return not any(_enters(row) for row in self._accounts.values())

    # sessions

    async def sign_in(self, name: str, password: str, origin: str) -> SignedIn:
        """Open a session.

        Raises
        ------
        SignInError
            The same for an unknown name and a wrong password.
        """
        name = name.strip().lower()
        account = self._accounts.get(name, {})
        known = origin in account.get("origins", ())
        key = (name, origin) if known else name  # strangers can not lock a person out of a known station
        self._try(key, origin)
        secret = None if account.get("barred") else account.get("secret")
        if not await self._passwords.fits(password[:1000], secret):
            self._refused(name, origin)
            raise SignInError(WRONG)
        self._by_account.forget(key)
        self._by_origin.forgive(origin)
        return self._open(name, origin)

    async def accept(self, invitation: str, name: str, password: str, origin: str) -> SignedIn:
        """Choose a password with an invitation, and open a session.

        Raises
        ------
        SignInError
            The invitation is used or over.
        InputError
            Name or password will not do.
        TakenError
            Somebody or a program is called so.
        """
        self._try(None, origin)
        row = self._alive(self._invitations, invitation)
        if row is None:
            raise SignInError("This invitation is used or over; ask an administrator for another.")
        name = row["name"] or _checked(name)
        if not row["name"]:
            if name in self._accounts:
                raise TakenError(f"The name {name!r} is taken; another would do.")
            self._free(name)
        check_strength(password, [name, row["full_name"], "bioline", "twin"])
        secret = await self._passwords.hash(password)
        if self._invitations.pop(_key(invitation), None) is None:
            raise SignInError("This invitation was used a moment ago.")
        self._by_origin.forgive(origin)
        self._join(row, name, secret, invitation, origin)
        return self._open(name, origin)

    def vouched(self, who: Vouched, origin: str) -> SignedIn:
        """Open a session for whom an identity provider vouches; its groups say the role, each time anew.

        Raises
        ------
        SignInError
            No group has a role here, the account is barred, or its name belongs to somebody else.
        """
        name = who.name.strip().lower()
        old = self._accounts.get(name)
        problem = _objection(who, name, old)
        if problem:
            shown = name[:32]
            deed = Deed(self._now_ns(), shown, "", origin, "session.refuse", shown, why=problem)
            self._keep([deed], [])
            raise SignInError(problem)
        fresh: dict[str, Any] = {"secret": None, "origins": [], "barred": False}
        told = {"name": name, "full_name": who.full_name, "role": str(who.role), "language": who.language}
        new = {**fresh, **(old or {}), **told, "joined": True, "subject": who.subject}
        self._accounts[name] = new
        if _state(old) != _state(new):
            actor = Actor(name, Role(new["role"]), origin)
            deed = self._deed(actor, "person.vouch", name, _state(old), _state(new))
            self._keep([deed], [_document("person", name, new)])
        return self._open(name, origin)

    def invited(self, invitation: str) -> Person | None:
        """Whom an invitation is for; the name is empty when it may be chosen."""
        row = self._alive(self._invitations, invitation)
        return None if row is None else _person(row)

    def sign_out(self, session: str, by: Actor) -> None:
        """End a session."""
        if self._sessions.pop(_key(session), None):
            self._keep([self._deed(by, "session.close", by.name)], [Document("session", _key(session), None)])

    # accounts

    def people(self) -> list[Person]:
        """Every account, by name."""
        return [_person(self._accounts[name]) for name in sorted(self._accounts)]

    def invite(self, person: Person, by: Actor) -> str:
        """Make an account, or let a person choose another password; returns the one-time secret.

        Raises
        ------
        InputError
            The name will not do.
        TakenError
            Somebody is called so who has another role or writes the name in another way, or a program is.
        """
        name = _checked(person.name) if person.name else ""
        old = self._accounts.get(name)
        if old is None:
            self._free(name)
        elif person.name != name or person.role.value != old["role"]:
            raise TakenError(
                f"The name {name!r} is taken: {old['full_name']}, {old['role']}. Another name would do; "
                "a new password or another role for this person is given in the list of people."
            )
        row = asdict(replace(person, name=name) if old is None else _person(old))
        if name and old is None:
            self._accounts[name] = {**row, "secret": None, "origins": []}
        invitation = self._secret()
        made = {**row, "until_ns": self._now_ns() + int(INVITATION_H * HOUR_NS)}
        self._invitations[_key(invitation)] = made
        documents = [_document("invitation", _key(invitation), made)]
        if name:
            documents.append(_document("person", name, self._accounts[name]))
        deed = self._deed(by, "person.invite", name or "?", _state(old), str(row["role"]))
        self._keep([deed], documents)
        return invitation

    def change(self, name: str, role: Role, barred: bool, by: Actor) -> Person:
        """Change role or access; every session and invitation of the person ends at once.

        Raises
        ------
        NotFoundError
            Nobody is called so.
        """
        if name not in self._accounts:
            raise NotFoundError(f"Nobody is called {name!r} here.")
        old = self._accounts[name]
        new = {**old, "role": role.value, "barred": barred}
        if not any(_administers(row) for row in ({**self._accounts, name: new}).values()):
            raise NotAllowedError("The last administrator stays one; make another first.")
        self._accounts[name] = new
        documents = [_document("person", name, new)]
        for kind, rows in (("session", self._sessions), ("invitation", self._invitations)):
            for key in [key for key, row in rows.items() if row["name"] == name]:
                del rows[key]
                documents.append(Document(kind, key, None))
        self._keep([self._deed(by, "person.change", name, _state(old), _state(new))], documents)
        return _person(new)

    # programs

    def programs(self) -> list[Program]:
        """Every machine's token, by name."""
        return sorted((_program(row) for row in self._programs.values()), key=lambda each: each.name)

    def admit(self, name: str, role: Role, days: float, by: Actor, renew: bool = False) -> str:
        """Give a program a token, which is returned this once; one it had before ends, if that is asked for.

        Raises
        ------
        InputError
            The name will not do.
        TakenError
            A person is called so, or a program that was not to be renewed.
        """
        name = _checked(name)
        if name in self._accounts:
            raise TakenError(f"A person is called {name!r}; a program needs a name of its own.")
        if not renew and any(row["name"] == name for row in self._programs.values()):
            raise TakenError(
                f"A program is called {name!r} and has a token, which another would end; "
                "ask with renew: true to give it another, or choose another name."
            )
        token = self._secret()
        until_ns = self._now_ns() + int(days * 24 * HOUR_NS)
        row = asdict(Program(name, role, until_ns, by.name))
        gone = self._drop_program(name)
        self._programs[_key(token)] = row
        deed = self._deed(by, "program.admit", name, "", role.value)
        self._keep([deed], [*gone, _document("program", _key(token), row)])
        return token

    def dismiss(self, name: str, by: Actor) -> None:
        """Take a program's token back.

        Raises
        ------
        NotFoundError
            No program is called so.
        """
        gone = self._drop_program(name)
        if not gone:
            raise NotFoundError(f"No program is called {name!r} here.")
        self._keep([self._deed(by, "program.dismiss", name)], gone)

    # the trail

    def trail(self, after: int, limit: int) -> list[Entry]:
        """Entries of the audit trail numbered above `after`, oldest first."""
        return self._ledger.trail(after, limit)

    def trail_length(self) -> int:
        """Number of the newest entry of the audit trail."""
        return self._ledger.trail_length()

    # inside

    def _try(self, key: Hashable, origin: str) -> None:
        """Count a try as failed until it succeeds, so that many at once are not heard either."""
        now_ns = self._now_ns()
        of_account = 0.0 if key is None else self._by_account.wait_s(key, now_ns)
        wait_s = max(of_account, self._by_origin.wait_s(origin, now_ns))
        if wait_s > 0:
            minutes = max(1, round(wait_s / 60))
            raise SignInError(f"Too many wrong tries; the next is heard in {minutes} min.", wait_s)
        self._by_origin.fail(origin, now_ns)
        if key is not None:
            self._by_account.fail(key, now_ns)

    def _refused(self, name: str, origin: str) -> None:
        if name in self._accounts:  # what else was written may be a password
            stranger = Actor(name, Role(self._accounts[name]["role"]), origin)
            self._keep([self._deed(stranger, "session.refuse", name)], [])

    def _join(self, row: dict[str, Any], name: str, secret: str, invitation: str, origin: str) -> None:
        """Keep the password; whoever was signed in with the former one is not any more."""
        old = self._accounts.get(name)
        base = old or {**row, "name": name, "full_name": row["full_name"] or name, "origins": []}
        new = {k: v for k, v in base.items() if k != "until_ns"} | {"secret": secret, "joined": True}
        self._accounts[name] = new
        ended = [key for key, each in self._sessions.items() if each["name"] == name]
        for key in ended:
            del self._sessions[key]
        documents = [Document("invitation", _key(invitation), None), _document("person", name, new)]
        documents += [Document("session", key, None) for key in ended]
        actor = Actor(name, Role(new["role"]), origin)
        self._keep([self._deed(actor, "person.join", name, _state(old), _state(new))], documents)

    def _open(self, name: str, origin: str) -> SignedIn:
        account = self._accounts[name]
        hours = WALL_H if account["role"] == Role.VIEWER else SESSION_H
        token, until_ns = self._secret(), self._now_ns() + int(hours * HOUR_NS)
        row = {"name": name, "until_ns": until_ns, "origin": origin}
        origins = [origin, *(each for each in account["origins"] if each != origin)][:5]
        self._accounts[name] = {**account, "origins": origins}
        self._sessions[_key(token)] = row
        actor = Actor(name, Role(account["role"]), origin)
        documents = [
            _document("session", _key(token), row),
            _document("person", name, self._accounts[name]),
            *self._over(),
        ]
        self._keep([self._deed(actor, "session.open", name)], documents)
        return SignedIn(token, actor, until_ns)

    def _over(self) -> list[Document]:
        """Sessions and invitations whose time is over, removed."""
        found = []
        for kind, rows in (("session", self._sessions), ("invitation", self._invitations)):
            for key in [key for key, row in rows.items() if row["until_ns"] <= self._now_ns()]:
                del rows[key]
                found.append(Document(kind, key, None))
        return found

    def _free(self, name: str) -> None:
        """Refuse a name for a person that a program bears."""
        if any(row["name"] == name for row in self._programs.values()):
            raise TakenError(f"A program is called {name!r}; a person needs a name of their own.")

    def _drop_program(self, name: str) -> list[Document]:
        keys = [key for key, row in self._programs.items() if row["name"] == name]
        for key in keys:
            del self._programs[key]
        return [Document("program", key, None) for key in keys]

    def _alive(self, rows: dict[str, dict[str, Any]], secret: str) -> dict[str, Any] | None:
        row = rows.get(_key(secret))
        return row if row and row["until_ns"] > self._now_ns() else None

    def _secret(self) -> str:
        return secrets.token_urlsafe(32)

    def _deed(self, by: Actor, action: str, subject: str, old: str = "", new: str = "") -> Deed:
        return Deed(self._now_ns(), by.name, by.role.value, by.origin, action, subject, old, new)

    def _keep(self, deeds: list[Deed], documents: list[Document]) -> None:
        try:
            self._ledger.commit(deeds=deeds, documents=documents)
        except StorageError:
            self._load()  # what is not kept did not happen
            raise

    def _load(self) -> None:
        self._accounts, self._sessions, self._invitations, self._programs = (
            {key: orjson.loads(body) for key, body in self._ledger.documents(kind).items()}
            for kind in ("person", "session", "invitation", "program")
        )


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "backslashreplace")).hexdigest()


def _checked(name: str) -> str:
    name = name.strip().lower()
    if not NAME.fullmatch(name):
        raise InputError(
            f"The name {name[:40]!r} will not do; 2 to 32 of a-z, 0-9, dot, dash and underscore would."
        )
    if name in RESERVED:
        raise InputError(f"The name {name!r} will not do: the service itself stands so in the audit trail.")
    return name


def _document(kind: str, key: str, row: dict[str, Any]) -> Document:
    return Document(kind, key, orjson.dumps(row))


def _person(row: dict[str, Any]) -> Person:
    return Person(
        row["name"],
        row["full_name"],
        Role(row["role"]),
        row["language"],
        barred=row["barred"],
        joined=row["joined"],
    )


def _program(row: dict[str, Any]) -> Program:
    return Program(row["name"], Role(row["role"]), row["until_ns"], row["by"])


def _enters(row: dict[str, Any]) -> bool:
    """True for an account that can sign in: by a password, or by an identity provider."""
    return row["secret"] is not None or "subject" in row


def _administers(row: dict[str, Any]) -> bool:
    return row["role"] == Role.ADMINISTRATOR and not row["barred"] and _enters(row)


def _objection(who: Vouched, name: str, old: dict[str, Any] | None) -> str:
    """Why somebody is not let in, though the provider vouches; empty when nothing speaks against it."""
    if not NAME.fullmatch(name) or name in RESERVED:
        return f"the name {name[:40]!r} will not do as an account"
    if who.role is None:
        return "none of the groups has a role here"
    if old is not None and old.get("subject") != who.subject:
        return f"the name {name!r} belongs to another account"
    return "the account is barred" if old is not None and old["barred"] else ""


def _state(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{row['role']}{', barred' if row['barred'] else ''}"
