"""`twin browse` drafts a line file that passes the check and reads the server it was drafted from."""

from pathlib import Path

import pytest
import yaml
from asyncua import Server, ua
from watching import Watched, context

from connectors.codecs.opcua_units import ServerUnit
from connectors.sources._opcua_browse import Found
from connectors.sources.opcua import Config, open_source
from simulators.station import nameplates
from simulators.wires import Row, WireTag, free_port
from simulators.wires_opcua import OpcUaWire
from twin.service.browse import browse, draft, propose, write
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


async def test_states_that_come_as_numbers_are_not_proposed() -> None:
    tags = [WireTag("R1.pH", "1", 2, 12)]
    async with OpcUaWire(tags, devices=nameplates(tags)) as wire:
        await wire.publish([Row("R1.pH", NOW, 7.0)])
        proposals = await browse(Config(id="browse", url=wire.url))
    assert [p.found.name for p in proposals] == ["pH"]


async def test_variables_of_an_enumeration_are_not_proposed() -> None:
    server = Server()
    await server.init()
    port = free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    index = await server.register_namespace("urn:vendor")
    async with server:
        base = server.get_node(ua.NodeId(ua.ObjectIds.Enumeration))
        kind = await base.add_data_type(index, "PumpState")
        finer = await kind.add_data_type(index, "FeedPumpState")
        vessel = await server.nodes.objects.add_object(index, "R1")
        for name, data_type in (("pH_pump", kind), ("pO2_pump", finer)):
            await vessel.add_variable(index, name, 1, ua.VariantType.Int32, data_type.nodeid)
        await vessel.add_variable(index, "agitation", 120, ua.VariantType.Int32)
        proposals = await browse(Config(id="browse", url=f"opc.tcp://127.0.0.1:{port}/"))
    assert [p.found.name for p in proposals] == ["agitation"]


@pytest.mark.parametrize(("high", "accuracy"), [(0.02, 0.0002), (3.0, 0.03), (500.0, 0.05), (None, 0.05)])
def test_a_drafted_accuracy_fits_the_range(high: float | None, accuracy: float) -> None:
    said = ServerUnit(display="L/min", low=None if high is None else 0.0, high=high)
    found = Found("urn:x", "s=R101.AirFlow", "AirFlow", ("R101",), "", said, None)
    text = draft(propose([found]), Config(id="b", url="opc.tcp://127.0.0.1:1"))
    rows = yaml.safe_load(text)["vessels"][0]["tags"]
    assert [row["accuracy"] for row in rows] == [accuracy]


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
