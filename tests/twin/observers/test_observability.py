"""What sensors let a filter know, where the answer is plain."""

import numpy as np
import pytest

from twin.observers.observability import doubt, slopes
from twin.observers.ukf import Belief
from twin.processes import cho_fedbatch
from twin.processes.base import Array, Output, State


class Two:
    """Two quantities that know nothing of each other, each with a probe; the first has an assay too."""

    id, version, frame_s = "two", "1", 3600.0
    states = (State("a", "1", 0.0, 1.0, 0.0), State("b", "1", 0.0, 1.0, 0.0))
    inputs = ()
    outputs = (Output("a", "1", 1.0), Output("b", "1", 1.0), Output("a_lab", "1", 0.1, assay=True))

    def advance(self, x: Array, u: Array, hours: float) -> Array:
        return x

    def observe(self, x: Array, u: Array) -> Array:
        return x[..., [0, 1, 0]]


def noise(expected: Array) -> Array:
    return np.array([1.0, 1.0, 0.01])


def shares(*alive: bool) -> Array:
    belief = Belief(np.zeros(2), np.eye(2))
    found = doubt(Two(), belief, np.zeros(0), np.array(alive), noise, np.ones(2))
    return found.shares(np.eye(2))


def test_a_state_without_a_sensor_is_not_known_and_the_others_as_the_exact_filter_says():
    known = shares(True, False, False)
    assert known[0] == pytest.approx(1.0 - 1.0 / np.sqrt(1.0 + 24.0))
    assert known[1] == pytest.approx(0.0, abs=1e-12)
    assert shares(False, True, False)[1] == pytest.approx(known[0])


def test_one_sample_counts_once_in_a_day():
    assert shares(False, False, True)[0] == pytest.approx(1.0 - 1.0 / np.sqrt(1.0 + 100.0))


def test_no_sensor_no_knowledge():
    assert shares(False, False, False) == pytest.approx([0.0, 0.0], abs=1e-12)


def test_a_dead_pH_probe_and_no_samples_leave_pH_open_and_oxygen_known():
    process = cho_fedbatch.build({})
    mean, sd = process.begin(None, 72.0)
    names = [s.name for s in process.states]
    mean[names.index("log_kLa")] = 1.5
    inputs = np.array([i.default for i in process.inputs])
    inputs[0] = 0.01
    belief = Belief(mean, np.diag((0.05 * sd) ** 2))
    sds = np.array([o.sd for o in process.outputs])
    relative = np.array([o.relative for o in process.outputs])

    def variance(expected: Array) -> Array:
        return sds**2 + (relative * expected) ** 2

    slope = slopes(belief, lambda x: process.derive(x, inputs), sd + 1e-6)
    place = {q.name: i for i, q in enumerate(process.quantities)}
    online = np.array([not o.assay for o in process.outputs])

    def known(*dead: str) -> Array:
        alive = online & np.array([o.name not in dead for o in process.outputs])
        found = doubt(process, belief, inputs, alive, variance, sd + 1e-6)
        return found.shares(slope)

    all_alive, without = known(), known("pH", "pCO2", "conductivity", "offgas_CO2")
    assert all_alive[place["est_pH_true"]] > 0.8
    assert without[place["est_pH_true"]] < all_alive[place["est_pH_true"]] - 0.3
    assert without[place["est_pO2_true"]] > 0.8
    assert all_alive[place["est_titre"]] < 0.05, "no probe speaks of the product"


def test_what_more_doubt_about_one_state_leaves_is_what_a_day_begun_with_it_leaves():
    process = cho_fedbatch.build({})
    mean, sd = process.begin(None, 72.0)
    belief, inputs = Belief(mean, np.diag((0.05 * sd) ** 2)), np.array([i.default for i in process.inputs])
    prior, alive = sd + 1e-6, np.array([not o.assay for o in process.outputs])

    def variance(expected: Array) -> Array:
        return np.array([o.sd**2 for o in process.outputs])

    usual = doubt(process, belief, inputs, alive, variance, prior)
    more = 8.0 * prior**2
    found = usual.shares_of_more(np.arange(prior.size), more)
    for place in range(prior.size):
        wider = np.where(np.arange(prior.size) == place, np.sqrt(prior**2 + more), prior)
        known = doubt(process, belief, inputs, alive, variance, wider).shares(np.eye(prior.size))
        assert found[place] == pytest.approx(known[place], abs=1e-9)
    assert found.max() > 0.5
    assert found.min() < 0.05
