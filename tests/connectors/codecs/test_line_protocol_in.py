"""Line protocol as it comes in: what is written is read back, the rest is refused with a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.codecs import line_protocol
from connectors.codecs.line_protocol_in import LARGEST, Point, Series, decode, parse
from twin.domain.measurement import Measurement, Quality

T = 1_800_000_000_000_000_000


def test_a_line_is_taken_apart() -> None:
    line = r'ua\ 1,vessel=R1,at=a\,b pH=7.01,n=2i,u=3u,on=t,off=F,word="a \"b\" c, d=e" 1700000000000000000'
    assert parse(line) == Point(
        "ua 1",
        {"vessel": "R1", "at": "a,b"},
        {"pH": 7.01, "n": 2, "u": 3, "on": True, "off": False, "word": 'a "b" c, d=e'},
        1_700_000_000_000_000_000,
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no measurement"),
        ("m", "no field"),
        ("m a", "is no field=value"),
        ("m,x a=1", "is no key=value"),
        ("m a=1,5 7", "is no field=value"),
        ("m a=1_0", "is no number"),
        ("m a=nope", "is no number"),
        ('m a="open', "not closed"),
        ("m a=1 soon", "is no time"),
        ("m a=99999999999999999999999i", "64 bits"),
    ],
)
def test_F_04_what_is_not_of_the_form_is_named(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(line)


text = st.text(max_size=12).filter(line_protocol.is_writable)
names = text.filter(lambda t: t.strip() != "" and not t.startswith("#"))


@given(
    names,
    names,
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-LARGEST + 1, LARGEST - 1),
    text,
)
def test_F_04_what_the_store_is_sent_is_read_back(
    tag: str, unit: str, value: float, time: int, source: str
) -> None:
    row = Measurement(tag, value, Quality.GOOD, time, T, source=source)
    point = parse(line_protocol.measured(row, unit))
    assert point.keys == {"tag": tag, "unit": unit}
    assert point.fields == {"value": value, "q": 192, "received": T, "late": False, "source": source}
    assert point.time == time


@given(st.binary(max_size=400))
def test_F_04_no_bytes_break_it_and_every_line_is_accounted_for(body: bytes) -> None:
    decoded = decode("s", body, [Series()], "ns", T)
    lines = [x for x in body.split(b"\n") if x.strip() and not x.lstrip().startswith(b"#")]
    assert len([one for one in decoded.refused if one.reason != "wrong_type"]) <= len(lines)
    assert len(decoded.readings) + len(decoded.refused) >= len([x for x in lines if x.rstrip(b"\r").strip()])
    for one in decoded.refused:
        assert one.reason in ("malformed", "unknown_series", "wrong_type")
        assert one.detail


def test_good_lines_pass_beside_bad_ones_and_precision_counts() -> None:
    body = b'# comment\n\nua,vessel=R1 pH=7,Quality="Good" 1700000000\nnonsense\nother,x=1 a=2 1700000000\n'
    series = [Series("ua", "{vessel}.{field}", ("Quality",)), Series("o*", "{host}.{field}")]
    decoded = decode("s", body, series, "s", T)
    assert [(r.address, r.value, r.time_ns) for r in decoded.readings] == [
        ("R1.pH", 7.0, 1_700_000_000 * 10**9)
    ]
    assert [r.reason for r in decoded.refused] == ["malformed", "unknown_series"]
    assert "host" in decoded.refused[1].detail
    assert decode("s", b"zzz a=1 1", series, "s", T).refused[0].reason == "unknown_series"


def test_a_truth_value_is_no_number_and_the_rest_of_its_line_lives() -> None:
    decoded = decode(
        "s", b"ua,vessel=R1 OD=t,pH=7,alarm=f 1700000000000000000", [Series(ignore=["alarm"])], "ns", T
    )
    assert [(r.address, r.value) for r in decoded.readings] == [("R1.pH", 7.0)]
    (one,) = decoded.refused
    assert (one.reading.address, one.reading.value, one.reason) == ("R1.OD", True, "wrong_type")
    assert one.detail == "line 1: R1.OD came as the truth value true; a number would do"


def test_D_03_a_time_beyond_all_stores_is_refused_not_wrapped() -> None:
    decoded = decode("s", b"ua,vessel=R1 pH=7 1700000000000000000", [Series()], "s", T)
    assert [r.reason for r in decoded.refused] == ["malformed"]
    assert "precision" in decoded.refused[0].detail
