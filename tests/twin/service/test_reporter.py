"""Reports of a running line: on request from its stores, and by themselves when a batch has ended."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from test_report import line  # noqa: F401 (a fixture)

from twin.domain.batch import Stored
from twin.domain.errors import NotFoundError
from twin.domain.instant import iso
from twin.service.build import load_line
from twin.service.report import reporter as reporting
from twin.service.report.reporter import HOUR, SETTLED_NS, Reporter
from twin.service.settings import Settings


@pytest.fixture
def made(line: Path) -> tuple[Reporter, Stored]:  # noqa: F811
    """A reporter over stores that hold a batch, and that batch when it has ended as planned."""
    line_file, built = load_line(line)
    batch = built.vessels[0].batch
    assert batch is not None
    sha256 = hashlib.sha256(line.read_bytes()).hexdigest()
    end_ns = batch.start_ns + int(batch.duration_h * HOUR)
    over = Stored("R101", batch, batch.start_ns, end_ns, end_ns)
    return Reporter(line_file, built, Settings(), sha256), over


async def test_it_is_made_on_request_in_each_form_and_language(made) -> None:
    reporter, _ = made
    page = await reporter.make("R101", "fr", "html", "anna")
    assert page.name == "R101-B-1.fr.html"
    assert b"anna" in page.body
    assert b'lang="fr"' in page.body
    pdf = await reporter.make("R101", "fr", "pdf", "anna")
    assert pdf.body.startswith(b"%PDF-")
    assert pdf.content_sha256 == page.content_sha256
    assert pdf.content_sha256.encode() in page.body


async def test_without_anything_stored_it_says_so(made, tmp_path: Path) -> None:
    reporter, _ = made
    reporter._settings = Settings(data_dir=tmp_path / "elsewhere")
    with pytest.raises(NotFoundError):
        await reporter.make("R101", "en", "html", "")


async def test_an_export_before_the_first_value_of_a_batch_says_which_times_there_are(made) -> None:
    reporter, over = made
    vessel = reporter._line.vessels[0]
    later = replace(over.batch, id="B-2", start_ns=over.start_ns + 1000 * HOUR)
    reporter._line = replace(reporter._line, vessels=(replace(vessel, batch=later),))
    with pytest.raises(NotFoundError) as told:
        await reporter.export("R101")
    assert f"nothing is stored of R101 from {iso(later.start_ns)} on; there are values from" in str(
        told.value
    )


async def test_when_a_batch_has_ended_it_is_made_once_in_both_languages(made) -> None:
    reporter, over = made
    end_ns = over.ended_ns
    assert list(reporter.due([over], end_ns + SETTLED_NS - 1)) == []
    assert {out.name for _, out in reporter.due([over], end_ns + SETTLED_NS)} == {
        "R101-B-1.en",
        "R101-B-1.fr",
    }
    assert list(reporter.due([over], end_ns + 25 * HOUR)) == [], "a batch that ended long ago asks for none"
    await reporter.look([over], end_ns + HOUR)
    files = sorted(path.name for path in reporter.folder.iterdir())
    assert [name for name in files if not name.endswith(".sha256")] == ["R101-B-1.en.pdf", "R101-B-1.fr.pdf"]
    told = (reporter.folder / "R101-B-1.en.pdf.sha256").read_text().splitlines()
    body = (reporter.folder / "R101-B-1.en.pdf").read_bytes()
    assert told[1] == f"{hashlib.sha256(body).hexdigest()}  R101-B-1.en.pdf"
    assert list(reporter.due([over], end_ns + HOUR)) == []


async def test_a_batch_that_was_harvested_early_is_reported_to_its_end(made) -> None:
    reporter, over = made
    start_ns = over.start_ns
    early = replace(over, ended_ns=start_ns + 3 * HOUR, early=True)
    running = replace(over, ended_ns=None)
    assert list(reporter.due([running], over.ended_ns + HOUR)) == []
    await reporter.look([early], start_ns + 4 * HOUR)
    assert (reporter.folder / "R101-B-1.en.pdf").exists()
    (reporter.folder / "R101-B-1.en.pdf").unlink()
    short, whole = [await asyncio.to_thread(reporter._of_past, each, "en") for each in (early, over)]
    assert short.made_s == early.ended_ns // 1_000_000_000
    assert whole.made_s == over.ended_ns // 1_000_000_000
    assert iso(early.ended_ns)[11:16] in str(short.blocks)


async def test_where_no_pdf_can_be_set_it_is_a_page(made, monkeypatch) -> None:
    reporter, over = made
    end_ns = over.ended_ns
    monkeypatch.setattr(reporting, "_sets_pdf", lambda: False)
    await reporter.look([over], end_ns + HOUR)
    assert (reporter.folder / "R101-B-1.fr.html").read_bytes().startswith(b"<!doctype html>")


async def test_what_can_not_be_made_is_said_once_and_stops_nothing(made, tmp_path: Path) -> None:
    reporter, over = made
    end_ns = over.ended_ns
    reporter._settings = Settings(data_dir=tmp_path / "elsewhere")
    with capture_logs() as said:
        await reporter.look([over], end_ns + HOUR)
        await reporter.look([over], end_ns + HOUR)
    assert [row["batch"] for row in said] == ["R101-B-1.en", "R101-B-1.fr"]
    assert all(row["event"] == "report not made" and row["reason"] for row in said)


async def test_what_was_told_of_other_vessels_is_not_in_the_report_of_a_batch_that_has_ended(made) -> None:
    reporter, over = made
    alone = await asyncio.to_thread(reporter._of_past, over, "en")
    assert "R101.pH" in str(alone.blocks)
    assert "R102" not in str(alone.blocks)
