"""Sign-in, accounts, machine tokens and the audit trail as routes."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.access import COOKIE, Door, asking, origin
from dashboards.answer import json
from dashboards.asked import body_of, described
from dashboards.payloads import Json, iso
from twin.domain.audit import Entry
from twin.domain.people import PERMISSIONS, Actor, Person, Program, Role, SignedIn
from twin.ports import People

PLAIN: Final = r"^[^\x00-\x1f\x7f]+$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Body):
    """Name and password."""

    name: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=1000)


class Secret(_Body):
    """An invitation's secret."""

    invitation: str = Field(min_length=1, max_length=200)


class Acceptance(Secret):
    """An invitation taken up: the password chosen, and the name where it may be."""

    name: str = Field(default="", max_length=80)
    password: str = Field(min_length=1, max_length=1000)


class Invitation(_Body):
    """A new account, or another password for a known one."""

    name: str = Field(min_length=2, max_length=32)
    full_name: str = Field(min_length=1, max_length=80, pattern=PLAIN)
    role: Role
    language: str = Field(default="en", pattern="^(en|fr)$")


class Change(_Body):
    """Role and access of an account."""

    role: Role
    barred: bool = False


class Admission(_Body):
    """A token for a program."""

    name: str = Field(min_length=2, max_length=32)
    role: Role = Role.VIEWER
    days: float = Field(default=365.0, gt=0, le=3650)
    renew: bool = False
    """the token that a program of this name has ends"""


def routes(door: Door, provider: str = "") -> APIRouter:
    """Every route about people; `provider` is what the identity provider is called, where there is one."""
    router = APIRouter()
    router.include_router(_sessions(door, provider))
    router.include_router(_accounts(door.people))
    router.include_router(_programs(door.people))
    return router


def _sessions(door: Door, provider: str) -> APIRouter:
    router, people = APIRouter(), door.people

    @router.get("/session")
    async def session(request: Request) -> Response:
        """Who is signed in, what the role permits, and whether nobody need sign in."""
        return json({**_session(people, request.state.actor), "provider": provider})

    @router.post("/session", openapi_extra=described(Credentials))
    async def sign_in(request: Request, body: Annotated[Credentials, body_of(Credentials)]) -> Response:
        """Open a session; its secret is a cookie."""
        return _opened(people, request, await people.sign_in(body.name, body.password, origin(request)))

    @router.delete("/session")
    async def sign_out(request: Request) -> Response:
        """End the session."""
        if request.state.actor is not None:
            people.sign_out(request.cookies.get(COOKIE, ""), request.state.actor)
        answer = json(_session(people, None))
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    @router.post("/invitation", openapi_extra=described(Secret))
    async def invited(body: Annotated[Secret, body_of(Secret)]) -> Response:
        """Whom an invitation is for; null when it is used or over."""
        person = people.invited(body.invitation)
        return json(person and _person(person))

    @router.post("/invitation/accept", openapi_extra=described(Acceptance))
    async def accept(request: Request, body: Annotated[Acceptance, body_of(Acceptance)]) -> Response:
        """Choose a password with an invitation, which opens a session."""
        opened = await people.accept(body.invitation, body.name, body.password, origin(request))
        return _opened(people, request, opened)

    return router


def _accounts(people: People) -> APIRouter:
    router = APIRouter()

    @router.get("/people")
    async def everyone() -> Response:
        """Every account."""
        return json([_person(each) for each in people.people()])

    @router.post("/people", openapi_extra=described(Invitation))
    async def invite(request: Request, body: Annotated[Invitation, body_of(Invitation)]) -> Response:
        """Invite a person; the secret in the answer is shown this once."""
        person = Person(body.name, body.full_name, body.role, body.language)
        return json({"invitation": people.invite(person, asking(request))})

    @router.put("/people/{name}", openapi_extra=described(Change))
    async def change(name: str, request: Request, body: Annotated[Change, body_of(Change)]) -> Response:
        """Change role or access of an account; its sessions end at once."""
        return json(_person(people.change(name, body.role, body.barred, asking(request))))

    @router.get("/trail")
    async def trail(
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Entries of the audit trail numbered below `before` (without: the newest), newest first."""
        last = people.trail_length() if before is None else before - 1
        first = max(0, last - limit)
        rows = people.trail(first, max(0, last - first)) if last > first else []
        return json({"length": people.trail_length(), "entries": [_entry(each) for each in reversed(rows)]})

    return router


def _programs(people: People) -> APIRouter:
    router = APIRouter()

    @router.get("/programs")
    async def programs() -> Response:
        """Every machine's token, without the secret."""
        return json([_program(each) for each in people.programs()])

    @router.post("/programs", openapi_extra=described(Admission))
    async def admit(request: Request, body: Annotated[Admission, body_of(Admission)]) -> Response:
        """Give a program a token, shown this once; for a name in use `renew` ends the former."""
        return json({"token": people.admit(body.name, body.role, body.days, asking(request), body.renew)})

    @router.delete("/programs/{name}")
    async def dismiss(name: str, request: Request) -> Response:
        """Take a program's token back."""
        people.dismiss(name, asking(request))
        return json({"name": name})

    return router


def _opened(people: People, request: Request, opened: SignedIn) -> Response:
    return kept(people, request, opened, json(_session(people, opened.actor)))


def kept(people: People, request: Request, opened: SignedIn, answer: Response) -> Response:
    """The session as a cookie no script can read; a former one of this browser ends."""
    former = request.cookies.get(COOKIE)
    if former:
        people.sign_out(former, opened.actor)
    until = datetime.fromtimestamp(opened.until_ns // 1_000_000_000, UTC)
    secure = request.url.scheme == "https"
    answer.set_cookie(
        COOKIE, opened.token, expires=until, path="/", httponly=True, samesite="strict", secure=secure
    )
    return answer


def _session(people: People, actor: Actor | None) -> Json:
    return {
        "name": actor and actor.name,
        "role": actor and actor.role.value,
        "permissions": sorted(PERMISSIONS[actor.role]) if actor else [],
        "local": people.local,
        "unclaimed": people.unclaimed(),
    }


def _person(each: Person) -> Json:
    return {
        "name": each.name,
        "full_name": each.full_name,
        "role": each.role.value,
        "language": each.language,
        "barred": each.barred,
        "joined": each.joined,
    }


def _program(each: Program) -> Json:
    return {"name": each.name, "role": each.role.value, "until": iso(each.until_ns), "by": each.by}


def _entry(each: Entry) -> dict[str, Any]:
    deed = each.deed
    return {
        "number": each.number,
        "t": iso(deed.t),
        "who": deed.who,
        "role": deed.role,
        "origin": deed.origin,
        "action": deed.action,
        "subject": deed.subject,
        "old": deed.old,
        "new": deed.new,
        "why": deed.why,
        "hash": each.hash,
    }
