"""Single sign-on as routes: away to the identity provider, and back with a session."""

from typing import Final

import structlog
from fastapi import APIRouter, Request, Response

from dashboards.access import origin
from dashboards.people import kept
from twin.domain.errors import ConnectorError, SignInError
from twin.ports import IdentityProvider, People

AWAY: Final = "bioline_away"
"""Cookie that ties what comes back to the browser that left."""
AWAY_S: Final = 600
PATH: Final = "/api/v1/oidc"

log = structlog.get_logger("sign-in")


def routes(people: People, provider: IdentityProvider | None) -> APIRouter:
    """Both ways; without a provider they lead back to the page."""
    router = APIRouter()

    @router.get("/oidc/start")
    async def start(request: Request) -> Response:
        """Send the browser to the identity provider."""
        try:
            leaving = await _there(provider).leave()
        except ConnectorError as error:
            return _refused(request, "provider", error)
        answer = _sent(leaving.url)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            AWAY, leaving.browser, max_age=AWAY_S, path=PATH, httponly=True, samesite="lax", secure=secure
        )
        return answer

    @router.get("/oidc/return")
    async def back(request: Request) -> Response:
        """Take the identity provider's answer, and open a session."""
        try:
            browser, said = request.cookies.get(AWAY, ""), dict(request.query_params)
            opened = people.vouched(await _there(provider).come_back(browser, said), origin(request))
        except SignInError as error:
            return _refused(request, "refused", error)
        except ConnectorError as error:
            return _refused(request, "provider", error)
        answer = kept(people, request, opened, _sent(_page(request)))
        answer.delete_cookie(AWAY, path=PATH, httponly=True, samesite="lax")
        return answer

    return router


def _there(provider: IdentityProvider | None) -> IdentityProvider:
    if provider is None:
        raise ConnectorError("there is no single sign-on here; TWIN_OIDC would name its file")
    return provider


def _refused(request: Request, why: str, error: Exception) -> Response:
    """Back to the page, which says why in the reader's language; the log has the words."""
    log.warning("single sign-on refused", why=why, error=str(error), origin=origin(request))
    return _sent(f"{_page(request)}#/?problem={why}")


def _sent(url: str) -> Response:
    return Response(status_code=303, headers={"location": url, "cache-control": "no-store"})


def _page(request: Request) -> str:
    """The pages' address as this browser reaches them."""
    return f"{request.scope.get('root_path', '')}/"
