"""The batch report tells all that is stored, in both languages, inert, and twice the same bytes."""

import asyncio
import hashlib
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.historians import sqlite as historian_file
from connectors.ledgers import sqlite as ledger_file
from twin.domain.alarm import Alarm, AlarmState, Priority
from twin.domain.audit import Deed
from twin.domain.event import Cause, Event, Kind, ModelRef, Stage, Verdict
from twin.domain.measurement import Estimate, Measurement, Quality, Quarantined, Reading
from twin.service.batches import BatchLog
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.report.document import shown
from twin.service.report.drawing import ticks
from twin.service.report.pdf import printable
from twin.service.report.words import TEXTS, words

T = 1_780_000_000_000_000_000
MIN = 60_000_000_000
H = 60 * MIN
HOSTILE = '<script>alert(1)</script> #eval("1") \u202e日本 \x07 $x$ & "q"'
PH = {
    "name": "pH", "quantity": "pH", "unit": "1", "low": 0, "high": 14, "accuracy": 0.02,
    "limits": {"low": 6.9, "high": 7.3},
}  # fmt: skip
VCD = {
    "name": "VCD", "quantity": "cell density", "unit": "10*6/mL", "low": 0, "high": 100, "accuracy": 0.4,
    "kind": "assay",
}  # fmt: skip


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    vessels = [
        {
            "id": "R101", "name": {"en": HOSTILE, "fr": HOSTILE}, "tags": [PH, VCD],
            "process": {"kind": "cho_fedbatch"},
            "batch": {"id": "B-1", "start": "2026-05-28T20:00:00Z", "volume_l": 2.0},
        },
        {"id": "R102", "tags": [PH]},
    ]  # fmt: skip
    path = tmp_path / "line.json"
    document = {"schema": 1, "line": "l", "origin": "plant", "site": HOSTILE, "vessels": vessels}
    path.write_text(json.dumps(document))
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    asyncio.run(_fill(tmp_path / "data" / "l"))
    return path


async def _fill(folder: Path) -> None:
    store = historian_file.open_historian(historian_file.Config(path=folder / "historian.sqlite"))
    ph = [
        Measurement("R101.pH", 7.0 + k / 1000, Quality.GOOD, T + k * MIN, T + k * MIN, k == 3, "ua")
        for k in range(400)
    ]
    bad = Measurement("R101.pH", None, Quality.BAD, T + 400 * MIN, T + 400 * MIN, False, "ua")
    vcd = Measurement("R101.VCD", 3.5, Quality.GOOD, T + 2 * H, T + 3 * H, True, "hand")
    other = Measurement("R102.pH", 9.99, Quality.GOOD, T, T, False, "ua")
    await store.write([*ph, bad, vcd, other])
    await store.write_estimates(
        [Estimate("R101.pH", T + k * 2 * MIN, 7.1, 0.01, "1") for k in range(200)]
        + [Estimate("R101.VCD", T + 2 * H + MIN, 3.25, 0.5, "10*6/mL")]
    )
    await store.close()
    _fill_ledger(folder)


def _fill_ledger(folder: Path) -> None:
    model = ModelRef("cho", "0.9", "0123456789ab")
    cause = Cause("ph_probe_drift", Verdict.SENSOR, "R101", "R101.pH", 0.93)
    drift = Event(
        T + H, Kind.DRIFT, "R101", Stage.CONFIRMED, "R101/drift/pH/1", "R101.pH", Verdict.SENSOR, T + MIN,
        0.21, "1", 0.93, (cause,), (), model,
    )  # fmt: skip
    limit = Event(
        T + 2 * H, Kind.LIMIT, "R101", Stage.CONFIRMED, "R101/limit/pH/1", "R101.pH", Verdict.UNKNOWN,
        T + 2 * H, 0.05, "1", detail={"which": "high"},
    )  # fmt: skip
    growing = replace(drift, t=T + 2 * H, stage=Stage.REVISED, size=0.33)
    closed = replace(drift, t=T + 5 * H, stage=Stage.CLOSED, size=None)
    other = Event(T + H, Kind.DRIFT, "R102", Stage.CONFIRMED, "R102/drift/pH/1", "R102.pH")
    remark = Event(
        T + 3 * H, Kind.ALARM, "R101", Stage.REVISED, "R101/drift/pH/comment/1", "R101.pH",
        detail={"what": "comment", "by": "mallory", "alarm": "R101/drift/pH", "why": f"seen {HOSTILE}"},
    )  # fmt: skip
    calibration = Event(
        T + 4 * H, Kind.CALIBRATION, "R101", Stage.CONFIRMED, "R101.pH/calibration/1", "R101.pH",
        detail={"by": "anna", "why": "buffer 7", "instrument": "AT-1"},
    )  # fmt: skip
    raised = Alarm("R101/drift/pH", AlarmState.UNACK, Priority.HIGH, drift, T + H, T + H)
    shelved = Alarm(
        "R101/drift/pH", AlarmState.SHELVED, Priority.HIGH, drift, T + H, T + 2 * H, "bert", True, T + 5 * H,
        "probe is swapped tonight",
    )  # fmt: skip
    ledger = ledger_file.open_ledger(ledger_file.Config(path=folder / "ledger.sqlite"))
    ledger.commit([drift, growing, limit, other, closed], [raised])
    command = Deed(
        T + H, "carl", "operator", "", "command.taken", "R101.pH_sp", "7.0", "7.1: done", "as told"
    )
    ledger.commit([remark, calibration], [shelved], (), [command])
    refused = Reading("ua", "R101.pH", "abc", Quality.GOOD, T + H, T + H)
    ledger.quarantine([Quarantined(refused, "not_a_number", "")])
    ledger.close()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout + str(result.exception or "")


def made(line: Path, out: Path, *more: str) -> bytes:
    code, said = run("report", str(line), "--vessel", "R101", "--out", str(out), *more)
    assert code == 0, said
    return out.read_bytes()


class Reader(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = set[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            [
                "shelved",
                "drift",
                "comment",
                "Signatures",
                "3.25 ± 0.98",
                "0.25",
                "until 2026-05-29 01:26",
                "– not a number",
                "Time is batch age.",
            ],
        ),
        (
            "fr",
            [
                "mise de côté",
                "dérive",
                "commentaire",
                "Signatures",
                "3,25 ± 0,98",
                "0,25",
                "jusqu'au",
                "– pas un nombre",
                "Le temps est l'âge du lot.",
            ],
        ),
    ],
)
def test_everything_stored_of_the_batch_is_told(
    line: Path, tmp_path: Path, language: str, told: list[str]
) -> None:
    text = Reader(made(line, tmp_path / "r.html", "--language", language, "--by", "Quality").decode()).text

    for part in [
        *told, "B-1", "Quality", "cho 0.9", "0123456789ab", "bert", "probe is swapped tonight", "mallory",
        "anna", "buffer 7", "carl", "as told", hashlib.sha256(line.read_bytes()).hexdigest(),
    ]:  # fmt: skip
        assert part in text, part
    assert "not_a_number" not in text
    assert "9.99" not in text
    assert "R102" not in text
    for key in ("head", "trends", "values", "excursions", "findings", "alarms", "handling", "samples"):
        assert key == "head" or f"\n{words(language)[key]}\n" in text, key


@pytest.mark.parametrize(("language", "bad"), [("en", "quality bad"), ("fr", "mauvaise qualité")])
def test_a_result_of_bad_quality_is_marked(line: Path, tmp_path: Path, language: str, bad: str) -> None:
    asyncio.run(_add_bad(tmp_path / "data" / "l"))
    lines = Reader(made(line, tmp_path / "r.html", "--language", language).decode()).text.split("\n")
    at = next(i for i, each in enumerate(lines) if each.startswith("\u22123") and "10*6/mL" in each)
    assert bad in lines[at : at + 2]
    assert "–" in lines[at + 2 : at + 4], "nothing is subtracted from what is not believed"
    good = next(i for i, each in enumerate(lines) if each.startswith("3") and "10*6/mL" in each)
    assert bad not in lines[good : good + 3]


async def _add_bad(folder: Path) -> None:
    store = historian_file.open_historian(historian_file.Config(path=folder / "historian.sqlite"))
    await store.write([Measurement("R101.VCD", -3.5, Quality.BAD, T + 3 * H, T + 3 * H, False, "hand")])
    await store.write_estimates([Estimate("R101.VCD", T + 3 * H, 3.25, 0.5, "10*6/mL")])
    await store.close()


def _next_begun(line: Path, *, noted: bool) -> None:
    """The line file names a batch after the one whose values are stored; the service noted both, or none."""
    if noted:
        ledger = ledger_file.open_ledger(
            ledger_file.Config(path=line.parent / "data" / "l" / "ledger.sqlite")
        )
        BatchLog(ledger, load_line(line)[1]).note(T)
    document = json.loads(line.read_text())
    document["vessels"][0]["batch"] = {"id": "B-2", "start": "2026-06-20T00:00:00Z", "volume_l": 2.0}
    line.write_text(json.dumps(document))
    if noted:
        BatchLog(ledger, load_line(line)[1]).note(T + 600 * H)
        ledger.close()


SPAN = ("--from", "2026-05-28T20:00:00Z", "--to", "2026-05-29T06:00:00Z")


@pytest.mark.parametrize(
    ("span", "head"),
    [(SPAN, ("B-1", "10 h")), ((*SPAN[:2], "--to", "2026-06-21T00:00:00Z"), ("B-1", "556 h"))],
)
def test_a_past_time_is_reported_as_the_batch_that_ran_then(
    line: Path, tmp_path: Path, span: tuple[str, ...], head: tuple[str, str]
) -> None:
    _next_begun(line, noted=True)
    ledger = (tmp_path / "data" / "l" / "ledger.sqlite").read_bytes()
    page = made(line, tmp_path / "r.html", *span).decode()
    lines = Reader(page).text.split("\n")

    told = tuple(lines[lines.index(words("en")[key]) + 1].replace("\u00a0", " ") for key in ("batch", "age"))
    assert told == head
    assert "B-2" not in page
    assert (tmp_path / "data" / "l" / "ledger.sqlite").read_bytes() == ledger


def test_a_time_before_every_known_batch_is_reported_without_one(line: Path, tmp_path: Path) -> None:
    _next_begun(line, noted=False)
    page = made(line, tmp_path / "r.html", *SPAN).decode()
    lines = Reader(page).text.split("\n")

    assert "B-2" not in page
    assert lines[lines.index(words("en")["batch"]) + 1] == words("en")["none"]
    assert words("en")["age"] not in lines, "without a batch there is no age of one"
    assert "Time is hours from the begin." in page


def test_a_batch_of_which_nothing_came_yet_says_so(line: Path, tmp_path: Path) -> None:
    _next_begun(line, noted=False)
    code, text = run("report", str(line), "--vessel", "R101", "--out", str(tmp_path / "r.html"))
    assert code != 0
    assert "the batch of R101 began at" in text
    assert "no value has come since" in text


def test_what_is_counted_is_what_is_stored(line: Path, tmp_path: Path) -> None:
    text = Reader(made(line, tmp_path / "r.html").decode()).text
    lines = text.split("\n")

    ph = lines[lines.index("R101.pH [1]") :]
    assert ph[1:8] == ["≥ 6.9 · ≤ 7.3", "7", "7.199", "7.399", "401", "1", "99"]
    counted = lines[lines.index("stored") :]
    assert counted[1] == "402"
    assert lines[lines.index("of these late") + 1] == "2"


def test_a_finding_is_told_as_it_was_known_best_with_its_end(line: Path, tmp_path: Path) -> None:
    lines = Reader(made(line, tmp_path / "r.html").decode()).text.split("\n")

    row = lines[lines.index("Findings") :]
    row = row[row.index("2026-05-28 21:26") :]
    assert row[1] == "R101.pH: pH probe is drifting"
    assert row[2:7] == ["sensor, 93\u202f%", "2026-05-28 20:27", "0.33", "closed", "2026-05-29 01:26"]


def _twice_raised(folder: Path) -> None:
    """A frozen probe: suspected, confirmed 30 min later, gone, again in this batch and in the next one."""
    ledger = ledger_file.open_ledger(ledger_file.Config(path=folder / "ledger.sqlite"))
    name, key, on = "R101.pH", "R101/frozen/pH", T + 60 * MIN
    suspected = Event(
        on + 10 * MIN, Kind.FROZEN, "R101", Stage.SUSPECTED, f"{key}/1", name, Verdict.SENSOR, on
    )
    told = replace(suspected, t=on + 40 * MIN, stage=Stage.CONFIRMED)
    again = replace(told, t=on + 200 * MIN, condition=f"{key}/2", since=on + 190 * MIN)
    later = replace(told, t=T + 900 * H, condition=f"{key}/3", since=T + 899 * H)
    ledger.commit([suspected, told], [Alarm(key, AlarmState.UNACK, Priority.MEDIUM, told, told.t, told.t)])
    for event in (told, again, later):
        gone = Alarm(key, AlarmState.NORMAL, Priority.MEDIUM, event, event.t, event.t + MIN, "", False)
        call = Alarm(key, AlarmState.UNACK, Priority.MEDIUM, event, event.t, event.t)
        ledger.commit([event], [call])
        if event is not later:
            ledger.commit([replace(event, t=event.t + MIN, stage=Stage.CLOSED)], [gone])
    ledger.close()


@pytest.mark.parametrize(
    ("language", "heads", "twice"),
    [
        ("en", ("Detected (UTC)", "Onset (UTC)", "Annunciated (UTC)"), "2 times, last"),
        ("fr", ("Détecté (UTC)", "Début (UTC)", "Annoncée (UTC)"), "2 fois, la dernière"),
    ],
)
def test_onset_detection_and_annunciation_are_told_apart_and_only_of_this_time(
    line: Path, tmp_path: Path, language: str, heads: tuple[str, ...], twice: str
) -> None:
    _twice_raised(tmp_path / "data" / "l")
    more = ("--to", "2026-05-29T06:00:00Z", "--language", language)
    lines = Reader(made(line, tmp_path / "r.html", *more).decode()).text.split("\n")
    w = words(language)
    found, alarms = (lines[lines.index(w[name]) :] for name in ("findings", "alarms"))

    assert set(heads) <= set(lines)
    assert "Told (UTC)" not in lines
    row = found[found.index("2026-05-28 21:36") :]
    assert row[1].startswith("R101.pH"), "detected"
    assert row[3] == "2026-05-28 21:26", "its onset"
    row = alarms[alarms.index("2026-05-29 00:36") :]
    assert row[1] == "2026-05-28 22:06", "annunciated when confirmed, onset of the newest occurrence before"
    assert row[2] == f"{twice} 2026-05-29 00:46"
    assert not [text for text in lines if text.startswith("2026-07")], "nothing of the next batch"


def test_S_06_hostile_names_are_inert(line: Path, tmp_path: Path) -> None:
    page = made(line, tmp_path / "r.html").decode()
    reader = Reader(page)

    assert "script" not in reader.tags
    assert "<script>alert(1)</script> #eval" in reader.text
    assert "\u202e" not in page
    assert "\x07" not in page
    assert "[U+202E]" in reader.text
    assert not re.search(r"\b(src|href)=", page)


def test_S_06_a_pdf_is_archivable_and_takes_hostile_names(line: Path, tmp_path: Path) -> None:
    body = made(line, tmp_path / "r.pdf", "--language", "fr")

    assert body.startswith(b"%PDF-1.7")
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in body
    assert b"/JavaScript" not in body


@pytest.mark.parametrize("form", ["pdf", "html"])
def test_twice_gives_the_same_bytes_and_the_sidecar_says_so(line: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"r.{form}"
    first = made(line, out)
    assert made(line, tmp_path / f"again.{form}") == first

    content, check = (tmp_path / f"r.{form}.sha256").read_text().splitlines()
    assert check == f"{hashlib.sha256(first).hexdigest()}  r.{form}"
    assert re.fullmatch(r"# content [0-9a-f]{64}", content)
    if form == "html":
        assert content.removeprefix("# content ") in first.decode()


def test_both_forms_have_one_content_and_another_time_has_another(line: Path, tmp_path: Path) -> None:
    def content(name: str, *more: str) -> str:
        made(line, tmp_path / name, *more)
        return (tmp_path / f"{name}.sha256").read_text().splitlines()[0]

    assert content("a.pdf") == content("a.html")
    assert content("b.html", "--to", "2026-05-28T22:00:00Z") != content("a.html")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--vessel", "R9", "--out", "x.pdf"), "has no such vessel; it has R101, R102"),
        (("--vessel", "R101", "--out", "x.docx"), ".pdf, .html would do"),
        (("--vessel", "R101", "--out", "x.pdf", "--language", "de"), "en or fr would do"),
        (
            ("--vessel", "R101", "--out", "x.pdf", "--from", "2030-01-01T00:00:00Z"),
            "there are values from 2026-",
        ),
        (("--vessel", "R101", "--out", "x.pdf", "--to", "tomorrow"), "--to"),
        (
            (
                "--vessel",
                "R101",
                "--out",
                "x.pdf",
                "--from",
                "2030-01-01T00:00:00Z",
                "--to",
                "2029-01-01T00:00:00Z",
            ),
            "the earlier one first would do",
        ),
    ],
)
def test_what_can_not_be_reported_is_said(line: Path, more: tuple[str, ...], said: str) -> None:
    code, text = run("report", str(line), *more)
    assert code != 0
    assert said in text
    assert not Path("x.pdf").exists()


def test_a_missing_typst_is_said_with_what_would_do(
    line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    code, text = run("report", str(line), "--vessel", "R101", "--out", str(tmp_path / "x.pdf"))
    assert code != 0
    assert "pip install 'bioline-twin[report]'" in text
    made(line, tmp_path / "x.html")


async def test_it_reads_beside_a_service_that_writes(line: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "l"
    ledger = ledger_file.open_ledger(ledger_file.Config(path=folder / "ledger.sqlite"))
    store = historian_file.open_historian(historian_file.Config(path=folder / "historian.sqlite"))
    try:
        await asyncio.to_thread(made, line, tmp_path / "r.html")
    finally:
        ledger.close()
        await store.close()


def test_signs_the_fonts_lack_are_written_as_their_code() -> None:
    assert printable("é → 日") == "é → [U+65E5]"
    assert shown("a\x00b\u202fc\nd") == "a[U+0000]b\u202fc\nd"


def test_words_are_whole_in_both_languages_and_french_signs_stay_with_their_word() -> None:
    assert all(en.strip() and fr.strip() for en, fr in TEXTS.values())
    assert not [text for text in words("fr").values() if re.search(r"[^\u202f][;:?!%]", text)]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (6.93, 7.41), (-250.0, 1200.0), (0.0, 1e-6)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high, 5)
    assert 1 <= len(found) <= 6
    assert all(low <= t <= high for t in found)
