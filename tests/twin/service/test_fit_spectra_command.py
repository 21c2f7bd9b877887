"""`twin fit-spectra`: from two files to a model, and what is wrong with them in words."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("chemotools", reason="chemotools is not installed: it prepares spectra for the fit")

from synthetic_spectra import AXIS, NAMES, given

from connectors.codecs.spectral_file import load_spectral
from twin.domain.errors import TwinError
from twin.learning.spectral import judged
from twin.service.cli import app
from twin.service.learn import sha256_of
from twin.service.normal import load

DATA = given()
CONSTITUENTS = [part for name in NAMES for part in ("--constituent", f"{name}=g/L")]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    spectra, reference = tmp_path / "spectra.csv", tmp_path / "reference.csv"
    rows = [[f"s{i}", *map(repr, row.tolist())] for i, row in enumerate(DATA.spectra)]
    rows += [["unknown", *rows[0][1:]], ["s0", "nan", *rows[0][2:]]]
    spectra.write_text("\n".join(",".join(row) for row in [["sample", *(f"{a:g}" for a in AXIS)], *rows]))
    lines = [
        f"s{i},{group},{values[0]!r},{values[1]!r}"
        for i, (group, values) in enumerate(zip(DATA.groups, DATA.reference.tolist(), strict=True))
    ]
    reference.write_text("\n".join(["sample,group,glucose,lactate", *lines]))
    return spectra, reference


def invoked(files: tuple[Path, Path], *more: str) -> tuple[str, BaseException | None]:
    out = files[0].with_name("raman.model")
    spectra, reference = map(str, files)
    result = CliRunner().invoke(
        app,
        [
            "fit-spectra",
            spectra,
            "--reference",
            reference,
            "--out",
            str(out),
            "--window",
            "11",
            "--components=4",
            *more,
        ],
    )
    return result.output, result.exception


def test_a_model_says_what_it_was_fitted_on_and_how_good_it_is(files: tuple[Path, Path]) -> None:
    output, error = invoked(files, *CONSTITUENTS, "--hold-back", "run3", "--hold-back", "run5")
    assert error is None, output
    model, digest = load_spectral(files[0].with_name("raman.model"))
    about = model.about
    assert about["groups"] == ["run0", "run1", "run2", "run4", "run6", "run7"]
    assert about["left_out"] == {"no reference": 1, "not finite": 1}
    assert about["files"] == [{"name": p.name, "sha256": sha256_of(p)} for p in files]
    assert len(digest) == 64
    held = np.isin(DATA.groups, ["run3", "run5"])
    off = judged(model, DATA.spectra[held]).values - DATA.reference[held]
    told = about["held_back"]
    assert isinstance(told, dict)
    assert told["rmsep"] == pytest.approx(np.sqrt((off**2).mean(axis=0)))
    assert max(told["rmsep"]) < 0.1
    assert "1 spectra left out: no reference" in output


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "one or more such as glucose=g/L"),
        (["--constituent", "ethanol=g/L"], "column ethanol is missing"),
        ([*CONSTITUENTS, "--range", "900:400"], "two numbers such as 950:1500"),
        ([*CONSTITUENTS, "--hold-back", "run99"], "no such group; there are run0, run1"),
        ([*CONSTITUENTS, *(f for i in range(6) for f in ("--hold-back", f"run{i}"))], "of 2 groups came"),
        ([*CONSTITUENTS, "--range", "100:200"], "leaves 0 points of an axis from 400 to 897.5"),
    ],
)
def test_what_can_not_be_fitted_is_refused_in_words(
    files: tuple[Path, Path], more: list[str], words: str
) -> None:
    _, error = invoked(files, *more)
    assert isinstance(error, TwinError)
    assert words in str(error)


def test_the_fit_is_told_beside_fits_to_shuffled_references(files: tuple[Path, Path]) -> None:
    output, error = invoked(files, *CONSTITUENTS)
    assert error is None, output
    told = load_spectral(files[0].with_name("raman.model"))[0].about["shuffled"]
    assert isinstance(told, dict)
    assert (told["times"], told["better"], told["p"]) == (20, [True, True], [pytest.approx(1 / 21)] * 2)
    spread = DATA.reference.std(axis=0)
    assert np.all(np.array(told["rmsecv_least"]) > 0.7 * spread), "chance leaves about the whole spread"
    assert "shuffled" in output
    first = files[0].with_name("raman.model").read_bytes()
    assert invoked(files, *CONSTITUENTS)[1] is None
    assert files[0].with_name("raman.model").read_bytes() == first, "a fixed seed"


def dealt_anew(path: Path) -> None:
    """References that belong to other samples; the lactate of some is right."""
    rows = [line.split(",") for line in path.read_text().splitlines()]
    order = np.random.default_rng(11).permutation(len(rows) - 1)
    glucose = [rows[1 + k][2] for k in order]
    lines = [",".join((*row[:2], value, row[3])) for row, value in zip(rows[1:], glucose, strict=True)]
    path.write_text("\n".join([",".join(rows[0]), *lines]))


def test_one_that_is_no_better_than_chance_is_refused_and_written_only_anyway(
    files: tuple[Path, Path],
) -> None:
    dealt_anew(files[1])
    _, error = invoked(files, *CONSTITUENTS)
    assert isinstance(error, TwinError)
    assert "no better than chance: glucose: RMSECV" in str(error)
    assert "lactate" not in str(error)
    assert not files[0].with_name("raman.model").exists()
    output, error = invoked(files, *CONSTITUENTS, "--anyway")
    assert error is None, output
    assert "glucose: NO BETTER THAN CHANCE" in output
    told = load_spectral(files[0].with_name("raman.model"))[0].about["shuffled"]
    assert isinstance(told, dict)
    assert told["better"] == [False, True]


def test_a_reference_that_is_none_is_refused(files: tuple[Path, Path]) -> None:
    for text, words in (
        ("sample,group,glucose,lactate\ns0,run0,x,1.0\n", "sample s0: \\['x', '1.0'\\] came"),
        ("sample,group,glucose,lactate\ns0,run0,1.0,1.0\ns0,run0,2.0,1.0\n", "sample s0 is there twice"),
        ("sample,group,glucose,lactate\nz,run0,1.0,1.0\n", "no spectrum has a `sample`"),
    ):
        files[1].write_text(text)
        with pytest.raises(TwinError, match=words):
            raise invoked(files, *CONSTITUENTS)[1] or AssertionError("nothing was refused")


def test_a_model_of_spectra_is_told_as_such_where_one_of_good_runs_is_wanted(
    files: tuple[Path, Path],
) -> None:
    _, error = invoked(files, *CONSTITUENTS)
    assert error is None
    path = files[0].with_name("raman.model")
    with pytest.raises(TwinError, match=r"is a model of spectra .*a model of good runs would do: twin learn"):
        load(path)


def test_a_model_that_is_text_is_refused_without_pickles(tmp_path: Path) -> None:
    path = tmp_path / "spectra.model"
    path.write_text("process: {kind: cho_growth}\n")
    for taken, what in ((load, "model of good runs"), (load_spectral, "model of spectra")):
        with pytest.raises(TwinError, match=f"is no {what}: it is text") as refused:
            taken(path)
        assert "pickle" not in str(refused.value)
