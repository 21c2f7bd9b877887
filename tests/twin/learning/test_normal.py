"""Learning from good runs: beside scikit-learn, live beside learnt, and faults that must show."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from twin.domain.errors import ConfigError
from twin.learning import normal as learning
from twin.learning.windows import Windows, mean_of, quantiles_of, variance_of
from twin.monitors.normal import NormalScorer, contributions, distances, leading
from twin.monitors.normal_standing import Standing

WINDOW_S = 720.0
TAGS = ["a", "b", "c", "flow"]


def made(count, seed, fault=None):
    """Runs of 40 h of three signals that share two causes, and a flow that follows one of them."""
    rng = np.random.default_rng(seed)
    t, hours = 200, np.arange(200) * 0.2
    causes = rng.standard_normal((count, t, 2)).cumsum(1) * 0.15
    a = causes[..., 0]
    b = causes[..., 1]
    c = 0.7 * a - 0.4 * b
    flow = 0.5 * b + 0.2 * a
    means = (
        np.stack((a, b, c, flow), -1) + 0.1 * rng.standard_normal((count, t, 4)) + np.sin(hours / 6)[:, None]
    )
    scatters = rng.chisquare(11, (count, t, 4)) / 11 * 0.04
    if fault:
        fault(means, scatters)
    return Windows(tuple(f"r{seed}-{k}" for k in range(count)), means, scatters)


@pytest.fixture(scope="module")
def model():
    return learning.learn(made(40, 1), made(30, 2), TAGS, ["1"] * 4, WINDOW_S, 0.2)


def test_residuals_are_those_of_scikit_learns_ridge():
    train = made(24, 3)
    model = learning.fit(train, TAGS, ["1"] * 4, WINDOW_S)
    deviation = (train.means - model.mean) / model.scale
    rows = learning.bands(deviation, WINDOW_S, learning.TAUS_H).reshape(-1, 20)
    own = np.arange(20) % 4 == 2
    spread = np.sqrt((rows[:, ~own] ** 2).mean(0)) + 1e-9
    target = rows[:, own] @ model.targets[3]
    found = model.everywhere.reshape(7, 4, 20)[3, 2]
    oracles = [
        Ridge(alpha=ridge * len(rows), fit_intercept=False, tol=1e-12).fit(rows[:, ~own] / spread, target)
        for ridge in learning.RIDGES
    ]
    assert any(np.allclose(found[~own], -o.coef_ / spread, rtol=1e-6, atol=1e-9) for o in oracles)
    assert np.array_equal(found[own], model.targets[3])


def test_t2_and_spe_are_those_of_scikit_learns_pca():
    train = made(24, 4)
    one = learning.fit_steady(train.means[0], TAGS, ["1"] * 4, WINDOW_S, learning.TAUS_H)
    began = np.concatenate((np.zeros((1, 4)), (train.means[0] - one.mean[0]) / one.scale))
    rows = learning.bands(began[None], WINDOW_S, learning.TAUS_H)[0, 1:] / one.feature_sd[0]
    kept = one.loadings.shape[2]
    oracle = PCA(kept, svd_solver="full").fit(np.concatenate((rows, -rows)))
    scores = oracle.transform(rows)
    ours_t2, ours_spe = distances(one, rows * one.feature_sd[0], 0)
    variances = oracle.explained_variance_ * (2 * len(rows) - 1) / (2 * len(rows))
    assert np.allclose(ours_t2, (scores**2 / variances).sum(1), rtol=1e-6)
    assert np.allclose(ours_spe, ((rows - oracle.inverse_transform(scores)) ** 2).sum(1), atol=1e-8)


def test_contributions_sum_to_the_statistics_and_name_the_tag(model):
    features = np.zeros(20)
    features[2::4] = 8.0
    t2, spe = contributions(model, features, 3)
    whole = distances(model, features, 3)
    assert t2.sum() == pytest.approx(float(whole[0]))
    assert spe.sum() == pytest.approx(float(whole[1]))
    assert int(spe.argmax()) == 2


def test_one_batch_and_many_side_by_side_are_judged_alike(model):
    runs = made(5, 6)
    held = learning.scores(model, runs)
    for k in range(5):
        scorer = NormalScorer(model)
        for w in range(200):
            score = scorer.step(runs.means[k, w], runs.scatters[k, w], w)
            if w >= learning.settled(model):
                assert np.allclose(score.tags, held[w, k, :4], rtol=1e-9)


def test_the_stated_rate_is_kept_on_runs_that_were_neither_fitted_nor_calibrated_with():
    stated = 3.0
    model = learning.learn(made(60, 7), made(60, 8), TAGS, ["1"] * 4, WINDOW_S, stated)
    further = made(120, 9)
    begun = sum(map(len, learning.begins(learning.scores(model, further), model.threshold, WINDOW_S)))
    hours = 120 * (200 - learning.settled(model)) * 0.2
    expected = stated * hours / 100
    assert 0.5 * expected < begun < 1.8 * expected, f"{begun} findings, {expected:.0f} stated"
    assert model.about["reached_per_100h"] <= stated


def drift(means, scatters):
    means[:, 100:, 2] += 0.05 * np.arange(100)


def stuck(means, scatters):
    scatters[:, 100:, 1] = 0.0


def noisy(means, scatters):
    scatters[:, 100:, 0] *= 6.0


def lead_at(model, runs, run, window):
    scorer = NormalScorer(model)
    scores = [scorer.step(runs.means[run, w], runs.scatters[run, w], w) for w in range(window + 1)]
    return leading(model, scores[-1])[0]


@pytest.mark.parametrize(("fault", "tag", "within"), [(drift, 2, 60), (stuck, 1, 6), (noisy, 0, 6)])
def test_a_fault_is_found_on_the_right_tag(model, fault, tag, within):
    runs = made(10, 10, fault)
    held = learning.scores(model, runs)
    begun = learning.begins(held, model.threshold, WINDOW_S)
    found = [next((w for w in run if w >= 100), None) for run in begun]
    hits = [w for w in found if w is not None and w < 100 + within]
    assert len(hits) >= 9
    leads = [lead_at(model, runs, k, w) for k, w in enumerate(found) if w is not None]
    assert leads.count(tag) >= 8


def test_a_missing_signal_says_nothing_and_spoils_nothing(model):
    runs = made(4, 11)
    whole = learning.scores(model, runs)
    runs.means[:, 60:80, 1], runs.scatters[:, 60:80, 1] = np.nan, np.nan
    held = learning.scores(model, runs)
    assert np.isfinite(held).all()
    assert np.all(held[60:80, :, 1] == 0.0)
    assert np.array_equal(held[:60], whole[:60])


def partly(seed, first, last):
    """Runs that have values from one window to another only, on the grid of the whole."""
    runs = made(8, seed)
    for values in (runs.means, runs.scatters):
        values[:, :first], values[:, last:] = np.nan, np.nan
    return runs


@pytest.mark.parametrize(("first", "last", "hours"), [(0, 70, 8 * 9.0), (130, 200, 8 * 14.0)])
def test_hours_in_which_a_calibration_run_has_no_value_allow_no_finding(first, last, hours):
    stated = 100.0 / (8 * 30.0)
    model = learning.learn(made(40, 1), partly(12, first, last), TAGS, ["1"] * 4, WINDOW_S, stated)
    assert model.about["calibration_h"] == pytest.approx(hours)
    assert model.about["reached_per_100h"] == 0.0


def test_hours_past_all_good_runs_are_not_counted():
    train, calibration = made(40, 1), made(8, 2)
    for runs in (train, calibration):
        runs.means[:, :, 3] = np.arange(200.0)
    calibration.means[:, 120:, 3] += 1000.0
    model = learning.learn(train, calibration, TAGS, ["1"] * 4, WINDOW_S, 1.0, "flow")
    assert model.about["calibration_h"] < 8 * (120 * 0.2)


def test_calibration_runs_that_end_before_anything_is_judged_are_refused():
    with pytest.raises(ConfigError, match="no value that is judged; those with values after the first 5 h"):
        learning.learn(made(40, 1), partly(12, 0, 20), TAGS, ["1"] * 4, WINDOW_S, 1.0)


def test_windows_without_values_and_a_tag_without_any_leave_the_others_as_they_are():
    whole, gaps = made(24, 3), made(24, 3)
    for values in (gaps.means, gaps.scatters):
        values[:, 190:], values[1:, 180:190], values[:, :, 3] = np.nan, np.nan, np.nan
    known, model = (learning.fit(runs, TAGS, ["1"] * 4, WINDOW_S) for runs in (whole, gaps))
    assert np.array_equal(model.mean[:180, :3], known.mean[:180, :3])
    assert np.array_equal(model.mean[190:, :3], np.tile(model.mean[189, :3], (10, 1)))
    assert np.array_equal(model.low[:180, :3], known.low[:180, :3])
    assert np.isfinite(model.noise_sd).all()
    assert np.isfinite(model.local).all()


def test_statistics_over_runs_are_numpys_where_enough_came_and_nan_elsewhere():
    values = made(9, 5).means
    values[:, 3, 0], values[1:, 4, 0], values[4:, 5, 0] = np.nan, np.nan, np.nan
    assert np.isnan(mean_of(values)[3, 0])
    assert mean_of(values)[4, 0] == values[0, 4, 0]
    assert np.isnan(variance_of(values)[3:5, 0]).all()
    assert variance_of(values)[5, 0] == pytest.approx(values[:4, 5, 0].var(ddof=1))
    low, high = quantiles_of(values, (0.05, 0.95))
    assert np.allclose((low[6:], high[6:]), np.quantile(values[:, 6:], (0.05, 0.95), axis=0))
    assert np.isnan(low[3, 0])


def test_too_few_runs_are_refused():
    with pytest.raises(ConfigError, match="3 runs to fit and 2 to calibrate came"):
        learning.learn(made(3, 1), made(2, 2), TAGS, ["1"] * 4, WINDOW_S, 1.0)


def test_what_comes_together_counts_once_and_what_comes_back_counts_again():
    book = Standing((2,), 1.0, 3600.0)
    scores = {0: (2, 0), 1: (2, 0), 3: (2, 2), 4: (0, 2), 12: (0, 2), 20: (2, 2)}
    new = [w for w in range(24) if bool(book.step(np.array(scores.get(w, (0.0, 0.0)), dtype=float), w))]
    assert new == [0, 12, 20]
