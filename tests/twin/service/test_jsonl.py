"""EVENTS.jsonl: every key of the schema, times as ISO 8601, numbers that JSON knows."""

import json

from hypothesis import given
from hypothesis import strategies as st

from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.service.jsonl import event_line, iso

KEYS = {
    "schema", "t", "kind", "stage", "asset", "tag", "verdict", "since", "size", "unit", "confidence",
    "causes", "evidence", "condition", "model", "detail",
}  # fmt: skip


def test_a_whole_event() -> None:
    event = Event(
        t=1_700_000_000_123_456_789,
        kind=Kind.DRIFT,
        asset="R101",
        stage=Stage.CONFIRMED,
        condition="R101/pH_drift/1",
        tag="R101.pH",
        verdict=Verdict.SENSOR,
        since=1_699_999_000_000_000_000,
        size=0.0812345678,
        unit="1",
        confidence=0.97,
        causes=(Cause("pH_drift", Verdict.SENSOR, "R101", "R101.pH", 0.97),),
        evidence=("R1",),
        model=ModelRef("cho_fedbatch", "1", "0123456789ab"),
        detail={"rate_per_h": 0.0212345678},
    )
    line = event_line(event)
    assert line.endswith(b"\n")
    found = json.loads(line)
    assert found.keys() == KEYS
    assert found["t"] == "2023-11-14T22:13:20.123Z"
    assert found["size"] == 0.0812346
    assert found["causes"][0]["code"] == "pH_drift"


@given(st.integers(946_684_800_000_000_000, 4_102_444_799_999_999_999))
def test_times_keep_their_order_and_their_millisecond(time_ns: int) -> None:
    later = iso(time_ns + 1_000_000)
    assert iso(time_ns) < later
    assert len(iso(time_ns)) == 24
