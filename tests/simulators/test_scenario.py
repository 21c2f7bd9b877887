"""Scenario files: what is right loads, what is wrong is told, all of it at once."""

from pathlib import Path

import pytest

from simulators.scenario import Scenario, load_scenario, packaged
from twin.domain.errors import ConfigError

GOOD = """
schema: 1
id: good
title: {en: Good, fr: Bon}
duration_h: 10
vessels:
  - fleet: {count: 3, id: "V{n}"}
    start_h: 24
    faults: [{kind: frozen, tag: pH, at_h: 1}]
    wires: {probes: opcua, anything: {port: 1}}
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_fleet_is_written_out(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, GOOD))
    assert [v.id for v in scenario.vessels] == ["V1", "V2", "V3"]
    assert {v.fleet for v in scenario.vessels} == {None}
    assert scenario.vessel("V2").wires["anything"] == {"port": 1}
    assert scenario.seed == 1
    assert scenario.start is None


BROKEN = {
    "kind: pH_drfit, at_h: 1": "kind 'pH_drfit' is not known; one of:",
    "kind: frozen, at_h: 1": "needs `tag`",
    "kind: frozen, tag: ph, at_h: 1": "tag 'ph' can not have 'frozen'",
    "kind: kLa_loss, tag: pO2, at_h: 1": "takes no `tag`",
    "kind: gas_flow_error, tag: pO2, at_h: 1": "can not have 'gas_flow_error'",
    "kind: pump_tube_wear, tag: stirrer, at_h: 1": "'pump_tube_wear'; one of: feed_flow, base_flow",
    "kind: out_of_broth, tag: weight, at_h: 1": "can not have 'out_of_broth'",
    "kind: crossed_channels, at_h: 1": "needs `other`",
    "kind: crossed_channels, other: pO2, at_h: 1": "needs `other`",
    "kind: frozen, tag: pH, other: pO2, at_h: 1": "takes no `other`",
    "kind: pH_drift, at_h: 5, end_h: 4": "end_h 4.0 is not after at_h 5.0",
    "kind: pH_drift, at_h: -1": "greater than or equal to 0",
    "kind: pH_drift, at_h: 1, sise: 2": "Extra inputs are not permitted",
    "kind: pH_drift, at_h: .inf": "finite",
    "kind: pH_drift, at_h: 1, size: .nan": "finite",
    "kind: heading_rows, tag: pH, at_h: 1, size: 0": "a time above 0",
    "kind: kLa_loss, at_h: 1, size: 2": "-1 to 1 would do",
}


@pytest.mark.parametrize(("fault", "told"), BROKEN.items())
def test_a_broken_fault_is_told(tmp_path: Path, fault: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_scenario(written(tmp_path, GOOD.replace("kind: frozen, tag: pH, at_h: 1", fault)))
    assert told in str(refused.value)
    assert "vessels.0.faults.0" in str(refused.value)


def test_every_fault_of_the_file_is_listed_with_its_place(tmp_path: Path) -> None:
    text = GOOD.replace("duration_h: 10", "duration_h: -2\nspede: 3").replace(
        "start_h: 24", "parameters: {mu_mx: 1}"
    )
    with pytest.raises(ConfigError) as refused:
        load_scenario(written(tmp_path, text))
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("3 fault(s)")
    assert any(line.startswith("  spede:") for line in lines)
    assert any(line.startswith("  duration_h:") and "-2" in line for line in lines)
    assert any("parameters not known: mu_mx" in line for line in lines)


@pytest.mark.parametrize(
    ("written_as", "instead", "told"),
    [
        ("duration_h: 10", "duration_h: .inf", "duration_h"),
        ("duration_h: 10", "duration_h: 1.0e+12", "duration_h"),
        ("start_h: 24", "start_h: 1.0e+9", "start_h"),
        ("start_h: 24", "volume_l: 1.0e-12", "volume_l"),
        ("start_h: 24", "set_points: {temperature: 5000}", "temperature"),
        ("start_h: 24", "laboratory: {every_h: 1.0e-9}", "every_h"),
        ("V{n}", "../V{n}", "letters, digits"),
        ("V{n}", "V{m}", "letters, digits"),
        ("duration_h: 10", "duration_h: 10\nstart: 9999-01-01T00:00:00Z", "a year from"),
        ("duration_h: 10", "duration_h: 10\nstart: 2026-13-01T00:00:00Z", "not YAML"),
        ("duration_h: 10", "duration_h: " + "[" * 5000, "nested too deeply"),
    ],
)
def test_what_no_plant_has_is_refused(tmp_path: Path, written_as: str, instead: str, told: str) -> None:
    assert written_as in GOOD
    with pytest.raises(ConfigError, match=told):
        load_scenario(written(tmp_path, GOOD.replace(written_as, instead)))


@pytest.mark.parametrize("text", ["", "[1, 2]", "schema: 1\n  id: x", "\tid: x", "schema: 2\nid: a"])
def test_what_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"scenario\.yaml"):
        load_scenario(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can not be read"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"there are: .*demo"):
        packaged("none")


def test_no_vessel_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        load_scenario(written(tmp_path, GOOD.partition("vessels:")[0] + "vessels: []\n"))


def test_a_vessel_id_twice_or_none_is_refused(tmp_path: Path) -> None:
    twice = GOOD.replace("V{n}", "V1")
    with pytest.raises(ConfigError, match="used twice: V1"):
        load_scenario(written(tmp_path, twice))
    with pytest.raises(ConfigError, match="either `id` or `fleet`"):
        load_scenario(written(tmp_path, GOOD.replace("- fleet:", "- id: A\n    fleet:")))


def test_a_start_needs_a_time_zone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="start"):
        load_scenario(written(tmp_path, GOOD + "start: 2026-01-01T00:00:00\n"))


def test_the_model_can_be_built_without_a_file() -> None:
    made = Scenario.model_validate(
        {"schema": 1, "id": "x", "title": {"en": "x"}, "duration_h": 1, "vessels": [{"id": "A"}]}
    )
    assert made.vessels[0].kind == "cho_fedbatch"
