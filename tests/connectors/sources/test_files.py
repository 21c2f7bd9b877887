"""Stored data as they are: every row times value comes out once, as a Reading or with a reason."""

import asyncio
import csv
import gzip
import math
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.codecs.file_layout import layout_faults
from connectors.sources.files import (
    Config,
    FileLayout,
    ValueColumn,
    open_source,
    read_file,
    read_series,
)
from twin.domain.asset import Line, Origin, Vessel
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.domain.tag import Tag
from twin.engine.tagbook import TagBook, TimeWindow

SECOND = 10**9
T0 = int(datetime(2024, 2, 12, tzinfo=UTC).timestamp()) * SECOND
WIDE = FileLayout(
    key="position",
    vessel="R{key}",
    values=[ValueColumn(column="O2", tag="pO2"), ValueColumn(column="p", tag="pH")],
)


def write(path, *lines):
    path.write_bytes("\n".join(lines).encode() + b"\n")
    return path


def rows(path, layout=None):
    return list(read_file(path, layout, "f"))


def good(found):
    return [(r.address, r.value, r.time_ns) for r in found if isinstance(r, Reading)]


def reasons(found):
    return Counter(r.reason for r in found if isinstance(r, Quarantined))


def test_wide_with_a_key_gives_one_vessel_per_value_of_the_column(tmp_path):
    path = write(
        tmp_path / "a.csv",
        '"time","O2","position"',
        '"2024-02-12T00:00:44.000Z","50.5","1"',
        '"2024-02-12T00:00:00Z","51","0"',
        '"2024-02-12T00:00:44Z","0","0"',
    )
    found = rows(path, WIDE)
    assert good(found) == [
        ("R0.pO2", 51.0, T0),
        ("R1.pO2", 50.5, T0 + 44 * SECOND),
        ("R0.pO2", 0.0, T0 + 44 * SECOND),
    ]
    assert all(r.received_ns == r.time_ns and r.source == "f" for r in found)


def test_several_key_columns_are_joined_and_assays_come_when_they_were_reported(tmp_path):
    layout = FileLayout(
        time="h", format="hours", epoch="2024-02-12T00:00:00Z", reported="r", key=["c", "rep"],
        values=[ValueColumn(column="VCD", tag="VCD"), ValueColumn(column="via", tag="viability", scale=100)],
    )  # fmt: skip
    path = write(tmp_path / "a.csv", "h,r,c,rep,VCD,via", "1.5,4,A,R1,3.2,0.97", "2,2.5,B,R2,3.0,0.9")
    found = rows(path, layout)
    assert [r.address for r in found] == ["B-R2.VCD", "B-R2.viability", "A-R1.VCD", "A-R1.viability"]
    assert found[2].time_ns == T0 + 5400 * SECOND
    assert found[2].received_ns == T0 + 4 * 3600 * SECOND
    assert found[3].value == pytest.approx(97.0)


def test_our_long_format_needs_no_layout_and_keeps_bad_values_without_a_number(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "time,tag,value,quality",
        "2024-02-12T00:00:00Z,V1.pH,7.0,192",
        "2024-02-12T00:01:00Z,V1.pH,,0",
        "2024-02-12T00:02:00Z,V1.pH,7.1,uncertain",
        "2024-02-12T00:03:00Z,V1.pH,7.1,17",
        "2024-02-12T00:04:00Z,V1.pH,,192",
    )
    found = rows(path)
    assert [(r.value, r.quality) for r in found if isinstance(r, Reading)] == [
        (7.0, Quality.GOOD),
        (None, Quality.BAD),
        (7.1, Quality.UNCERTAIN),
    ]
    assert reasons(found) == {"unknown_quality": 1, "no_value": 1}


@pytest.mark.parametrize("column", ["reported", "received"])
def test_rows_of_our_long_format_come_when_it_says_they_came(tmp_path, column):
    path = write(
        tmp_path / "a.csv",
        f"time,tag,value,{column}",
        "2024-02-12T00:00:00Z,V1.titre,1.0,2024-02-12T05:00:00Z",
        "2024-02-12T01:00:00Z,V1.pH,7.0,2024-02-12T01:00:00Z",
    )
    found = rows(path)
    assert [(r.address, (r.received_ns - r.time_ns) // (3600 * SECOND)) for r in found] == [
        ("V1.pH", 0),
        ("V1.titre", 5),
    ]


def test_our_wide_format_needs_no_layout(tmp_path):
    path = write(
        tmp_path / "a.csv", "time,V1.pH,V1.pO2", "2024-02-12T00:00:00Z,7.0,40", "2024-02-12T00:01:00Z,7.1,"
    )
    found = rows(path)
    assert good(found) == [
        ("V1.pH", 7.0, T0),
        ("V1.pO2", 40.0, T0),
        ("V1.pH", 7.1, T0 + 60 * SECOND),
    ]
    assert reasons(found) == {"no_value": 1}


BAD_LINES = [
    ("2024-02-12T00:01:00Z,50", {"malformed_row": 1}),
    ("2024-02-12T00:01:00Z,50,1,2,3,4", {"malformed_row": 1}),
    ('2024-02-12T00:01:00Z,"50,7,1', {"malformed_row": 1}),
    ("yesterday,50,7,1", {"bad_time": 2}),
    (",50,7,1", {"bad_time": 2}),
    ("2024-02-12T00:01:00,50,7,1", {"bad_time": 2}),
    ("2024-02-30T00:01:00Z,50,7,1", {"bad_time": 2}),
    ("2024-02-12T00:01:00Z,fifty,7,1", {"not_a_number": 1}),
    ("2024-02-12T00:01:00Z,1_000,7,1", {"not_a_number": 1}),
    ("2024-02-12T00:01:00Z,,,1", {"no_value": 2}),
]


@pytest.mark.parametrize(("line", "expected"), BAD_LINES)
def test_one_bad_line_spoils_itself_only(tmp_path, line, expected):
    before, after = "2024-02-12T00:00:00Z,51,7.1,0", "2024-02-12T00:02:00Z,52,7.2,0"
    found = rows(write(tmp_path / "a.csv", "time,O2,p,position", before, line, after), WIDE)
    assert reasons(found) == expected
    kept = [v for _, v, t in good(found) if t != T0 + 60 * SECOND]
    assert kept == [51.0, 7.1, 52.0, 7.2]
    assert all(r.detail for r in found if isinstance(r, Quarantined))


def test_bytes_that_are_no_text_spoil_one_cell(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbftime,O2,p,position\r\n2024-02-12T00:00:00Z,\xff\xfe,7.0,0\r\n\r\n")
    found = rows(path, WIDE)
    assert good(found) == [("R0.pH", 7.0, T0)]
    assert reasons(found) == {"not_a_number": 1}


def test_what_a_tag_book_must_judge_is_passed_on_as_it_is(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "time,tag,value",
        "2024-02-12T00:00:00Z,V1.pH,NaN",
        "2024-02-12T00:00:01Z,V1.pH,inf",
        "2024-02-12T00:00:02Z,V1.pH,1e308",
        "2024-02-12T00:00:03Z,V1.pH,1e999",
        "1970-01-01T00:00:00Z,V1.pH,7.0",
        "2100-01-01T00:00:00Z,V1.pH,7.0",
        "2024-02-12T00:00:04Z,V9.pH,7.0",
        "2024-02-12T00:00:05Z,V1.pH,7.0",
    )
    book = TagBook([Tag("V1", "pH", "pH", "1", 2.0, 12.0, 0.02)])
    found = rows(path)
    window = TimeWindow(T0 - 10**18, T0 + 10**17)
    judged = [book.measure(r, window) for r in found if isinstance(r, Reading)]
    assert len(judged) == 8
    assert Counter(j.reason for j in judged if isinstance(j, Quarantined)) == {
        "not_finite": 3,
        "absurd_value": 1,
        "past_time": 1,
        "future_time": 1,
        "unknown_tag": 1,
    }


def test_duplicates_stay_and_order_is_restored_stably(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "time,tag,value",
        "2024-02-12T00:00:02Z,V1.pH,3",
        "2024-02-12T00:00:01Z,V1.pH,1",
        "2024-02-12T00:00:01Z,V1.pH,2",
        "2024-02-12T00:00:01Z,V1.pH,1",
    )
    assert [v for _, v, _ in good(rows(path))] == [1.0, 2.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("form", "text", "extra"),
    [
        ("iso", "2024-02-12T01:00:00.000+01:00", {}),
        ("iso", "2024-02-12T01:00:00", {"zone": "Europe/Paris"}),
        ("iso", "2024-02-12", {"zone": "UTC"}),
        ("epoch_s", "1707696000.0", {}),
        ("epoch_ms", "1707696000000", {}),
        ("epoch_ns", "1707696000000000000", {}),
        ("hours", "2.5", {"epoch": "2024-02-11T21:30:00Z"}),
        ("days", "1", {"epoch": "2024-02-11T00:00:00Z"}),
        ("hours", "2,5", {"epoch": "2024-02-11T21:30:00Z", "decimal": ","}),
        ("%d.%m.%Y %H:%M", "12.02.2024 01:00", {"zone": "Europe/Paris"}),
        ("%Y%m%d%H%M%S%z", "20240212010000+0100", {}),
    ],
)
def test_times_are_read_to_the_nanosecond(tmp_path, form, text, extra):
    layout = FileLayout(format=form, tag="tag", value="value", delimiter=";", **extra)
    path = write(tmp_path / "a.csv", "time;tag;value", f"{text};V1.pH;7")
    assert good(rows(path, layout)) == [("V1.pH", 7.0, T0)]


@pytest.mark.parametrize(
    ("form", "text", "extra"),
    [
        ("iso", "2024-03-31T02:30:00", {"zone": "Europe/Paris"}),
        ("%d.%m.%Y %H:%M", "31.03.2024 02:30", {"zone": "Europe/Paris"}),
        ("%d.%m.%Y %H:%M", "12.02.2024 01:00", {}),
        ("%d.%m.%Y %H:%M", "2024-02-12 01:00", {"zone": "Europe/Paris"}),
        ("hours", "2.5", {"epoch": "2024-02-11T21:30:00Z", "decimal": ","}),
        ("hours", "2,5", {"epoch": "2024-02-11T21:30:00Z"}),
    ],
)
def test_a_time_no_clock_showed_or_of_another_form_is_refused(tmp_path, form, text, extra):
    layout = FileLayout(format=form, tag="tag", value="value", delimiter=";", **extra)
    path = write(tmp_path / "a.csv", "time;tag;value", f"{text};V1.pH;7")
    assert reasons(rows(path, layout)) == {"bad_time": 1}


@pytest.mark.parametrize(
    "lines",
    [
        ("time,tag,value", *(f"2024-02-12T00:00:00Z,{row}" for row in ("B1.pH,7", "B10.pH,6", "B1.Ph,5"))),
        ("time,B1.pH,B10.pH,B1.Ph", "2024-02-12T00:00:00Z,7,6,5"),
    ],
)
def test_vessels_that_are_not_chosen_are_not_read_by_whole_tag_ids_either(tmp_path, lines):
    found = list(read_file(write(tmp_path / "a.csv", *lines), None, "f", {"B1"}))
    assert [(r.address, r.value) for r in found] == [("B1.pH", 7.0), ("B1.Ph", 5.0)]
    assert list(read_file(tmp_path / "a.csv", None, "f", {"B2"})) == []


@pytest.mark.parametrize("typed", [True, False])
def test_an_hour_that_was_skipped_is_told_so(tmp_path, typed):
    skipped = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    time = pa.array([skipped], pa.timestamp("s")) if typed else [str(skipped)]
    pq.write_table(pa.table({"time": time, "tag": ["V1.pH"], "value": [7.0]}), tmp_path / "a.parquet")
    (one,) = rows(tmp_path / "a.parquet", FileLayout(zone="Europe/Paris", tag="tag", value="value"))
    assert one.reason == "bad_time"
    assert (
        "column 'time': '2026-03-29 02:30:00': 2026-03-29 02:30 was never shown by a clock in" in one.detail
    )
    assert "clocks went forward over it" in one.detail


def test_minutes_without_seconds_are_a_time(tmp_path):
    layout = FileLayout(zone="Europe/Paris", tag="tag", value="value")
    path = write(tmp_path / "a.csv", "time,tag,value", "2024-02-12 01:00,V1.pH,7")
    assert good(rows(path, layout)) == [("V1.pH", 7.0, T0)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf_16_is_told_what_would_do(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("time,V1.T\r\n2024-02-12T00:00:00Z,37\r\n".encode(encoding))
    with pytest.raises(ConfigError, match="looks like UTF-16; `encoding: utf-16` in the layout"):
        rows(path)


def test_of_the_hour_that_comes_twice_the_first_is_meant(tmp_path):
    layout = FileLayout(zone="Europe/Paris", tag="tag", value="value")
    path = write(tmp_path / "a.csv", "time,tag,value", "2024-10-27T02:30:00,V1.pH,7")
    assert good(rows(path, layout)) == [("V1.pH", 7.0, 1_729_989_000 * SECOND)]


@pytest.mark.parametrize("cell", ["1.234", "1_000", "٣", "1.234,5"])
def test_a_number_with_the_other_decimal_mark_or_foreign_digits_is_refused(tmp_path, cell):
    layout = FileLayout(delimiter=";", decimal=",", values=[ValueColumn(column="x", tag="V1.pH")])
    path = write(tmp_path / "a.csv", "time;x", f"2024-02-12T00:00:00Z;{cell}")
    assert reasons(rows(path, layout)) == {"not_a_number": 1}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings(tmp_path, encoding):
    layout = FileLayout(encoding=encoding, values=[ValueColumn(column="température", tag="V1.T")])
    path = tmp_path / "a.csv"
    path.write_bytes("time,température\r\n2024-02-12T00:00:00Z,37\r\n".encode(encoding))
    assert good(rows(path, layout)) == [("V1.T", 37.0, T0)]


def test_decimal_columns_of_parquet_are_numbers_and_times_no_store_holds_are_none(tmp_path):
    far = [T0 // SECOND, 20_000_000_000, -20_000_000_000]
    table = pa.table(
        {
            "time": pa.array(far, pa.timestamp("s", "UTC")),
            "V1.pH": pa.array([Decimal("7.050")] * 3, pa.decimal128(10, 3)),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = rows(tmp_path / "a.parquet")
    assert good(found) == [("V1.pH", 7.05, T0)]
    assert reasons(found) == {"bad_time": 2}


def test_truth_values_of_parquet_are_no_numbers(tmp_path):
    table = pa.table({"time": ["2024-02-12T00:00:00Z"] * 2, "V1.OD": [True, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = rows(tmp_path / "a.parquet")
    assert reasons(found) == {"wrong_type": 1, "no_value": 1}
    assert found[0].detail == "the truth value true came; a number would do"
    assert [(len(s.values), s.missing) for s in read_series(tmp_path / "a.parquet", None)] == [(0, 2)]


def test_a_result_reported_before_it_was_drawn_is_refused(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "time,tag,value,reported",
        "2024-02-12T05:00:00Z,V1.titre,1.0,2024-02-12T00:00:00Z",
        "2024-02-12T06:00:00Z,V1.titre,1.1,2024-02-12T06:00:00Z",
    )
    refused, taken = rows(path)
    assert (refused.reason, taken.value) == ("reported_early", 1.1)
    assert refused.detail == (
        "reported 2024-02-12T00:00:00.000Z ('reported'), before it was drawn 2024-02-12T05:00:00.000Z "
        "('time'); are the columns exchanged? a report at or after the drawing would do"
    )
    (series,) = read_series(path, None)
    assert (series.values.tolist(), series.missing) == ([1.1], 1)


def test_an_export_of_a_sender_whose_clock_was_ahead_is_taken(tmp_path):
    path = write(
        tmp_path / "a.csv", "time,tag,value,received", "2024-02-12T05:00:03Z,V1.pH,7.0,2024-02-12T05:00:01Z"
    )
    assert [r.value for r in rows(path)] == [7.0]


def test_parquet_types_are_read_as_they_are(tmp_path):
    when = datetime(2024, 2, 12, tzinfo=UTC)
    table = pa.table(
        {
            "time": pa.array([when, None, when + timedelta(seconds=44)], pa.timestamp("us", "UTC")),
            "O2": pa.array([500, 501, None], pa.int32()),
            "position": pa.array([3.0, 4.0, 5.0]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    layout = FileLayout(
        key="position", vessel="R{key}", values=[ValueColumn(column="O2", tag="pO2", scale=0.1, offset=1.0)]
    )
    found = rows(tmp_path / "a.parquet", layout)
    assert good(found) == [("R3.pO2", 51.0, T0)]
    assert reasons(found) == {"bad_time": 1, "no_value": 1}


def test_a_wall_time_column_of_parquet_is_taken_in_its_zone(tmp_path):
    table = pa.table({"time": pa.array([(T0 // SECOND + 3600) * 1000], pa.timestamp("ms")), "V1.pH": [7.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    layout = FileLayout(zone="Europe/Paris", values=[ValueColumn(column="V1.pH", tag="V1.pH")])
    assert good(rows(tmp_path / "a.parquet", layout)) == [("V1.pH", 7.0, T0)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_times_without_a_zone_are_refused_with_what_would_do_in_every_form(tmp_path, form, unit):
    path = tmp_path / f"a.{form}"
    if form == "csv":
        write(path, "time,V1.pH", "2024-02-12T00:00:00,7")
    else:
        count = T0 // {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
        pq.write_table(pa.table({"time": pa.array([count], pa.timestamp(unit)), "V1.pH": [7.0]}), path)
    found = rows(path)
    assert reasons(found) == {"bad_time": 1}
    assert re.search("column 'time': '2024-02-12.00:00:00.*' names no zone; `zone: UTC`", found[0].detail)
    with pytest.raises(ConfigError, match=r"no row has a time; column 'time': .* names no zone; `zone: UTC`"):
        list(read_series(path, None))
    layout = FileLayout(zone="UTC", values=[ValueColumn(column="V1.pH", tag="V1.pH")])
    assert good(rows(path, layout)) == [("V1.pH", 7.0, T0)]
    assert [one.times.tolist() for one in read_series(path, layout)] == [[T0]]


def test_a_time_pattern_without_a_zone_says_so(tmp_path):
    layout = FileLayout(format="%d.%m.%Y %H:%M", values=[ValueColumn(column="x", tag="V1.pH")])
    found = rows(write(tmp_path / "a.csv", "time,x", "12.02.2024 01:00,7", "12/02/2024,7"), layout)
    assert "'12.02.2024 01:00' names no zone" in found[0].detail
    assert "'12/02/2024' is no time of the form %d.%m.%Y %H:%M" in found[1].detail


def test_gzip_and_other_delimiters_and_decimals(tmp_path):
    layout = FileLayout(delimiter=";", decimal=",", values=[ValueColumn(column="x", tag="V1.pH")])
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"time;x\n2024-02-12T00:00:00Z;7,25\n")
    assert good(rows(tmp_path / "a.csv.gz", layout)) == [("V1.pH", 7.25, T0)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "first line is empty"),
        (b"a,b\n1,2\n", "no column 'time'"),
        (b"time,time\n", "is there twice"),
        (b"\x1f\x8b\x08\x00\x00", "can not be read"),
        (b"PAR1 and then nothing", "can not be read"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(tmp_path, content, says):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        rows(tmp_path / "a.csv")


def test_a_file_without_the_columns_of_the_layout_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "time,x,position", "2024-02-12T00:00:00Z,1,2")
    with pytest.raises(ConfigError, match="none of the value columns 'O2', 'p'"):
        rows(path, WIDE)
    with pytest.raises(ConfigError, match="no column 'position'"):
        rows(write(tmp_path / "b.csv", "time,O2", "2024-02-12T00:00:00Z,1"), WIDE)


def test_a_table_without_rows_is_empty(tmp_path):
    assert rows(write(tmp_path / "a.csv", "time,tag,value")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"tag": "t"},
        {"tag": "t", "value": "v", "format": "hours"},
        {"tag": "t", "value": "v", "epoch": "2024-01-01T00:00:00Z"},
        {"tag": "t", "value": "v", "format": "hours", "epoch": "2024-01-01T00:00:00"},
        {"tag": "t", "value": "v", "zone": "Mars/Olympus"},
        {"tag": "t", "value": "v", "vessel": "R"},
        {"tag": "t", "value": "v", "tyme": "x"},
        {"tag": "t", "value": "v", "format": "hour"},
        {"tag": "t", "value": "v", "encoding": "klingon"},
        {"tag": "t", "value": "v", "decimal": ","},
        {"values": [{"column": "a", "tag": "b", "scale": math.inf}]},
    ],
)
def test_a_layout_that_can_not_work_is_refused(wrong):
    with pytest.raises(ValidationError):
        FileLayout.model_validate(wrong)


def test_a_layout_is_held_against_the_tags_of_the_line():
    tag = Tag("R0", "pO2", "pO2", "%", 0.0, 150.0, 1.0)
    line = Line("l", {}, "", Origin.PLANT, (Vessel("R0", {}, (tag,)),))
    layout = FileLayout(
        key="position",
        values=[
            ValueColumn(column="a", tag="pO2", unit="%"),
            ValueColumn(column="b", tag="pO2", unit="mm[Hg]"),
            ValueColumn(column="c", tag="pO3"),
        ],
    )
    faults = layout_faults(layout, line)
    assert len(faults) == 2
    assert "'b'" in faults[0]
    assert "'pO3'" in faults[1]


async def test_as_a_source_every_value_is_delivered_once(tmp_path):
    path = write(
        tmp_path / "a.csv",
        "time,tag,value",
        *(f"2024-02-12T00:00:{i:02d}Z,V1.pH,{i}" for i in range(50)),
        "x",
    )
    source = open_source(Config(paths=[path], batch=7), None)
    seen: list = []
    deliveries = source.deliveries()
    while len(seen) < 51:
        delivery = await anext(deliveries)
        seen += [*delivery.refused, *delivery.readings]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(deliveries), 0.2)
    assert [r.value for r in seen if isinstance(r, Reading)] == [float(i) for i in range(50)]
    assert reasons(seen) == {"malformed_row": 1}


CELL = st.one_of(
    st.floats().map(repr),
    st.sampled_from(
        ["", "NA", "7.0", "2024-02-12T00:00:00Z", "1970-01-01T00:00:00Z", '"', "é", "1e400", "-"]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6),
)


@settings(max_examples=80, deadline=None)
@given(table=st.lists(st.lists(CELL, min_size=1, max_size=6), max_size=12))
def test_F_06_whatever_the_cells_hold_the_counts_add_up(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["time", "O2", "p", "position"])
        writer.writerows(table)
    found = rows(path, WIDE)
    whole = sum(len(row) == 4 for row in table)
    assert len(found) == 2 * whole + (len(table) - whole)
    due = [(r.reading if isinstance(r, Quarantined) else r).received_ns for r in found]
    assert due[len(table) - whole :] == sorted(due[len(table) - whole :])


def test_junk_named_parquet_is_told_to_be_none(tmp_path):
    path = tmp_path / "junk.parquet"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(ConfigError, match="is no Parquet file"):
        rows(path)


@pytest.mark.parametrize("unit", ["ns", "us"])
def test_times_of_a_nanosecond_are_read_whole_and_without_pandas(tmp_path, unit):
    step = 1 if unit == "ns" else 1000
    at = [T0 + step, T0 + 2 * step, None]
    stamps = pa.array([None if t is None else t // step for t in at], pa.timestamp(unit, tz="UTC"))
    table = pa.table({"time": stamps, "tag": ["R1.pH"] * 3, "value": [7.0, 7.1, 7.2], "received": stamps})
    pq.write_table(table, tmp_path / "n.parquet")
    found = rows(tmp_path / "n.parquet")
    assert good(found) == [("R1.pH", 7.0, at[0]), ("R1.pH", 7.1, at[1])]
    assert reasons(found) == {"bad_time": 1}
