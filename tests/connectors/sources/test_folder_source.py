"""The drop folder: each file once, moved when it is stored, kept with a reason when it can not be read."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from structlog.testing import capture_logs
from watching import Watched

from connectors.sources.folder import Config, open_source
from twin.domain.measurement import Quarantined, Reading
from twin.domain.tag import Tag
from twin.engine.tagbook import TagBook, TimeWindow
from twin.ports import SourceContext
from twin.runtime.clock import WallClock

LAB = {
    "key": "vessel",
    "time": "drawn",
    "values": [{"column": "VCD", "tag": "VCD"}, {"column": "titre g/L", "tag": "titre"}],
    "delimiter": ";",
    "decimal": ",",
    "zone": "Europe/Paris",
}


def watched(
    folder: Path,
    ack: bool = True,
    refusal: Callable[[Reading], Quarantined | None] | None = None,
    **more: object,
) -> Watched:
    config = Config.model_validate({"id": "drop", "folder": folder, "every_s": 0.02, **more})
    context = SourceContext({}, WallClock(), lambda tag: None)
    context = context if refusal is None else replace(context, refusal=refusal)
    return Watched(open_source(config, context), ack)


def told(found: Watched, name: str) -> bool:
    return any(name in link.text for link in found.links)


async def test_laboratory_results_by_csv(tmp_path: Path) -> None:
    async with watched(tmp_path / "in", layout=LAB, batch=1) as found:
        await found.until(lambda: bool(found.links))
        text = "vessel;drawn;VCD;titre g/L\nR1;2026-11-22T08:00:00;5,2;\nR1;2026-11-22 20h;x;1,4\n"
        (tmp_path / "in" / "results.csv").write_text(text)
        await found.until(lambda: told(found, "results.csv"))
        assert (tmp_path / "in" / "done" / "results.csv").exists()
        readings = found.readings
        assert [(r.address, r.value) for r in readings] == [("R1.VCD", 5.2)]
        assert readings[0].time_ns == 1_795_330_800_000_000_000
        assert readings[0].received_ns > readings[0].time_ns
        assert sorted(r.reason for r in found.refused) == ["bad_time", "bad_time", "no_value"]


async def test_a_file_that_is_not_stored_yet_stays_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("time,tag,value\n2026-11-22T08:00:00Z,R1.pH,7.0\n")
    async with watched(tmp_path, ack=False) as found:
        await found.until(lambda: bool(found.readings))
        await asyncio.sleep(0.1)
        assert file.exists()
    async with watched(tmp_path) as again:
        await again.until(lambda: told(again, "a.csv"))
        assert (tmp_path / "done" / "a.csv").exists()


async def test_a_file_that_can_not_be_read_lies_aside_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("nothing,of,use\n1,2,3\n")
    (tmp_path / ".hidden.csv").write_text("x")
    (tmp_path / "note.txt").write_text("x")
    async with watched(tmp_path) as found:
        await found.until(lambda: told(found, "b.csv"))
        assert "no column 'time'" in (tmp_path / "refused" / "b.csv.reason.txt").read_text()
        assert any("refused" in link.text for link in found.links)
    assert (tmp_path / ".hidden.csv").exists()
    assert (tmp_path / "note.txt").exists()


async def test_an_ending_in_capitals_is_taken_and_another_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "crlf.CSV").write_bytes(b"time,tag,value\r\n2026-11-22T08:00:00Z,R1.pH,7.0\r\n")
    for name in ("results.xlsx", "b.csv.part", "c.TMP", ".hidden", "d.csv~"):
        (tmp_path / name).write_text("x")
    with capture_logs() as logs:
        async with watched(tmp_path) as found:
            await found.until(lambda: told(found, "crlf.CSV") and told(found, "results.xlsx"))
            await asyncio.sleep(0.2)
    assert [r.value for r in found.readings] == [7.0]
    assert (tmp_path / "done" / "crlf.CSV").exists()
    assert (tmp_path / "results.xlsx").exists()
    texts = [row["text"] for row in logs if row["event"] == "files not read"]
    assert texts == ["left where it is, for its ending: results.xlsx; .csv, .csv.gz, .parquet would do"]
    assert sum("results.xlsx" in link.text for link in found.links) == 1


async def test_the_same_name_again_does_not_replace_the_first(tmp_path: Path) -> None:
    async with watched(tmp_path) as found:
        for value, target in ((7.0, "c.csv"), (7.1, "1-c.csv")):
            found.links.clear()
            (tmp_path / "c.csv").write_text(f"time,tag,value\n2026-11-22T08:00:00Z,R1.pH,{value}\n")
            await found.until(lambda: told(found, "c.csv"))
            assert (tmp_path / "done" / target).exists()


async def test_a_remedy_names_the_layout_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("vessel;drawn;VCD\nR1;2026-11-22T08:00:00;5,2\n")
    async with watched(tmp_path, layout={**LAB, "zone": None}) as found:
        await found.until(lambda: told(found, "a.csv"))
        assert "in `layout` of the source 'drop' would do" in found.refused[0].detail
    (tmp_path / "b.csv").write_text("nothing,of,use\n1,2,3\n")
    async with watched(tmp_path) as found:
        await found.until(lambda: told(found, "b.csv"))
    reason = (tmp_path / "refused" / "b.csv.reason.txt").read_text()
    assert "`layout` of the source 'drop' says which columns" in reason
    assert "files" not in reason


async def test_refused_values_of_a_file_are_counted_and_written_down_beside_it(tmp_path: Path) -> None:
    book, window = TagBook([Tag("R1", "pH", "pH", "1", 0.0, 14.0, 0.02)]), TimeWindow(0, 2**62)
    rows = [f"2026-11-22T08:00:0{i}Z,R1.{tag},7.{i}" for i, tag in enumerate(["pH", "pX", "pX", "pX"])]
    (tmp_path / "l.csv").write_text("\n".join(["time,tag,value", *rows, "noon,R1.pH,7.5", ""]))
    with capture_logs() as logged:
        async with watched(tmp_path, refusal=lambda r: book.refusal(r, window), batch=2) as found:
            await found.until(lambda: told(found, "l.csv"))
    text = found.links[-1].text
    assert (
        text
        == "l.csv: 5 values read, 4 of them refused, why stands in 'l.csv.refused.txt'; it lies in 'done'"
    )
    lines = (tmp_path / "done" / "l.csv.refused.txt").read_text().splitlines()
    assert len(lines) == 4
    assert "R1.pX, 2026-11-22T08:00:01.000Z, 7.1: unknown_tag: no tag 'R1.pX' in this line" in lines
    assert any(line.startswith("R1.pH, no time, '7.5': bad_time: ") for line in lines)
    assert len(found.readings) == 4, "they go on to be counted and kept as refused"
    assert [(each["log_level"], each["text"]) for each in logged] == [("warning", text)]


async def test_a_file_of_many_refused_values_writes_down_the_first(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("time,tag,value\n" + "noon,R1.pH,7\n" * 1000)
    async with watched(tmp_path) as found:
        await found.until(lambda: told(found, "m.csv"))
    assert "1000 values read, 1000 of them refused" in found.links[-1].text
    lines = (tmp_path / "done" / "m.csv.refused.txt").read_text().splitlines()
    assert (len(lines), lines[-1]) == (201, "and 800 more")


async def test_refused_files_stay_told_until_somebody_takes_them_away(tmp_path: Path) -> None:
    good = "time,tag,value\n2026-11-22T08:00:00Z,R1.pH,7.0\n"
    with capture_logs() as logged:
        async with watched(tmp_path) as found:
            for name in ("a.csv", "b.csv", "c.csv"):
                (tmp_path / name).write_text(good if name == "c.csv" else "nothing,of,use\n1,2,3\n")
                await found.until(lambda name=name: told(found, name))
    assert found.links[-1].text == (
        "c.csv: 1 values read; it lies in 'done'; files in 'refused': 2, last: b.csv"
    )
    assert [(each["event"], each["file"]) for each in logged] == [
        ("file refused", "a.csv"),
        ("file refused", "b.csv"),
    ]
    assert all("no column 'time'" in each["reason"] for each in logged)
    async with watched(tmp_path) as again:
        await again.until(lambda: bool(again.links))
    assert again.links[0].text.endswith("; files in 'refused': 2, last: b.csv")
    for path in (tmp_path / "refused").iterdir():
        path.unlink()
    async with watched(tmp_path) as last:
        await last.until(lambda: bool(last.links))
    assert last.links[0].text == f"looks into {tmp_path}"
