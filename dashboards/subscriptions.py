"""Subscriptions and feeds as routes."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import feeds
from dashboards.access import asking
from dashboards.answer import json
from dashboards.asked import body_of, described
from dashboards.payloads import Json
from twin.domain.alarm import Priority
from twin.domain.people import Role
from twin.domain.subscription import Risk, Subscription
from twin.ports import View

PATTERN = r"^[A-Za-z0-9_.*?-]{1,64}$"
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class Foresight(BaseModel):
    """A predicted risk: a tag, one bound, how far ahead, from which probability on."""

    model_config = ConfigDict(extra="forbid")

    tag: str = Field(min_length=1, max_length=130)
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    within_h: float = Field(default=4.0, gt=0, le=72)
    probability: float = Field(default=0.1, ge=0.01, le=0.99)


class Wish(BaseModel):
    """What a person wants to hear of, and how."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(min_length=1, max_length=64)
    address: str = Field(default="", max_length=500)
    language: Literal["en", "fr"] = "en"
    assets: list[Annotated[str, Field(pattern=PATTERN)]] = Field(default=["*"], min_length=1, max_length=50)
    kinds: list[Annotated[str, Field(pattern=PATTERN)]] = Field(default=["*"], min_length=1, max_length=20)
    least: Priority = Priority.LOW
    quiet_from: str = Field(default="", pattern=rf"^$|{CLOCK}")
    quiet_to: str = Field(default="", pattern=rf"^$|{CLOCK}")
    zone: str = Field(default="UTC", max_length=64)
    digest_h: float = Field(default=0.0, ge=0, le=168)
    after_min: float = Field(default=0.0, ge=0, le=1440)
    stopped: bool = False
    risks: list[Foresight] = Field(default=[], max_length=10)


class Stop(BaseModel):
    """What the link in a notice carries."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(min_length=1, max_length=64)
    secret: str = Field(min_length=1, max_length=64)


def routes(view: View) -> APIRouter:
    """Every route about subscriptions and feeds."""
    router = APIRouter()
    router.include_router(_own(view))
    router.include_router(_about(view))
    router.include_router(_feeds(view))
    return router


def _own(view: View) -> APIRouter:
    router, book = APIRouter(), view.subscriptions

    @router.get("/subscriptions")
    async def own(request: Request) -> Response:
        """One's own subscriptions, and the channels there are."""
        mine = [_subscription(each) for each in book.of(asking(request).name)]
        return json({"channels": [asdict(each) for each in book.channels()], "subscriptions": mine})

    @router.post("/subscriptions", openapi_extra=described(Wish))
    async def add(request: Request, body: Annotated[Wish, body_of(Wish)]) -> Response:
        """Subscribe."""
        return json(_subscription(book.put(_wanted("", body), asking(request))))

    @router.put("/subscriptions/{number}", openapi_extra=described(Wish))
    async def change(number: str, request: Request, body: Annotated[Wish, body_of(Wish)]) -> Response:
        """Change one's own."""
        return json(_subscription(book.put(_wanted(number, body), asking(request))))

    @router.delete("/subscriptions/{number}")
    async def drop(number: str, request: Request) -> Response:
        """Remove one's own."""
        book.drop(number, asking(request))
        return json({"number": number})

    return router


def _about(view: View) -> APIRouter:
    router, book = APIRouter(), view.subscriptions

    @router.post("/subscriptions/{number}/test")
    async def test(number: str, request: Request) -> Response:
        """Send a test notice the way of any other."""
        book.test(number, asking(request))
        return json({"number": number})

    @router.get("/subscriptions/{number}/sent")
    async def sent(number: str, request: Request) -> Response:
        """What became of the newest notices."""
        return json([asdict(each) for each in book.told(number, asking(request))])

    @router.post("/stop", openapi_extra=described(Stop))
    async def stop(body: Annotated[Stop, body_of(Stop)]) -> Response:
        """Stop a subscription with the link of one of its notices, without signing in."""
        return json({"stopped": book.stop(body.number, body.secret)})

    return router


def _feeds(view: View) -> APIRouter:
    router = APIRouter()
    Language = Annotated[Literal["en", "fr"], Query()]
    Key = Annotated[str, Query(max_length=100)]

    @router.post("/feed-key")
    async def key(request: Request) -> Response:
        """A key with which programs read one's feeds; the one before ends."""
        actor = asking(request)
        secret = view.people.admit(f"feed.{actor.name}"[:32], Role.VIEWER, 365.0, actor, renew=True)
        return json({"key": secret})

    @router.get("/feed.atom")
    async def atom(request: Request, key: Key = "", language: Language = "en") -> Response:
        """Newest events that raised an alarm, as an Atom feed."""
        base = str(request.base_url)
        return feeds.answer(feeds.atom(view, language, base), "application/atom+xml; charset=utf-8")

    @router.get("/feed.ics")
    async def calendar(key: Key = "", language: Language = "en") -> Response:
        """Batches with their planned ends, as a calendar."""
        return feeds.answer(feeds.calendar(view, language), "text/calendar; charset=utf-8")

    return router


def _wanted(number: str, body: Wish) -> Subscription:
    quiet = (
        (_minutes(body.quiet_from), _minutes(body.quiet_to)) if body.quiet_from and body.quiet_to else None
    )
    fields = body.model_dump(exclude={"quiet_from", "quiet_to", "risks"})
    fields["risks"] = tuple(Risk(**risk.model_dump()) for risk in body.risks)
    fields |= {"assets": tuple(body.assets), "kinds": tuple(body.kinds), "quiet": quiet}
    return Subscription(number, **fields)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return 60 * int(hours) + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _subscription(s: Subscription) -> Json:
    begin, end = s.quiet or (None, None)
    return {
        "number": s.subscriber,
        "channel": s.channel,
        "address": s.address,
        "language": s.language,
        "assets": list(s.assets),
        "kinds": list(s.kinds),
        "least": s.least.value,
        "quiet_from": "" if begin is None else _clock(begin),
        "quiet_to": "" if end is None else _clock(end),
        "zone": s.zone,
        "digest_h": s.digest_h,
        "after_min": s.after_min,
        "stopped": s.stopped,
        "risks": [asdict(risk) for risk in s.risks],
    }
