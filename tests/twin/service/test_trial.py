"""When a fault begins to matter, from the truth of its batch."""

from dataclasses import replace

import numpy as np

from twin.domain.event import Kind, Stage
from twin.service.build import load_line
from twin.service.campaign import Plan, campaign_path, line_path, load_campaign
from twin.service.trial import MATTERS, VESSEL, run_one


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
