"""Alarms as routes: what stands, what people do about it, its log and its figures."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import asked, payloads, table
from dashboards.access import asking
from dashboards.answer import json
from dashboards.asked import PROSE, Because, body_of, described
from twin.domain.alarm import Trigger
from twin.ports import View

Span = tuple[int, int]


class Shelving(BaseModel):
    """For how long, and why."""

    model_config = ConfigDict(extra="forbid")

    hours: float = Field(gt=0, le=12)
    why: asked.Why


class Reference(BaseModel):
    """A laboratory's value: how much, drawn when (now without it), and what is to be said of it."""

    model_config = ConfigDict(extra="forbid")

    value: float = Field(strict=True, allow_inf_nan=False)
    drawn: asked.Moment | None = None
    why: str = Field(default="", max_length=500, pattern=PROSE)


class Remark(BaseModel):
    """What a person says."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2000, pattern=PROSE)


def routes(view: View) -> APIRouter:
    """Every route about alarms."""
    router = APIRouter()
    router.include_router(_reading(view))
    router.include_router(_moving(view))
    router.include_router(_remarks(view))
    router.include_router(_by_hand(view))
    return router


def _reading(view: View) -> APIRouter:
    router = APIRouter()

    def span(start: asked.Moment | None = None, end: asked.Moment | None = None) -> Span:
        return asked.span(view, start, end)

    @router.get("/alarms")
    async def alarms() -> Response:
        """Alarms that are not normal: those that stand, wait for a person, or are put aside."""
        return json(payloads.alarms(view.alarms()))

    @router.get("/alarms/log")
    async def log(times: Annotated[Span, Depends(span)]) -> Response:
        """Changes of state, oldest first; without times those of the last 24 h."""
        return json([payloads.move(each) for each in view.alarm_log(*times)])

    @router.get("/alarms/log.csv")
    async def log_csv(times: Annotated[Span, Depends(span)]) -> Response:
        """The same as a table for a spreadsheet."""
        return table.csv("alarms.csv", [payloads.move(each) for each in view.alarm_log(*times)])

    @router.get("/alarms/figures")
    async def figures(times: Annotated[Span, Depends(span)]) -> Response:
        """Performance of the alarms; without times of the last 24 h."""
        return json(asdict(view.alarm_figures(*times)))

    return router


def _moving(view: View) -> APIRouter:
    """One route for each thing people do with the state of an alarm."""
    router = APIRouter()

    def add(name: str, trigger: Trigger, text: str) -> None:
        @router.post(
            f"/alarms/{{alarm_id:path}}/{name}", openapi_extra=described(Because), name=name, description=text
        )
        async def move(
            alarm_id: str, request: Request, body: Annotated[Because, body_of(Because)]
        ) -> Response:
            return json(payloads.alarm(await view.move(alarm_id, trigger, asking(request), body.why)))

    add("acknowledge", Trigger.ACKNOWLEDGE, "Acknowledge; doing so twice changes nothing more.")
    add("reset", Trigger.RESET, "Reset an alarm that latched and whose condition is gone.")
    add("unshelve", Trigger.UNSHELVE, "Take an alarm back that was shelved.")
    add("remove", Trigger.REMOVE, "Take out of service until it is returned; needs a reason.")
    add("return", Trigger.RETURN, "Return to service.")

    @router.post("/alarms/{alarm_id:path}/shelve", openapi_extra=described(Shelving))
    async def shelve(
        alarm_id: str, request: Request, body: Annotated[Shelving, body_of(Shelving)]
    ) -> Response:
        """Put aside for at most twelve hours of the line, with a reason."""
        moved = await view.move(alarm_id, Trigger.SHELVE, asking(request), body.why, body.hours)
        return json(payloads.alarm(moved))

    return router


def _remarks(view: View) -> APIRouter:
    router = APIRouter()

    @router.post("/alarms/{alarm_id:path}/comment", openapi_extra=described(Remark))
    async def comment(alarm_id: str, request: Request, body: Annotated[Remark, body_of(Remark)]) -> Response:
        """Keep a comment."""
        await view.remark(alarm_id, "comment", asking(request), body.text)
        return json({})

    @router.post("/alarms/{alarm_id:path}/not-so", openapi_extra=described(Remark))
    async def not_so(alarm_id: str, request: Request, body: Annotated[Remark, body_of(Remark)]) -> Response:
        """Keep that a person says this alarm is wrong, for those who tune it."""
        await view.remark(alarm_id, "not_so", asking(request), body.text)
        return json({})

    return router


def _by_hand(view: View) -> APIRouter:
    router = APIRouter()

    @router.post("/tags/{tag}/reference", openapi_extra=described(Reference))
    async def reference(
        tag: str, request: Request, body: Annotated[Reference, body_of(Reference)]
    ) -> Response:
        """Enter a laboratory's value for a tag; it goes the way of any sample."""
        drawn_ns = None if body.drawn is None else asked.nanoseconds("drawn", body.drawn)
        stored = await view.reference(tag, body.value, drawn_ns, asking(request), body.why)
        return json({"tag": stored})

    @router.post("/tags/{tag}/calibrated", openapi_extra=described(Because))
    async def calibrated(tag: str, request: Request, body: Annotated[Because, body_of(Because)]) -> Response:
        """Keep that the instrument of a tag was calibrated now."""
        await view.calibrated(tag, asking(request), body.why)
        return json({})

    return router
