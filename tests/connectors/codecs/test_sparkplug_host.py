"""The host application's state machine against the statements of Sparkplug 3.0; ids name them.

SPB-02, -03, -06, -10 and -16 bind the edge node and are tested with the simulator's.
"""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.codecs.sparkplug import DataType, Metric, Payload, SparkplugError, decode, encode, wire_of
from connectors.codecs.sparkplug_host import Host
from connectors.codecs.sparkplug_messages import Outcome, Settings
from simulators.sparkplug_bytes import BOOLEAN, REBIRTH, UINT64, EdgeMetric, payload
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.ports import LinkChange

NOW = 1_795_305_600_000_000_000
MS = NOW // 1_000_000
NAMES = ("stirrer", "weight", "flow_air")


@dataclass
class Wire:
    """An edge node's side by hand, and everything the host said so far."""

    host: Host = field(
        default_factory=lambda: Host(Settings("spb", "h", reorder_s=2.0, rebirth_spacing_s=5.0))
    )
    readings: list[Reading] = field(default_factory=list)
    refused: list[Quarantined] = field(default_factory=list)
    links: list[LinkChange] = field(default_factory=list)
    asked: int = 0
    at_s: float = 0.0
    bd_seq: int = 0

    def __post_init__(self) -> None:
        self.note(self.host.connected(MS, self.at_s))

    def note(self, outcome: Outcome) -> Outcome:
        self.readings += outcome.readings
        self.refused += outcome.refused
        self.links += outcome.links
        self.asked += sum("/NCMD/" in send.topic for send in outcome.send)
        return outcome

    def settle(self) -> None:
        """Let the values of a birth go, which wait for history a little."""
        for later in (0.0, 0.6):
            self.note(self.host.tick(NOW, self.at_s + later))

    def give(self, kind: str, data: bytes, device: str = "", edge: str = "e1") -> Outcome:
        topic = f"spBv1.0/bioline/{kind}/{edge}" + (f"/{device}" if device else "")
        return self.note(self.host.receive(topic, data, NOW, self.at_s))

    def tick(self, at_s: float) -> Outcome:
        self.at_s = at_s
        return self.note(self.host.tick(NOW, at_s))

    def birth(
        self, seq: int = 0, device: str = "R102", values: Iterable[float | None] = (1.0, 2.0, 3.0)
    ) -> None:
        own = [
            EdgeMetric(self.bd_seq, MS, "bdSeq", datatype=UINT64, declare=True),
            EdgeMetric(False, MS, REBIRTH, datatype=BOOLEAN, declare=True),
        ]
        self.give("NBIRTH", payload(MS, seq, own))
        self.give("DBIRTH", births(seq + 1, values), device)
        self.settle()

    def data(self, seq: int, value: float, alias: int = 1, **more: object) -> Outcome:
        return self.give(
            "DDATA", payload(MS, seq % 256, [EdgeMetric(value, MS + seq, alias=alias, **more)]), "R102"
        )

    def values(self, name: str = "stirrer") -> list[object]:
        return [r.value for r in self.readings if r.address == f"R102.{name}"]


def births(seq: int, values: Iterable[float | None], first_alias: int = 1) -> bytes:
    metrics = [
        EdgeMetric(value, MS, name, alias, declare=True)
        for alias, (name, value) in enumerate(zip(NAMES, values, strict=True), start=first_alias)
    ]
    return payload(MS, seq % 256, metrics)


def death(bd_seq: int) -> bytes:
    return payload(MS, None, [EdgeMetric(bd_seq, MS, "bdSeq", datatype=UINT64, declare=True)])


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/g/DDATA/e",
        "spBv1.0/g/NDATA/e/d",
        "spBv1.0/g/XDATA/e",
        "spBv1.0//NDATA/e",
        "other/g/NDATA/e",
        "x",
        "",
    ],
)
def test_SPB_01_a_topic_out_of_form_is_refused_with_its_reason(topic: str) -> None:
    wire = Wire()
    outcome = wire.note(wire.host.receive(topic, b"", NOW, 0.0))
    assert [row.reason for row in outcome.refused] == ["unknown_topic"]


@pytest.mark.parametrize("seq", [0, 1, 7, 254])
def test_SPB_04_a_birth_may_start_at_any_sequence_number(seq: int) -> None:
    wire = Wire()
    wire.birth(seq=seq)
    wire.data(seq + 2, 10.0)
    assert wire.values() == [1.0, 10.0]
    assert wire.asked == 0


@settings(max_examples=20)
@given(st.integers(0, 255), st.integers(1, 600))
def test_SPB_05_the_counter_goes_round_after_255(start: int, count: int) -> None:
    wire = Wire()
    wire.birth(seq=start)
    for step in range(count):
        wire.data(start + 2 + step, float(step))
    assert wire.values()[1:] == [float(step) for step in range(count)]
    assert wire.asked == 0
    assert not wire.refused


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 12))
def test_SPB_15_messages_out_of_order_are_put_in_order(seed: int, window: int) -> None:
    wire = Wire()
    wire.birth()
    order = list(range(40))
    draw = random.Random(seed)
    for start in range(0, 40, window):
        part = order[start : start + window]
        draw.shuffle(part)
        order[start : start + window] = part
    for step in order:
        wire.data(2 + step, float(step))
    assert wire.values()[1:] == [float(step) for step in range(40)]
    assert wire.asked == 0


def test_SPB_15_a_missing_message_is_waited_for_then_a_rebirth_is_asked() -> None:
    wire = Wire()
    wire.birth()
    wire.data(2, 10.0)
    wire.data(4, 12.0)
    wire.data(5, 13.0)
    assert wire.values() == [1.0, 10.0]
    wire.tick(1.9)
    assert wire.asked == 0
    wire.tick(2.1)
    assert wire.values() == [1.0, 10.0, 12.0, 13.0]
    assert wire.asked == 1
    gap = next(change for change in wire.links if change.gap)
    assert gap.up is None
    late = [r.quality for r in wire.readings if r.value in (12.0, 13.0)]
    assert late == [Quality.UNCERTAIN] * 2, "an alias may have been given away in the message that is missing"
    wire.birth(values=(20.0, 2.0, 3.0))
    wire.data(2, 21.0)
    assert wire.readings[-1].quality is Quality.GOOD


@settings(max_examples=30)
@given(st.sets(st.integers(2, 60), max_size=12))
def test_SPB_15_no_message_that_came_is_lost_whatever_is_missing(missing: set[int]) -> None:
    wire = Wire()
    wire.birth()
    sent = [seq for seq in range(2, 70) if seq not in missing]
    for seq in sent:
        wire.data(seq, float(seq))
        wire.tick(wire.at_s + 0.3)
    wire.tick(wire.at_s + 10)
    assert sorted(wire.values()[1:]) == [float(seq) for seq in sent]
    assert not wire.refused


def test_SPB_15_a_number_that_comes_twice_while_waiting_is_refused() -> None:
    wire = Wire()
    wire.birth()
    wire.data(3, 1.5)
    wire.data(3, 9.9)
    assert [(row.reason, row.reading.value) for row in wire.refused] == [("bad_sequence", 9.9)]


def test_SPB_07_rebirth_requests_are_well_formed_and_spaced() -> None:
    wire = Wire()
    outcome = wire.data(5, 1.0)
    (send,) = outcome.send
    assert (send.topic, send.qos, send.retain) == ("spBv1.0/bioline/NCMD/e1", 0, False)
    (metric,) = decode(send.payload).metrics
    assert (metric.name, metric.datatype, metric.wire) == (REBIRTH, 11, wire_of(True, DataType.BOOLEAN))
    wire.data(6, 1.0)
    assert wire.asked == 1
    wire.at_s = 5.1
    wire.data(7, 1.0)
    assert wire.asked == 2


def test_SPB_07_the_request_is_repeated_until_the_node_is_in_step_again() -> None:
    wire = Wire()
    wire.birth()
    wire.note(wire.host.disconnected())
    wire.note(wire.host.connected(MS + 9, wire.at_s))
    assert wire.asked == 1
    wire.tick(6.0)
    wire.tick(12.0)
    assert wire.asked == 3
    wire.birth()
    wire.tick(60.0)
    assert wire.asked == 3


def test_SPB_07_a_loss_right_after_a_rebirth_is_asked_for_at_once() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DDATA", b"\xff", "R102")
    wire.birth()
    wire.at_s = 0.5
    wire.give("DDATA", b"\xff", "R102")
    assert wire.asked == 2


def test_SPB_07_a_node_that_answers_with_nonsense_is_not_asked_in_a_hot_loop() -> None:
    wire = Wire()
    for step in range(100):
        wire.birth()
        wire.at_s = step / 100
        wire.give("DDATA", b"\xff", "R102")
    assert wire.asked == 2
    wire.tick(4.9)
    assert wire.asked == 2
    wire.tick(5.1)
    assert wire.asked == 3, "what was held back is asked for when its time has come"


def test_SPB_08_data_before_a_birth_is_kept_aside_with_its_reason() -> None:
    wire = Wire()
    wire.data(2, 7.5)
    assert [(row.reason, row.reading.value, row.reading.time_ns) for row in wire.refused] == [
        ("no_birth", 7.5, (MS + 2) * 1_000_000)
    ]


def test_SPB_08_data_of_a_device_that_was_not_born_is_refused() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DDATA", payload(MS, 2, [EdgeMetric(1.0, MS, alias=1)]), "R999")
    assert [row.reason for row in wire.refused] == ["unknown_alias"]
    assert wire.asked == 1


def test_SPB_09_an_alias_given_twice_is_refused_the_first_stays() -> None:
    wire = Wire()
    metrics = [EdgeMetric(1.0, MS, "a", 1, declare=True), EdgeMetric(2.0, MS, "b", 1, declare=True)]
    wire.give("NBIRTH", payload(MS, 0, [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]))
    wire.give("DBIRTH", payload(MS, 1, metrics), "R102")
    assert [(row.reason, row.reading.address) for row in wire.refused] == [("alias_twice", "R102.b")]
    wire.data(2, 5.0)
    assert wire.values("a") == [1.0, 5.0]


def test_SPB_09_aliases_can_change_with_a_rebirth() -> None:
    wire = Wire()
    wire.birth()
    wire.give("NBIRTH", payload(MS, 0, [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]))
    wire.give("DBIRTH", births(1, (1.0, 2.0, 3.0), first_alias=7), "R102")
    wire.data(2, 8.0, alias=7)
    wire.data(3, 9.0, alias=1)
    assert wire.values() == [1.0, 1.0, 8.0]
    assert [row.reason for row in wire.refused] == ["unknown_alias"]


def test_SPB_10_null_is_a_bad_value_and_historical_values_are_marked() -> None:
    wire = Wire()
    wire.birth(values=(None, 2.0, 3.0))
    wire.data(2, 5.0, historical=True)
    null, late = [r for r in wire.readings if r.address == "R102.stirrer"]
    assert (null.value, null.quality) == (None, Quality.BAD)
    assert late.replayed
    assert not null.replayed


def test_SPB_10_history_that_follows_a_birth_is_given_out_before_its_values() -> None:
    wire = Wire()
    own = [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]
    wire.give("NBIRTH", payload(MS, 0, own))
    wire.give("DBIRTH", births(1, (9.0, 2.0, 3.0)), "R102")
    wire.data(2, 7.0, historical=True)
    wire.data(3, 8.0, historical=True)
    assert wire.values() == [7.0, 8.0]
    wire.data(4, 10.0)
    assert wire.values() == [7.0, 8.0, 9.0, 10.0]
    wire.birth(values=(11.0, 2.0, 3.0))
    assert wire.values()[-1] == 11.0, "without history they wait half a second at most"


def test_SPB_11_the_birth_of_the_host_carries_the_time_of_its_will() -> None:
    host = Host(Settings("spb", "h"))
    (send,) = host.connected(MS, 0.0).send
    assert (send.topic, send.qos, send.retain) == ("spBv1.0/STATE/h", 1, True)
    assert json.loads(send.payload) == {"online": True, "timestamp": MS}


@pytest.mark.parametrize("word", [b'{"online":false,"timestamp":%d}' % (MS + 50), b"rubbish", b"{}", b"[1]"])
def test_SPB_12_a_false_offline_is_answered_at_once_and_not_with_an_older_time(word: bytes) -> None:
    wire = Wire()
    outcome = wire.note(wire.host.receive("spBv1.0/STATE/h", word, NOW, 0.0))
    (send,) = outcome.send
    said = json.loads(send.payload)
    assert said["online"] is True
    assert said["timestamp"] >= (MS + 50 if b"false" in word else MS)


def test_SPB_12_other_hosts_and_our_own_online_are_left_alone() -> None:
    wire = Wire()
    for topic, word in (
        ("h", b'{"online":true,"timestamp":1}'),
        ("other", b'{"online":false,"timestamp":1}'),
    ):
        assert not wire.host.receive(f"spBv1.0/STATE/{topic}", word, NOW, 0.0).send


def test_SPB_14_a_node_death_makes_every_value_stale_now() -> None:
    wire = Wire()
    wire.birth()
    before = len(wire.readings)
    wire.give("NDEATH", death(0))
    stale = wire.readings[before:]
    assert {r.address for r in stale} == {f"R102.{name}" for name in NAMES}
    assert {(r.value, r.quality, r.time_ns) for r in stale} == {(None, Quality.STALE, NOW)}


def test_SPB_14_a_death_of_an_earlier_session_is_ignored() -> None:
    wire = Wire()
    wire.bd_seq = 4
    wire.birth()
    before = len(wire.readings)
    wire.give("NDEATH", death(3))
    assert len(wire.readings) == before
    wire.data(2, 6.0)
    assert wire.values() == [1.0, 6.0]


def test_SPB_14_a_device_death_is_that_device_only_and_has_its_own_time() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DBIRTH", births(2, (1.0, 2.0, 3.0), first_alias=11), "R103")
    wire.give("DDEATH", payload(MS - 40, 3, []), "R103")
    stale = [r for r in wire.readings if r.quality is Quality.STALE]
    assert {r.address for r in stale} == {f"R103.{name}" for name in NAMES}
    assert {r.time_ns for r in stale} == {(MS - 40) * 1_000_000}
    wire.data(4, 6.0)
    assert wire.values() == [1.0, 6.0]


@pytest.mark.parametrize(
    ("quality", "expected"), [(192, Quality.GOOD), (0, Quality.BAD), (500, Quality.STALE)]
)
def test_SPB_17_the_quality_property_is_taken_over(quality: int, expected: Quality) -> None:
    wire = Wire()
    wire.birth()
    wire.data(2, 5.0, quality=quality)
    assert wire.readings[-1].quality is expected


def test_SPB_17_another_quality_is_refused() -> None:
    wire = Wire()
    wire.birth()
    wire.data(2, 5.0, quality=64)
    assert [row.reason for row in wire.refused] == ["wrong_type"]


def test_SPB_18_names_that_differ_by_case_only_are_told() -> None:
    wire = Wire()
    wire.give("NBIRTH", payload(MS, 0, [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]))
    metrics = [EdgeMetric(1.0, MS, "pH", 1, declare=True), EdgeMetric(2.0, MS, "PH", 2, declare=True)]
    wire.give("DBIRTH", payload(MS, 1, metrics), "R102")
    wire.give("NBIRTH", payload(MS, 0, []), edge="E1")
    told = [change.text for change in wire.links if "case" in change.text]
    assert len(told) == 2


def test_SPB_19_a_type_other_than_the_birth_said_is_refused() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DDATA", payload(MS, 2, [EdgeMetric(7, MS, alias=1, datatype=UINT64, declare=True)]), "R102")
    text = Metric(alias=2, timestamp_ms=MS, wire=wire_of("7,5", DataType.STRING))
    wire.give("DDATA", encode(Payload(MS, 3, (text,))), "R102")
    assert [row.reason for row in wire.refused] == ["wrong_type", "wrong_type"]


def test_a_truth_value_is_no_number() -> None:
    wire = Wire()
    wire.give("NBIRTH", payload(MS, 0, [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]))
    wire.give(
        "DBIRTH", payload(MS, 1, [EdgeMetric(True, MS, "OD", 1, datatype=BOOLEAN, declare=True)]), "R102"
    )
    wire.settle()
    assert [(row.reason, row.reading.value) for row in wire.refused] == [("wrong_type", True)]
    assert "truth value true" in wire.refused[0].detail
    assert wire.values("OD") == []


def test_SPB_19_a_birth_without_type_or_name_is_refused_the_rest_lives() -> None:
    wire = Wire()
    metrics = [
        EdgeMetric(1.0, MS, "a", 1),
        EdgeMetric(2.0, MS, "", 2, declare=True),
        EdgeMetric(3.0, MS, "b", 3, declare=True),
    ]
    wire.give("NBIRTH", payload(MS, 0, [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]))
    wire.give("DBIRTH", payload(MS, 1, metrics), "R102")
    assert [row.reason for row in wire.refused] == ["wrong_type", "malformed"]
    wire.settle()
    assert wire.values("b") == [3.0]


def test_SPB_19_a_time_no_store_holds_is_refused() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DDATA", payload(MS, 2, [EdgeMetric(5.0, 2**63, alias=1)]), "R102")
    assert [(row.reason, row.reading.time_ns) for row in wire.refused] == [("bad_time", None)]


def test_SPB_19_a_damaged_payload_is_kept_aside_and_a_rebirth_asked() -> None:
    wire = Wire()
    wire.birth()
    wire.give("DDATA", b"\xff\xff\xff", "R102")
    assert [row.reason for row in wire.refused] == ["malformed"]
    assert wire.asked == 1


TOPICS = st.builds(
    "spBv1.0/{}/{}/{}{}".format,
    st.sampled_from(["bioline", "x"]),
    st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD", "STATE"]),
    st.sampled_from(["e1", "e2"]),
    st.sampled_from(["", "/R102", "/R103"]),
) | st.text(max_size=20)
METRICS = st.builds(
    Metric,
    name=st.sampled_from(["", "bdSeq", "stirrer", "Stirrer", "weight"]),
    alias=st.none() | st.integers(0, 4),
    timestamp_ms=st.none() | st.integers(0, 2**64 - 1),
    datatype=st.none() | st.integers(0, 40),
    wire=st.none()
    | st.floats().map(lambda x: wire_of(x, DataType.DOUBLE))
    | st.integers(0, 2**64 - 1).map(lambda x: wire_of(x, DataType.UINT64))
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5).map(
        lambda x: wire_of(x, DataType.STRING)
    ),
    is_null=st.booleans(),
    is_historical=st.booleans(),
)
MESSAGES = st.builds(
    Payload,
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, 300),
    st.lists(METRICS, max_size=3).map(tuple),
).map(encode) | st.binary(max_size=30)
INPUTS = st.tuples(
    st.sampled_from(["receive"] * 6 + ["tick", "down", "up"]), TOPICS, MESSAGES, st.floats(0, 3)
)


@settings(max_examples=60)
@given(st.lists(INPUTS, max_size=25))
def test_SPB_19_any_messages_are_survived_and_every_metric_is_read_or_refused(
    inputs: list[tuple[str, str, bytes, float]],
) -> None:
    host, at_s, sent = Host(Settings("spb", "h")), 0.0, 0
    outcomes = []
    for what, topic, data, step in inputs:
        at_s += step
        if what == "tick":
            outcomes.append(host.tick(NOW, at_s))
        elif what == "down":
            outcomes.append(host.disconnected())
        elif what == "up":
            outcomes.append(host.connected(MS, at_s))
        else:
            outcomes.append(host.receive(topic, data, NOW, at_s))
            sent += metrics_in(topic, data)
    outcomes.append(host.disconnected())
    refused = [row.reading for out in outcomes for row in out.refused]
    read = [row for out in outcomes for row in out.readings]
    by_death = [row for row in read if row.quality is Quality.STALE]
    assert len(refused) + len(read) - len(by_death) == sent
    for row in [*read, *refused]:
        row.address.encode()
        assert row.time_ns is None or 0 <= row.time_ns < 2**63
        if isinstance(row.value, int):
            assert abs(row.value) < 2**63


def metrics_in(topic: str, data: bytes) -> int:
    """How many values a message holds, counted without the host."""
    parts = topic.split("/")
    kind = parts[2] if len(parts) > 3 and parts[0] == "spBv1.0" else ""
    node, device = kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD"), kind in ("DBIRTH", "DDATA", "DDEATH")
    if not (node and len(parts) == 4) and not (device and len(parts) == 5):
        return 0 if parts[:2] == ["spBv1.0", "STATE"] else 1
    if kind == "NCMD":
        return 0
    try:
        metrics = decode(data).metrics
    except SparkplugError:
        return 1
    return 0 if kind.endswith("DEATH") else sum(metric.name != "bdSeq" for metric in metrics)
