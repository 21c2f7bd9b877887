"""`twin check`: every fault of a line file is listed with its place; nothing is opened."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from twin.domain.asset import Form
from twin.domain.errors import ConfigError
from twin.domain.phase import Phases, Suppression
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.settings import misspelt

GOOD: dict[str, Any] = {
    "schema": 1,
    "line": "l1",
    "title": {"en": "Line", "fr": "Ligne"},
    "origin": "plant",
    "vessels": [
        {
            "id": "R101",
            "process": {"kind": "cho_fedbatch", "parameters": {}},
            "batch": {"id": "B1", "start": "2026-11-22T00:00:00Z", "volume_l": 1.5},
            "tags": [
                {"name": "pH", "quantity": "pH", "unit": "1", "low": 0, "high": 14, "accuracy": 0.02},
                {"name": "pO2", "quantity": "pO2", "unit": "%", "low": 0, "high": 200, "accuracy": 1},
            ],
        }
    ],
    "historian": {"kind": "sqlite"},
    "ledger": {"kind": "sqlite"},
    "subscribers": [{"id": "anna", "language": "fr", "notifier": {"kind": "console"}}],
}


def broken(*steps: Any) -> dict[str, Any]:
    """The good line with the value at a path replaced (or removed by `...`)."""
    line = copy.deepcopy(GOOD)
    *path, last, value = steps
    place: Any = line
    for step in path:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return line


def fleet(**section: Any) -> dict[str, Any]:
    """The good line with its vessel made a fleet."""
    line = broken("vessels", 0, "id", ...)
    line["vessels"][0]["fleet"] = section
    return line


STEP = {
    "name": "step",
    "quantity": "count",
    "unit": "1",
    "low": 0,
    "high": 99,
    "accuracy": 1,
    "kind": "setpoint",
}
NAMED = {"tag": "step", "names": {1: "cip", 2: "grow"}}


def phased(phases: Any = NAMED, **rule: Any) -> dict[str, Any]:
    """The good line with a number of the phase, and something suppressed in the phase cip."""
    line = broken("vessels", 0, "phases", phases)
    line["vessels"][0]["tags"].append(STEP)
    line["vessels"][0]["suppress"] = [{"phases": ["cip"], **rule}]
    return line


def piped(*feeds: list[str]) -> dict[str, Any]:
    """The good line with vessels R101, R102, ... that feed these."""
    rows = [{**GOOD["vessels"][0], "id": f"R{101 + i}", "feeds": fed} for i, fed in enumerate(feeds)]
    return broken("vessels", rows)


TAG0 = ("vessels", 0, "tags", 0)
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt top key": (broken("vessles", []), "vessles"),
    "misspelt tag key": (broken(*TAG0, "acuracy", 0.1), "acuracy"),
    "no schema": (broken("schema", ...), "schema"),
    "another schema": (broken("schema", 2), "schema"),
    "no vessels": (broken("vessels", []), "vessels"),
    "line name with a slash": (broken("line", "../x"), "line"),
    "unknown origin": (broken("origin", "moon"), "origin"),
    "unknown quantity": (broken(*TAG0, "quantity", "phh"), "phh"),
    "unit that does not fit": (broken(*TAG0, "unit", "mS/cm"), "mS/cm"),
    "range upside down": (broken(*TAG0, "low", 15), "below high"),
    "accuracy zero": (broken(*TAG0, "accuracy", 0), "accuracy"),
    "accuracy text": (broken(*TAG0, "accuracy", "small"), "accuracy"),
    "infinite range": (broken(*TAG0, "high", float("inf")), "high"),
    "limits not rising": (broken(*TAG0, "limits", {"low": 8, "high": 6}), "rise"),
    "tag twice": (broken("vessels", 0, "tags", 1, "name", "pH"), "twice"),
    "volume of a sea": (broken("vessels", 0, "batch", "volume_l", 1e300), "more than any vessel holds"),
    "feeds a stranger": (piped(["C201"]), "vessel R101.feeds: 'C201' is not in"),
    "feeds itself": (piped(["R101"]), "ring: R101 > R101"),
    "feeds twice": (piped(["R102", "R102"], []), "vessel R101.feeds: 'R102' is there twice"),
    "feeds in a ring": (piped(["R102"], ["R103"], ["R101"]), "leave out the pipe that leads back"),
    "phase by two ways": (phased({**NAMED, "hours": {"cip": 0}}), "either by tag with names, or by hours"),
    "phase by tag without names": (phased({"tag": "step"}), "belong together"),
    "phase by a tag that is not there": (phased({**NAMED, "tag": "stpe"}), "'stpe' is not in this line"),
    "phase by a probe": (phased({**NAMED, "tag": "pH"}), "kind: setpoint would do"),
    "suppressed in a phase nobody names": (phased(phases={"hours": {"grow": 0}}), "suppress.0.phases: 'cip'"),
    "suppressed without phases": (broken("vessels", 0, "suppress", [{"phases": ["cip"]}]), "'cip' is not"),
    "suppressed kind that is none": (phased(kinds=["limt"]), "'limt' matches nothing"),
    "suppressed kind that never stands": (phased(kinds=["phase"]), "'phase' matches nothing"),
    "suppressed tag that is not there": (phased(tags=["CO2"]), "'CO2' matches nothing"),
    "unknown form": (broken("vessels", 0, "form", "barrel"), "form"),
    "vessel twice": (broken("vessels", GOOD["vessels"] * 2), "twice"),
    "unknown process": (broken("vessels", 0, "process", "kind", "yeast"), "yeast"),
    "unknown parameter": (broken("vessels", 0, "process", "parameters", {"mumax": 1}), "mumax"),
    "start without zone": (broken("vessels", 0, "batch", "start", "2026-11-22T00:00:00"), "time zone"),
    "unknown tag set": (broken("vessels", 0, "tags", {"use": "nothing"}), "nothing"),
    "id and fleet": (broken("vessels", 0, "fleet", {"keys": "0..3"}), "either"),
    "unknown historian": (broken("historian", {"kind": "oracle"}), "oracle"),
    "misspelt historian key": (broken("historian", {"kind": "sqlite", "pth": "x"}), "pth"),
    "unknown source": (broken("sources", [{"kind": "telepathy", "id": "t"}]), "telepathy"),
    "source without kind": (broken("sources", [{"id": "t"}]), "kind is missing"),
    "unknown notifier": (broken("subscribers", 0, "notifier", {"kind": "pigeon"}), "pigeon"),
    "unknown language": (broken("subscribers", 0, "language", "de"), "language"),
    "source of a vessel that is not there": (
        broken("sources", [{"kind": "opcua", "id": "ua", "vessels": ["R9"]}]),
        "R9",
    ),
    "source of a tag that is not there": (
        broken("sources", [{"kind": "opcua", "id": "ua", "tags": ["R101.Ph"]}]),
        "R101.Ph",
    ),
    "kind that is none": (broken("subscribers", 0, "kinds", ["drif"]), "drif"),
    "assets that match nothing": (broken("subscribers", 0, "assets", ["Z*"]), "Z*"),
    "limit beyond the range": (broken(*TAG0, "limits", {"high": 15}), "outside the range"),
    "silence shorter than the period": (broken(*TAG0, "period_s", 3600), "shorter than period_s"),
    "start in another millennium": (broken("vessels", 0, "batch", "start", "9999-01-01T00:00:00Z"), "2100"),
    "title in another language": (broken("title", {"de": "Linie"}), "title"),
    "no tags": (broken("vessels", 0, "tags", []), "tags"),
    "fleet that counts down": (fleet(keys="5..0"), "1 to 10000"),
    "fleet of nobody": (fleet(keys=[]), "1 to 10000"),
    "fleet too large": (fleet(keys="0..99999999"), "1 to 10000"),
    "fleet id with another field": (fleet(keys="0..3", id="R{key.foo}"), "no other field"),
    "fleet id that leaves its folder": (fleet(keys="0..3", id="../R{key}"), "letters, digits"),
    "clock on a plant": (broken("clock", {"origin": "2026-11-22T00:00:00Z", "speed": 60}), "simulated"),
}


def written(tmp_path: Path, line: object) -> Path:
    path = tmp_path / "line.yaml"
    path.write_text(yaml.safe_dump(line), encoding="utf-8")
    return path


def test_a_good_line_is_usable(tmp_path: Path) -> None:
    _, line = load_line(written(tmp_path, GOOD))
    assert [t.id for t in line.tags()] == ["R101.pH", "R101.pO2"]


def test_a_design_by_phase_is_usable(tmp_path: Path) -> None:
    _, line = load_line(written(tmp_path, phased(kinds=["limit", "frozen"], tags=["p*"])))
    (rule,) = line.vessels[0].suppress
    assert rule == Suppression(frozenset({"cip"}), ("limit", "frozen"), ("p*",))
    assert line.vessels[0].phases == Phases("step", {1: "cip", 2: "grow"})


def test_pipes_of_a_fleet_lead_on(tmp_path: Path) -> None:
    line = fleet(keys="1..2", id="R10{key}")
    line["vessels"][0]["feeds"] = ["C201"]
    line["vessels"].append({**GOOD["vessels"][0], "id": "C201", "form": "column"})
    _, built = load_line(written(tmp_path, line))
    assert [(v.id, v.form, v.feeds) for v in built.vessels] == [
        ("R101", Form.VESSEL, ("C201",)),
        ("R102", Form.VESSEL, ("C201",)),
        ("C201", Form.COLUMN, ()),
    ]


@pytest.mark.parametrize("name", BROKEN)
def test_F_07_a_broken_line_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    line, named = BROKEN[name]
    result = CliRunner().invoke(app, ["check", str(written(tmp_path, line))])
    assert isinstance(result.exception, ConfigError), result.output
    assert named in str(result.exception)


def test_every_fault_is_listed_not_only_the_first(tmp_path: Path) -> None:
    line = copy.deepcopy(GOOD)
    line["vessels"][0]["process"]["kind"] = "yeast"
    line["historian"] = {"kind": "oracle"}
    line["subscribers"][0]["notifier"] = {"kind": "pigeon"}
    with pytest.raises(ConfigError) as caught:
        load_line(written(tmp_path, line))
    assert all(name in str(caught.value) for name in ("yeast", "oracle", "pigeon"))


def test_faults_of_all_sections_are_listed_beside_those_of_the_frame(tmp_path: Path) -> None:
    line = copy.deepcopy(GOOD)
    line["schema"] = 2
    line["historian"] = {"kind": "oracle"}
    line["subscribers"][0]["notifier"] = {"kind": "pigeon"}
    with pytest.raises(ConfigError) as caught:
        load_line(written(tmp_path, line))
    assert all(name in str(caught.value) for name in ("schema", "oracle", "pigeon"))


def test_what_is_left_without_the_faulty_parts_is_looked_at_too(tmp_path: Path) -> None:
    line = copy.deepcopy(GOOD)
    line["titel"] = "x"
    line["line"] = "../x"
    line["vessels"].append({"id": "R102", "tags": {"use": "nothing"}, "batsch": {}})
    line["vessels"][0]["process"]["kind"] = "yeast"
    line["subscribers"][0]["kinds"] = ["drif"]
    line["sources"] = [{"kind": "opcua", "id": "ua", "vessels": ["R102"]}]
    with pytest.raises(ConfigError) as caught:
        load_line(written(tmp_path, line))
    told = str(caught.value).splitlines()
    assert [text.split(": ")[1] for text in told] == [
        "line", "vessels.1.batsch", "titel", "vessels.1.tags.use", "subscribers.0.kinds",
        "vessel R101.process",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: 1\nstart: 2026-13-45T08:00:00Z\n", "month must be in 1..12"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: " + "9" * 5000, "digits"),
        ("a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ), "aliases"),
        ("a: &a [*a]\n", "aliases"),
        ("#" * 2_000_001, "bytes came"),
        ("", "NoneType"),
    ],
    ids=["no such month", "deep", "long number", "bomb", "a list in itself", "large", "empty"],
)  # fmt: skip
def test_a_file_nobody_would_write_is_refused_in_words(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_line(path)


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.write_text(path.read_text() + "\nline: l2\n")
    with pytest.raises(ConfigError, match="'line' is there twice"):
        load_line(path)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"just text", b"a: [", b"\xff\xfe\x00", b"a: !!python/object:os.x {}"]
)
def test_what_is_no_line_at_all_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "line.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"line\.yaml"):
        load_line(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check the path"):
        load_line(tmp_path / "none.yaml")


def test_misspelt_variables_are_found_with_the_nearest_name(tmp_path: Path, monkeypatch) -> None:
    assert misspelt({"TWIN_PROT": "1", "TWIN_PORT": "2", "OTHER": "3"}) == [
        "environment variable TWIN_PROT: not known; did you mean TWIN_PORT?"
    ]
    monkeypatch.setenv("TWIN_DATADIR", "/tmp/x")
    result = CliRunner().invoke(app, ["check", str(written(tmp_path, GOOD))])
    assert isinstance(result.exception, ConfigError)
    assert "did you mean TWIN_DATA_DIR" in str(result.exception)


def test_check_opens_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    assert CliRunner().invoke(app, ["check", str(written(tmp_path, GOOD))]).exit_code == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "tags",
            [*GOOD["vessels"][0]["tags"], {**GOOD["vessels"][0]["tags"][0], "name": "x", "unit": "kg"}],
            "vessels.0.tags.2: unit 'kg' does not fit pH; 1 would do",
        ),
        ("tags", [], "vessels.0.tags: List should have at least 1 item"),
        ("tags", {"use": 5}, "vessels.0.tags.use: Input should be a valid string"),
        ("tags", 7, "vessels.0.tags: keys with their values would do; came 7"),
        ("normal", {"model": 5}, "vessels.0.normal.model: Input should be a valid string; came 5"),
        ("normal", [1], "vessels.0.normal: keys with their values would do"),
    ],
)
def test_only_the_form_that_was_meant_is_judged(key: str, value: Any, said: str, tmp_path: Path) -> None:
    (fault,) = refusals(tmp_path, broken("vessels", 0, key, value))
    assert fault.startswith(said)


WIDE: dict[str, Any] = {
    "time": "T",
    "values": [{"column": "a", "tag": "R101.nope"}, {"column": "b", "tag": "R101.pH", "unit": "kg"}],
}
LONG = {"tag": "what", "value": "v", "tags": {"acid": "R101.pH", "gas": "R101.pCO2"}}


@pytest.mark.parametrize("kind", ["folder", "files", None])
def test_the_layout_of_files_must_lead_to_tags_that_are_there(kind: str | None, tmp_path: Path) -> None:
    def said(layout: dict[str, Any]) -> list[str]:
        where = {"folder": str(tmp_path)} if kind == "folder" else {"paths": ["x.csv"]}
        source = {"kind": kind, "id": "drop", **where, "layout": layout}
        section = {"sources": [source]} if kind else {"files": layout}
        return refusals(tmp_path, {**GOOD, **section})

    place = "sources.0.layout" if kind else "files"
    wrong = said(WIDE)
    assert len(wrong) == 2
    assert f"{place}.values 'a': the line has no tag 'R101.nope'" in wrong[0]
    assert f"{place}.values 'b': unit 'kg' came, R101.pH is in '1'" in wrong[1]
    (wrong_key,) = said({**WIDE, "key": "R", "values": [{"column": "a", "tag": "R101.pH"}]})
    assert f"{place}.values 'a': no vessel of the line has a tag 'R101.pH'; there are pH, pO2" in wrong_key
    (wrong_name,) = said(LONG)
    assert f"{place}.tags 'gas': the line has no tag 'R101.pCO2'" in wrong_name
    assert said({**WIDE, "values": [{"column": "b", "tag": "R101.pH", "unit": "1"}]}) == []
    (unknown,) = said({**WIDE, "values": [], "delimiter": ";;"})[:1]
    assert unknown.count("delimiter") == 1


def refusals(folder: Path, line: dict[str, Any]) -> list[str]:
    """Every fault of a line, without the name of its file."""
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(line), encoding="utf-8")
    try:
        load_line(path)
    except ConfigError as error:
        return [each.removeprefix(f"{path}: ") for each in str(error).splitlines()]
    return []
