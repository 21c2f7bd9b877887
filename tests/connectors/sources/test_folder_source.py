"""The drop folder: each file once, moved when it is stored, kept with a reason when it can not be read."""

import asyncio
from pathlib import Path

from watching import Watched

from connectors.sources.folder import Config, open_source
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


def watched(folder: Path, ack: bool = True, **more: object) -> Watched:
    config = Config.model_validate({"id": "drop", "folder": folder, "every_s": 0.02, **more})
    return Watched(open_source(config, SourceContext({}, WallClock(), lambda tag: None)), ack)


def told(found: Watched, name: str) -> bool:
    return any(name in link.text for link in found.links)


async def test_laboratory_results_by_csv(tmp_path: Path) -> None:
    async with watched(tmp_path / "in", layout=LAB, batch=1) as found:
        await found.until(lambda: bool(found.links))
        text = "vessel;drawn;VCD;titre g/L\nR1;2026-11-22T08:00:00;5,2;\nR1;2026-11-22 20:00;x;1,4\n"
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


async def test_the_same_name_again_does_not_replace_the_first(tmp_path: Path) -> None:
    async with watched(tmp_path) as found:
        for value, target in ((7.0, "c.csv"), (7.1, "1-c.csv")):
            found.links.clear()
            (tmp_path / "c.csv").write_text(f"time,tag,value\n2026-11-22T08:00:00Z,R1.pH,{value}\n")
            await found.until(lambda: told(found, "c.csv"))
            assert (tmp_path / "done" / target).exists()
