"""Calibration from counts: known parameters come back, what data do not say is named, forecasts cover."""

import numpy as np
import pytest

from twin.domain.errors import ConfigError
from twin.learning.calibrate import fit
from twin.learning.calibration import Counts, in_words
from twin.learning.left_out import forecast, leave_one_out, overall
from twin.processes import cho_fedbatch
from twin.processes.cho_growth import STATES, build

S = {s.name: i for i, s in enumerate(STATES)}
TRUE = {"mu0": 0.042, "X_max": 17.0, "inoculum": 0.5}
KEPT = {name: value for name, value in ((p.name, p.value) for p in build({}).parameters) if name not in TRUE}
NOTHING = np.zeros(0)


def culture(rng, name, hours, parameters=TRUE, noise=1.0):
    """Counts of a culture that differs from the others as the model says; solved by steps of half an hour."""
    model = build(parameters)
    x, _ = model.begin(None, 0.0)
    for state, spread in (("log_Xv", 0.1), ("log_mu", 0.06), ("log_X_max", 0.08)):
        x[S[state]] += spread * rng.standard_normal()
    rows, age = [], 0.0
    for hour in hours:
        while age < hour - 1e-9:
            x = model.advance(x, NOTHING, 0.5)
            age += 0.5
        viable, viability = model.observe(x, NOTHING)
        rows.append(
            [
                viable * np.exp(0.06 * noise * rng.standard_normal()),
                viability + 0.6 * noise * rng.standard_normal(),
            ]
        )
    return Counts(name, name.split("-")[0], np.array(hours, dtype=float), np.array(rows))


def cultures(seed, hours=tuple(range(0, 265, 24)), count=12, **more):
    rng = np.random.default_rng(seed)
    return [culture(rng, f"{'ABC'[k % 3]}-R{k}", hours, **more) for k in range(count)]


@pytest.fixture(scope="module")
def found():
    return fit(build, cultures(1), KEPT)


def test_known_parameters_come_back_within_their_intervals(found):
    for one in found.estimates:
        true = TRUE[one.parameter.name]
        assert one.low < true < one.high, one
        assert one.determined
        assert one.error < 0.12 * true, "an interval that says nothing would also hold the truth"
    assert found.spread["log_mu"] == pytest.approx(0.06, rel=0.8)
    assert found.spread["log_X_max"] == pytest.approx(0.08, rel=0.8)


def test_the_size_of_residuals_is_found_beside_what_the_model_declares(found):
    viable, viability = found.residuals
    assert viable.factor == pytest.approx(0.06 / 0.08, rel=0.3)
    assert viability.factor == pytest.approx(0.6, rel=0.3)
    assert (viable.count, viability.count) == (144, 144)
    assert abs(viability.bias) < 0.2


def test_a_capacity_that_no_culture_came_near_is_named_with_what_it_trades_off_with():
    kept = {name: value for name, value in KEPT.items() if name != "theta"}
    early = fit(build, cultures(2, hours=range(0, 61, 12)), kept)
    poor = {e.parameter.name for e in early.estimates if not e.determined}
    assert "mu0" not in poor
    assert poor & {"X_max", "theta"}
    words = [w for w in in_words(early) if w.startswith(("X_max", "theta"))]
    assert any("determine" in w for w in words), words
    correlation = early.correlation()
    a, b = early.names.index("X_max"), early.names.index("theta")
    assert abs(correlation[a, b]) <= 1.0
    np.testing.assert_allclose(np.diag(correlation), 1.0)


def test_a_culture_that_collapsed_moves_the_law_little(found):
    runs = cultures(1)
    runs[0].values[-3:] = [[1.0, 5.0], [0.8, 4.0], [0.5, 3.0]]
    runs[1].values[-2:] = [[2.0, 11.0], [1.5, 8.0]]
    shifted = fit(build, runs, KEPT)
    assert shifted.residuals[1].outlying >= 5
    for before, after in zip(found.estimates, shifted.estimates, strict=True):
        assert abs(after.parameter.value - before.parameter.value) < 2.0 * before.error, after.parameter.name


def test_a_missing_count_is_left_out_and_not_taken_for_a_number():
    runs = cultures(3, hours=range(0, 97, 24), count=6)
    for run in runs:
        run.values[3, 1] = np.nan
    assert [r.count for r in fit(build, runs, KEPT).residuals] == [30, 24]


def test_forecasts_of_left_out_groups_beat_the_baselines_and_their_band_holds():
    told = leave_one_out(build, cultures(4, hours=range(0, 241, 24), count=6), 122.0, given=KEPT)
    assert [f.group for f in told] == ["A", "B", "C"]
    everything = overall(told)
    assert len(everything.seen) == 6 * 5, "counts after 122 h, each once"
    assert (everything.hours > 122.0).all()
    errors = everything.errors()
    assert errors["twin"] < errors["last value"]
    assert errors["twin"] < errors["mean curve"]
    assert 0.75 <= everything.covered() / len(everything.seen) <= 1.0


def test_a_forecast_does_not_depend_on_what_came_later(found):
    run = cultures(5, count=1)[0]
    mean, sd = forecast(found, run, 122.0)
    later = run.hours > 122.0
    run.values[later] *= 3.0
    again, sd_again = forecast(found, run, 122.0)
    np.testing.assert_array_equal(mean, again)
    np.testing.assert_array_equal(sd, sd_again)
    assert sd[later, 0].max() > sd[~later, 0].max()


def test_a_run_first_counted_after_the_cut_is_not_forecast():
    runs = cultures(6, hours=range(0, 193, 24), count=5)
    runs[0].values[:6, 0] = np.nan
    told = leave_one_out(build, runs[:2] + runs[3:], 122.0, given=KEPT)
    assert [(f.group, len(f.seen)) for f in told] == [("A", 3), ("B", 6)]


def test_what_can_not_be_calibrated_is_refused():
    with pytest.raises(ConfigError, match="driven by"):
        fit(cho_fedbatch.build, cultures(1))
    with pytest.raises(ConfigError, match="give more runs"):
        fit(build, cultures(1, hours=(0, 24), count=2))
    with pytest.raises(ConfigError, match="two groups"):
        leave_one_out(build, cultures(1)[::3], 122.0)
    with pytest.raises(ConfigError, match="before and after"):
        leave_one_out(build, cultures(1), 900.0, given=KEPT)
