"""Stored batches: the list, playbacks of them, and the way of an engineer's requests to a playback."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dashboards import asked
from dashboards.access import asking
from dashboards.answer import json
from dashboards.asked import body_of, described
from dashboards.payloads import Json, iso
from dashboards.problems import RefusedError
from twin.domain.batch import Stored
from twin.domain.errors import NotFoundError
from twin.domain.people import Actor
from twin.ports import Closed, Opened, Playbacks, View

LIST: Final = "../../#/batches"
"""Where the list of batches is, as seen from a playback's own pages; with a key, what became of it."""


class Chosen(BaseModel):
    """A batch by its vessel and name."""

    model_config = ConfigDict(extra="forbid")

    vessel: str = Field(min_length=1, max_length=200)
    batch: str = Field(min_length=1, max_length=200)
    instead: str = Field(default="", max_length=200)
    """key of the playback that whoever asks has open and that is closed for this one"""


class Ended(BaseModel):
    """When a batch ended (now without it), and why that is said."""

    model_config = ConfigDict(extra="forbid")

    at: asked.Moment | None = None
    why: asked.Why


def routes(view: View) -> APIRouter:
    """The list of batches, and what opens and closes playbacks."""
    router = APIRouter()

    @router.get("/batches")
    async def every(request: Request) -> Response:
        """Every batch that the line has run, the newest first, and the playback that is open."""
        desk = _of(view)
        mine = desk.opened(asking(request))
        return json({"batches": [_batch(each) for each in desk.batches()], "open": mine and _opened(mine)})

    @router.post("/batches/{asset}/end", openapi_extra=described(Ended))
    async def end(request: Request, asset: str, body: Annotated[Ended, body_of(Ended)]) -> Response:
        """Say that the batch of a vessel has ended: its report is then made before the planned end."""
        asked.unit_of_line(view, asset)
        at_ns = None if body.at is None else asked.nanoseconds("at", body.at)
        return json(_batch(await view.end_batch(asset, at_ns, asking(request), body.why)))

    @router.post("/playbacks", openapi_extra=described(Chosen))
    async def open_(request: Request, body: Annotated[Chosen, body_of(Chosen)]) -> Response:
        """Open a batch as playback; whoever asks and has one open names it as the one that is closed."""
        desk, by = _of(view), asking(request)
        return json(_opened(await desk.open(body.vessel, body.batch, by, body.instead)))

    @router.get("/playbacks/{key}")
    async def fate(request: Request, key: str) -> Response:
        """Whether a playback of whoever asks is open, and if not, why."""
        return json(_fate(_of(view).closed(key, asking(request))))

    @router.delete("/playbacks/{key}")
    async def close(request: Request, key: str) -> Response:
        """Close a playback."""
        await _of(view).close(key, asking(request))
        return json({"closed": key})

    return router


def passing(view: View) -> APIRouter:
    """The pages and the interface of a playback, for whoever opened it."""
    router = APIRouter()

    @router.get("/play/{key}/{path:path}")
    async def read(request: Request, key: str, path: str) -> Response:
        """Pass a question on to a playback."""
        try:
            return await _pass_on(view, request, key, path, asking(request))
        except NotFoundError:
            if path:
                raise
            return RedirectResponse(f"{LIST}/{key}", 303)

    @router.post("/play/{key}/{path:path}")
    async def act(request: Request, key: str, path: str) -> Response:
        """Pass an act on to a playback; nothing outside it is moved."""
        return await _pass_on(view, request, key, path, asking(request))

    return router


async def _pass_on(view: View, request: Request, key: str, path: str, by: Actor) -> Response:
    query = request.url.query
    where = f"/{path}?{query}" if query else f"/{path}"
    body = await request.body()
    passed = await _of(view).ask(key, by, request.method, where, dict(request.headers), body)
    return StreamingResponse(passed.body, passed.status, dict(passed.headers))


def _of(view: View) -> Playbacks:
    if view.playbacks is None:
        raise RefusedError(404, "No stored batch is opened from here; the running line's own pages do that.")
    return view.playbacks


def _batch(each: Stored) -> Json:
    return {
        "vessel": each.vessel,
        "batch": each.batch.id,
        "start": iso(each.start_ns),
        "end": iso(each.ended_ns or each.end_ns),
        "early": each.early,
        "planned_h": each.batch.duration_h,
        "running": each.running,
        "models": [use for use in (each.process_model, each.normal_model) if use],
    }


def _fate(closed: Closed | None) -> Json:
    if closed is None:
        return {"open": True}
    then = closed.then and dict(zip(("vessel", "batch"), closed.then, strict=True))
    was = {"vessel": closed.opened.vessel, "batch": closed.opened.batch}
    return {"open": False, **was, "why": closed.why.value, "then": then}


def _opened(each: Opened) -> Json:
    return {"key": each.key, "vessel": each.vessel, "batch": each.batch, "place": f"play/{each.key}/"}
