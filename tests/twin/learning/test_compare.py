"""Runs beside others: phases, what differed first, intervals and capability; scipy is the oracle."""

import numpy as np
import pytest
from scipy import stats

from twin.learning.compare import Phase, capability, departures, phase_values, phases_of, student_975
from twin.learning.windows import Windows

WINDOW_S = 3600.0


def runs(count, seed):
    """Two tags: one rises for 40 h, rests to 70 h and falls to 100 h; one rests."""
    rng = np.random.default_rng(seed)
    t = np.arange(100)
    course = np.interp(t, (0, 40, 70, 99), (0.0, 40.0, 40.0, 10.0))
    means = np.stack((np.tile(course, (count, 1)), np.full((count, 100), 5.0)), -1)
    means += rng.standard_normal((count, 1, 2)) * 0.5 + rng.standard_normal((count, 100, 2)) * 0.2
    return Windows(tuple(f"r{k}" for k in range(count)), means, np.ones_like(means))


def test_phases_end_where_the_course_bends():
    found = phases_of(runs(20, 1), 3)
    assert found[0].first == 0
    assert abs(found[1].first - 40) <= 2
    assert abs(found[2].first - 70) <= 2
    assert found[-1].last == 100


def test_what_differed_first_comes_first_with_its_sign():
    others = runs(2, 5)
    others.means[0, 50:, 1] -= 4.0
    others.means[1, 30:, 0] += 6.0
    found = departures(runs(60, 1), others, WINDOW_S)
    assert [(d.run, d.tag) for d in found] == [(1, 0), (0, 1)]
    assert [abs(d.window - w) <= 1 for d, w in zip(found, (30, 50), strict=True)] == [True, True]
    assert found[0].spreads > 3
    assert found[1].spreads < -3


def test_runs_like_the_others_do_not_differ():
    assert departures(runs(60, 1), runs(3, 5), WINDOW_S) == []


def test_the_interval_is_welchs():
    reference, others = runs(12, 1), runs(7, 2)
    others.means[:, :, 1] += 0.8
    found = phase_values(reference, others, Phase(10, 60), 1, WINDOW_S)
    a, b = (r.means[:, 10:60, 1].mean(1) for r in (others, reference))
    oracle = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert found.difference == pytest.approx(float(a.mean() - b.mean()))
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), rel=5e-3)
    assert found.inside == pytest.approx(float(np.mean(np.abs(a - b.mean()) <= 3 * b.std(ddof=1))))


def test_a_run_that_has_no_value_in_a_phase_does_not_count_in_it():
    reference, others, phase = runs(60, 1), runs(3, 5), Phase(60, 100)
    reference.means[50:, 50:], others.means[2:, 50:] = np.nan, np.nan
    reference.means[:, 90:] = np.nan
    found = phase_values(reference, others, phase, 1, WINDOW_S)
    fewer = [Windows(r.names[:k], r.means[:k], r.scatters[:k]) for r, k in ((reference, 50), (others, 2))]
    alone = phase_values(*fewer, phase, 1, WINDOW_S)
    assert (found.mean, found.spread, found.inside) == (alone.mean, alone.spread, alone.inside)
    assert (found.low, found.high) == (alone.low, alone.high)
    assert np.isnan(found.others[2:]).all()
    assert departures(reference, others, WINDOW_S) == []
    nothing = phase_values(reference, Windows(("r2",), others.means[2:], others.scatters[2:]), phase, 1, 1.0)
    assert np.isnan((nothing.difference, nothing.inside)).all()


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7.5, 30, 1000])
def test_students_quantile_is_within_one_per_cent(freedom):
    assert student_975(freedom) == pytest.approx(float(stats.t.ppf(0.975, freedom)), rel=0.01)


def test_slope_is_per_hour_in_the_tags_unit():
    found = phase_values(runs(10, 1), runs(2, 2), Phase(0, 40), 0, WINDOW_S)
    assert found.slope == pytest.approx(1.0, abs=0.02)
    assert found.other_slopes == pytest.approx((1.0, 1.0), abs=0.02)


def test_one_run_has_no_interval():
    assert np.isnan(phase_values(runs(10, 1), runs(1, 2), Phase(0, 40), 0, WINDOW_S).low)


def test_capability_is_the_nearer_limit_over_three_spreads():
    values = np.random.default_rng(3).normal(7.0, 0.1, 40)
    found = capability(values, 6.6, 7.6)
    assert found is not None
    assert found.cpk == pytest.approx((values.mean() - 6.6) / (3 * values.std(ddof=1)))
    assert found.low < found.cpk < found.high
    assert capability(values, None, None) is None
    assert capability(values[:4], 6.6, None) is None
