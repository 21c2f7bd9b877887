"""Status codes, units and values of OPC UA, without a server."""

from datetime import UTC, datetime

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from connectors.codecs.opcua_status import overflowed, quality_of
from connectors.codecs.opcua_units import UNECE_NAMESPACE, ServerUnit, unit_fault
from connectors.codecs.opcua_values import Stamp, to_reading
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.domain.quantity import UNECE, unece_unit_id
from twin.domain.tag import Tag

STAMP = Stamp("ua", received_ns=1_795_305_600_000_000_000)
WHEN = datetime(2026, 11, 22, 0, 0, 0, 250_000, tzinfo=UTC)
WHEN_NS = 1_795_305_600_250_000_000


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (ua.StatusCodes.Good, Quality.GOOD),
        (ua.StatusCodes.GoodClamped, Quality.GOOD),
        (ua.StatusCodes.GoodLocalOverride, Quality.UNCERTAIN),
        (ua.StatusCodes.UncertainLastUsableValue, Quality.UNCERTAIN),
        (ua.StatusCodes.UncertainSensorNotAccurate, Quality.UNCERTAIN),
        (ua.StatusCodes.UncertainEngineeringUnitsExceeded, Quality.UNCERTAIN),
        (ua.StatusCodes.UncertainSubNormal, Quality.UNCERTAIN),
        (ua.StatusCodes.BadDeviceFailure, Quality.BAD),
        (ua.StatusCodes.BadSensorFailure, Quality.BAD),
        (ua.StatusCodes.BadOutOfService, Quality.BAD),
        (ua.StatusCodes.BadNoCommunication, Quality.STALE),
        (ua.StatusCodes.BadNotConnected, Quality.STALE),
        (ua.StatusCodes.BadWaitingForInitialData, Quality.STALE),
        (0xC0, Quality.GOOD),
    ],
)
def test_UA_10_status_codes_become_four_words(status: int, quality: Quality) -> None:
    assert quality_of(int(status)) is quality


@given(st.integers(0, 2**32 - 1))
def test_UA_10_every_bad_code_is_never_believed(status: int) -> None:
    if status >> 31:
        assert quality_of(status) in (Quality.BAD, Quality.STALE)
    assert quality_of(status & 0xFFFF0000) is quality_of(status)


def test_UA_06_the_overflow_bits_are_seen() -> None:
    assert overflowed(0x480)
    assert overflowed(0x40000480)
    assert not overflowed(0x400)
    assert not overflowed(0)


TAG = Tag("R101", "conductivity", "conductivity", "mS/cm", 0.0, 50.0, 0.1)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (ServerUnit(), True),
        (ServerUnit(UNECE_NAMESPACE, unece_unit_id("H61"), "mS/cm", 0.0, 50.0), True),
        (ServerUnit("vendor", 7, "mS/cm"), True),
        (ServerUnit(UNECE_NAMESPACE, unece_unit_id("G42"), "µS/cm"), False),
        (ServerUnit("vendor", 7, "µS/cm"), False),
        (ServerUnit(low=0.0, high=50_000.0), False),
        (ServerUnit(low=100.0, high=200.0), False),
        (ServerUnit(low=0.0, high=20.0), True),
        (ServerUnit(low=0.0, high=0.0), True),
    ],
)
def test_UA_11_a_unit_or_range_that_does_not_fit_is_named(said: ServerUnit, fits: bool) -> None:
    fault = unit_fault(TAG, said)
    assert (fault is None) is fits
    assert fits or "R101.conductivity" in str(fault)


def test_UA_11_every_unit_of_the_project_has_its_own_code() -> None:
    codes = [unece_unit_id(code) for code in UNECE.values()]
    assert len(set(codes)) == len(codes)
    assert unece_unit_id("CEL") == 4408652  # as in the UNECE table that comes with OPC 10000-8


def value(
    content: object, status: int = 0, source: datetime | None = WHEN, server: datetime | None = None
) -> ua.DataValue:
    variant = content if isinstance(content, ua.Variant) else ua.Variant(content)
    return ua.DataValue(variant, ua.StatusCode(status), source, server)


def test_UA_09_the_source_time_is_the_time() -> None:
    reading = to_reading("R101.pH", value(7.0, server=datetime(2026, 1, 1, tzinfo=UTC)), STAMP)
    assert reading == Reading("ua", "R101.pH", 7.0, Quality.GOOD, WHEN_NS, STAMP.received_ns, 0)


def test_UA_09_without_source_time_the_servers_then_the_arrival_counts() -> None:
    bad = int(ua.StatusCodes.BadSensorFailure)
    by_server = to_reading("t", value(None, bad, None, WHEN), STAMP)
    scaled = Stamp("ua", STAMP.received_ns, server_time=False)
    by_arrival = to_reading("t", value(None, bad, None, WHEN), scaled)
    none = to_reading("t", value(None, bad, datetime(1601, 1, 1, tzinfo=UTC)), STAMP)
    times = [r.time_ns for r in (by_server, by_arrival, none) if isinstance(r, Reading)]
    assert times == [WHEN_NS, STAMP.received_ns, STAMP.received_ns]


@pytest.mark.parametrize("content", [[1.0, 2.0], b"bytes", True, WHEN, ua.LocalizedText("x")])
def test_values_that_are_no_single_number_or_text_are_refused(content: object) -> None:
    refused = to_reading("t", value(content), STAMP)
    assert isinstance(refused, Quarantined)
    assert (refused.reason, refused.reading.address) == ("wrong_type", "t")


def test_a_time_no_store_holds_is_refused() -> None:
    refused = to_reading("t", value(1.0, source=datetime(9999, 12, 31, tzinfo=UTC)), STAMP)
    assert isinstance(refused, Quarantined)
    assert refused.reason == "bad_time"


@given(
    st.integers(0, 2**32 - 1),
    st.floats() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
)
def test_UA_10_no_bad_value_gets_through(status: int, content: object) -> None:
    got = to_reading("t", value(content, status), STAMP)
    assert isinstance(got, Reading)
    assert got.status == status
    assert (got.value is None) == (got.quality in (Quality.BAD, Quality.STALE))
