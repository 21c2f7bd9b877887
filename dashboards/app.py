"""The web interface: versioned JSON, the live stream, metrics and the built pages."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import pages, payloads, problems, prometheus
from dashboards.guard import LOOPBACK, Guard
from dashboards.live import Broadcast, LiveResponse
from dashboards.problems import RefusedError
from twin.domain.errors import StorageError, TwinError
from twin.ports import View

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=400)
"""Longest time one trend may span (chosen default)."""


class Acknowledgement(BaseModel):
    """Who acknowledges."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="operator", min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")


def create_app(
    view: View, *, hosts: Collection[str] | None = LOOPBACK, static: Path | None = None
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

    Returns
    -------
    FastAPI
        An ASGI application; it starts no thread, and one task while somebody watches.
    """
    app = FastAPI(title="Bioline Twin", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    live = Broadcast(view)
    problems.install(app)
    app.include_router(_reading(view), prefix="/api/v1")
    app.include_router(_acting(view), prefix="/api/v1")
    app.include_router(_streaming(live), prefix="/api/v1")
    app.include_router(_watching(view, live))
    pages.install(app, static or pages.BUILT)
    app.add_middleware(Guard, hosts=hosts)
    return app


def _json(data: object) -> Response:
    return Response(orjson.dumps(data), media_type="application/json", headers={"cache-control": "no-store"})


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
        return _json({**payloads.newest(view.latest()), "alarms": payloads.alarms(view.alarms())})

    @router.get("/alarms")
    async def alarms() -> Response:
        """Alarms that stand or wait for acknowledgement."""
        return _json(payloads.alarms(view.alarms()))

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
        start: datetime | None = None,
        end: datetime | None = None,
        points: Annotated[int, Query(ge=10, le=5000)] = 600,
    ) -> Response:
        """Measured series and the twin's belief; without times the last 24 h."""
        _known(view, name)
        start_ns, end_ns = _span(view, start, end)
        return _json(payloads.trend(name, await view.trend(name, start_ns, end_ns, points)))

    @router.get("/counters")
    async def counters() -> Response:
        """The conservation law of samples."""
        return _json(payloads.counters(view.counters()))

    @router.get("/links")
    async def links() -> Response:
        """State of every source."""
        return _json([payloads.link(each) for each in view.links()])

    @router.get("/messages/{language}")
    async def messages(language: str) -> Response:
        """Texts of events and alarms."""
        if language not in payloads.LANGUAGES:
            raise RefusedError(404, f"There are no texts in {language!r}; there are in {payloads.LANGUAGES}.")
        return _json(dict(view.messages(language)))

    return router


def _known(view: View, name: str) -> None:
    asset, dot, rest = name.partition(".")
    if not (dot and rest and any(asset == vessel.id for vessel in view.line.vessels)):
        known = ", ".join(vessel.id for vessel in view.line.vessels)
        raise RefusedError(
            404, f"No vessel of this line has {name!r}; write VESSEL.NAME with a vessel of {known}."
        )


def _span(view: View, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Start and end [ns]."""
    end_ns = view.clock.now_ns() if end is None else _nanoseconds("end", end)
    start_ns = end_ns - 86_400_000_000_000 if start is None else _nanoseconds("start", start)
    if not start_ns < end_ns:
        raise RefusedError(
            422, "The start is not before the end; give start and end as 2026-11-22T00:00:00Z."
        )
    if end_ns - start_ns > LONGEST.total_seconds() * 1e9:
        raise RefusedError(422, f"One trend spans at most {LONGEST.days} days; ask for a shorter time.")
    return start_ns, end_ns


def _nanoseconds(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise RefusedError(422, f"{name} has no time zone; write it as 2026-11-22T00:00:00Z.")
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def _acting(view: View) -> APIRouter:
    """Routes that change something."""
    router = APIRouter()

    @router.post("/alarms/{alarm_id:path}/acknowledge")
    async def acknowledge(alarm_id: str, request: Request, who: Acknowledgement) -> Response:
        """Acknowledge an alarm; doing so twice changes nothing more."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise RefusedError(
                415, 'Send the acknowledgement as application/json, such as {"by": "operator"}.'
            )
        try:
            return _json(payloads.alarm(await view.acknowledge(alarm_id, who.by)))
        except StorageError:
            raise
        except TwinError as error:
            raise RefusedError(404, str(error)) from error

    return router


def _streaming(live: Broadcast) -> APIRouter:
    router = APIRouter()

    @router.get("/stream")
    async def stream(
        after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Server-Sent Events; resumes after `Last-Event-ID`, or after the number `after`."""
        known = (last_event_id or "").isascii() and (last_event_id or "").isdigit()
        resumed = int((last_event_id or "")[:18]) if known else after
        return LiveResponse(live.stream(resumed))

    return router


def _watching(view: View, live: Broadcast) -> APIRouter:
    """Routes for machines that look after this one."""
    router = APIRouter()

    @router.get("/livez")
    async def livez() -> Response:
        """The process answers."""
        return _json({"status": "alive"})

    @router.get("/readyz")
    async def readyz() -> Response:
        """The stores answer; 503 with the reason when not."""
        view.newest_event()
        links = {link.source: link.up for link in view.links()}
        return _json({"status": "ready", "conserved": view.counters().holds, "links": links})

    @router.get("/metrics")
    async def metrics() -> Response:
        """Counters in the Prometheus text format."""
        text = prometheus.render(view.counters(), view.links(), view.alarms(), live.viewers)
        return Response(text, headers={"content-type": prometheus.CONTENT_TYPE})

    return router
