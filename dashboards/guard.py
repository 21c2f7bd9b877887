"""What stands before every request: known host, same origin for changes, headers that forbid the rest."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.problems import respond

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names under which a service bound to loopback may be asked for."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGIApp
    hosts : Collection[str] or None
        Host names the service answers to, without port; None answers to all. A page
        of another site that lets its name point at this machine (DNS rebinding)
        shows by a foreign name here.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = LOOPBACK) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add headers to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("strict-transport-security", "max-age=63072000")
            await send(message)

        objection = self._objection(scope["method"], Headers(scope=scope))
        inner = self._app if objection is None else respond(*objection)
        await inner(scope, receive, with_headers)

    def _objection(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return 421, f"This service does not answer to the name {host!r}; ask for {sorted(self._hosts)}."
        if method not in READING and not _same_origin(headers, host):
            return 403, "Changes are accepted from this service's own pages only."
        return None


def _name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or "" if _sound(host) else ""


def _sound(host: str) -> bool:
    try:
        urlsplit(f"//{host}").port  # noqa: B018
    except ValueError:
        return False
    return True


def _same_origin(headers: Headers, host: str) -> bool:
    """True for the service's own pages, and for programs, which send neither header and no cookie."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    if origin is None:
        return site is not None or "cookie" not in headers
    return urlsplit(origin).netloc.lower() == host.lower()
