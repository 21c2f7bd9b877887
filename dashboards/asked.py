"""What a request asks for, checked before anything is done: names, times, parameters, bodies."""

import difflib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dashboards.problems import RefusedError, faults
from twin.ports import View

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=400)
"""Longest time one trend may span (chosen default)."""


PROSE = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""What a person may write: no control characters but tab and end of line."""


def _written(value: object) -> object:
    """Refuse a number as a time: seconds, milliseconds and years look alike."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip("+-.0123456789 ") == ""):
        raise ValueError(f"{value!r} is not a time as 2026-11-22T00:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_written)]
"""A time as a request writes it (RFC 3339)."""


Why = Annotated[str, Field(min_length=1, max_length=500, pattern=PROSE)]
"""A reason that has to be given."""


class Because(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(default="", max_length=500, pattern=PROSE)


class Ordered(BaseModel):
    """A set point to be written to the plant."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    tag: str = Field(min_length=1, max_length=200)
    value: float
    why: Why


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a route for the description of the interface."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def body_of(model: type[BaseModel]) -> Any:
    """The body of a request as `model`, read only when it is announced as JSON."""

    async def read(request: Request) -> BaseModel:
        sort = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        fields = ", ".join(model.model_fields)
        if sort != "application/json":
            came = sort or "nothing named"
            raise RefusedError(
                415, f"The body came as {came!r}; send application/json, an object with {fields}."
            )
        try:
            return model.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == "json_invalid":
                raise RefusedError(
                    400, f"The body is not JSON ({first['msg']}); send an object with {fields}."
                ) from error
            raise RefusedError(
                422, f"The body can not be used as written. {faults(error.errors())}"
            ) from error

    return Depends(read)


def known_parameters(request: Request) -> None:
    """Refuse query parameters the route does not have: a misspelt one would do nothing, in silence."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = sorted(_query_parameters(route.dependant))
    for name in request.query_params:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known) or 'none'}."
            raise RefusedError(422, f"There is no query parameter {name!r}; {hint}")


def _query_parameters(dependant: Dependant) -> set[str]:
    """Names a route takes in its address, those of what it depends on included."""
    inner = (_query_parameters(each) for each in dependant.dependencies)
    return {each.alias for each in dependant.query_params}.union(*inner)


def known_vessel(view: View, name: str) -> None:
    """Refuse a name that no vessel of the line can have, before any store is asked."""
    asset, _, short = name.partition(".")
    if not (short and any(asset == vessel.id for vessel in view.line.vessels)):
        known_name(view, name)


def unit_of_line(view: View, asset: str) -> None:
    """Refuse what is not a vessel of the line."""
    known = [vessel.id for vessel in view.line.vessels]
    if asset not in known:
        raise RefusedError(404, f"There is no vessel {asset!r} on this line; it has {', '.join(known[:20])}.")


def known_name(view: View, name: str) -> None:
    """Refuse a name that is neither a tag of the line nor an estimate of the twin."""
    tags = [tag.id for vessel in view.line.vessels for tag in vessel.tags]
    names = {each.lower(): each for each in (*tags, *(each.name for each in view.latest().estimates))}
    if name in names.values():
        return
    near = [names[each] for each in difflib.get_close_matches(name.lower(), names, 3, cutoff=0.5)]
    vessels = ", ".join(vessel.id for vessel in view.line.vessels)
    hint = f"near it: {', '.join(near)}" if near else f"write VESSEL.NAME with a vessel of {vessels}"
    raise RefusedError(404, f"Nothing on this line is called {name!r}; {hint}.")


def span(view: View, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Start and end [ns]; without times the last 24 h of the line."""
    end_ns = view.clock.now_ns() if end is None else nanoseconds("end", end)
    start_ns = end_ns - 86_400_000_000_000 if start is None else nanoseconds("start", start)
    if not start_ns < end_ns:
        raise RefusedError(
            422, "The start is not before the end; give start and end as 2026-11-22T00:00:00Z."
        )
    if end_ns - start_ns > LONGEST.total_seconds() * 1e9:
        raise RefusedError(422, f"One trend spans at most {LONGEST.days} days; ask for a shorter time.")
    return start_ns, end_ns


def nanoseconds(name: str, moment: datetime) -> int:
    """A moment as [ns since 1970-01-01 UTC]; refused when it has no time zone."""
    if moment.tzinfo is None:
        raise RefusedError(422, f"{name} has no time zone; write it as 2026-11-22T00:00:00Z.")
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
