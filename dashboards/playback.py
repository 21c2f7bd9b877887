"""Playback: the playhead of a stored run, to be read and moved. A live line has none."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import payloads
from dashboards.answer import json
from dashboards.asked import Moment, body_of, described, nanoseconds
from dashboards.problems import RefusedError
from twin.ports import Playback, View


class PlayBody(BaseModel):
    """What the playhead shall do; each part that is given, in this order."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    hindsight: bool | None = None
    """false: as known then; true: as known now"""
    to: Moment | None = None
    """jump to this time"""
    step_s: float | None = Field(default=None, ge=-4e7, le=4e7)
    """jump by so many seconds, and stand there"""
    speed: float | Literal["max"] | None = None
    """go on at so many times real time"""
    pause: bool = False


def routes(view: View) -> APIRouter:
    """The routes of a playback."""
    router = APIRouter()

    @router.get("/playback")
    async def state() -> Response:
        """Where the playback stands: run, playhead, speed, models, marks of the time bar."""
        return json(payloads.playback(_of(view).state()))

    @router.post("/playback", openapi_extra=described(PlayBody))
    async def move(body: Annotated[PlayBody, body_of(PlayBody)]) -> Response:
        """Move the playhead, let it go on or stand; answers with where it then stands."""
        playback = _of(view)
        _move(playback, body)
        return json(payloads.playback(playback.state()))

    return router


def _of(view: View) -> Playback:
    if view.playback is None:
        raise RefusedError(404, "This line is live; twin play RUN --line LINE.yaml opens a stored run.")
    return view.playback


def _move(playback: Playback, body: PlayBody) -> None:
    if body.hindsight is not None:
        playback.look_back(body.hindsight)
    if body.to is not None:
        playback.seek(nanoseconds("to", body.to))
    if body.step_s is not None:
        playback.step(body.step_s)
    if body.speed is not None:
        playback.play(None if body.speed == "max" else body.speed)
    if body.pause:
        playback.pause()
