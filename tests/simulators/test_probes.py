"""Instruments: lag, scatter, resolution, range; and that the seeds describe the same instruments."""

from importlib.resources import files
from typing import Any, get_args

import numpy as np
import pytest
import yaml

from simulators import loop
from simulators.parameters import of_kind, record
from simulators.plant import Plant
from simulators.probes import (
    ASSAYS,
    CHANNELS,
    GASES,
    MICROBIAL_ASSAYS,
    PROBE,
    SET_POINTS,
    channels,
    instruments,
    tags,
)
from simulators.scenario import Kind, Scenario


def probe(**figures: float) -> Any:
    one = np.zeros(1, PROBE).view(np.recarray)[0]
    base = {"low": -1e9, "high": 1e9, "step1": 1.0, "step2": 1.0, "gain": 1.0, "resolution": 1e-6}
    for name, value in (base | figures).items():
        one[name] = value
    return one


QUIET = np.zeros(11)


def test_lag_reaches_63_percent_after_its_time_constant() -> None:
    slow = probe(step1=1.0 - np.exp(-1.0 / 30.0))
    for _ in range(30):
        loop._read(slow, 1.0, QUIET, 0.0, 0.0, 0.0, 0.0)
    assert slow.value == pytest.approx(1.0 - np.exp(-1.0), abs=1e-6)


def test_resolution_and_range() -> None:
    coarse = probe(resolution=0.01, low=0.0, high=2.0)
    assert loop._read(coarse, 1.2345, QUIET, 0.0, 0.0, 0.0, 0.0) == loop.GOOD
    assert coarse.value == pytest.approx(1.23)
    assert loop._read(coarse, 7.0, QUIET, 0.0, 0.0, 0.0, 0.0) == loop.UNCERTAIN
    assert coarse.value == 2.0


def test_scatter_of_a_healthy_vessel_is_what_the_maker_says() -> None:
    raw = {"schema": 1, "id": "n", "title": {"en": "n"}, "duration_h": 24, "period_s": 60}
    vessel = {"id": "R", "start_h": 96.0, "disturbance": 0.0}
    plant = Plant(Scenario.model_validate(raw | {"vessels": [vessel]}))
    batch = plant.advance(24 * 3600.0)
    truth = plant.truth()
    specs = instruments(2.0)
    for i, name in enumerate(CHANNELS):
        if name in ("pH", "base_flow", "flow_CO2"):
            continue  # their controllers act on the noise itself
        spec = specs[name]
        shown = batch.value[batch.tag_index == i]
        jumps = np.diff(shown - truth[name])
        told = np.hypot(spec.noise, spec.noise_share * truth[name].mean())
        step = np.hypot(told, spec.resolution / np.sqrt(12.0))
        assert jumps.std() / np.sqrt(2.0) < 2.0 * step + 2e-3 * np.abs(np.diff(truth[name])).max(), name


KINDS = [
    ("cho_fedbatch", "cho_probes", ASSAYS),
    ("cho_perfusion", "cho_perfusion", (*ASSAYS, "titre_harvest")),
    ("ecoli_fedbatch", "ecoli_probes", MICROBIAL_ASSAYS),
]


@pytest.mark.parametrize(("kind", "file", "assays"), KINDS)
def test_the_packaged_tag_set_describes_these_instruments(
    kind: str, file: str, assays: tuple[str, ...]
) -> None:
    text = (files("seeds") / "tags" / f"{file}.yaml").read_text(encoding="utf-8")
    known = {tag["name"]: tag for tag in yaml.safe_load(text)["tags"]}
    assert tuple(known) == tags(kind) + assays
    assert tuple(instruments(2.0, kind)) == channels(kind)
    for name, spec in instruments(2.0, kind).items():
        assert (known[name]["low"], known[name]["high"]) == (spec.low, spec.high), name
        assert spec.noise <= known[name]["accuracy"], name
    assert {known[name]["kind"] for name in SET_POINTS} == {"setpoint"}
    assert {known[name]["kind"] for name in assays} == {"assay"}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_flow_meters_reach_as_far_as_the_gas_flows(kind: Kind) -> None:
    most = 2.0 * record(2.0, of_kind(kind, 2.0), {}).vvm_max
    assert all(instruments(2.0, kind)[name].high > most for name in GASES)


@pytest.mark.parametrize(("file", "hours", "vessel"), [
    ("cho_probes", 288.0, {"id": "R"}),
    ("cho_perfusion", 480.0, {"id": "R", "kind": "cho_perfusion", "recipe": {"harvest_h": 480}}),
    ("ecoli_probes", 36.0, {
        "id": "R", "kind": "ecoli_fedbatch", "set_points": {"pH": 7.0, "pO2": 30, "temperature": 37}
    }),
])  # fmt: skip
def test_a_healthy_culture_raises_no_limit_of_the_packaged_tag_set(
    file: str, hours: float, vessel: dict[str, Any]
) -> None:
    text = (files("seeds") / "tags" / f"{file}.yaml").read_text(encoding="utf-8")
    limits = {tag["name"]: tag.get("limits", {}) for tag in yaml.safe_load(text)["tags"]}
    raw = {"schema": 1, "id": "n", "title": {"en": "n"}, "duration_h": hours, "period_s": 300}
    batch = Plant(Scenario.model_validate(raw | {"vessels": [vessel]})).advance(hours * 3600.0)
    for i, name in enumerate(channels(vessel.get("kind", "cho_fedbatch"))):
        shown = batch.value[batch.tag_index == i]
        assert shown.min() > limits[name].get("low", -np.inf), name
        assert shown.max() < limits[name].get("high", np.inf), name
