"""`twin browse` drafts a line file that passes the check and reads the server it was drafted from."""

from pathlib import Path

from watching import Watched, context

from connectors.codecs.opcua_units import ServerUnit
from connectors.sources._opcua_browse import Found
from connectors.sources.opcua import Config, open_source
from simulators.wires import Row, WireTag
from simulators.wires_opcua import OpcUaWire
from twin.service.browse import browse, propose, write
from twin.service.build import load_line

TAGS = [
    WireTag("BR-01.AT_pH", "1", 2, 12),
    WireTag("BR-01.DO_sat", "%", 0, 200),
    WireTag("BR-01.Temp1", "Cel", 0, 60),
    WireTag("BR-01.Temp2", "Cel", 0, 60),
    WireTag("BR-01.Stirrer_SP", "{rpm}", 0, 500),
    WireTag("BR-01.Mystery", "A", 0, 5),
    WireTag("BR-02.CO2Flow", "L/min", 0, 5),
]
NOW = 1_800_000_000_000_000_000


async def test_a_draft_is_a_line_that_reads_its_server(tmp_path: Path) -> None:
    async with OpcUaWire(TAGS, other_namespaces=["urn:another:vendor"]) as wire:
        await wire.publish([Row(tag.id, NOW, 1.0) for tag in TAGS])
        config = Config(id="browse", url=wire.url)
        proposals = await browse(config)
        write(proposals, config, tmp_path / "draft.yaml")
        line_file, line = load_line(tmp_path / "draft.yaml")
        source = Config.model_validate(line_file.sources[0])
        async with Watched(open_source(source, context({t.id: t for t in line.tags()}))) as watched:
            await watched.until(lambda: len({r.address for r in watched.readings}) == 6)
    assert {p.found.name: p.tag for p in proposals} == {
        "AT_pH": "BR-01.pH",
        "DO_sat": "BR-01.pO2",
        "Temp1": "BR-01.temperature",
        "Temp2": "BR-01.temperature_2",
        "Stirrer_SP": "BR-01.agitation_sp",
        "Mystery": "",
        "CO2Flow": "BR-02.CO2_flow",
    }
    text = (tmp_path / "draft.yaml").read_text()
    assert "# Not recognised:\n#   s=BR-01.Mystery" in text
    assert {t.id: t.kind.value for t in line.tags()}["BR-01.agitation_sp"] == "setpoint"
    assert next(t for t in line.tags() if t.id == "BR-01.pH").high == 12


def seen(name: str, unit: str = "") -> Found:
    return Found("urn:x", f"s=R101.{name}", name, ("R101",), "", ServerUnit(display=unit or None), None)


def test_exact_names_of_the_packaged_tag_set_win() -> None:
    names = ["jacket_temperature", "temperature", "stirrer", "flow_air", "offgas_O2", "pH_sp", "Temp_2", "DO"]
    proposed = {p.found.name: p.name for p in propose(seen(name) for name in names)}
    assert proposed == {
        **{name: name for name in names[:6]},
        "Temp_2": "temperature_2",
        "DO": "pO2",
    }


def test_a_name_whose_unit_says_otherwise_is_not_taken_over() -> None:
    (one,) = propose([seen("pressure", "Cel")])
    assert one.guess.confidence < 0.9
