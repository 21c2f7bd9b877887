"""JSON of probe heads: every value is a reading or a refusal with a reason, and nothing raises."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.codecs.json_topics import KEPT_CHARACTERS, Route, decode
from connectors.codecs.topics import TopicTemplate
from twin.domain.measurement import Quality

ROUTES = (Route(TopicTemplate("plant/{vessel}/{head}")), Route(TopicTemplate("lab/{vessel}")))
T = "2026-11-22T00:00:00.000Z"
T_NS = 1_795_305_600_000_000_000
RECEIVED = T_NS + 5


def read(payload: bytes | dict[str, Any], topic: str = "plant/R101/head1") -> Any:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode("m", topic, data, ROUTES, RECEIVED)


def test_a_head_gives_one_reading_a_value() -> None:
    got = read({"t": T, "v": {"pH": 7.01, "pO2": None, "stirrer": 200}, "q": {"pH": 64}})
    assert [(r.address, r.value, r.quality, r.time_ns, r.received_ns) for r in got.readings] == [
        ("R101.pH", 7.01, Quality.UNCERTAIN, T_NS, RECEIVED),
        ("R101.pO2", None, Quality.BAD, T_NS, RECEIVED),
        ("R101.stirrer", 200, Quality.GOOD, T_NS, RECEIVED),
    ]
    assert got.refused == ()


def test_an_assay_is_stamped_with_the_time_it_was_drawn() -> None:
    (reading,) = read({"t": T, "v": {"VCD": 5.1}}, "lab/R102").readings
    assert (reading.address, reading.time_ns) == ("R102.VCD", T_NS)


def test_an_empty_payload_unsets_a_retained_value_and_holds_nothing() -> None:
    got = read(b"")
    assert (got.readings, got.refused) == ((), ())


def test_text_in_a_number_field_is_kept_as_text_for_the_tag_book() -> None:
    (reading,) = read({"t": T, "v": {"pH": "7,01"}}).readings
    assert reading.value == "7,01"


def test_one_bad_value_does_not_spoil_the_others() -> None:
    got = read({"t": T, "v": {"pH": [1], "pO2": 40.0, "pCO2": 1.0}, "q": {"pCO2": 7}})
    assert [r.address for r in got.readings] == ["R101.pO2"]
    assert {(q.reading.address, q.reason) for q in got.refused} == {
        ("R101.pH", "wrong_type"),
        ("R101.pCO2", "bad_quality"),
    }


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "malformed"),
        (b'{"v": {}}', "malformed"),
        (b'{"v": {"pH": 7}, "x": 1}', "malformed"),
        (b'{"v": {"pH": 7, "pH": 8}}', "malformed"),
        (b'{"v": {"pH": 7}, "q": {"pO2": 192}}', "malformed"),
        (b'{"v": {"pH": 7}, "t": 12}', "malformed"),
        (b'{"v": {"": 7}}', "malformed"),
        (b"[" * 200_000, "malformed"),
        (b'{"v": {"pH": 7}, "t": "yesterday"}', "bad_time"),
    ],
)
def test_what_can_not_be_read_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    got = read(payload)
    assert got.readings == ()
    (refused,) = got.refused
    assert refused.reason == reason
    assert len(str(refused.reading.value)) <= 4 * KEPT_CHARACTERS


def test_a_topic_of_no_template_is_refused() -> None:
    (refused,) = read({"t": T, "v": {"pH": 7}}, "plant/R101").refused
    assert refused.reason == "unknown_topic"


def test_numbers_no_store_holds_become_floats_and_nan_stays_itself() -> None:
    values = {
        r.address: r.value for r in read(b'{"v": {"a": 1%s, "b": NaN, "c": 1e999}}' % (b"0" * 400)).readings
    }
    assert values["R101.a"] == values["R101.c"] == float("inf")
    assert values["R101.b"] != values["R101.b"]


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(min_size=1, max_size=8)


@given(JSONS | st.fixed_dictionaries({"v": st.dictionaries(NAMES, JSONS), "t": JSONS}))
def test_D_04_any_json_adds_up_and_can_be_stored(data: Any) -> None:
    got = read({"data": data} if isinstance(data, bytes) else json.dumps(data).encode())
    rows = [*got.readings, *(q.reading for q in got.refused)]
    named = isinstance(data, dict) and set(data) <= {"t", "v", "q"} and isinstance(data.get("v"), dict)
    assert rows or data == ""
    if got.readings and named:
        assert len(rows) == len(data["v"])
    for row in rows:
        row.address.encode()
        if isinstance(row.value, str):
            assert "\0" not in row.value
            row.value.encode()


@given(st.binary(max_size=200))
def test_F_02_any_bytes_are_refused_or_read(payload: bytes) -> None:
    got = read(payload)
    assert not payload or got.readings or got.refused


@given(st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_come_out_as_they_went_in(values: dict[str, float]) -> None:
    got = read({"t": T, "v": values})
    assert [r.value for r in got.readings] == list(values.values())


LEVEL = st.text(st.characters(exclude_characters="/+#\0", exclude_categories=["Cs"]), min_size=1, max_size=6)


@given(LEVEL, LEVEL)
def test_a_template_finds_the_fields_it_was_filled_with(vessel: str, head: str) -> None:
    template = TopicTemplate("plant/{vessel}/{head}")
    topic = template.fill(vessel=vessel, head=head)
    assert template.match(topic) == {"vessel": vessel, "head": head}
    assert template.match(topic + "/more") is None
    assert template.filter == "plant/+/+"


@pytest.mark.parametrize("text", ["", "/a", "a/+", "a/#", "a/{x}y", "{x}/{x}", "a/{X}"])
def test_MQ_04_a_template_that_can_not_work_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        TopicTemplate(text)
