"""Variables of unknown servers are recognised by name, unit and range, and what is none of ours is left."""

import pytest

from connectors.codecs.recognise import SIGNALS, Seen, guess
from twin.domain.quantity import unit_is_known

KNOWN = [
    (Seen("AT-101_pH.PV", ("BR-101",)), "pH", False),
    (Seen("pH", ("R101",), unit="1", low=0, high=14), "pH", False),
    (Seen("AI_4711", ("BR1",), "pH vessel", "1", 2, 12), "pH", False),
    (Seen("PV", ("BR1", "AIC101_pH")), "pH", False),
    (Seen("DO", ("BR1",), unit="%", low=0, high=200), "pO2", False),
    (Seen("dO2_Sensor_1", ("BR1",), unit="%"), "pO2", False),
    (Seen("pO2.Value", ("Fermenter",), unit="%"), "pO2", False),
    (Seen("DissolvedOxygen", (), unit="%", low=0, high=100), "pO2", False),
    (Seen("pCO2", ("BR1",), unit="mm[Hg]", low=0, high=300), "pCO2", False),
    (Seen("dCO2_mbar", ("BR1",), unit="mbar"), "pCO2", False),
    (Seen("Cond_1", ("BR1",), unit="mS/cm", low=0, high=50), "conductivity", False),
    (Seen("Leitfähigkeit", ("BR1",), unit="mS/cm"), "conductivity", False),
    (Seen("Température", ("Cuve1",), unit="Cel"), "temperature", False),
    (Seen("TT_01", ("BR1",), unit="Cel", low=0, high=60), "temperature", False),
    (Seen("TemperatureSetpoint", ("BR1",), unit="Cel"), "temperature", True),
    (Seen("StirrerSpeed", ("BR1",), unit="{rpm}", low=0, high=600), "agitation", False),
    (Seen("Agit_SP", ("BR1",), unit="{rpm}"), "agitation", True),
    (Seen("WT-100", ("BR1",), unit="kg", low=0, high=3000), "weight", False),
    (Seen("Level", ("BR1",), unit="L"), "volume", False),
    (Seen("FlowAir", ("BR1",), unit="L/min"), "air_flow", False),
    (Seen("O2_Flow", ("BR1",), unit="L/min", low=0, high=20), "O2_flow", False),
    (Seen("CO2Flow", ("BR1",), unit="L/min"), "CO2_flow", False),
    (Seen("FeedRate", ("BR1",), unit="mL/h"), "feed", False),
    (Seen("BasePump", ("BR1",), unit="mL/h"), "base", False),
    (Seen("HeadPressure", ("BR1",), unit="mbar", low=0, high=2000), "pressure", False),
    (Seen("OffgasCO2", ("BR1",), unit="%", low=0, high=25), "exit_CO2", False),
    (Seen("Exhaust_O2", ("BR1",), unit="%"), "exit_O2", False),
    (Seen("OD600", ("BR1",)), "turbidity", False),
]

STRANGE = [
    Seen("Heartbeat", ("System",)),
    Seen("BatchNumber", ("MES",), low=0, high=99999),
    Seen("Uptime", ("Diag",), unit="s"),
    Seen("Valve_12_Position", ("BR1",)),
    Seen("MotorCurrent", ("BR1",), unit="A", low=0, high=20),
    Seen("x", ()),
    Seen("", ()),
]


@pytest.mark.parametrize(("seen", "name", "set_point"), KNOWN, ids=lambda v: getattr(v, "name", None))
def test_a_known_signal_is_recognised(seen: Seen, name: str, set_point: bool) -> None:
    found = guess(seen)
    assert found.signal is not None
    assert (found.signal.name, found.set_point) == (name, set_point)
    assert found.confidence >= 0.5
    assert found.why


@pytest.mark.parametrize("seen", STRANGE, ids=lambda v: v.name)
def test_what_is_none_of_ours_is_left(seen: Seen) -> None:
    found = guess(seen)
    assert found.signal is None or found.confidence < 0.5


def test_a_unit_that_contradicts_the_name_takes_the_certainty() -> None:
    assert guess(Seen("pH", ("R1",), unit="L/min")).confidence < guess(Seen("pH", ("R1",))).confidence


def test_every_signal_makes_a_tag_that_is_valid() -> None:
    assert all(unit_is_known(s.quantity, s.unit) for s in SIGNALS)
    assert all(s.low < s.high for s in SIGNALS)
    assert len({s.name for s in SIGNALS}) == len(SIGNALS)
