"""Models by name and version as routes: what there is, what runs, and who decides."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.access import asking
from dashboards.answer import json
from dashboards.asked import Why, body_of, described
from dashboards.payloads import Json, iso
from dashboards.problems import RefusedError
from twin.domain.registry import Act, Version
from twin.ports import Models, View


class Reasoned(BaseModel):
    """Why it is done; needed."""

    model_config = ConfigDict(extra="forbid")

    why: Why


class Proposal(Reasoned):
    """A file that lies in the folder of models, as the next version of a name."""

    name: str = Field(min_length=1, max_length=64)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


Name = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=999_999)]


def routes(view: View) -> APIRouter:
    """Every route about models."""
    router = APIRouter()

    @router.get("/models")
    async def every() -> Response:
        """Every version with who, when and why, and which version each vessel runs with."""
        return json(_document(view))

    @router.post("/models", openapi_extra=described(Proposal))
    async def propose(request: Request, body: Annotated[Proposal, body_of(Proposal)]) -> Response:
        """Propose a file as the next version of a name."""
        made = await _of(view).propose(body.name, body.sha256, body.why, asking(request))
        return json(_version(made))

    @router.get("/models/{name}/{number}")
    async def contents(name: Name, number: Number) -> Response:
        """What a version holds: parameters, training files and runs with their hashes."""
        found = await _of(view).contents(f"{name}@{number}")
        return json(
            {
                "sort": found.sort.value,
                "model": asdict(found.model),
                "values": dict(found.values),
                "rests_on": [
                    {"part": each.part, "name": each.name, "sha256": each.sha256} for each in found.rests_on
                ],
            }
        )

    @router.post("/models/{name}/{number}/approve", openapi_extra=described(Reasoned))
    async def approve(
        request: Request, name: Name, number: Number, body: Annotated[Reasoned, body_of(Reasoned)]
    ) -> Response:
        """Approve a proposed version; it runs from the next start of the service."""
        return json(_version(await _of(view).approve(f"{name}@{number}", body.why, asking(request))))

    @router.post("/models/{name}/{number}/reject", openapi_extra=described(Reasoned))
    async def reject(
        request: Request, name: Name, number: Number, body: Annotated[Reasoned, body_of(Reasoned)]
    ) -> Response:
        """Reject a proposed version."""
        return json(_version(await _of(view).reject(f"{name}@{number}", body.why, asking(request))))

    @router.post("/models/{name}/{number}/roll-back", openapi_extra=described(Reasoned))
    async def roll_back(
        request: Request, name: Name, number: Number, body: Annotated[Reasoned, body_of(Reasoned)]
    ) -> Response:
        """Let the name mean this earlier approved version again."""
        return json(_version(await _of(view).roll_back(f"{name}@{number}", body.why, asking(request))))

    return router


def _of(view: View) -> Models:
    if view.models is None:
        raise RefusedError(404, "A replay has no registry; the line's own pages have it.")
    return view.models


def _document(view: View) -> dict[str, Any]:
    """A replay says what it runs with, and knows no registry."""
    used = {
        f"{v.id}/{sort}": use
        for v in view.line.vessels
        for sort, use in (("process", v.process_model), ("normal", v.normal_model))
        if use
    }
    if view.models is None:
        return {"versions": [], "approved": {}, "in_use": used, "two_persons": True}
    registry = view.models.registry()
    used |= {place: use for place, use in registry.in_use.items() if use and place.endswith("/spectra")}
    return {
        "versions": [_version(each) for rows in registry.versions.values() for each in rows],
        "approved": dict(registry.approved),
        "in_use": used,
        "two_persons": view.models.two_persons,
    }


def _version(each: Version) -> Json:
    return {
        "id": each.id,
        "name": each.name,
        "number": each.number,
        "sort": each.sort.value,
        "model": asdict(each.model),
        "sha256": each.sha256,
        "standing": each.standing.value,
        "proposed": _act(each.proposed),
        "decided": each.decided and _act(each.decided),
    }


def _act(act: Act) -> Json:
    return {"who": act.who, "role": act.role, "t": iso(act.t), "why": act.why}
