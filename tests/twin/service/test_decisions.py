"""twin diff: findings are paired as a person would, and nothing that differs is left out."""

import orjson
import pytest
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.service.cli import app
from twin.service.decisions import compare, headline, read_findings


def event(t, tag="R1.pH", condition="c", stage="confirmed", **more):
    return {
        "schema": 1, "t": f"2026-03-01T{t}:00.000Z", "kind": "drift", "stage": stage, "asset": "R1",
        "tag": tag, "verdict": "sensor", "since": None, "size": 0.1, "unit": "1", "confidence": 0.9,
        "causes": [], "evidence": [], "condition": condition, "model": None, "detail": {}, **more,
    }  # fmt: skip


def written(tmp_path, name, events):
    path = tmp_path / name
    path.write_bytes(b"".join(orjson.dumps(e) + b"\n" for e in events))
    return path


def differ(tmp_path, before, after, within=72.0):
    a, b = written(tmp_path, "a.jsonl", before), written(tmp_path, "b.jsonl", after)
    return compare(read_findings(a), read_findings(b), within)


def test_the_same_decisions_are_the_same_whatever_else_was_said(tmp_path):
    before = [event("08:00", stage="suspected"), event("09:00"), event("12:00", stage="closed")]
    found = differ(tmp_path, before, [event("09:00", detail={"rate": 1.0})])
    assert found.same
    assert headline(found) == "the same 1 findings"


def test_earlier_and_fewer_are_told_with_their_figures(tmp_path):
    before = [event("09:00"), event("15:00", tag="R1.pO2", condition="d")]
    found = differ(tmp_path, before, [event("05:48")])
    assert headline(found) == "1 told earlier (median 3.2 h), 1 fewer"
    assert [f.event["tag"] for f in found.fewer] == ["R1.pO2"]


def test_the_nearest_of_the_same_tag_is_the_pair_and_each_is_used_once(tmp_path):
    before = [event("02:00", condition="a"), event("10:00", condition="b")]
    after = [event("09:00", condition="x"), event("10:30", condition="y"), event("23:00", condition="z")]
    found = differ(tmp_path, before, after)
    assert [(p.before.event["condition"], p.after.event["condition"]) for p in found.pairs] == [
        ("a", "x"),
        ("b", "y"),
    ]
    assert [f.event["condition"] for f in found.more] == ["z"]


def test_another_tag_on_the_same_asset_is_a_changed_finding_not_two(tmp_path):
    found = differ(tmp_path, [event("09:00")], [event("09:30", tag="R1.base", verdict="unknown")])
    assert not found.fewer
    assert not found.more
    assert set(found.pairs[0].changes()) == {"t", "tag", "verdict"}
    assert "1 with another verdict or tag" in headline(found)


def test_findings_too_far_apart_are_not_the_same(tmp_path):
    found = differ(tmp_path, [event("01:00")], [event("09:00")], within=6.0)
    assert (len(found.pairs), len(found.fewer), len(found.more)) == (0, 1, 1)


def test_a_condition_that_comes_back_is_two_findings(tmp_path):
    a = written(tmp_path, "a.jsonl", [event("09:00"), event("10:00", stage="closed"), event("20:00")])
    assert len(read_findings(a)) == 2


def test_the_command_ends_with_1_when_something_differs_and_writes_it(tmp_path):
    a, b = written(tmp_path, "a.jsonl", [event("09:00")]), written(tmp_path, "b.jsonl", [event("08:00")])
    out = tmp_path / "DIFF.json"
    assert CliRunner().invoke(app, ["diff", str(a), str(a)]).exit_code == 0
    told = CliRunner().invoke(app, ["diff", str(a), str(b), "--out", str(out)])
    assert told.exit_code == 1
    assert "1 told earlier (median 1.0 h)" in told.output
    stored = orjson.loads(out.read_bytes())
    assert stored["pairs"][0]["earlier_h"] == 1.0
    assert stored["same"] is False


@pytest.mark.parametrize(
    ("line", "said"), [(b"time,tag", ":1: is no event"), (b'{"schema": 1}', ":1: is no event")]
)
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path, line, said):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(ConfigError, match=said):
        read_findings(path)
