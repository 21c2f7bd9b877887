"""Records survive the way to JSON and back."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.codecs import records
from twin.domain.alarm import Alarm, AlarmState, Notice, Priority
from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.measurement import Quality, Quarantined, Reading

text = st.text(max_size=12)
time = st.integers(-(2**63), 2**63 - 1)
number = st.floats(allow_nan=False)
causes = st.builds(Cause, text, st.sampled_from(Verdict), text, st.none() | text, st.floats(0, 1))
events = st.builds(
    Event,
    t=time,
    kind=st.sampled_from(Kind),
    asset=text,
    stage=st.sampled_from(Stage),
    condition=text,
    tag=st.none() | text,
    verdict=st.none() | st.sampled_from(Verdict),
    since=st.none() | time,
    size=st.none() | number,
    unit=text,
    confidence=st.none() | st.floats(0, 1),
    causes=st.lists(causes, max_size=3).map(tuple),
    evidence=st.lists(text, max_size=3).map(tuple),
    model=st.none() | st.builds(ModelRef, text, text, text),
    detail=st.dictionaries(text, number | text, max_size=3),
)
alarms = st.builds(
    Alarm, text, st.sampled_from(AlarmState), st.sampled_from(Priority), events, time, time, text
)
notices = st.builds(Notice, text, text, st.sampled_from(["en", "fr"]), text, text, alarms, st.integers(0, 9))
raw = st.none() | st.booleans() | st.integers() | number | text
readings = st.builds(
    Reading,
    text,
    text,
    raw,
    st.sampled_from(Quality),
    st.none() | st.integers(),
    time,
    st.none() | time,
    st.booleans(),
)
refused = st.builds(Quarantined, readings, text, text)


@given(events)
def test_events(event: Event) -> None:
    back = records.decode_event(records.encode(event))
    assert back == event
    assert back.id == event.id
    assert [type(value) for value in back.detail.values()] == [type(value) for value in event.detail.values()]


@given(alarms)
def test_alarms(alarm: Alarm) -> None:
    assert records.decode_alarm(records.encode(alarm)) == alarm


@given(notices)
def test_notices(notice: Notice) -> None:
    assert records.decode_notice(records.encode(notice)) == notice


@given(refused)
def test_refused_readings_keep_value_and_type(row: Quarantined) -> None:
    back = records.decode_quarantined(records.encode(row))
    assert back == row
    assert type(back.reading.value) is type(row.reading.value)


def test_a_refused_not_a_number_stays_one() -> None:
    row = Quarantined(Reading("opcua", "R1.pH", float("nan"), Quality.GOOD, 1, 2), "not finite", "")
    value = records.decode_quarantined(records.encode(row)).reading.value
    assert isinstance(value, float)
    assert value != value
