"""What any bytes must not do to the readers of the wires; each target raises when they did."""

import math
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

from connectors.codecs import json_topics, line_protocol, line_protocol_in, sparkplug
from connectors.codecs.json_topics import Decoded, Route
from connectors.codecs.sparkplug_host import Host
from connectors.codecs.sparkplug_messages import Settings
from connectors.codecs.topics import TopicTemplate
from simulators.log import LogEvent
from simulators.sparkplug_bytes import UINT64, EdgeMetric, payload
from simulators.wires import WireTag
from simulators.wires_commands import Commands
from simulators.wires_sparkplug_commands import obey
from twin.domain.measurement import Measurement, Quality, Raw

NOW: Final = 1_795_305_600_000_000_000
MS: Final = NOW // 1_000_000
KINDS: Final = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD", "DCMD")
ROUTES: Final = (
    Route(TopicTemplate("plant/{vessel}/{head}"), "{vessel}.{name}", {}, "t"),
    Route(TopicTemplate("flat/{vessel}"), "{vessel}.{name}", {"ph": "pH", "do": "pO2"}, "timestamp"),
)
SERIES: Final = (line_protocol_in.Series("cpu*", "{host}.{field}"), line_protocol_in.Series())


def _storable(decoded: Decoded) -> None:
    """Everything that was read can be kept: numbers, clean words, and a reason for each refusal."""
    for reading in decoded.readings:
        assert isinstance(reading.value, bool | int | float | str | None)
        assert not isinstance(reading.value, int) or abs(reading.value) < 2**63
        reading.address.encode("utf-8")
        assert reading.time_ns is None or abs(reading.time_ns) < 2**63
    for refused in decoded.refused:
        assert refused.reason
        assert len(refused.detail) < 1_000


def sparkplug_payload(data: bytes) -> None:
    """A payload is read or refused, and what was read can be written and read again."""
    try:
        read = sparkplug.decode(data)
    except sparkplug.SparkplugError:
        return
    again = sparkplug.decode(sparkplug.encode(read))
    assert repr(again) == repr(read)


def sparkplug_host(data: bytes) -> None:
    """Any messages after a birth: the host goes on, and asks for nothing in a hot loop."""
    host = Host(Settings("s", "h"))
    host.connected(MS, 0.0)
    own = [EdgeMetric(0, MS, "bdSeq", datatype=UINT64, declare=True)]
    host.receive("spBv1.0/g/NBIRTH/e", payload(MS, 0, own), NOW, 0.0)
    host.receive(
        "spBv1.0/g/DBIRTH/e/R1", payload(MS, 1, [EdgeMetric(7.0, MS, "pH", 1, declare=True)]), NOW, 0.0
    )
    at_s, sent = 0.0, 0
    while len(data) >= 3:
        kind, gap, size = KINDS[data[0] % len(KINDS)], data[1], data[2]
        device = "/R1" if kind.startswith("D") else ""
        at_s += gap / 50.0
        out = host.receive(f"spBv1.0/g/{kind}/e{device}", data[3 : 3 + size], NOW, at_s)
        sent += len(out.send)
        _storable(Decoded(tuple(out.readings), tuple(out.refused)))
        data = data[3 + size :]
    sent += len(host.tick(NOW, at_s + 60.0).send)
    assert sent <= 2 * (2 + (at_s + 60.0) / host.settings.rebirth_spacing_s), "rebirths are spaced"


def topics(data: bytes) -> None:
    """A topic is matched or not; what matched fills to itself. A template is refused in words."""
    topic, _, written = data.decode("utf-8", "surrogateescape").partition("\n")
    for route in ROUTES:
        fields = route.topic.match(topic)
        assert fields is None or route.topic.fill(**fields) == topic
    try:
        template = TopicTemplate(written)
    except ValueError:
        return
    found = template.match(topic)
    assert found is None or template.fill(**found) == topic


def json_payload(data: bytes) -> None:
    """A message of either form is readings and refusals."""
    for topic in ("plant/R1/head", "flat/R1", "nobody"):
        _storable(json_topics.decode("s", topic, data, ROUTES, NOW, False))


def line_protocol_lines(data: bytes) -> None:
    """A body is readings and refusals, at most one refusal a line beside its truth values."""
    for precision in ("ns", "h"):
        decoded = line_protocol_in.decode("s", data, SERIES, precision, NOW)
        _storable(decoded)
        whole = [one for one in decoded.refused if one.reason != "wrong_type"]
        assert len(whole) <= data.count(b"\n") + 1
        assert all(isinstance(one.reading.value, bool) for one in decoded.refused if one not in whole)


def line_protocol_back(data: bytes) -> None:
    """What is written as line protocol reads back as it was, or was refused before."""
    if len(data) < 18:
        return
    (value,), (t,) = struct.unpack("<d", data[:8]), struct.unpack("<q", data[8:16])
    tag, _, unit = data[16:].decode("utf-8", "surrogateescape").partition("\0")
    row = Measurement(tag, value, Quality.GOOD, t, t, source=unit)
    if line_protocol.refusal(row) is not None or not line_protocol.is_writable(unit):
        return
    point = line_protocol_in.parse(line_protocol.measured(row, unit))
    expected: dict[str, Raw] = {"value": value, "q": 192, "received": t, "late": False, "source": unit}
    assert dict(point.fields) == expected
    assert not math.isnan(value)
    assert (point.measurement, point.keys["tag"], point.keys.get("unit", ""), point.time) == (
        "pv",
        tag,
        unit,
        t,
    )


class _Plant:
    now_s = 0.0

    def set_point(self, tag_id: str, value: float) -> None:
        assert tag_id == "R1.pH_sp"
        assert isinstance(value, float)

    def operate(self, vessel: str, operation: str, about: str = "") -> None:
        raise AssertionError("no command by Sparkplug is an operation")


def plant_commands(data: bytes) -> None:
    """A command to the simulated plant is carried out or noted in a bounded log."""
    log = deque[LogEvent](maxlen=3)
    tags = [WireTag("R1.pH_sp", "1", 0.0, 14.0, set_point=True)]
    obey(Commands(_Plant(), tags, log), "R1", {"R1.pH_sp": 1}, data)
    assert all(len(line.text["en"]) < 400 for line in log)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    one.__name__: one
    for one in (
        sparkplug_payload, sparkplug_host, topics, json_payload, line_protocol_lines, line_protocol_back,
        plant_commands,
    )
}  # fmt: skip
"""Every target by its name."""
