"""Whether a campaign and its line belong together."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.service.campaign import Campaign, campaign_path, load_campaign
from twin.service.campaign_fit import misfits, scored_line
from twin.service.cli import app
from twin.service.terminal import errors

PACKAGED = sorted(path.name.removesuffix(".yaml") for path in (files("seeds") / "campaigns").iterdir())
FAULT = {"kind": "frozen", "tag": "pH", "batches": 1, "onset_h": [0.5, 1.0]}


def written(folder: Path, line: str = "demo", **base: Any) -> Path:
    seeds = {"tuning": "1000..1999", "scoring": "7200..7201"}
    whole = {
        "schema": 1,
        "id": "fit",
        "line": line,
        "seeds": seeds,
        "base": {"hours": 2, **base},
        "faults": [FAULT],
    }
    path = folder / "fit.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def asked(folder: Path, line: str = "demo", **base: Any) -> Campaign:
    return load_campaign(written(folder, line, **base))


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_campaigns_fit_their_lines(name: str) -> None:
    assert misfits(load_campaign(campaign_path(name))) == []


def test_every_silent_name_that_is_no_tag_is_refused_with_those_that_would_do(tmp_path: Path) -> None:
    campaign = asked(tmp_path, silent=["R101.pCO2", "pCO2", "pCO2x", "VCD", "nonsense"])
    with pytest.raises(ConfigError) as raised:
        scored_line(campaign)
    whole, near, assay, nonsense = str(raised.value).splitlines()
    assert "base.silent: 'R101.pCO2' is no on-line tag of R101; pCO2 or" in whole
    assert "'pCO2x' is no on-line tag of R101; pCO2 or" in near
    assert "'VCD' is no on-line tag of R101" in assay
    assert "'nonsense' is no on-line tag of R101; one of these would do: pH, pO2, pCO2," in nonsense


def test_silent_tags_of_the_line_are_taken(tmp_path: Path) -> None:
    _, line = scored_line(asked(tmp_path, silent=["pCO2", "offgas_CO2"]))
    assert [vessel.id for vessel in line.vessels] == ["R101"]


def test_a_parameter_the_model_does_not_have_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"campaign fit: base\.parameters: .*'nonsense' is not known"):
        scored_line(asked(tmp_path, parameters={"nonsense": 1.0}))


def test_a_vessel_of_another_volume_and_a_culture_of_another_kind_are_told_with_the_line_that_fits(
    tmp_path: Path,
) -> None:
    (volume,) = misfits(asked(tmp_path, volume_l=2000))
    assert "its R101 is of 2 L, the plant has volume_l 2000; line cho_2000l would fit" in volume
    (kind,) = misfits(asked(tmp_path, "ecoli"))
    assert "its model of R101 is gas_exchange, the plant is cho_fedbatch" in kind
    assert kind.endswith("line demo would fit")
    (odd,) = misfits(asked(tmp_path, volume_l=200))
    assert odd.endswith("no packaged line fits; one of its own would")


def test_a_volume_near_that_of_the_line_and_a_model_told_its_size_are_not_told(tmp_path: Path) -> None:
    assert misfits(asked(tmp_path, volume_l=2.5)) == []
    assert misfits(asked(tmp_path, volume_l=200, parameters={"size": 200.0})) == []


def test_the_command_refuses_before_it_runs(tmp_path: Path) -> None:
    path, out = written(tmp_path, silent=["nonsense"]), tmp_path / "score.json"
    result = CliRunner().invoke(app, ["score", str(path), "--out", str(out)])
    assert isinstance(result.exception, ConfigError)
    assert not out.exists()


def test_the_command_says_on_stderr_what_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndedError(Exception):
        pass

    def ended(*_: Any) -> None:
        raise EndedError

    monkeypatch.setattr("twin.service.scorecard.run", ended)
    with errors.capture() as told:
        arguments = ["score", str(written(tmp_path, "ecoli")), "--out", str(tmp_path / "score.json")]
        result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, EndedError)
    assert told.get().startswith("! campaign fit: line ecoli: its model of R101 is gas_exchange")


def test_help_names_every_packaged_campaign() -> None:
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["score", "--help"])
    assert ", ".join(PACKAGED) in result.stdout
