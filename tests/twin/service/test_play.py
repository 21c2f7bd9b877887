"""A stored run in the pages: the same findings as a replay, at every moment what was known then."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from dashboards.app import create_app
from simulators.scenario import FaultSpec, load_scenario, packaged
from simulators.simulate import simulate
from twin.domain.asset import Line, Origin
from twin.domain.errors import ConfigError, InputError, NotAllowedError
from twin.domain.event import Kind
from twin.domain.measurement import Quality, Quarantined, Reading
from twin.domain.tag import TagKind
from twin.service.build import load_line
from twin.service.line import LineFile
from twin.service.play import player as playing
from twin.service.play.filled import in_own_time
from twin.service.play.recording import Recording
from twin.service.play.series import Series
from twin.service.play.serve import ENGINEER, open_play, serve
from twin.service.play.view import PlayView
from twin.service.replay import Replay, arrival, read_files
from twin.service.settings import Settings

SEED = Path(__file__).resolve().parents[3] / "seeds/lines/demo.yaml"
HOUR = 3_600_000_000_000
Rows = list[Reading | Quarantined]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[LineFile, Line, Rows]:
    """Four hours of one vessel whose pO2 probe dies after one."""
    out = tmp_path_factory.mktemp("run") / "run.parquet"
    scenario = load_scenario(packaged("demo"))
    fault = FaultSpec(kind="dead", at_h=1.0, tag="pO2")
    vessel = scenario.vessels[0].model_copy(update={"faults": (fault,)})
    simulate(scenario.model_copy(update={"duration_h": 4.0, "vessels": (vessel,)}), out)
    line_file, line = load_line(SEED)
    line = replace(line, vessels=line.vessels[:1])
    files = [out, Path(f"{out.with_suffix('')}.assays.parquet")]
    return line_file, line, sorted(read_files(files, None), key=arrival)


@pytest.fixture
async def played(run: tuple[LineFile, Line, Rows]) -> AsyncIterator[tuple[PlayView, Recording]]:
    line_file, line, rows = run
    async with open_play(line_file, line, rows, "run.parquet", "00ff") as (view, recording):
        await recording.work()
        yield view, recording


def replayed(line_file: LineFile, line: Line, rows: Sequence[Reading | Quarantined]) -> list[object]:
    job = Replay(line_file, line, BytesIO())
    asyncio.run(job.run(rows, None, lambda n: None))
    return sorted(job.events, key=lambda e: (e.t, e.asset))


def test_what_is_found_is_what_a_replay_finds(run: tuple[LineFile, Line, Rows]) -> None:
    recording = Recording(*run)
    asyncio.run(recording.work())
    assert sorted(recording.events, key=lambda e: (e.t, e.asset)) == replayed(*run)
    assert recording.tally.holds
    assert recording.tally.stored > 5000
    assert recording.finished


async def test_at_every_moment_only_what_was_known_is_shown(played: tuple[PlayView, Recording]) -> None:
    view, recording = played
    told_ns = next(known for known, alarm in recording.moved if alarm.event.tag == "R101.pO2")
    start_ns = recording.start_ns
    view.playback.seek(told_ns - 120_000_000_000)
    assert view.alarms() == []
    assert all(m.time_ns <= view.clock.now_ns() for m in view.latest().measurements)
    view.playback.seek(told_ns)
    assert "R101.pO2" in {alarm.event.tag for alarm in view.alarms()}
    assert [n for n, _ in view.events(0, 100)] == list(range(1, view.newest_event() + 1))
    assert view.alarm_log(start_ns, recording.end_ns)[0].alarm == view.alarms()[-1].id
    measured, mean, sd = await view.trend("R101.pH", start_ns, recording.end_ns, 600)
    assert max(measured.times_ns) <= told_ns
    assert max(mean.times_ns) <= told_ns
    assert len(mean.times_ns) == len(sd.times_ns)
    view.playback.seek(told_ns - 120_000_000_000)
    assert view.alarms() == [], "and back again it is not known any more"


async def test_a_sample_is_known_when_it_is_reported_and_with_hindsight_before(played) -> None:
    view, recording = played
    series = recording.measured["R101.glucose"]
    drawn_ns, reported_ns = series.time[0], series.known[0]
    assert reported_ns > drawn_ns + 600_000_000_000

    async def seen() -> int:
        return len((await view.trend("R101.glucose", drawn_ns, recording.end_ns, 100))[0].times_ns)

    view.playback.seek(reported_ns - 60_000_000_000)
    assert await seen() == 0
    view.playback.look_back(True)
    assert await seen() == 1
    view.playback.look_back(False)
    view.playback.seek(reported_ns)
    assert await seen() == 1


async def test_forecasts_and_scenarios_are_those_of_the_playhead(played) -> None:
    view, recording = played
    view.playback.seek(recording.start_ns + HOUR)
    assert view.forecasts() == []
    view.playback.seek(recording.start_ns + 3 * HOUR)
    (early,) = view.forecasts()
    view.playback.seek(recording.end_ns)
    (late,) = view.forecasts()
    assert recording.start_ns + 2 * HOUR < early.made_ns <= recording.start_ns + 3 * HOUR < late.made_ns
    assert "feed_factor" in [knob.name for knob in view.knobs("R101")]


async def test_nothing_is_moved_by_it(played) -> None:
    view, recording = played
    view.playback.seek(recording.end_ns)
    alarm = view.alarms()[0]
    with pytest.raises(NotAllowedError, match="replay"):
        await view.move(alarm.id, None, ENGINEER)
    with pytest.raises(NotAllowedError, match="replay"):
        await view.command("R101.pH_sp", 7.0, ENGINEER, "why")
    assert view.permits() == []
    assert view.line.origin is Origin.REPLAY


async def test_the_playhead_plays_waits_steps_and_jumps_within_the_run(played, monkeypatch) -> None:
    view, recording = played
    player, now = view.playback, 100.0
    monkeypatch.setattr(playing.time, "monotonic", lambda: now)
    start_ns = recording.start_ns
    assert player.now_ns() == start_ns
    player.play(60.0)
    now += 10.0
    assert player.now_ns() == start_ns + 600_000_000_000
    player.pause()
    now += 10.0
    assert player.now_ns() == start_ns + 600_000_000_000
    player.step(-3600.0)
    assert player.now_ns() == start_ns, "not before the run"
    player.step(900.0)
    assert (player.now_ns() - start_ns) / 1e9 == 900.0
    player.play(None)
    assert player.now_ns() == recording.end_ns
    for wrong in (start_ns - 1, recording.end_ns + 1):
        with pytest.raises(InputError, match="is not in the run"):
            player.seek(wrong)
    for speed in (0.0, -1.0, 1e9):
        with pytest.raises(InputError, match="speed"):
            player.play(speed)


@pytest.mark.parametrize("speed", [None, 6000.0])
async def test_at_its_end_a_playback_stands(played, monkeypatch, speed: float | None) -> None:
    view, recording = played
    player, now = view.playback, 100.0
    monkeypatch.setattr(playing.time, "monotonic", lambda: now)
    player.seek(recording.end_ns - HOUR)
    player.play(speed)
    now += 5.0
    state = player.state()
    assert (state.now_ns, state.playing) == (recording.end_ns, False)
    player.seek(recording.start_ns)
    now += 5.0
    assert player.now_ns() == recording.start_ns, "what has ended does not play on by a jump"
    player.play(60.0)
    now += 1.0
    assert player.state().playing


def test_the_playhead_does_not_go_where_the_engine_has_not_been(run: tuple[LineFile, Line, Rows]) -> None:
    recording = Recording(*run)
    player = playing.Player(recording, "run", "")
    assert player.now_ns() == recording.start_ns
    with pytest.raises(InputError, match="worked through up to"):
        player.seek(recording.end_ns)
    player.play(None)
    assert player.now_ns() == recording.start_ns


async def test_a_viewer_hears_what_changes_as_it_plays(played, monkeypatch) -> None:
    view, recording = played
    view.playback.seek(recording.start_ns + HOUR // 2)
    updates = view.follow()
    waiting = asyncio.ensure_future(anext(updates))
    await asyncio.sleep(0)
    view.playback.play(None)
    update = await asyncio.wait_for(waiting, 5.0)
    assert update.now_ns == recording.end_ns
    assert [number for number, _ in update.events] == list(range(1, view.newest_event() + 1))
    assert "R101.pO2" in {alarm.event.tag for alarm in update.alarms}
    await updates.aclose()


async def test_the_interface_moves_the_playhead(played) -> None:
    view, _recording = played
    transport = httpx.ASGITransport(create_app(view))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1/") as client:
        state = (await client.post("playback", json={"to": "2026-01-01T03:00:00Z"})).json()
        assert (state["now"], state["epoch"], state["playing"]) == ("2026-01-01T03:00:00.000Z", 1, False)
        assert state["models"]["R101"]["id"] == "cho_fedbatch"
        assert {mark["sort"] for mark in state["marks"]} == {"event", "sample"}
        assert (await client.get("line")).json()["origin"] == "replay"
        state = (await client.post("playback", json={"speed": "max"})).json()
        assert (state["now"], state["speed"]) == (state["end"], None)
        asked = {"asset": "R101", "scenarios": [{"name": "a", "changes": []}]}
        assert (await client.post("what-if", json=asked)).status_code in (200, 404)
        for body, words in (
            ({"to": "2027-01-01T00:00:00Z"}, "is not in the run"),
            ({"to": "2026-01-01T03:00:00"}, "no time zone"),
            ({"speed": 0}, "speed 0 came"),
            ({"speed": "fast"}, "speed"),
            ({"jump": 1}, "jump"),
        ):
            refused = await client.post("playback", json=body)
            assert refused.status_code == 422
            assert words in refused.json()["detail"]
        alarm = (await client.get("alarms")).json()[0]["id"]
        assert (await client.post(f"alarms/{alarm}/acknowledge", json={})).status_code == 403


async def test_what_if_is_refused_after_the_last_value_of_the_vessel(played) -> None:
    view, recording = played
    for tag in view.line.vessels[0].tags:
        series = recording.measured[tag.id]
        kept = series.upto(recording.start_ns + 3 * HOUR)
        for column in (series.time, series.known, series.value, series.more):
            del column[kept:]
    transport = httpx.ASGITransport(create_app(view))
    asked = {"asset": "R101", "scenarios": [{"name": "a", "changes": [{"what": "feed_factor", "value": 2}]}]}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1/") as client:
        view.playback.seek(recording.start_ns + 3 * HOUR + HOUR // 60)
        assert (await client.post("what-if", json=asked)).status_code == 200
        view.playback.seek(recording.start_ns + 3 * HOUR + HOUR // 6)
        for answer in (await client.post("what-if", json=asked), await client.get("what-if?asset=R101")):
            assert answer.status_code == 422
            assert "is after the last value of R101; 2026-01-01T03:00" in answer.json()["detail"]


async def test_it_is_not_served_to_other_machines_and_not_without_values(run) -> None:
    line_file, line, rows = run
    async with open_play(line_file, line, rows, "run", "") as parts:
        with pytest.raises(ConfigError, match="loopback"):
            async with serve(*parts, Settings(host="0.0.0.0")):
                pass
    with pytest.raises(ConfigError, match="no value"):
        async with open_play(line_file, line, [], "run", ""):
            pass


def test_of_a_stretch_the_extremes_and_the_first_gap_are_kept() -> None:
    series = Series()
    for i in range(1000):
        series.add(i, i, None if i in (500, 501) else float(i % 100), 192.0)
    trend = series.trend(10_000, 0, 1000, 10)
    assert len(trend.times_ns) == 21
    assert trend.values.count(0.0) == 9, "where the gap is the least value of the rest is kept"
    assert trend.values.count(99.0) == 10
    assert (trend.times_ns[trend.values.index(None)], list(trend.times_ns)) == (500, sorted(trend.times_ns))


def test_of_one_time_the_last_known_row_counts_and_late_rows_are_not_the_newest() -> None:
    series = Series()
    for known, time, value in ((10, 5, 1.0), (20, 8, 2.0), (30, 5, 3.0), (40, 6, 4.0)):
        series.add(known, time, value, 0.0)
    assert series.trend(25, 0, 10, 100).values == (1.0, 2.0)
    assert series.trend(45, 0, 10, 100).values == (3.0, 4.0, 2.0)
    assert series.latest(45) == 1
    assert series.latest(5) is None


FILLED_NS = 200 * HOUR
"""How long after its begin the run was filled in."""


def filled_in(rows: Rows, behind_ns: int = FILLED_NS) -> Rows:
    """The same rows, come within two seconds long afterwards, laboratory results and all."""
    at_ns = arrival(rows[0]) + behind_ns
    came = [at_ns + 2_000_000_000 * i // len(rows) for i in range(len(rows))]
    return [row._replace(received_ns=t) for row, t in zip(rows, came, strict=True)]


async def test_a_run_that_was_filled_in_is_played_in_the_time_of_its_measurement(run) -> None:
    line_file, line, rows = run
    times = [row.time_ns for row in rows]
    async with open_play(line_file, line, filled_in(rows), "store", "00ff") as (view, recording):
        await recording.work()
        assert view.playback.state().filled
        assert (recording.start_ns, recording.end_ns) == (min(times), max(times))
        view.playback.seek(min(times) + HOUR // 2)
        assert view.latest().measurements
        assert max(m.time_ns for m in view.latest().measurements) <= view.clock.now_ns()
        assert recording.question("R101", max(times)) is not None
        found = sorted(recording.events, key=lambda e: (e.t, e.asset))
        online = [row for row in rows if row.time_ns == row.received_ns]
        assert "R101.pO2" in {e.tag for e in found}
        assert not [e for e in found if e.kind is Kind.SIGNAL_LOST]
        assert len(online) > 5000


@pytest.mark.parametrize("part", ["a sample", "the first third"])
async def test_a_run_of_which_only_a_part_came_late_stays_as_it_came(run, part: str) -> None:
    line_file, line, rows = run
    start_ns, end_ns = arrival(rows[0]), arrival(rows[-1])
    if part == "a sample":
        late = rows
    else:
        late = [r._replace(received_ns=max(r.received_ns, start_ns + 4 * HOUR // 3)) for r in rows]
    recording = Recording(line_file, line, sorted(late, key=arrival))
    assert not recording.filled
    assert (recording.start_ns, recording.end_ns) == (arrival(min(late, key=arrival)), end_ns)


def test_samples_drawn_long_before_a_run_do_not_make_it_one_that_was_filled_in(run) -> None:
    _, line, rows = run
    start_ns = arrival(rows[0])
    drawn = [
        Reading("lab", "R101.VCD", 3.0 + k, Quality.GOOD, start_ns - 24 * k * HOUR, start_ns + k * HOUR)
        for k in (1, 2, 3)
    ]
    mixed = sorted([*rows, *drawn], key=arrival)
    assert in_own_time(mixed, line) == (mixed, False)


async def test_what_was_not_filled_in_keeps_its_arrival_and_refused_rows_stay_within(run) -> None:
    _, line, rows = run
    own, filled = in_own_time(filled_in(rows, 5 * HOUR // 2), line)
    assert filled
    assays = {tag.id for tag in line.tags() if tag.kind is TagKind.ASSAY}
    last_ns = max(row.time_ns for row in rows)
    for row in own:
        late = row.received_ns != row.time_ns
        assert not late or row.address in assays or row.received_ns - row.time_ns <= HOUR
    refused = Quarantined(
        rows[0]._replace(time_ns=None, received_ns=arrival(rows[0]) + FILLED_NS), "bad_time", ""
    )
    own, _ = in_own_time([*filled_in(rows), refused], line)
    assert max(map(arrival, own)) == last_ns
