"""OPC UA StatusCode to the project's four words of quality."""

from typing import Final

from twin.domain.measurement import Quality

LOCAL_OVERRIDE: Final = 0x00960000
_BY_CODE: Final[dict[int, Quality]] = {
    LOCAL_OVERRIDE: Quality.UNCERTAIN,  # forced by hand: real, but not what the probe sees
    0x80310000: Quality.STALE,  # BadNoCommunication
    0x808A0000: Quality.STALE,  # BadNotConnected
    0x80320000: Quality.STALE,  # BadWaitingForInitialData
}
_OVERFLOW_BITS: Final = 0x480  # OPC 10000-4, 7.39: InfoType DataValue with Overflow


def quality_of(status: int) -> Quality:
    """Quality of a 32-bit StatusCode: named codes first, then the severity in the top two bits.

    The low sixteen bits (info bits, also the OPC DA style 0xC0) do not change the quality.
    """
    named = _BY_CODE.get(status & 0xFFFF0000)
    if named is not None:
        return named
    severity = status >> 30
    if severity == 0:
        return Quality.GOOD
    return Quality.UNCERTAIN if severity == 1 else Quality.BAD


def overflowed(status: int) -> bool:
    """True when the server says that its queue lost values before this one."""
    return status & _OVERFLOW_BITS == _OVERFLOW_BITS
