"""When a fault begins to matter, from the truth of its batch."""

from dataclasses import replace

import numpy as np

from twin.domain.event import Kind, Stage
from twin.service.build import load_line
from twin.service.campaign import Plan, campaign_path, line_path, load_campaign, plans
from twin.service.trial import MATTERS, VESSEL, run_all, run_one


def test_starvation_matters_two_points_after_glucose_ran_out() -> None:
    truth = {
        "glucose": np.array([2.0, 1.0, 0.05, 0.0, 0.0, 0.0]),
        "viability": np.array([99.0, 96.0, 95.0, 94.0, 92.5, 80.0]),
    }
    assert MATTERS["starvation"](truth, 0).tolist() == [False, False, False, False, True, True]


def test_a_culture_that_ages_without_hunger_has_not_starved() -> None:
    truth = {"glucose": np.full(4, 2.0), "viability": np.array([99.0, 97.0, 95.0, 90.0])}
    assert not MATTERS["starvation"](truth, 0).any()


def test_values_more_seldom_than_frames_make_no_fault_of_a_healthy_batch() -> None:
    """A tuning seed whose pO2 probe was called fouled while held inputs were taken as exact."""
    campaign = load_campaign(campaign_path("faults"))
    line_file, line = load_line(line_path(campaign))
    vessel = next(v for v in line.vessels if v.id == VESSEL)
    slow = replace(vessel, tags=tuple(replace(tag, silence_s=900.0) for tag in vessel.tags))
    base = campaign.base.model_copy(update={"period_s": 300.0})
    done = run_one(base, line_file, replace(line, vessels=(slow,)), Plan(1204, 30.0, 72.0, None))
    assert [e.condition for e in done.events if e.kind is Kind.DRIFT and e.stage is Stage.CONFIRMED] == []


def test_batches_followed_side_by_side_bring_forth_what_they_do_alone() -> None:
    campaign = load_campaign(campaign_path("faults"))
    fault = next(p.fault for p in plans(campaign) if p.fault and p.fault.kind == "temperature_bias")
    sooner = fault.model_copy(update={"at_h": 3.0})
    batches = [Plan(1205, 5.0, 72.0, sooner), Plan(1206, 4.0, 72.0, None), Plan(1207, 5.0, 96.0, None)]
    alone, beside = (list(run_all(campaign, batches, 1, run_one, width)) for width in (1, 3))
    assert any(e.kind is Kind.DRIFT for e in alone[0].events)
    assert [(o.events, o.nis) for o in beside] == [(o.events, o.nis) for o in alone]
    assert [o.bands for o in beside] == [o.bands for o in alone]
