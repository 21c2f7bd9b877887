"""twin compare: from files to a table, data and a page in both languages."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from typer.testing import CliRunner

from twin.domain.errors import ConfigError
from twin.service.cli import app

LINE = """
schema: 1
line: small
vessels:
  - fleet: {keys: 0..11, id: "B{key}"}
    tags:
      - {name: pH, quantity: pH, unit: "1", low: 2, high: 12, accuracy: 0.01, limits: {low: 6.5, high: 7.5}}
      - {name: pO2, quantity: pO2, unit: "%", low: 0, high: 200, accuracy: 0.5}
files:
  {time: minute, format: minutes, epoch: 2024-01-01T00:00:00Z, key: batch, vessel: "B{key}",
   values: [{column: pH, tag: pH}, {column: O2, tag: pO2}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve runs of a day; in B11 pO2 leaves the others from 15 h on."""
    folder, rng, parts = tmp_path_factory.mktemp("compare"), np.random.default_rng(4), []
    for batch in range(12):
        pO2 = 40 + rng.standard_normal() + rng.standard_normal(1440)
        if batch == 11:
            pO2[900:] -= 25
        pH = 7.0 + 0.05 * rng.standard_normal() + 0.01 * rng.standard_normal(1440)
        parts.append(
            pa.table({"batch": np.full(1440, batch), "minute": np.arange(1440), "pH": pH, "O2": pO2})
        )
    pa_parquet.write_table(pa.concat_tables(parts), folder / "runs.parquet")
    (folder / "line.yaml").write_text(LINE)
    return folder


def compared(folder, vessels, against, *more):
    fixed = ["compare", str(folder / "runs.parquet"), "--line", str(folder / "line.yaml")]
    return CliRunner().invoke(app, [*fixed, "--vessels", vessels, "--against", against, *more])


def test_the_run_that_left_is_named_with_tag_and_time(folder):
    out = folder / "c.json"
    told = compared(folder, "B10 B11", "B0-B9", "--phases", "2", "--out", str(out))
    assert told.exit_code == 0, told.output
    data = json.loads(out.read_bytes())
    assert [(d["run"], d["tag"]) for d in data["differed_first"]] == [("B11", "pO2")]
    assert data["differed_first"][0]["from_h"] == pytest.approx(15.0, abs=0.3)
    assert data["differed_first"][0]["spreads"] < -3
    assert len(data["phases"]) == 2
    assert data["phases"][-1]["to_h"] == 24.0
    assert "B11" in told.output
    assert "pO2 [%]" in told.output


def test_limits_give_a_capability(folder):
    out = folder / "cpk.json"
    compared(folder, "B0-B7", "B8-B10", "--out", str(out))
    cpk = json.loads(out.read_bytes())["cpk"]
    assert list(cpk) == ["pH"]
    assert cpk["pH"]["runs"] == 8
    assert cpk["pH"]["low"] < cpk["pH"]["cpk"] < cpk["pH"]["high"]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "What differed first"), ("fr", "Ce qui a divergé d'abord")]
)
def test_the_page_draws_every_tag_in_both_languages(folder, language, said):
    out = folder / f"{language}.html"
    assert compared(folder, "B11", "B0-B9", "--out", str(out), "--language", language).exit_code == 0
    page = out.read_text(encoding="utf-8")
    assert said in page
    assert page.count("<svg") == 2
    assert f'lang="{language}"' in page
    assert "<script" not in page


@pytest.mark.parametrize(("language", "wrong", "sign"), [("en", ",", "."), ("fr", ".", ",")])
def test_numbers_of_the_page_have_the_decimal_sign_of_its_language(folder, language, wrong, sign):
    out = folder / f"signs-{language}.html"
    assert compared(folder, "B10 B11", "B0-B9", "--out", str(out), "--language", language).exit_code == 0
    page = out.read_text(encoding="utf-8")
    told = re.findall(r"<t(?:d|ext)[^>]*>([^<]*)</t", page)
    signed = [text for text in told if re.search(rf"\d{re.escape(sign)}\d", text)]
    assert len(signed) > 10
    assert [text for text in told if re.search(rf"\d{re.escape(wrong)}\d", text)] == []
    assert any(" to " in text for text in told) is (language == "en")


def test_a_run_is_not_compared_with_itself(folder):
    told = compared(folder, "B3", "B0-B9")
    assert isinstance(told.exception, ConfigError)
    assert "B3" in str(told.exception)


def test_another_ending_is_refused(folder):
    told = compared(folder, "B11", "B0-B9", "--out", str(folder / "c.docx"))
    assert isinstance(told.exception, ConfigError)
    assert ".html, .json" in str(told.exception)


@pytest.mark.parametrize(("against", "count"), [("B0", 1), ("B0 B1", 2)])
def test_too_few_reference_runs_are_refused_in_words(folder, against, count):
    told = compared(folder, "B10 B11", against)
    assert isinstance(told.exception, ConfigError)
    assert f"--against names {count} runs" in str(told.exception)
    assert "3 are the least" in str(told.exception)
    assert compared(folder, "B10 B11", "B0-B2").exit_code == 0


def test_hours_and_tags_without_values_are_left_out_of_table_and_drawing(folder):
    runs = pa_parquet.read_table(folder / "runs.parquet").to_pandas()
    runs = runs[(runs["batch"] == 10) | (runs["minute"] < 900)]
    runs["O2"] = np.nan
    runs.to_parquet(folder / "short.parquet")
    fixed = ["compare", str(folder / "short.parquet"), "--line", str(folder / "line.yaml"), "--phases", "3"]
    out = folder / "short.html"
    told = CliRunner().invoke(app, [*fixed, "--vessels", "B10 B11", "--against", "B0-B9", "--out", str(out)])
    assert told.exit_code == 0, (told.output, told.exception)
    assert "nan" not in out.read_text()
    assert "nan" not in told.output
