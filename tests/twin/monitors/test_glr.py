"""The bank of likelihood ratios on a small linear plant whose answers are known."""

import numpy as np
import pytest

from twin.domain.event import Verdict
from twin.monitors.glr import Bank
from twin.observers.ukf import Belief, correct, predict
from twin.processes.base import Hypothesis, Shape

MINUTE = 60 * 10**9
F = np.array([[0.98, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
H = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
Q, R = np.array([1e-3, 1e-6, 1e-6]), np.array([0.02, 0.02])
FAULTS = (
    Hypothesis("first_probe", Verdict.SENSOR, "bias1", Shape.RAMP, 0.0, "y0"),
    Hypothesis("second_probe", Verdict.SENSOR, "bias0", Shape.RAMP, 0.0, "y1"),
    Hypothesis("process", Verdict.PROCESS, "level", Shape.STEP, 0.0),
)
NAMES = ("level", "bias0", "bias1")


def run(seed: int, hours: float, onset_h: float = np.inf, rate: float = 0.0, step: float = 0.0):
    """Innovations, beliefs and evidence for a ramp in the first probe or a step of the level."""
    rng = np.random.default_rng(seed)
    bank, known = Bank(FAULTS, NAMES), None
    known = bank.empty()
    start = np.array([0.1, 1e-3, 1e-3])
    x, belief = np.sqrt(start) * rng.normal(size=3), Belief(np.zeros(3), np.diag(start))
    innovations, means = [], []
    for k in range(round(hours * 60)):
        x = F @ x + np.sqrt(Q) * rng.normal(size=3)
        if k / 60 >= onset_h:
            x[2] += rate / 60
        if round(onset_h * 60) == k if np.isfinite(onset_h) else False:
            x[0] += step
        y = H @ x + np.sqrt(R) * rng.normal(size=2)
        prior = predict(belief, lambda z: z @ F.T, Q, np.ones(3))
        done = correct(
            prior.belief, lambda z: z @ H.T, y, lambda _: R, np.ones(2, bool), np.ones(3), np.full(2, 1e9)
        )
        bank.step(
            known,
            k * MINUTE,
            (k + 1) * MINUTE,
            prior.F,
            done.H,
            done.K,
            np.linalg.inv(done.S),
            done.innovation,
        )
        belief = done.belief
        innovations.append(done.innovation)
        means.append(belief.mean)
    return np.array(innovations), np.array(means), bank, known


def test_signature_is_what_the_fault_does_to_the_filter() -> None:
    healthy_inn, healthy, _, known = run(1, 8.0)
    place = int(np.argmin(np.abs(known.onset - 5 * 60 * MINUTE)))
    onset = int(known.onset[place]) / (60 * MINUTE)
    faulty_inn, faulty, _, known = run(1, 8.0, onset, rate=0.2)
    true_change = np.array([0.0, 0.0, 0.2 * (8.0 - onset)])
    error = true_change - (faulty[-1] - healthy[-1])
    assert np.allclose(known.error[place, 0] * 0.2, error, atol=1e-9)
    assert np.abs(faulty_inn - healthy_inn).max() > 0.05


def test_finds_the_fault_its_onset_and_its_size() -> None:
    _, _, bank, known = run(2, 16.0, onset_h=8.0, rate=0.25)
    best = bank.findings(known, 16 * 60 * MINUTE)[0]
    assert best.hypothesis.code == "first_probe"
    assert best.probability > 0.9
    assert best.size == pytest.approx(0.25, rel=0.2)
    assert best.onset_ns / (60 * MINUTE) == pytest.approx(8.0, abs=1.5)
    assert best.total == pytest.approx(0.25 * 8.0, rel=0.2)


def test_score_of_a_healthy_plant_is_standard_normal() -> None:
    scores = []
    for seed in range(40):
        _, _, _, known = run(100 + seed, 3.0)
        scores.append(known.score[0] / np.sqrt(known.information[0]))
    spread = np.std(scores, axis=0)
    assert (spread > 0.6).all()
    assert (spread < 1.45).all()


def test_a_standing_state_and_a_wrong_sign_are_not_findings() -> None:
    _, _, bank, known = run(3, 12.0, onset_h=6.0, rate=0.25)
    codes = [f.hypothesis.code for f in bank.findings(known, 12 * 60 * MINUTE, frozenset({"bias1"}))]
    assert "first_probe" not in codes
    downward = Bank((Hypothesis("down", Verdict.SENSOR, "bias1", Shape.RAMP, 0.0, sign=-1),), NAMES)
    single = downward.empty()
    single.error, single.onset = known.error[:, :1], known.onset
    single.score, single.information = known.score[:, :1], known.information[:, :1]
    late = [f for f in downward.findings(single, 12 * 60 * MINUTE) if f.raw > 20.0]
    assert late == []


def test_slack_limits_what_a_small_change_may_claim() -> None:
    strict = Bank((Hypothesis("x", Verdict.SENSOR, "bias1", Shape.RAMP, 0.0, slack=0.5),), NAMES)
    _, _, _, known = run(4, 12.0, onset_h=6.0, rate=0.25)
    part = strict.empty()
    part.error, part.onset = known.error[:, :1], known.onset
    part.score, part.information = known.score[:, :1], known.information[:, :1]
    found = strict.findings(part, 12 * 60 * MINUTE)[0]
    assert found.ratio <= (found.total / 0.5) ** 2
    assert found.raw > found.ratio


def test_number_of_candidates_is_bounded_and_old_ones_go() -> None:
    _, _, _, known = run(5, 80.0)
    ages = (80 * 60 * MINUTE - known.onset) / (60 * MINUTE)
    assert ages.max() <= 48.0 + 1e-9
    assert ages.size < 40
    gaps = -np.diff(ages)
    assert (gaps[:-2] <= 0.5 * ages[:-3] + 0.51).all()


def test_what_is_forgotten_is_not_told_and_the_rest_is() -> None:
    _, _, bank, known = run(4, 8.0, onset_h=3.0, rate=0.3)
    assert bank.findings(known, 8 * 60 * MINUTE)[0].hypothesis.code == "first_probe"
    bank.forget(known, np.array([True, False, False]))
    assert "first_probe" not in {f.hypothesis.code for f in bank.findings(known, 8 * 60 * MINUTE)}
    assert bank.findings(known, 8 * 60 * MINUTE)
