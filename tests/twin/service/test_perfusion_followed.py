"""A simulated perfusion followed as `twin score` does it: its cells, its filter, other cells held.

Seeds: 5000-5999 are for tests; the model was tuned on 1000-1999.
"""

from dataclasses import replace
from functools import cache

import pytest

from simulators.scenario import FaultSpec
from twin.domain.event import Event, Kind, Stage, Verdict
from twin.domain.whatif import Change, WhatIf
from twin.engine.culture import CultureTwin
from twin.service import trial
from twin.service.build import load_line
from twin.service.campaign import Plan, campaign_path, line_path, load_campaign, plans, scenario_of

CAMPAIGN = load_campaign(campaign_path("perfusion"))
LINE_FILE, LINE = load_line(line_path(CAMPAIGN))
FOULED = FaultSpec(kind="retention_fouling", at_h=30.0, size=0.4)


def told(outcome: trial.Outcome) -> list[Event]:
    return [e for e in outcome.events if e.stage is Stage.CONFIRMED and e.kind is Kind.DRIFT]


@cache
def followed(hours: float, fault: FaultSpec | None) -> trial.Outcome:
    base = CAMPAIGN.base.model_copy(update={"period_s": 120.0})
    return trial.run_one(base, LINE_FILE, LINE, Plan(5101, hours, 216.0, fault))


def test_the_line_is_followed_by_the_model_with_all_its_tags() -> None:
    (vessel,) = LINE.vessels
    twin = CultureTwin(vessel, trial.model_of(vessel).process)  # type: ignore[union-attr]
    assert vessel.process == "cho_perfusion"
    names = {tag.name for tag in vessel.tags}
    assert {row.name for row in (*twin.process.inputs, *twin.process.outputs)} <= names
    assert all(set(h.rests_on) <= names for h in twin.process.hypotheses)


def test_a_culture_is_not_harvested_before_it_is_followed_to_its_end() -> None:
    (long,) = (plan for plan in plans(CAMPAIGN) if plan.hours > 400.0)
    assert scenario_of(long, CAMPAIGN.base).vessels[0].recipe.harvest_h == 480.0
    assert scenario_of(replace(long, hours=60.0), CAMPAIGN.base).vessels[0].recipe.harvest_h == 336.0


def test_cells_held_by_the_bleed_are_followed() -> None:
    outcome = followed(84.0, FOULED)
    cells, product = outcome.bands["VCD"], outcome.bands["titre"]
    assert outcome.refused == 0
    assert (cells.squares / cells.points) ** 0.5 < 2.0
    assert cells.inside > 0.5 * cells.points
    assert (product.squares / product.points) ** 0.5 < 0.05


def test_a_filter_that_holds_product_back_is_told_from_the_laboratory_alone() -> None:
    (event,) = (e for e in told(followed(84.0, FOULED)) if e.causes[0].code == "filter_fouling")
    assert event.verdict is Verdict.PROCESS
    assert event.tag == "R101.titre_harvest"
    assert event.size == pytest.approx(-40.0, abs=15.0)
    assert event.evidence == ("R11",)


def test_what_if_other_cells_are_held() -> None:
    plant = trial.Plant(scenario_of(Plan(5102, 8.0, 240.0, None), CAMPAIGN.base))
    follower = trial.Follower(LINE_FILE, trial.line_of(LINE, Plan(5102, 8.0, 240.0, None), CAMPAIGN.base))
    follower.take(trial.readings(plant.advance(8 * 3600.0)))
    model = follower.engine.vessels[trial.VESSEL].model
    question = model.question({"pH_sp": 7.05, "pO2_sp": 40.0})  # type: ignore[union-attr]
    assert question is not None
    assert "cells_sp" in {knob.name for knob in question.knobs()}
    answer = question.answer([WhatIf("fewer", (Change("cells_sp", 8.0),))])
    ends = {}
    for name, forecast in {"base": answer.base, **answer.scenarios}.items():
        (cells,) = (o for o in forecast.outlooks if o.name.endswith("est_VCD"))
        ends[name] = cells.middle[-1]
    assert ends["fewer"] == pytest.approx(8.0, rel=0.3)
    assert ends["base"] == pytest.approx(20.0, rel=0.3)
