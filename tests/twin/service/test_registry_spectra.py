"""A model of spectra in the registry: proposed, approved, taken by its source; none other runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("chemotools", reason="chemotools is not installed: it prepares spectra for the fit")

from synthetic_spectra import fitted

from connectors.codecs.spectral_file import load_spectral, save_spectral
from connectors.ledgers.sqlite import SqliteLedger
from twin.domain.errors import ConfigError, NotFoundError, TwinError
from twin.domain.people import Actor, Role
from twin.domain.registry import Sort
from twin.service.app import open_service
from twin.service.build import load_line
from twin.service.cli import app
from twin.service.line import LineFile
from twin.service.registry import files
from twin.service.registry.book import ModelBook
from twin.service.registry.files import ModelFiles, read
from twin.service.registry.resolve import in_words, read_registry, sources_of, with_sources
from twin.service.settings import Settings

ENGINEER = Actor("emma", Role.ENGINEER, "test")
QUALITY = Actor("quentin", Role.QUALITY, "test")
LINE = """
schema: 1
line: l1
vessels:
  - id: R101
    tags:
      - {name: glucose_raman, quantity: concentration, unit: g/L, low: 0, high: 50, accuracy: 0.5}
sources:
  - {kind: spectra, id: raman-1, folder: drop, registered: raman, tags: {glucose: R101.glucose_raman}}
historian: {kind: sqlite}
ledger: {kind: sqlite}
"""


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TWIN_PORT", "1")
    path = tmp_path / "line.yaml"
    path.write_text(LINE.replace("folder: drop", f"folder: {tmp_path / 'drop'}"))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "raman.model"
    with path.open("wb") as sink:
        save_spectral(fitted(), sink)
    return path


@contextmanager
def opened(line: Path) -> Iterator[ModelBook]:
    """The registry, as long as no service has it."""
    folder = line.parent / "data" / "l1"
    folder.mkdir(parents=True, exist_ok=True)
    ledger = SqliteLedger(folder / "ledger.sqlite")
    try:
        yield ModelBook(ledger, ModelFiles(folder / "models"), True, lambda: 7)
    finally:
        ledger.close()


async def proposed(line: Path, file: Path) -> None:
    with opened(line) as book:
        kept, _ = book._files.keep(file)
        await book.propose("raman", kept, "runs of May", ENGINEER)


async def approved(line: Path) -> None:
    with opened(line) as book:
        await book.approve("raman@1", "held-back runs looked at", QUALITY)


def test_a_file_of_spectra_is_told_by_its_figures(model: Path) -> None:
    found = read(model)
    whole, digest = load_spectral(model)
    assert (found.sort, found.model.id, found.model.parameters) == (Sort.SPECTRA, "pls", digest[:12])
    values = dict(found.values)
    assert values["RMSECV glucose [g/L]"] == pytest.approx(float(whole.sigma[0]))
    assert values["components"] == whole.about["components"]


def taken(line: Path) -> LineFile:
    return with_sources(*load_line(line), Settings())


async def test_an_approved_model_is_taken_by_its_source_and_entered_in_the_trail(
    line: Path, model: Path
) -> None:
    with opened(line), pytest.raises(NotFoundError, match="model raman: the registry has no such model"):
        taken(line)
    await proposed(line, model)
    with pytest.raises(NotFoundError, match="no version is approved"):
        taken(line)
    await approved(line)
    line_file, built = taken(line), load_line(line)[1]
    assert sources_of(line_file) == [("raman-1", "raman@1")]
    assert in_words(built, line_file) == ["source raman-1: spectra model raman@1"]
    async with open_service(line_file, built, Settings()) as service:
        assert len(service.sources) == 1
    assert read_registry(line_file, built, Settings()).in_use["raman-1/spectra"] == "raman@1"


def test_a_file_that_was_changed_is_refused(line: Path, model: Path) -> None:
    asyncio.run(proposed(line, model))
    asyncio.run(approved(line))
    path = Path(taken(line).sources[0]["model"])
    assert path.read_bytes() == model.read_bytes()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ConfigError, match="is not as it was proposed"):
        taken(line)


async def test_what_was_not_resolved_or_is_of_another_sort_does_not_run(line: Path, model: Path) -> None:
    with pytest.raises(ConfigError, match="source raman-1: model raman was not taken from the registry"):
        async with open_service(*load_line(line), Settings()):
            pass
    other = model.with_name("process.yaml")
    await asyncio.to_thread(other.write_bytes, files.defaults("cho_growth"))
    await proposed(line, other)
    await approved(line)
    with pytest.raises(ConfigError, match="source raman-1: raman@1 is a process model; a spectra model is"):
        taken(line)


def test_a_source_without_any_model_is_refused_by_check(line: Path) -> None:
    line.write_text(line.read_text().replace(" registered: raman,", ""))
    result = CliRunner().invoke(app, ["check", str(line)])
    assert isinstance(result.exception, TwinError)
    assert "`model: FILE`, or `registered: NAME` of the registry, is needed" in str(result.exception)
