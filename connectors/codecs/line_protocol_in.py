r"""InfluxDB line protocol as it comes in: one line to Readings, or to the reason why not. Pure.

``measurement,key=text,key=text field=1.5,field=2i,field=t,field="text" 1700000000000000000``

Names are escaped by a backslash before comma, equals sign or space; texts are quoted, with ``\"`` and
``\\`` inside. A line without a time has none: what was measured when is for its sender to say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from connectors.codecs.json_topics import KEPT_CHARACTERS, Decoded, clean
from twin.domain.measurement import Quality, Quarantined, Raw, Reading

PRECISIONS: Final = {
    "ns": 1,
    "n": 1,
    "us": 1_000,
    "u": 1_000,
    "µ": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds of each unit a sender may count its times in."""
LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Series:
    """Which lines hold which tags.

    Parameters
    ----------
    measurement : str
        Pattern (``*`` and ``?``) of the measurement's name.
    tag : str
        Tag id, of ``{measurement}``, ``{field}`` and the line's own keys: ``{vessel}.{field}``.
    ignore : sequence of str
        Fields that are no values of the process; they are not counted.
    """

    measurement: str = "*"
    tag: str = "{vessel}.{field}"
    ignore: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One line taken apart."""

    measurement: str
    keys: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Raw] = field(default_factory=dict)
    time: int | None = None


def decode(source: str, body: bytes, series: Sequence[Series], precision: str, received_ns: int) -> Decoded:
    """Readings and refusals of a request's body, by line; empty lines and comments hold nothing."""
    readings: list[Reading] = []
    refused: list[Quarantined] = []
    scale = PRECISIONS[precision]
    for number, raw in enumerate(body.split(b"\n"), 1):
        line = raw.rstrip(b"\r")
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        reason = "malformed"
        try:
            for row in _readings(source, parse(line.decode("utf-8")), series, scale, received_ns):
                if isinstance(row.value, bool):
                    refused.append(_truth_value(row, number))
                else:
                    readings.append(row)
            continue
        except UnicodeDecodeError:
            why = "the line is not UTF-8"
        except LookupError as error:
            reason, why = "unknown_series", str(error.args[0])
        except ValueError as error:
            why = str(error)
        refused.append(_refusal(source, line, reason, f"line {number}: {why}", received_ns))
    return Decoded(tuple(readings), tuple(refused))


def parse(line: str) -> Point:
    """Take a line apart.

    Raises
    ------
    ValueError
        When it is not of the form; says where.
    """
    head, rest = _until(line.lstrip(" "), " ")
    names = _split(head, ",")
    measurement = _plain(names[0])
    if not measurement:
        raise ValueError("the line has no measurement before its keys or fields")
    keys = dict(_pair(part, "key") for part in names[1:])
    fields_text, time_text = _until(rest.lstrip(" "), " ", quoted=True)
    if not fields_text:
        raise ValueError("the line has no field")
    fields = {
        name: _value(text)
        for name, text in (_pair(p, "field") for p in _split(fields_text, ",", quoted=True))
    }
    return Point(measurement, keys, fields, _time(time_text.strip(" ")))


def _readings(
    source: str, point: Point, series: Sequence[Series], scale: int, received_ns: int
) -> list[Reading]:
    route = next((one for one in series if fnmatchcase(point.measurement, one.measurement)), None)
    if route is None:
        raise LookupError(f"no series of the source takes the measurement {point.measurement[:60]!r}")
    time_ns = None if point.time is None else point.time * scale
    if time_ns is not None and abs(time_ns) > LARGEST:
        raise ValueError(f"time {point.time} is beyond what a store can hold; check the precision")
    known = {**point.keys, "measurement": point.measurement}
    return [
        Reading(
            source, _address(route.tag, {**known, "field": name}), value, Quality.GOOD, time_ns, received_ns
        )
        for name, value in point.fields.items()
        if name not in route.ignore
    ]


def _address(template: str, known: Mapping[str, str]) -> str:
    try:
        return clean(template.format_map(known))
    except KeyError as error:
        has = ", ".join(known)
        raise LookupError(
            f"the line has no key {error.args[0]!r} that tag {template!r} asks for; it has {has}"
        ) from error


def _refusal(source: str, line: bytes, reason: str, detail: str, received_ns: int) -> Quarantined:
    text = clean(line[:KEPT_CHARACTERS].decode("utf-8", "backslashreplace"))
    return Quarantined(Reading(source, "", text, Quality.BAD, None, received_ns), reason, clean(detail))


def _truth_value(row: Reading, number: int) -> Quarantined:
    said = str(row.value).lower()
    detail = f"line {number}: {row.address} came as the truth value {said}; a number would do"
    return Quarantined(row, "wrong_type", clean(detail))


def _cuts(text: str, sign: str, quoted: bool) -> Iterable[int]:
    """Places of an unescaped sign outside of quotes."""
    inside, skip = False, False
    for place, one in enumerate(text):
        if skip:
            skip = False
        elif one == "\\":
            skip = True
        elif one == '"' and quoted:
            inside = not inside
        elif one == sign and not inside:
            yield place
    if inside:
        raise ValueError("a text is not closed by a quotation mark")


def _until(text: str, sign: str, quoted: bool = False) -> tuple[str, str]:
    place = next(iter(_cuts(text, sign, quoted)), len(text))
    return text[:place], text[place + 1 :]


def _split(text: str, sign: str, quoted: bool = False) -> list[str]:
    parts, start = [], 0
    for place in _cuts(text, sign, quoted):
        parts.append(text[start:place])
        start = place + 1
    return [*parts, text[start:]]


def _pair(text: str, what: str) -> tuple[str, str]:
    name, value = _until(text, "=")
    if not name or not value:
        raise ValueError(f"{text[:60]!r} is no {what}=value")
    return _plain(name), _plain(value) if what == "key" else value


def _plain(text: str) -> str:
    for sign in (",", "=", " "):
        text = text.replace(f"\\{sign}", sign)
    return text


def _value(text: str) -> Raw:
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"'):
            raise ValueError(f"{text[:60]!r} is no closed text")
        return clean(text[1:-1].replace('\\"', '"').replace("\\\\", "\\"))
    if text in ("t", "T", "true", "True", "TRUE"):
        return True
    if text in ("f", "F", "false", "False", "FALSE"):
        return False
    number = text[:-1] if text[-1] in "iu" else text
    if "_" in number or not number.isascii() or not number.strip("+-0123456789.eE") == "":
        raise ValueError(f"{text[:60]!r} is no number, truth value or quoted text")
    if number is text:
        return float(number)
    if len(number) > 20:
        raise ValueError(f"{text[:60]!r} is more than 64 bits hold")
    whole = int(number)
    return whole if abs(whole) <= LARGEST else float(whole)


def _time(text: str) -> int | None:
    if not text:
        return None
    if len(text) > 20 or not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise ValueError(f"{text[:60]!r} is no time; a whole number would do")
    return int(text)
