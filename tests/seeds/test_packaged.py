"""What is packaged is usable: every line passes the check, every scenario loads and names known faults."""

from importlib.resources import files
from pathlib import Path

import pytest

from simulators.scenario import Scenario, load_scenario
from twin.service.build import load_line

SEEDS = Path(str(files("seeds")))


@pytest.mark.parametrize("path", sorted((SEEDS / "lines").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_packaged_line_is_usable(path: Path) -> None:
    line_file, line = load_line(path)
    assert line.vessels
    assert line_file.title.keys() >= {"en", "fr"}


@pytest.mark.parametrize("path", sorted((SEEDS / "scenarios").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_packaged_scenario_loads(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.title.keys() >= {"en", "fr"}
    assert scenario.vessels
    assert Scenario.model_validate_json(scenario.model_dump_json(by_alias=True)) == scenario
