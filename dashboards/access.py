"""Who may ask for what: every route with the permission it needs, in one table."""

from typing import Final

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from dashboards.problems import RefusedError
from twin.domain.people import PERMISSIONS, Actor, Permission, Role
from twin.ports import People

COOKIE: Final = "bioline_session"

_P = Permission

ROUTES: Final[dict[tuple[str, str], Permission | None]] = {
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/metrics"): _P.READ,
    ("GET", "/session"): None,
    ("POST", "/session"): None,
    ("DELETE", "/session"): None,
    ("POST", "/invitation"): None,
    ("POST", "/invitation/accept"): None,
    ("GET", "/oidc/start"): None,
    ("GET", "/oidc/return"): None,
    ("GET", "/messages/{language}"): None,
    ("GET", "/openapi.json"): _P.READ,
    ("GET", "/asyncapi.json"): _P.READ,
    ("GET", "/line"): _P.READ,
    ("GET", "/latest"): _P.READ,
    ("GET", "/alarms"): _P.READ,
    ("GET", "/events"): _P.READ,
    ("GET", "/trend"): _P.READ,
    ("GET", "/spread"): _P.READ,
    ("GET", "/forecasts"): _P.READ,
    ("GET", "/forecast"): _P.READ,
    ("GET", "/twins"): _P.READ,
    ("GET", "/next-sample"): _P.READ,
    ("GET", "/report"): _P.READ,
    ("GET", "/playback"): _P.READ,
    ("POST", "/playback"): _P.ENGINEER,
    ("GET", "/what-if"): _P.ENGINEER,
    ("POST", "/what-if"): _P.ENGINEER,
    ("GET", "/counters"): _P.READ,
    ("GET", "/links"): _P.READ,
    ("GET", "/stream"): _P.READ,
    ("GET", "/alarms/log"): _P.READ,
    ("GET", "/alarms/log.csv"): _P.READ,
    ("GET", "/alarms/figures"): _P.READ,
    ("POST", "/alarms/{alarm_id:path}/acknowledge"): _P.OPERATE,
    ("GET", "/commands"): _P.READ,
    ("POST", "/commands"): _P.COMMAND,
    ("POST", "/alarms/{alarm_id:path}/reset"): _P.OPERATE,
    ("POST", "/alarms/{alarm_id:path}/shelve"): _P.OPERATE,
    ("POST", "/alarms/{alarm_id:path}/unshelve"): _P.OPERATE,
    ("POST", "/alarms/{alarm_id:path}/comment"): _P.OPERATE,
    ("POST", "/alarms/{alarm_id:path}/not-so"): _P.OPERATE,
    ("POST", "/alarms/{alarm_id:path}/remove"): _P.ENGINEER,
    ("POST", "/alarms/{alarm_id:path}/return"): _P.ENGINEER,
    ("POST", "/tags/{tag}/reference"): _P.OPERATE,
    ("POST", "/tags/{tag}/calibrated"): _P.OPERATE,
    ("GET", "/subscriptions"): _P.READ,
    ("POST", "/subscriptions"): _P.READ,
    ("PUT", "/subscriptions/{number}"): _P.READ,
    ("DELETE", "/subscriptions/{number}"): _P.READ,
    ("POST", "/subscriptions/{number}/test"): _P.READ,
    ("GET", "/subscriptions/{number}/sent"): _P.READ,
    ("POST", "/stop"): None,
    ("POST", "/feed-key"): _P.READ,
    ("GET", "/feed.atom"): _P.READ,
    ("GET", "/feed.ics"): _P.READ,
    ("GET", "/people"): _P.ADMINISTER,
    ("POST", "/people"): _P.ADMINISTER,
    ("PUT", "/people/{name}"): _P.ADMINISTER,
    ("GET", "/programs"): _P.ADMINISTER,
    ("POST", "/programs"): _P.ADMINISTER,
    ("DELETE", "/programs/{name}"): _P.ADMINISTER,
    ("GET", "/trail"): _P.REVIEW,
    ("GET", "/export"): _P.READ,
    ("GET", "/batches"): _P.ENGINEER,
    ("POST", "/batches/{asset}/end"): _P.OPERATE,
    ("POST", "/playbacks"): _P.ENGINEER,
    ("GET", "/playbacks/{key}"): _P.ENGINEER,
    ("DELETE", "/playbacks/{key}"): _P.ENGINEER,
    ("GET", "/play/{key}/{path:path}"): _P.ENGINEER,
    ("POST", "/play/{key}/{path:path}"): _P.ENGINEER,
    ("GET", "/models"): _P.READ,
    ("POST", "/models"): _P.ENGINEER,
    ("GET", "/models/{name}/{number}"): _P.READ,
    ("POST", "/models/{name}/{number}/approve"): _P.APPROVE,
    ("POST", "/models/{name}/{number}/reject"): _P.APPROVE,
    ("POST", "/models/{name}/{number}/roll-back"): _P.APPROVE,
}
"""Method and path (without /api/v1) of every route; None: nobody need be signed in.

What is not here is refused to all.
"""


FEEDS: Final = frozenset({"/feed.atom", "/feed.ics"})


PREFIX: Final = "/api/v1"
UNVERSIONED: Final = frozenset({"/livez", "/readyz", "/metrics", "/play/{key}/{path:path}"})
"""Routes at the root: those that machines look for there, and playbacks, which have pages of their own."""

_PLACES: Final = [
    (compile_path(path if path in UNVERSIONED else PREFIX + path)[0], method) for method, path in ROUTES
]


def methods_at(path: str) -> frozenset[str]:
    """Every method possible at an address; none where there is nothing."""
    return frozenset(method for place, method in _PLACES if place.match(path))


class Door:
    """Knows who asks, and lets in whoever may.

    Parameters
    ----------
    people : People
    """

    def __init__(self, people: People) -> None:
        self.people = people

    def actor(self, request: Request) -> Actor | None:
        """Who asks, by token or session."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else _feed_key(request)
        return self.people.whose(request.cookies.get(COOKIE), bearer, origin(request))

    def still(self, request: Request) -> bool:
        """Tell whether a request let in earlier would be let in now."""
        actor = self.actor(request)
        return actor is not None and actor.may(Permission.READ)

    def __call__(self, request: Request) -> Actor | None:
        """Refuse the request unless whoever asks may; put before every route."""
        route = request.scope["route"]
        assert isinstance(route, APIRoute)
        actor = self.actor(request)
        request.state.actor = actor
        asked = ("GET" if request.method == "HEAD" else request.method, route.path)
        if asked not in ROUTES:
            raise RefusedError(403, "Nobody may ask for this: it is not in the table of permissions.")
        needed = ROUTES[asked]
        if needed is None:
            return actor
        if actor is None:
            raise RefusedError(401, "Nobody is signed in; sign in on the page, or send a token.")
        if not actor.may(needed):
            able = ", ".join(role.value for role in Role if needed in PERMISSIONS[role])
            raise RefusedError(403, f"The role {actor.role.value} may not do this; these may: {able}.")
        return actor


def _feed_key(request: Request) -> str | None:
    """Feed readers can send neither header nor cookie: theirs stands in the address, on feeds only."""
    route = request.scope["route"]
    return request.query_params.get("key") if getattr(route, "path", "") in FEEDS else None


def origin(request: Request) -> str:
    """Address a request comes from."""
    return request.client.host if request.client else "unknown"


def asking(request: Request) -> Actor:
    """Whoever asks, on a route that needs a permission."""
    actor = request.state.actor
    assert isinstance(actor, Actor)
    return actor
