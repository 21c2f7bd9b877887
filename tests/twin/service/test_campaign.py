"""Campaign files: what they may hold, and which batches they ask for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.parameters import PARAMETERS
from twin.domain.errors import ConfigError
from twin.service.campaign import REACH, campaign_path, load_campaign, plans, scenario_of

SMALL: dict[str, Any] = {
    "schema": 1,
    "id": "small",
    "seeds": {"tuning": "1000..1999", "scoring": "7000..7019"},
    "base": {"hours": 12, "spread": {"kLa": 0.3, "oxygen_uptake": 0.15}},
    "healthy": [{"batches": 2}, {"batches": 1, "hours": 24, "start_h": 0}],
    "faults": [
        {"kind": "pH_drift", "sizes": [0.02, -0.02], "batches": 3, "onset_h": [2, 8]},
        {"kind": "frozen", "tag": "pH", "batches": 1, "onset_h": [1, 3], "hours": 6},
    ],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "campaign.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


@pytest.mark.parametrize("scoring", ["1000..1999", "1500..1501", "900..1000", "1999..2400", "500..3000"])
def test_scoring_on_tuning_seeds_is_refused(tmp_path: Path, scoring: str) -> None:
    path = written(tmp_path, seeds={"tuning": "50..60", "scoring": scoring})
    with pytest.raises(ConfigError, match=r"touch the tuning seeds 1000\.\.1999"):
        load_campaign(path)


def test_scoring_on_the_campaigns_own_tuning_seeds_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, seeds={"tuning": "3000..3100", "scoring": "3100..3200"})
    with pytest.raises(ConfigError, match=r"touch the tuning seeds 3000\.\.3100"):
        load_campaign(path)


def test_neighbouring_ranges_do_not_touch(tmp_path: Path) -> None:
    path = written(tmp_path, seeds={"tuning": "1000..1999", "scoring": "2000..2019"})
    assert len(plans(load_campaign(path))) == 10


def test_every_fault_of_the_file_is_listed(tmp_path: Path) -> None:
    faults = [
        {"kind": "no_such", "batches": 1, "onset_h": [1, 2]},
        {"kind": "frozen", "batches": 1, "onset_h": [1, 2]},
        {"kind": "pH_drift", "batches": 0, "onset_h": [2, 1], "sise": [1]},
    ]
    with pytest.raises(ConfigError) as raised:
        load_campaign(written(tmp_path, faults=faults, bse=1))
    text = str(raised.value)
    for expected in ("'no_such' is not known", "'frozen' needs `tag`", "faults.2.batches", "sise", "bse"):
        assert expected in text


def test_too_few_seeds_and_an_onset_after_the_end_are_refused_together(tmp_path: Path) -> None:
    seeds = {"tuning": "1000..1999", "scoring": "7000..7001"}
    faults = [{"kind": "pH_drift", "batches": 4, "onset_h": [2, 12]}]
    with pytest.raises(ConfigError) as raised:
        load_campaign(written(tmp_path, seeds=seeds, faults=faults))
    assert "2 seeds for 7 batches" in str(raised.value)
    assert "faults.0.onset_h: 12 h is not before the end, 12 h" in str(raised.value)


def test_each_batch_has_a_seed_of_its_own_and_an_onset_in_its_range(tmp_path: Path) -> None:
    batches = plans(load_campaign(written(tmp_path)))
    assert [b.seed for b in batches] == list(range(7000, 7010))
    assert [b.hours for b in batches] == [12, 12, 24, *[12] * 6, 6]
    drifts = [b.fault for b in batches if b.fault and b.fault.kind == "pH_drift"]
    assert [f.magnitude for f in drifts] == [0.02] * 3 + [-0.02] * 3
    assert all(2 <= f.at_h <= 8 for f in drifts)
    assert len({f.at_h for f in drifts}) == 6


def test_the_extra_spread_is_drawn_from_the_seed_and_bounded(tmp_path: Path) -> None:
    campaign = load_campaign(written(tmp_path))
    usual = PARAMETERS["q_o2"].value
    drawn = [scenario_of(p, campaign.base).vessels[0].parameters for p in plans(campaign)]
    again = [scenario_of(p, campaign.base).vessels[0].parameters for p in plans(campaign)]
    assert drawn == again
    assert len({d["q_o2"] for d in drawn}) == len(drawn)
    assert all(abs(d["q_o2"] / usual - 1.0) < 0.15 * REACH * 1.2 for d in drawn)


@pytest.mark.parametrize("name", ["quick", "faults", "four_probes", "hard", "bacteria", "sizes", "curve"])
def test_packaged_campaigns_are_usable(name: str) -> None:
    campaign = load_campaign(campaign_path(name))
    assert campaign.id == name
    assert len(plans(campaign)) >= 10


def test_a_second_fault_begins_with_the_first(tmp_path: Path) -> None:
    faults = [{"kind": "pH_drift", "batches": 1, "onset_h": [2, 8], "also": "kLa_loss"}]
    campaign = load_campaign(written(tmp_path, faults=faults, healthy=[]))
    (plan,) = plans(campaign)
    first, second = scenario_of(plan, campaign.base).vessels[0].faults
    assert (first.kind, second.kind, first.at_h) == ("pH_drift", "kLa_loss", second.at_h)


def test_a_second_fault_is_checked_like_the_first(tmp_path: Path) -> None:
    faults = [{"kind": "pH_drift", "batches": 1, "onset_h": [2, 8], "also": "no_such"}]
    with pytest.raises(ConfigError, match="'no_such' is not known"):
        load_campaign(written(tmp_path, faults=faults))


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "kLa_loss", "sizes": [0.2, 40]}, "size 40 came; kLa_loss is a fraction, -1 to 1 would do"),
        ({"kind": "retention_fouling"}, "retention_fouling on cho_fedbatch: .*need `kind: cho_perfusion`"),
        ({"kind": "pH_drift", "also": "retention_fouling"}, "on cho_fedbatch: .*need `kind: cho_perfusion`"),
        ({"kind": "trapped_air"}, "trapped_air needs `recipe.sip_h`"),
        ({"kind": "pH_drift", "sizes": [0.02, 0]}, "size 0 came; .* is none and .*such as 0.02 would do"),
        ({"kind": "slow", "tag": "pH", "sizes": [0.0]}, "size 0 came; .*such as 5 would do"),
    ],
)
def test_a_fault_that_no_plant_of_the_campaign_can_have_names_its_line(
    tmp_path: Path, fault: dict[str, Any], text: str
) -> None:
    faults = [
        {"kind": "pO2_drift", "batches": 1, "onset_h": [1, 2]},
        {"batches": 1, "onset_h": [1, 2], **fault},
    ]
    with pytest.raises(ConfigError, match=text) as raised:
        load_campaign(written(tmp_path, faults=faults))
    (line,) = str(raised.value).splitlines()
    assert "campaign.yaml: faults.1: " in line


@pytest.mark.parametrize("fault", [{"kind": "dead", "sizes": [0]}, {"kind": "frozen", "sizes": [0]}])
def test_a_channel_that_shows_0_and_a_fault_without_size_may_have_size_0(
    tmp_path: Path, fault: dict[str, Any]
) -> None:
    faults = [{"tag": "pO2", "batches": 1, "onset_h": [1, 2], **fault}]
    assert len(plans(load_campaign(written(tmp_path, faults=faults)))) == 4


def test_an_onset_that_rounds_to_the_end_is_refused(tmp_path: Path) -> None:
    faults = [{"kind": "pH_drift", "batches": 1, "onset_h": [2, 11.9999]}]
    with pytest.raises(ConfigError, match="is not before the end, 12 h"):
        load_campaign(written(tmp_path, faults=faults))
