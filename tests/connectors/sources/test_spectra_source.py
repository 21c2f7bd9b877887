"""Spectra in a drop folder: concentrations with a quality, as scikit-learn says; what is none is refused."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("chemotools", reason="chemotools is not installed: it prepares spectra for the fit")

from synthetic_spectra import AXIS, fitted, given, spectra
from watching import Watched

from connectors.codecs.spectral_file import load_spectral, save_spectral
from connectors.sources.spectra import Config, open_source
from twin.domain.errors import ConfigError
from twin.domain.measurement import Quality
from twin.domain.tag import Tag
from twin.learning.spectral_fit import Settings, pipeline
from twin.ports import SourceContext
from twin.runtime.clock import WallClock

TAGS = {"glucose": "R101.glucose_raman", "lactate": "R101.lactate_raman"}
WANTED = np.array([[5.0, 2.0], [12.0, 1.0], [18.0, 4.0]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "raman.model"
    with path.open("wb") as sink:
        save_spectral(fitted(), sink)
    return path


def tag(name: str, **more: object) -> Tag:
    fields = {"quantity": "concentration", "unit": "g/L", "low": 0.0, "high": 50.0, "accuracy": 0.5}
    return Tag("R101", name, **{**fields, **more})  # type: ignore[arg-type]


def watched(folder: Path, model: Path, tags: dict[str, str] = TAGS, **more: object) -> Watched:
    config = Config.model_validate(
        {"id": "raman", "folder": folder, "model": model, "tags": tags, "every_s": 0.02}
    )
    known = {t.id: t for t in (tag("glucose_raman", **more), tag("lactate_raman", **more))}
    return Watched(open_source(config, SourceContext(known, WallClock(), lambda _: None)))


def table(rows: np.ndarray, times: list[str], axis: np.ndarray = AXIS) -> str:
    head = ",".join(["time", *(f"{a:g}" for a in axis)])
    lines = [",".join([t, *map(repr, row.tolist())]) for t, row in zip(times, rows, strict=True)]
    return "\n".join([head, *lines]) + "\n"


async def put(folder: Path, name: str, text: str, found: Watched) -> None:
    await asyncio.to_thread((folder / name).write_text, text)
    await found.until(lambda: any(name in link.text for link in found.links))


async def test_a_table_and_json_give_what_scikit_learn_gives(tmp_path: Path, model: Path) -> None:
    rows = spectra(WANTED, seed=3)
    times = [f"2026-11-22T08:0{i}:00Z" for i in range(3)]
    data, settings = given(), Settings(window=11)
    components = int(str(load_spectral(model)[0].about["components"]))
    theirs = pipeline(settings, components).fit(data.spectra, data.reference).predict(rows)
    async with watched(tmp_path, model) as found:
        await put(tmp_path, "a.csv", table(rows, times), found)
        came, found.readings = found.readings, []
        assert [r.address for r in came] == [*TAGS.values()] * 3
        assert np.abs(np.array([r.value for r in came]).reshape(3, 2) - theirs).max() < 1e-9
        assert np.abs(theirs - WANTED).max() < 0.5, "and these are right"
        assert {r.quality for r in came} == {Quality.GOOD}
        assert came[0].time_ns == 1_795_334_400_000_000_000
        whole = [
            {"time": t, "axis": AXIS.tolist(), "intensities": row.tolist()}
            for t, row in zip(times, rows, strict=True)
        ]
        await put(tmp_path, "b.json", json.dumps(whole), found)
        assert [(r.address, r.value, r.time_ns) for r in found.readings] == [
            (r.address, r.value, r.time_ns) for r in came
        ]
    assert found.refused == []


async def test_a_stranger_comes_as_bad_and_what_is_no_spectrum_is_refused_for_each_tag(
    tmp_path: Path, model: Path
) -> None:
    rows = np.repeat(spectra(WANTED[:1], seed=3), 4, axis=0)
    rows[0] += 3.0 * np.exp(-(((AXIS - 760.0) / 15.0) ** 2))
    rows[1, 7], rows[2] = np.nan, 12.0
    times = ["2026-11-22T08:00:00Z", "2026-11-22T08:01:00Z", "2026-11-22T08:02:00Z", "soon"]
    async with watched(tmp_path, model) as found:
        await put(tmp_path, "a.csv", table(rows, times) + "2026-11-22T08:04:00Z,1,2\n", found)
    assert [r.quality for r in found.readings] == [Quality.BAD, Quality.BAD]
    reasons = [(q.reason, q.reading.address) for q in found.refused]
    assert sorted(reasons) == sorted(
        (reason, address)
        for reason in ("not_a_spectrum", "not_a_spectrum", "bad_time", "malformed_row")
        for address in TAGS.values()
    )
    told = " ".join(q.detail for q in found.refused)
    assert "1 of 200 intensities are no finite numbers, the first at 417.5 cm-1" in told
    assert "every intensity is the same" in told
    assert "3 fields instead of 201" in told


async def test_another_axis_puts_the_file_aside_and_refuses_the_record(tmp_path: Path, model: Path) -> None:
    rows, time = spectra(WANTED[:1], seed=3), ["2026-11-22T08:00:00Z"]
    async with watched(tmp_path, model) as found:
        await put(tmp_path, "short.csv", table(rows[:, 1:], time, AXIS[1:]), found)
        await put(tmp_path, "moved.csv", table(rows, time, AXIS + 2.0), found)
        await put(tmp_path, "words.csv", "time,glucose\n2026-11-22T08:00:00Z,5\n", found)
        record = {"time": time[0], "axis": AXIS.tolist(), "intensities": [1.0, 2.0]}
        await put(tmp_path, "c.json", json.dumps([record, 5, {"time": time[0]}]), found)
    assert found.readings == []
    why = {p.name: p.read_text() for p in (tmp_path / "refused").glob("*.txt")}
    assert "199 points came, the model knows 200" in why["short.csv.reason.txt"]
    assert "point 1 of the axis is 402, the model has 400" in why["moved.csv.reason.txt"]
    assert "no numbers: glucose" in why["words.csv.reason.txt"]
    assert [q.reason for q in found.refused] == ["malformed_row"] * 6
    assert "2 intensities on 200 points" in found.refused[0].detail


def test_what_does_not_fit_the_line_is_refused_before_anything_is_read(tmp_path: Path, model: Path) -> None:
    sigma = load_spectral(model)[0].sigma[0]
    assert sigma > 0.001
    for more, tags, words in (
        ({"accuracy": 0.5 * sigma}, TAGS, "cross-validated error is"),
        ({"unit": "mmol/L"}, TAGS, "glucose is in 'g/L', tag R101.glucose_raman in 'mmol/L'"),
        ({}, {"ethanol": "R101.glucose_raman"}, "knows glucose, lactate, not 'ethanol'"),
        ({}, {"glucose": "R9.glucose"}, "no tag 'R9.glucose'"),
    ):
        with pytest.raises(ConfigError, match=words):
            watched(tmp_path, model, tags, **more)


def test_a_model_file_that_was_changed_is_refused(tmp_path: Path, model: Path) -> None:
    with np.load(model) as stored:
        arrays = {name: stored[name] for name in stored.files}
    other = tmp_path / "other.model"
    with other.open("wb") as sink:
        np.savez_compressed(sink, **{**arrays, "intercept": arrays["intercept"] + 1.0})
    for path, words in (
        (other, "do not fit their hash"),
        (tmp_path / "none.model", "no such model; twin fit-spectra"),
        (Path(__file__), "is no model of spectra"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_spectral(path)
