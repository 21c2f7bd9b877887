"""PLS on spectra: the same numbers as scikit-learn and chemotools, honest about spectra it does not know."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("chemotools", reason="chemotools is not installed: it prepares and carries spectra")

from synthetic_spectra import AXIS, fitted, given, spectra

from twin.domain.errors import InputError
from twin.domain.measurement import Quality
from twin.learning.spectral import axis_fault, judged, spectrum_fault
from twin.learning.spectral_fit import Settings, Spectra, fit, pipeline
from twin.learning.spectral_shuffled import Shuffled, shuffled

SETTINGS = (
    Settings(window=11),
    Settings(window=0),
    Settings(500.0, 750.0, window=15, order=3, derivative=2),
    Settings(window=11, snv=True),
    Settings(window=0, snv=True),
)


@pytest.mark.parametrize("settings", SETTINGS, ids=repr)
def test_the_live_path_gives_what_scikit_learn_gives(settings: Settings) -> None:
    data = given()
    model = fit(data, settings)
    kept = slice(model.first, model.beyond)
    theirs = pipeline(settings, int(str(model.about["components"]))).fit(
        data.spectra[:, kept], data.reference
    )
    fresh = spectra(np.random.default_rng(5).uniform(0.0, (25.0, 6.0), (40, 2)), seed=6)
    found = judged(model, fresh)
    assert np.abs(found.values - theirs.predict(fresh[:, kept])).max() < 1e-9
    z = theirs[:-1].transform(fresh[:, kept]) if len(theirs) > 1 else fresh[:, kept]
    scores = theirs[-1].transform(z)
    back = theirs[-1].inverse_transform(scores)
    assert found.q == pytest.approx(((z - back) ** 2).sum(axis=1), rel=1e-9)
    own = theirs[-1].x_scores_.std(axis=0, ddof=1)
    assert found.t2 == pytest.approx(((scores / own) ** 2).sum(axis=1), rel=1e-9)


def test_whole_groups_are_left_out() -> None:
    """The error told is that of models that never saw the group; computed here from scikit-learn alone."""
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

    data = given()
    model = fit(data, Settings(window=11))
    theirs = pipeline(Settings(window=11), int(str(model.about["components"])))
    left = cross_val_predict(theirs, data.spectra, data.reference, groups=data.groups, cv=LeaveOneGroupOut())
    assert model.sigma == pytest.approx(np.sqrt(((left - data.reference) ** 2).mean(axis=0)), rel=1e-9)


def test_a_spectrum_of_something_else_is_not_believed() -> None:
    model = fitted()
    wanted = np.random.default_rng(7).uniform(2.0, (18.0, 4.0), (200, 2))
    known = spectra(wanted, seed=8)
    good = judged(model, known).quality
    assert good.count(Quality.GOOD) > 180
    assert Quality.BAD not in good
    stranger = known + 3.0 * np.exp(-(((AXIS - 760.0) / 15.0) ** 2))
    assert set(judged(model, stranger).quality) == {Quality.BAD}
    beyond = judged(model, spectra(np.array([[200.0, 5.0]]), seed=9))
    assert beyond.quality != (Quality.GOOD,), "far out of the range it was fitted on"


def test_what_is_no_spectrum_is_said() -> None:
    model = fitted()
    one = spectra(np.array([[5.0, 2.0]]))[0]
    assert spectrum_fault(model, one) == ""
    hole = one.copy()
    hole[[3, 9]] = np.nan
    assert "2 of 200 intensities are no finite numbers, the first at 407.5 cm-1" in spectrum_fault(
        model, hole
    )
    assert "every intensity is the same" in spectrum_fault(model, np.full(AXIS.size, 65535.0))
    assert axis_fault(model, AXIS + 0.01) == ""
    assert "199 points came, the model knows 200 from 400 to 897.5 cm-1" in axis_fault(model, AXIS[1:])
    assert "point 1 of the axis is 402, the model has 400" in axis_fault(model, AXIS + 2.0)
    assert "nothing is interpolated" in axis_fault(model, np.full(AXIS.size, np.nan))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(window=10), "an odd number above the order"),
        (Settings(derivative=3), "needs an order of at least as much"),
        (Settings(600.0, 610.0), "leaves 5 points of an axis from 400 to 897.5"),
    ],
)
def test_settings_that_leave_nothing_are_refused(settings: Settings, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit(given(), settings)


def test_runs_that_teach_nothing_are_refused() -> None:
    data = given()
    for wrong, words in (
        (replace(data, groups=["one"] * len(data.groups)), "of 1 groups came"),
        (replace(data, axis=np.roll(AXIS, 3)), "neither rises nor falls"),
        (replace(data, reference=np.full_like(data.reference, 2.0)), "the reference never changes"),
    ):
        with pytest.raises(InputError, match=words):
            fit(wrong, Settings(window=11))


@pytest.fixture(scope="module")
def fermentation() -> tuple[Spectra, np.ndarray]:
    """Raman spectra of a fermentation at its 34 HPLC samples, in blocks of five samples; and all of them."""
    pytest.importorskip(
        "chemotools", reason="chemotools is not installed; it carries the fermentation spectra"
    )
    from chemotools.datasets import load_fermentation_test

    whole, hplc = load_fermentation_test()
    values = whole.to_numpy()
    hours = np.arange(len(values)) * 1.25 / 60.0
    rows, blocks, samples = [], [], []
    for k, at in enumerate(hplc["time"]):
        for i in np.argsort(np.abs(hours - at), kind="stable")[:5]:
            if np.ptp(values[i]) > 0.0:  # the last three are empty
                rows.append(i)
                blocks.append(f"block{k // 5}")
                samples.append(hplc[["glucose", "ethanol"]].to_numpy()[k])
    axis = whole.columns.to_numpy(dtype=float)
    data = Spectra(
        axis, values[rows], np.array(samples), blocks, ("glucose", "ethanol"), ("g/L", "g/L"), "cm-1"
    )
    return data, values[np.ptp(values, axis=1) > 0.0]


def test_blocks_of_a_real_fermentation_that_were_held_back(
    fermentation: tuple[Spectra, np.ndarray],
) -> None:
    data, whole = fermentation
    held = np.isin(data.groups, ["block1", "block4"])
    rest = [g for g, h in zip(data.groups, held, strict=True) if not h]
    part = replace(data, spectra=data.spectra[~held], reference=data.reference[~held], groups=rest)
    model = fit(part, Settings(950.0, 1500.0))
    found = judged(model, data.spectra[held])
    error = found.values - data.reference[held]
    rmsep = np.sqrt((error**2).mean(axis=0))
    assert rmsep[0] < 2.5, "glucose, of 4 to 45 g/L"
    assert rmsep[1] < 1.0, "ethanol, of 0 to 20 g/L"
    assert (np.abs(error) <= 1.645 * model.sigma).mean() > 0.85
    assert judged(model, whole).quality.count(Quality.GOOD) > 0.95 * len(whole)


def test_a_model_of_standards_does_not_believe_itself_on_a_fermentation(
    fermentation: tuple[Spectra, np.ndarray],
) -> None:
    """Fitted on 21 prepared samples it errs by 8 g/L on the fermentation, and is not believed there."""
    from chemotools.datasets import load_fermentation_train

    standards, hplc = load_fermentation_train()
    groups = [str(i) for i in range(len(standards))]
    data, whole = fermentation
    model = fit(
        Spectra(data.axis, standards.to_numpy(), hplc.to_numpy(), groups, ("glucose",), ("g/L",), "cm-1"),
        Settings(950.0, 1500.0),
    )
    assert model.sigma[0] < 1.5
    assert np.sqrt(((judged(model, data.spectra).values - data.reference[:, :1]) ** 2).mean()) > 5.0
    assert set(judged(model, whole).quality) == {Quality.BAD}


def test_spectra_of_a_sample_stay_together_when_references_are_shuffled(monkeypatch) -> None:
    seen: list[Spectra] = []
    data = given()
    twice = replace(
        data,
        spectra=np.repeat(data.spectra, 2, axis=0),
        reference=np.repeat(data.reference, 2, axis=0),
        groups=[g for g in data.groups for _ in range(2)],
        samples=[f"s{i // 2}" for i in range(2 * len(data.spectra))],
    )

    def watched(dealt: Spectra, settings: Settings):
        seen.append(dealt)
        return 1, dealt.reference, dealt.reference[None]

    monkeypatch.setattr("twin.learning.spectral_shuffled.chosen", watched)
    steps: list[int] = []
    shuffled(twice, Settings(window=11), np.ones(2), 3, steps.append)
    assert steps == [1, 1, 1]
    for dealt in seen:
        assert np.array_equal(dealt.reference[::2], dealt.reference[1::2])
        assert not np.array_equal(dealt.reference, twice.reference)
        assert sorted(map(tuple, dealt.reference)) == sorted(map(tuple, twice.reference)), "pairs stay pairs"
        assert dealt.groups == twice.groups


def test_how_many_fits_may_be_as_good() -> None:
    errors = np.linspace(1.0, 2.0, 20)[:, None] * np.ones(3)
    found = Shuffled(np.array([0.5, 1.0, 3.0]), errors)
    assert found.p == pytest.approx([1 / 21, 2 / 21, 1.0])
    assert found.better == (True, False, False)
