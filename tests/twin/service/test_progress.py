"""Long commands show on a terminal how far they are, and how long it will still take; nothing elsewhere."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from twin.learning.calibrate import STEPS, fit
from twin.learning.calibration import Counts
from twin.processes.cho_growth import build
from twin.service import terminal
from twin.service.cli import app
from twin.service.terminal import progress

LINE = """
schema: 1
line: small
vessels:
  - fleet: {keys: [A-R1, A-R2, B-R1]}
    process: {kind: cho_growth}
    tags: {use: cho_counts}
files:
  {time: hour, format: hours, epoch: 2024-01-01T00:00:00Z, key: vessel,
   values: [{column: vcd, tag: VCD}, {column: via, tag: viability}]}
"""
KEEP = ("X_max", "theta", "kd0", "kd1", "kd_power", "lysis", "viability_start")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal was sent."""
    sent = io.StringIO()
    monkeypatch.setattr(terminal, "errors", Console(file=sent, force_terminal=True, width=100))
    return sent


def culture(mu: float) -> tuple[list[float], np.ndarray]:
    model = build({"mu0": mu})
    x, _ = model.begin(None, 0.0)
    rows = []
    for _ in range(9):
        rows.append(model.observe(x, np.zeros(0)))
        for _ in range(24):
            x = model.advance(x, np.zeros(0), 1.0)
    return [24.0 * day for day in range(9)], np.array(rows)


def test_a_known_end_tells_the_time_left(screen: io.StringIO) -> None:
    with progress("batches", 4) as step:
        step()
        step(2)
    assert re.search(r"batches.*3/4.*left", screen.getvalue())


def test_an_unknown_end_tells_what_is_done(screen: io.StringIO) -> None:
    with progress() as step:
        step(1234)
    assert "1,234 values" in screen.getvalue()


def test_nothing_is_drawn_where_no_terminal_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "errors", Console(stderr=True, force_terminal=False))
    with progress("batches", 4) as step:
        step()
    assert capsys.readouterr().err == ""


def test_calibrate_tells_how_far_its_fits_are(tmp_path: Path, screen: io.StringIO) -> None:
    (tmp_path / "line.yaml").write_text(LINE)
    lines = ["vessel,hour,vcd,via"]
    for name, mu in (("A-R1", 0.03), ("A-R2", 0.031), ("B-R1", 0.029)):
        hours, rows = culture(mu)
        lines += [f"{name},{h:g},{v:.4f},{p:.3f}" for h, (v, p) in zip(hours, rows, strict=True)]
    (tmp_path / "counts.csv").write_text("\n".join(lines))
    asked = ["calibrate", str(tmp_path / "counts.csv"), "--line", str(tmp_path / "line.yaml")]
    out = ["--out", str(tmp_path / "P.yaml"), "--leave-one-out"]
    told = CliRunner().invoke(app, [*asked, *out, *(f"--keep={name}" for name in KEEP)])
    assert told.exit_code == 0, told.output
    shown = screen.getvalue()
    assert re.search(rf"steps of 3 fits.*{3 * STEPS}/{3 * STEPS}", shown), "all of them at the end"
    assert "left" in shown


def test_a_fit_takes_as_many_steps_as_it_said() -> None:
    hours, rows = culture(0.03)
    runs = [Counts(f"R{k}", "R", np.array(hours), rows * (1 + 0.01 * k)) for k in range(3)]
    told: list[int] = []
    given = {p.name: p.value for p in build({}).parameters if p.name in KEEP}
    fit(build, runs, given, told.append)
    assert sum(told) == STEPS
    assert len([n for n in told if n == 1]) > 6, "it moves within its rounds"
