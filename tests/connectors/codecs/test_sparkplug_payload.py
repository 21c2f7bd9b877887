"""Sparkplug B payloads: round trips, another hand's bytes, and rubbish."""

import contextlib
import math
import struct

import pytest
from google.protobuf.internal import api_implementation
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.codecs.sparkplug import (
    DataType,
    Metric,
    Payload,
    SparkplugError,
    Wire,
    decode,
    encode,
    typed,
    wire_of,
)
from simulators.sparkplug_bytes import EdgeMetric, asks_rebirth, payload

RANGES = {
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1),
    DataType.DATETIME: (0, 2**64 - 1),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[DataType, object]:
    kind = draw(st.sampled_from(DataType))
    if kind in RANGES:
        return kind, draw(st.integers(*RANGES[kind]))
    if kind is DataType.BOOLEAN:
        return kind, draw(st.booleans())
    if kind in (DataType.FLOAT, DataType.DOUBLE):
        return kind, draw(st.floats(allow_nan=False, width=32 if kind is DataType.FLOAT else 64))
    return kind, draw(TEXT)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    kind, value = draw(typed_values())
    return Metric(
        name=draw(TEXT),
        alias=draw(st.none() | st.integers(0, 2**64 - 1)),
        timestamp_ms=draw(st.none() | st.integers(0, 2**64 - 1)),
        datatype=draw(st.just(int(kind)) | st.none()),
        wire=wire_of(value, kind),
        is_historical=draw(st.booleans()),
        properties=draw(st.just({}) | st.just({"Quality": wire_of(0, DataType.INT32)})),
    )


PAYLOADS = st.builds(
    Payload,
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.integers(0, 255),
    st.lists(metrics(), max_size=4).map(tuple),
)


@settings(max_examples=50)
@given(PAYLOADS)
def test_what_is_written_is_read_again(sent: Payload) -> None:
    assert decode(encode(sent)) == sent


@given(typed_values())
def test_SPB_19_a_value_comes_back_under_its_type(pair: tuple[DataType, object]) -> None:
    kind, value = pair
    assert typed(wire_of(value, kind), kind) == value


@given(typed_values(), st.integers(0, 40))
def test_SPB_19_another_type_gives_an_error_or_a_value_never_a_crash(
    pair: tuple[DataType, object], other: int
) -> None:
    with contextlib.suppress(SparkplugError):
        typed(wire_of(pair[1], pair[0]), other)


def test_narrow_signed_values_are_understood_extended_or_not() -> None:
    assert typed(Wire("int_value", 0xFFFFFFFB), DataType.INT8) == -5
    assert typed(Wire("int_value", 0xFB), DataType.INT8) == -5


@pytest.mark.parametrize("value", [True, 1.5, "1", 300, -1, None])
def test_a_value_that_is_not_of_its_type_can_not_be_written(value: object) -> None:
    with pytest.raises(SparkplugError):
        wire_of(value, DataType.UINT8)


@given(st.binary(max_size=300))
def test_SPB_19_any_bytes_are_a_payload_or_a_sparkplug_error(data: bytes) -> None:
    with contextlib.suppress(SparkplugError):
        assert isinstance(decode(data), Payload)


@settings(max_examples=50)
@given(PAYLOADS, st.data())
def test_SPB_19_cut_or_damaged_payloads_never_crash(sent: Payload, data: st.DataObject) -> None:
    good = bytearray(encode(sent))
    if good:
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(SparkplugError):
        decode(bytes(good[: data.draw(st.integers(0, len(good)))]))


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SparkplugError, match="UTF-8"):
        decode(b"\x12\x05\x0a\x03\xff\xfe\xfd")


def test_nested_templates_are_left_as_bytes() -> None:
    nested = b""
    for _ in range(100):
        nested = _block(18, nested) if len(nested) < 16_000 else nested
    (metric,) = decode(_block(2, nested)).metrics
    assert metric.wire is not None
    assert metric.wire.member == "template_value"
    with pytest.raises(SparkplugError, match="not supported"):
        typed(metric.wire, 19)


def _block(field: int, content: bytes) -> bytes:
    size = len(content)
    varint = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) if size > 127 else bytes([size])
    key = field << 3 | 2
    return (bytes([key & 0x7F | 0x80, key >> 7]) if key > 127 else bytes([key])) + varint + content


@given(
    st.floats(allow_nan=False),
    st.integers(0, 2**62),
    st.integers(0, 255),
    st.integers(0, 2**32),
    st.sampled_from([0, 192, 500]),
    st.booleans(),
)
def test_the_simulators_bytes_read_as_the_simulator_meant(
    value: float, time_ms: int, seq: int, alias: int, quality: int, historical: bool
) -> None:
    sent = EdgeMetric(
        value, time_ms, "pH", alias, declare=True, historical=historical, quality=quality, unit="1"
    )
    got = decode(payload(time_ms, seq, [sent, EdgeMetric(None, time_ms, "x")]))
    first, second = got.metrics
    assert (got.timestamp_ms, got.seq) == (time_ms, seq)
    assert (first.name, first.alias, first.timestamp_ms, first.datatype) == ("pH", alias, time_ms, 10)
    assert first.is_historical is historical
    assert typed(first.wire, DataType.DOUBLE) == value
    assert ("Quality" in first.properties) == (quality != 192)
    assert second.is_null
    assert second.wire is None


def test_the_edge_node_understands_the_rebirth_command() -> None:
    ask = Metric("Node Control/Rebirth", datatype=11, wire=wire_of(True, DataType.BOOLEAN))
    other = Metric("Node Control/Reboot", datatype=11, wire=wire_of(True, DataType.BOOLEAN))
    assert asks_rebirth(encode(Payload(1, None, (other, ask))))
    assert not asks_rebirth(encode(Payload(1, None, (other,))))


@given(st.binary(max_size=100))
def test_the_edge_node_survives_any_command(data: bytes) -> None:
    assert asks_rebirth(data) in (True, False)


def test_floats_that_are_no_numbers_arrive_as_they_are() -> None:
    bits = struct.pack("<d", math.nan)
    (metric,) = decode(b"\x12\x09\x69" + bits).metrics
    assert math.isnan(float(metric.wire.content if metric.wire else 0))


def test_the_compiled_protobuf_is_in_use() -> None:
    assert api_implementation.Type() == "upb"
