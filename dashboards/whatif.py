"""What-if: what a scenario may change, and what the twin answers. Nothing of it reaches the plant."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards import asked, payloads
from dashboards.answer import json
from dashboards.asked import PROSE, body_of, described
from twin.domain.whatif import MOST_CHANGES, MOST_SCENARIOS, Change, WhatIf
from twin.ports import View


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ChangeBody(_Strict):
    """One thing that is changed, from some hours on."""

    what: str = Field(min_length=1, max_length=100)
    value: float
    in_h: float = 0.0


class ScenarioBody(_Strict):
    """Changes that belong together."""

    name: str = Field(min_length=1, max_length=80, pattern=PROSE)
    changes: list[ChangeBody] = Field(max_length=MOST_CHANGES)


class WhatIfBody(_Strict):
    """Scenarios to be answered side by side."""

    asset: str = Field(min_length=1, max_length=200)
    scenarios: list[ScenarioBody] = Field(min_length=1, max_length=MOST_SCENARIOS)


def routes(view: View) -> APIRouter:
    """The routes of what-if."""
    router = APIRouter()

    @router.get("/what-if")
    async def knobs(asset: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """What a scenario of a vessel may change, each with its range."""
        asked.unit_of_line(view, asset)
        return json([payloads.knob(each) for each in view.knobs(asset)])

    @router.post("/what-if", openapi_extra=described(WhatIfBody))
    async def answer(body: Annotated[WhatIfBody, body_of(WhatIfBody)]) -> Response:
        """What the twin expects as it is and in each scenario: bands, limits left, harvest, product."""
        asked.unit_of_line(view, body.asset)
        scenarios = [
            WhatIf(each.name, tuple(Change(c.what, c.value, c.in_h) for c in each.changes))
            for each in body.scenarios
        ]
        return json({"asset": body.asset, **payloads.answer(await view.what_if(body.asset, scenarios))})

    return router
