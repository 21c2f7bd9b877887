"""Flat JSON of devices with topics of their own."""

from importlib.resources import files

import pytest
import yaml

from connectors.codecs.json_topics import Route, decode
from connectors.codecs.topics import TopicTemplate
from connectors.sources.mqtt import Config

ROUTE = Route(TopicTemplate("p/{vessel}/od1"), values={"od": "OD", "raw": "OD_raw"})


def test_named_keys_are_values_and_the_others_are_not() -> None:
    decoded = decode(
        "s", "p/u1/od1", b'{"od": 0.5, "angle": "90", "timestamp": "2026-09-01T01:00:00Z"}', (ROUTE,), 1
    )
    assert [(r.address, r.value) for r in decoded.readings] == [("u1.OD", 0.5)]
    assert decoded.readings[0].time_ns == 1_788_224_400_000_000_000


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"0.5", "malformed"),
        (b'{"angle": 90}', "malformed"),
        (b'{"od": 1, "timestamp": 5}', "malformed"),
        (b'{"od": 1, "timestamp": "2026"}', "bad_time"),
        (b'{"od": [1], "timestamp": "2026-09-01T01:00:00Z"}', "wrong_type"),
    ],
)
def test_F_02_the_rest_is_refused_with_a_reason(payload: bytes, reason: str) -> None:
    decoded = decode("s", "p/u1/od1", payload, (ROUTE,), 1)
    assert [r.reason for r in decoded.refused] == [reason]


def test_what_is_no_json_is_told_with_the_keys_that_would_do() -> None:
    (refused,) = decode("s", "p/u1/od1", b"0.5 at noon", (ROUTE,), 1).refused
    assert refused.detail == (
        "this is no JSON (Extra data at line 1 column 5); an object with od, raw, timestamp would do"
    )


def test_the_packaged_line_reads_what_the_devices_say() -> None:
    raw = yaml.safe_load((files("seeds") / "lines" / "pioreactor.yaml").read_text())
    config = Config.model_validate(raw["sources"][0])
    routes = tuple(Route(TopicTemplate(t.topic), t.tag, t.values, t.time) for t in config.topics)
    said = {
        "od_reading/od1": b'{"timestamp":"2026-09-01T01:00:00.5Z","angle":"90","od":0.12,"channel":"1"}',
        "growth_rate_calculating/growth_rate": b'{"growth_rate":0.31,"timestamp":"2026-09-01T01:00:00Z"}',
        "growth_rate_calculating/od_filtered": b'{"od_filtered":1.1,"timestamp":"2026-09-01T01:00:00Z"}',
        "temperature_automation/temperature": b'{"timestamp":"2026-09-01T01:00:00Z","temperature":30.2}',
        "stirring/measured_rpm": b'{"measured_rpm":499.5,"timestamp":"2026-09-01T01:00:00Z"}',
    }
    found = [
        decode("s", f"pioreactor/unit1/trial/{setting}", payload, routes, 1)
        for setting, payload in said.items()
    ]
    names = {tag["name"] for tag in raw["vessels"][0]["tags"]}
    assert {r.address for d in found for r in d.readings} == {f"unit1.{name}" for name in names}
