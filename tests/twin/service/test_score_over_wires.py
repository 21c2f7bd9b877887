"""`twin score --over`: the same batch over real wires and in process, and how a difference is told."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from simulators.scenario import FaultSpec
from twin.domain.errors import ConfigError, ConnectorError
from twin.domain.event import Cause, Event, Kind, Stage, Verdict
from twin.domain.measurement import Measurement, Quality, Reading
from twin.ports import Counters
from twin.runtime.clock import ScaledClock
from twin.service import agreement
from twin.service.campaign import Campaign, Plan, campaign_path, load_campaign, plans
from twin.service.cli import app
from twin.service.trial import HOUR, START_NS, Outcome
from twin.service.wired import OVER, Wired, _reached

SHORT: dict[str, Any] = {
    "schema": 1,
    "id": "short",
    "seeds": {"tuning": "1000..1999", "scoring": "2500..2500"},
    "base": {"hours": 3, "spread": {"kLa": 0.3}},
    "faults": [{"kind": "conductivity_shift", "batches": 1, "onset_h": [1, 1.5]}],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "short.yaml"
    path.write_text(yaml.safe_dump({**SHORT, **changes}))
    return path


@pytest.mark.parametrize("over", OVER)
def test_a_batch_over_wires_is_told_as_in_process(
    tmp_path: Path, over: str, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "score.json"
    asked = ["score", str(written(tmp_path)), "--out", str(out), "--over", over]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    process = capfd.readouterr()
    assert "link up" in process.err
    assert not process.out  # what the services log is no part of the result
    score = json.loads(out.read_text())
    (batch,) = score["wires"]["batches"]
    values, counters, events = batch["values"], batch["counters"], batch["events"]
    assert values["said"] == values["stored"] > 23 * 180  # 23 transmitters, one value a minute
    assert (values["missing"], values["invented"], values["changed"]) == (0, 0, 0)
    assert set(values["quality"]) <= ({"UNCERTAIN to GOOD"} if over == "sparkplug" else set())
    assert counters["received"] == counters["stored"] + counters["duplicate"] > values["said"]
    assert (counters["holds"], counters["pending"], counters["quarantined"]) == (True, 0, {})
    assert events["in_process"] == events["over_wires"] == events["identical"] >= 1
    assert batch["as_replayed"]
    assert batch["belief_apart_on_time_sd"] == 0.0
    assert batch["agrees"]
    assert score["total"]["miss_rate"] == 0.0
    assert json.loads(result.stdout.splitlines()[-1]) == score["total"]


def test_a_wire_that_is_not_known_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--over modbus: opcua or sparkplug would do"):
        agreement.run(load_campaign(written(tmp_path)), 1, over="modbus")


@pytest.mark.parametrize("kept", [{"silent": ["pCO2"]}, {"suite": "four_probes"}, {"no_assays_h": [0, 9]}])
def test_a_campaign_that_keeps_values_back_is_refused(tmp_path: Path, kept: dict[str, Any]) -> None:
    campaign = load_campaign(written(tmp_path, base={**SHORT["base"], **kept}))
    with pytest.raises(ConfigError, match="over wires everything the plant says is read"):
        agreement.run(campaign, 1, over="opcua")


def test_the_packaged_campaign_can_go_over_wires() -> None:
    campaign: Campaign = load_campaign(campaign_path("wires"))
    kinds = [plan.fault.kind if plan.fault else None for plan in plans(campaign)]
    assert kinds == [None, "pH_drift", "kLa_loss", "conductivity_shift", "frozen", "feed_pump_loss"]
    agreement._check(campaign, "opcua")


def behind(clock: ScaledClock) -> Any:
    """What the wait looks at of a service that closed no frame."""
    vessel = SimpleNamespace(cutter=SimpleNamespace(end_ns=None))
    return SimpleNamespace(engine=SimpleNamespace(vessels={"R101": vessel}), clock=clock)


async def test_a_service_that_stays_behind_is_told_with_what_would_do() -> None:
    long_ago = time.time_ns() - 3_600_000_000_000
    running = asyncio.create_task(asyncio.sleep(60))
    with pytest.raises(
        ConnectorError, match="1200 times real time; a smaller --speed or fewer --jobs would do"
    ):
        await _reached(behind(ScaledClock(START_NS, 1200.0, long_ago)), running, START_NS)
    running.cancel()


async def test_a_service_that_ends_before_its_batch_is_told() -> None:
    running = asyncio.create_task(asyncio.sleep(0))
    with pytest.raises(ConnectorError, match="the service ended before the batch"):
        await _reached(behind(ScaledClock(START_NS, 1.0)), running, START_NS)


# -- how a difference is told ------------------------------------------------------------------------------


PLAN = Plan(1, 2.0, 72.0, FaultSpec(kind="pH_drift", at_h=1.0))
HOURS = [START_NS + i * HOUR for i in range(3)]
SAID = tuple(Reading("campaign", "R101.pH", 7.0 + i, Quality.GOOD, t, t) for i, t in enumerate(HOURS))
STORED = tuple(
    Measurement("R101.pH", 7.0 + i, Quality.GOOD, t, t + 5, source="plant") for i, t in enumerate(HOURS)
)
DRIFT = Event(
    START_NS + HOUR, Kind.DRIFT, "R101", Stage.CONFIRMED, "R101/pH_drift/1", "R101.pH", Verdict.SENSOR,
    since=START_NS, size=0.2, causes=(Cause("pH_drift", Verdict.SENSOR, "R101", "R101.pH", 0.9),),
)  # fmt: skip
HELD = Counters(3, 3, 0, {}, {}, 0)


def pair(**changes: Any) -> Wired:
    both = Outcome(PLAN, (DRIFT,))
    return replace(Wired(both, both, (DRIFT,), SAID, STORED, HELD, Counter(), 0.0, 0.0), **changes)


def carried(*events: Event) -> Wired:
    return pair(carried=Outcome(PLAN, events))


def test_what_is_the_same_agrees() -> None:
    found = agreement.compared(pair())
    assert found["agrees"]
    assert found["as_replayed"]
    assert found["events"]["identical"] == 1


def test_a_value_lost_invented_or_changed_is_counted_and_does_not_agree() -> None:
    lost = agreement.compared(pair(stored=STORED[:2]))
    more = STORED[0]._replace(time_ns=START_NS + 7)
    invented = agreement.compared(pair(stored=(*STORED, more)))
    changed = agreement.compared(pair(stored=(*STORED[:2], STORED[2]._replace(value=9.0 + 1e-12))))
    assert (lost["values"]["missing"], invented["values"]["invented"], changed["values"]["changed"]) == (
        1,
        1,
        1,
    )
    assert not any(found["agrees"] for found in (lost, invented, changed))


def test_counters_that_do_not_add_up_do_not_agree() -> None:
    assert not agreement.compared(pair(counters=replace(HELD, received=4)))["agrees"]


def test_a_result_told_after_the_end_may_come_or_not() -> None:
    late = Reading("campaign", "R101.VCD", 5.0, Quality.GOOD, START_NS + HOUR, START_NS + 3 * HOUR)
    came = Measurement("R101.VCD", 5.0, Quality.GOOD, START_NS + HOUR, START_NS + 3 * HOUR + 9)
    assert agreement.compared(pair(said=(*SAID, late)))["agrees"]
    both = agreement.compared(pair(said=(*SAID, late), stored=(*STORED, came)))
    assert both["agrees"]
    assert both["values"]["assays_later_s"] == [0.0, 0.0]


def test_a_grade_lost_on_the_way_is_told_and_is_no_disagreement() -> None:
    unsure = SAID[1]._replace(quality=Quality.UNCERTAIN)
    found = agreement.compared(pair(said=(SAID[0], unsure, SAID[2])))
    assert found["agrees"]
    assert found["values"]["quality"] == {"UNCERTAIN to GOOD": 1}


def test_how_far_two_findings_are_apart() -> None:
    later = replace(DRIFT, t=DRIFT.t + HOUR // 10, since=START_NS + HOUR // 4, size=0.22)
    events = agreement.compared(carried(later))["events"]
    assert (events["identical"], events["unmatched"]) == (0, 0)
    assert (events["apart_h"], events["onset_apart_h"]) == (0.1, 0.25)
    assert events["size_apart_percent"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    "events",
    [
        (),
        (DRIFT, DRIFT),
        (replace(DRIFT, tag="R101.pO2"),),
        (replace(DRIFT, verdict=Verdict.PROCESS),),
        (replace(DRIFT, stage=Stage.SUSPECTED),),
        (replace(DRIFT, causes=()),),
        (replace(DRIFT, t=DRIFT.t + HOUR),),
    ],
)
def test_another_finding_does_not_agree_and_is_listed(events: tuple[Event, ...]) -> None:
    found = agreement.compared(carried(*events))
    assert not found["agrees"]
    listed = [*found["events"]["only_in_process"], *found["events"]["only_over_wires"]]
    assert {row["kind"] for row in listed} == {"drift"}


def test_events_other_than_in_a_replay_of_what_was_stored_are_told() -> None:
    assert not agreement.compared(pair(again=()))["as_replayed"]
