"""The interface described (OpenAPI 3.1): what each route answers, and how each refusal looks."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dashboards.access import COOKIE, FEEDS, PREFIX, ROUTES
from dashboards.asyncapi import ALARM, ALARMS, EVENT, STREAM, TIME, VALUES

Schema = dict[str, Any]

PROBLEM: Final[Schema] = {
    "description": "Problem details (RFC 9457): one sentence and what to try.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "minLength": 1},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
}
REFUSALS: Final = {
    400: "The body is not JSON.",
    401: "Nobody is signed in, or name, password, invitation do not fit.",
    403: "The role does not permit it, or the request comes from a foreign page.",
    404: "There is no such thing.",
    409: "The name is in use.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not announced as JSON.",
    421: "The service does not answer to this host name.",
    422: "The request can not be used as written.",
    429: "Too many tries; Retry-After tells when the next one counts.",
    502: "The plant did not take it.",
    503: "A store does not answer, or its disk is full.",
}
"""What each status means, wherever it is given."""

FORMS: Final = {
    "/metrics": ("text/plain",),
    "/report": ("application/pdf", "text/html"),
    "/export": ("application/vnd.apache.parquet",),
    "/play/{key}/{path}": ("*/*",),
    "/alarms/log.csv": ("text/csv",),
    "/feed.atom": ("application/atom+xml",),
    "/feed.ics": ("text/calendar",),
}
"""What is answered where it is not JSON."""

SENT: Final[Schema] = {
    "description": "One Server-Sent Event; asyncapi.json tells what the data of each are.",
    "type": "object",
    "properties": {
        "event": {"enum": [*STREAM]},
        "data": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer"},
    },
    "required": ["event", "data"],
}

NAMED: Final = frozenset(
    {
        "/trend",
        "/spread",
        "/forecast",
        "/report",
        "/export",
        "/playback",
        "/what-if",
        "/batches",
        "/next-sample",
    }
)
"""Routes that may not find what is named in their address or body, beside those with a place in the path."""

NAMING: Final = frozenset({("POST", "/models"), ("POST", "/playbacks")})
"""Routes that may not find what their body names, while asking always finds."""

TAKEN: Final = frozenset(
    {("POST", "/people"), ("POST", "/programs"), ("POST", "/invitation/accept"), ("POST", "/playbacks")}
)
"""Routes that give a name, which may be in use, or open what there is one of."""

GUESSED: Final = frozenset({("POST", "/session"), ("POST", "/invitation/accept")})
"""Routes at which secrets might be tried."""

AWAY: Final = frozenset({"/oidc/start", "/oidc/return"})
"""Routes that send the browser elsewhere."""

EMPTY: Final[Schema] = {"type": "object", "additionalProperties": False}
PERSON: Final = {
    "type": "object",
    "properties": {
        "name": {"type": ["string", "null"]},
        "role": {"type": ["string", "null"]},
        "permissions": {"type": "array", "items": {"type": "string"}},
        "local": {"type": "boolean"},
        "unclaimed": {"type": "boolean"},
    },
    "required": ["name", "role", "permissions", "local", "unclaimed"],
}
MOVED: Final = ("acknowledge", "reset", "shelve", "unshelve", "remove", "return")
KEPT: Final = ("comment", "not-so")
SCHEMAS: Final[dict[tuple[str, str], Schema]] = {
    ("GET", "/alarms"): ALARMS,
    ("GET", "/events"): {"type": "array", "items": EVENT},
    ("GET", "/latest"): {"type": "object", "properties": {**VALUES, "alarms": ALARMS}, "required": [*VALUES]},
    ("GET", "/session"): PERSON,
    ("POST", "/session"): PERSON,
    ("DELETE", "/session"): PERSON,
    ("POST", "/invitation/accept"): PERSON,
    ("GET", "/livez"): {"type": "object", "properties": {"status": {"const": "alive"}}},
    ("GET", "/trail"): {
        "type": "object",
        "properties": {
            "length": {"type": "integer"},
            "entries": {
                "type": "array",
                "items": {"type": "object", "properties": {"t": TIME}, "required": ["number", "who", "hash"]},
            },
        },
        "required": ["length", "entries"],
    },
    **{("POST", f"/alarms/{{alarm_id}}/{name}"): ALARM for name in MOVED},
    **{("POST", f"/alarms/{{alarm_id}}/{name}"): EMPTY for name in KEPT},
    ("POST", "/tags/{tag}/calibrated"): EMPTY,
}
"""Schemas of answers that programs build on; the others are objects or lists."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of `app`, made once."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = {"Problem": PROBLEM}
        for path, methods in found["paths"].items():
            for method, operation in methods.items():
                schemas |= _parts_of_body(operation)
                _complete(operation, method.upper(), path)
        found["components"] = {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "feed": {"type": "apiKey", "in": "query", "name": "key"},
            },
        }
        app.openapi_schema = found
    return app.openapi_schema


def _parts_of_body(operation: dict[str, Any]) -> dict[str, Schema]:
    """Take the schemas that a body refers to out of it, to where its references lead."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts: dict[str, Schema] = content.get("schema", {}).pop("$defs", {})
    return parts


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    """Tell what one route answers and who may ask."""
    short = path.removeprefix(PREFIX)
    needs = ROUTES.get((method, _whole(short)))
    if needs is not None:
        ways = ("token", "session", *(("feed",) if short in FEEDS else ()))
        operation["security"] = [{way: []} for way in ways]
    statuses = _statuses(method, short, bool(needs), "requestBody" in operation)
    operation["responses"] = _answer(method, short) | {str(each): _problem(each) for each in sorted(statuses)}


def _whole(short: str) -> str:
    """A route as the table of permissions has it: some places take more than one step of a path."""
    return short.replace("{alarm_id}", "{alarm_id:path}").replace("{path}", "{path:path}")


def _statuses(method: str, short: str, guarded: bool, body: bool) -> set[int]:
    found = {421, 422, 503}
    found |= {401, 403} if guarded else set()
    found |= {409} if (method, short) in TAKEN else set()
    found |= {404} if "{" in short or short in NAMED or (method, short) in NAMING else set()
    found |= {403, 413} if method != "GET" else set()
    found |= {400, 415} if body else set()
    found |= {401, 429} if (method, short) in GUESSED else set()
    found |= {502} if (method, short) == ("POST", "/commands") else set()
    return found


def _answer(method: str, short: str) -> dict[str, Any]:
    """What is answered when nothing stands against it."""
    if short in AWAY:
        location = {"location": {"required": True, "schema": {"type": "string"}}}
        return {"303": {"description": "Elsewhere.", "headers": location}}
    if short == "/stream":
        content = {"text/event-stream": {"itemSchema": SENT}}
    elif short in FORMS:
        content = {form: {"schema": {"type": "string"}} for form in FORMS[short]}
    else:
        schema = SCHEMAS.get((method, short), {"type": ["object", "array", "null"]})
        content = {"application/json": {"schema": schema}}
    return {"200": {"description": "As asked.", "content": content}}


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": REFUSALS[status], "content": content}
