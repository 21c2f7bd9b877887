"""The web interface: versioned JSON, the live stream, metrics and the built pages."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response

from dashboards import (
    alarms,
    asked,
    asyncapi,
    batches,
    models,
    openapi,
    pages,
    payloads,
    people,
    playback,
    problems,
    prometheus,
    single,
    subscriptions,
    whatif,
)
from dashboards.access import Door, asking, methods_at
from dashboards.answer import file
from dashboards.answer import json as _json
from dashboards.asked import Ordered, body_of, described
from dashboards.bodies import Limited
from dashboards.guard import LOOPBACK, Guard
from dashboards.heads import Heads
from dashboards.live import Broadcast, LiveResponse
from dashboards.problems import RefusedError
from twin.domain.command import CommandRefusedError
from twin.domain.errors import ConnectorError
from twin.ports import IdentityProvider, View


def create_app(
    view: View,
    *,
    hosts: Collection[str] | None = LOOPBACK,
    static: Path | None = None,
    provider: IdentityProvider | None = None,
) -> FastAPI:
    """Build the interface to `view`.

    Parameters
    ----------
    view : View
        All the interface knows of the service.
    hosts : Collection[str] or None
        Host names it answers to; the default fits a service bound to loopback, None answers to all.
    static : Path or None
        Folder of the built pages; the one in this package when None.
    provider : IdentityProvider or None
        Who vouches for people beside their passwords.

    Returns
    -------
    FastAPI
        An ASGI application; it starts no thread, and one task while somebody watches.
        Call ``app.state.live.close()`` before its server stops: then open streams end by themselves.
    """
    app = FastAPI(title="Bioline Twin", docs_url=None, redoc_url=None, openapi_url=None)
    live = Broadcast(view)
    app.state.live = live
    problems.install(app, methods_at)
    door = Door(view.people)
    before = [Depends(door), Depends(asked.known_parameters)]
    routers = (
        _reading(view),
        _acting(view),
        alarms.routes(view),
        _streaming(live, door),
        people.routes(door, provider.label if provider else ""),
        subscriptions.routes(view),
        whatif.routes(view),
        playback.routes(view),
        models.routes(view),
        batches.routes(view),
        _describing(app),
    )
    for router in routers:
        app.include_router(router, prefix="/api/v1", dependencies=before)
    app.include_router(single.routes(view.people, provider), prefix="/api/v1", dependencies=[Depends(door)])
    app.include_router(_watching(view, live), dependencies=before)
    app.include_router(batches.passing(view), dependencies=[Depends(door)])
    pages.install(app, static or pages.BUILT)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    app.add_middleware(Limited)
    app.add_middleware(Guard, hosts=hosts)
    app.add_middleware(Heads)
    return app


def _describing(app: FastAPI) -> APIRouter:
    router = APIRouter()

    @router.get("/openapi.json")
    async def interface() -> Response:
        """The interface described (OpenAPI)."""
        return _json(app.openapi())

    @router.get("/asyncapi.json")
    async def events() -> Response:
        """The live stream and the notices described (AsyncAPI)."""
        return _json(asyncapi.document())

    return router


def _reading(view: View) -> APIRouter:
    """Routes that only tell."""
    router = APIRouter()

    @router.get("/line")
    async def line() -> Response:
        """Vessels, tags, limits, origin of the data."""
        return _json(payloads.line(view))

    @router.get("/latest")
    async def latest() -> Response:
        """Newest value and estimate of everything, and the standing alarms."""
        return _json(payloads.snapshot(view))

    @router.get("/events")
    async def events(
        after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> Response:
        """Events numbered above `after`, oldest first; without `after` the newest `limit`."""
        start = max(0, view.newest_event() - limit) if after is None else after
        return _json(payloads.events(view.events(start, limit)))

    @router.get("/trend")
    async def trend(
        name: Annotated[str, Query(min_length=1, max_length=200)],
        start: asked.Moment | None = None,
        end: asked.Moment | None = None,
        points: Annotated[int, Query(ge=10, le=5000)] = 600,
    ) -> Response:
        """Measured series and the twin's belief; without times the last 24 h."""
        start_ns, end_ns = asked.span(view, start, end)
        asked.known_vessel(view, name)
        parts = await view.trend(name, start_ns, end_ns, points)
        if not any(part.times_ns for part in parts):
            asked.known_name(view, name)
        return _json(payloads.trend(name, parts))

    @router.get("/spread")
    async def spread(
        name: Annotated[str, Query(min_length=1, max_length=200)],
        start: asked.Moment | None = None,
        end: asked.Moment | None = None,
    ) -> Response:
        """How the values of a tag lie and how long each quality lasted; without times the last 24 h."""
        start_ns, end_ns = asked.span(view, start, end)
        return _json(payloads.spread(name, await view.spread(name, start_ns, end_ns)))

    @router.get("/forecasts")
    async def forecasts() -> Response:
        """The newest forecast of each vessel: when limits are left, harvest and product."""
        return _json([payloads.forecast(each, whole=False) for each in view.forecasts()])

    @router.get("/forecast")
    async def forecast(asset: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """The newest forecast of one vessel with the 90 % band of every quantity."""
        asked.unit_of_line(view, asset)
        found = next((each for each in view.forecasts() if each.asset == asset), None)
        if found is None:
            raise RefusedError(404, f"There is no forecast of {asset} yet; the twin makes one every 15 min.")
        return _json(payloads.forecast(found, whole=True))

    @router.get("/report")
    async def report(
        request: Request,
        asset: Annotated[str, Query(min_length=1, max_length=200)],
        language: Literal["en", "fr"] = "en",
        form: Literal["pdf", "html"] = "pdf",
    ) -> Response:
        """The report of a vessel's batch so far, as a file: PDF/A or HTML."""
        asked.unit_of_line(view, asset)
        return file(await view.report(asset, language, form, asking(request)))

    @router.get("/export")
    async def export(asset: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """The stored values of a vessel's batch, as a Parquet file."""
        asked.unit_of_line(view, asset)
        return file(await view.export(asset))

    @router.get("/twins")
    async def twins() -> Response:
        """How each twin is: its trust and why, consistency, what its sensors let it know."""
        return _json([payloads.twin(each) for each in view.twins()])

    @router.get("/next-sample")
    async def next_sample(asset: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """Which assay, drawn when in the next day, takes most of the twin's doubt away, the best first."""
        asked.unit_of_line(view, asset)
        return _json([payloads.next_sample(each) for each in await view.next_samples(asset)])

    @router.get("/counters")
    async def counters() -> Response:
        """The conservation law of samples."""
        return _json(payloads.counters(view.counters()))

    @router.get("/links")
    async def links() -> Response:
        """State of every source."""
        return _json([payloads.link(each) for each in view.links()])

    @router.get("/commands")
    async def commands() -> Response:
        """What may be written to the plant, by whom and within which limits."""
        return _json([asdict(permit) for permit in view.permits()])

    @router.get("/messages/{language}")
    async def messages(language: str) -> Response:
        """Texts of events and alarms."""
        if language not in payloads.LANGUAGES:
            raise RefusedError(404, f"There are no texts in {language!r}; there are in {payloads.LANGUAGES}.")
        return _json(dict(view.messages(language)))

    return router


def _acting(view: View) -> APIRouter:
    """Routes that change something."""
    router = APIRouter()

    @router.post("/commands", openapi_extra=described(Ordered))
    async def command(request: Request, body: Annotated[Ordered, body_of(Ordered)]) -> Response:
        """Write a set point to the plant, where the line file permits it."""
        try:
            said = await view.command(body.tag, body.value, asking(request), body.why)
        except CommandRefusedError as error:
            raise RefusedError(403 if error.reason in ("off", "role") else 422, str(error)) from error
        except ConnectorError as error:
            raise RefusedError(502, str(error)) from error
        return _json({"tag": body.tag, "value": body.value, "said": said})

    return router


def _streaming(live: Broadcast, door: Door) -> APIRouter:
    router = APIRouter()

    @router.get("/stream")
    async def stream(
        request: Request,
        after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Server-Sent Events; resumes after `Last-Event-ID`, or after the number `after`."""
        known = (last_event_id or "").isascii() and (last_event_id or "").isdigit()
        resumed = int((last_event_id or "")[:18]) if known else after
        return LiveResponse(live.stream(resumed, lambda: door.still(request)))

    return router


def _unkept(held: Mapping[str, str], known: bool) -> str:
    """That stores take nothing; what they say themselves only to those who may read."""
    said = [f"{store} ({why})" if known else store for store, why in sorted(held.items())]
    return (
        f"Nothing can be kept now, what comes waits: {', '.join(said)}. Make room; the rest goes by itself."
    )


def _watching(view: View, live: Broadcast) -> APIRouter:
    """Routes for machines that look after this one."""
    router = APIRouter()

    @router.get("/livez")
    async def livez() -> Response:
        """The process answers."""
        return _json({"status": "alive"})

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        """The stores answer; 503 with the reason when not. Details for those who may read."""
        view.newest_event()
        known = request.state.actor is not None
        if held := view.holding():
            raise RefusedError(503, _unkept(held, known))
        if not known:
            return _json({"status": "ready"})
        links = {link.source: payloads.link(link) for link in view.links()}
        return _json({"status": "ready", "conserved": view.counters().holds, "links": links})

    @router.get("/metrics")
    async def metrics() -> Response:
        """Counters in the Prometheus text format."""
        text = prometheus.render(view.counters(), view.links(), view.alarms(), live.viewers)
        return Response(text, headers={"content-type": prometheus.CONTENT_TYPE})

    return router
