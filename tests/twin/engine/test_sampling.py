"""What a result is promised to take from the doubt is what the twin's own filter then finds."""

from dataclasses import replace

import numpy as np
import pytest
from test_forecast import CULTURE, assays, culture

from twin.domain.tag import Tag, TagKind
from twin.engine import sampling
from twin.engine.forecast import HOUR, Forecaster, Question
from twin.engine.mind import Mind, Stepper, Turn
from twin.engine.usual import Usual
from twin.observers.consistency import Consistency
from twin.observers.observability import slopes
from twin.observers.rewind import Row
from twin.observers.ukf import Belief, factor
from twin.processes.base import Array, Process

NOW = CULTURE.batch.start_ns + 72 * HOUR if CULTURE.batch else 0
LABORATORY = ("VCD", "viability", "glucose", "lactate", "ammonia", "titre", "pH_lab", "pCO2_lab")
TAGS = tuple(Tag("R1", n, "", "1", 0.0, 200.0, 0.1, kind=TagKind.ASSAY) for n in LABORATORY)
SET_POINTS = {"pH_sp": 7.05, "pO2_sp": 40.0}


def asked(delays: dict[str, float], wider: float = 25.0) -> Question:
    """A question with a belief whose variances are `wider` than a hundredth of those at a begin."""
    forecaster, here = culture(72.0)
    vessel = replace(CULTURE, tags=TAGS)
    here = replace(here, belief=Belief(here.belief.mean, wider * here.belief.cov))
    return Question(Forecaster(vessel, forecaster.process), NOW, here, SET_POINTS, delays)


class Filter:
    """The twin's own filter and bank, by frames of 120 s, with readings as the model expects them."""

    def __init__(self, question: Question) -> None:
        self.process: Process = question.forecaster.process
        self.stepper, here = Stepper(self.process, ()), question.present
        self.alive = here.alive & ~assays(self.process)
        usual = Usual.of(here.belief, self.stepper.biases)
        fresh = Consistency.new(len(self.process.outputs))
        self.mind = Mind(here.belief, self.stepper.bank.empty(), usual, fresh)
        self.path = question.forecaster.path(here, SET_POINTS, sampling.STEP_H, 30.0)

    def run(self, until_h: float, assay: str = "", drawn_h: float = 0.0) -> "Filter":
        frame_ns = int(self.process.frame_s * 1e9)
        place = next((i for i, o in enumerate(self.process.outputs) if o.name == assay), -1)
        for k in range(round(until_h * HOUR / frame_ns)):
            end_ns = (k + 1) * frame_ns
            u = self.path[int((end_ns - 1) / HOUR / sampling.STEP_H)]
            expected = self.process.observe(
                self.process.advance(self.mind.belief.mean, u, frame_ns / HOUR), u
            )
            readings = np.where(self.alive, expected, np.nan)
            if place >= 0 and end_ns == round(drawn_h * HOUR):
                readings[place] = expected[place]
            none = np.zeros(len(self.process.inputs), bool)
            mute = np.zeros(len(self.process.hypotheses), bool)
            row = Row(
                NOW + end_ns - frame_ns,
                NOW + end_ns,
                u,
                np.zeros_like(u),
                readings,
                np.ones(readings.size),
                none,
                mute,
            )
            self.stepper.step([Turn(self.mind, row)])
        return self

    def variance(self) -> Array:
        u, belief = self.path[-1], self.mind.belief
        slope = slopes(belief, lambda x: self.process.derive(x, u), self.stepper.scale)
        return np.asarray(np.einsum("qi,ij,qj->q", slope, belief.cov, slope))


@pytest.mark.parametrize(
    ("assay", "drawn_h", "delay_h"), [("glucose", 6.0, 4.0), ("VCD", 1.0, 2.0), ("pH_lab", 12.0, 3.0)]
)
def test_a_result_takes_what_was_promised(assay: str, drawn_h: float, delay_h: float):
    question = asked({assay: delay_h})
    found = next(s for s in question.next_samples() if s.tag == f"R1.{assay}" and s.in_h == drawn_h)
    assert (found.drawn_ns, found.known_ns) == (
        NOW + round(drawn_h * HOUR),
        NOW + round((drawn_h + delay_h) * HOUR),
    )
    without = Filter(question).run(drawn_h + delay_h)
    with_it = Filter(question).run(drawn_h + delay_h, assay, drawn_h)
    before, after = without.variance(), with_it.variance()
    names = [q.name for q in without.process.quantities]
    shares = {d.name: d.share for d in found.doubts}
    taken = dict(zip(names, 1.0 - after / before, strict=True))
    big = [n for n in names if max(taken[n], shares[n]) > 0.05]
    assert big, "an assay that moves nothing would prove nothing"
    for name in big:
        assert shares[name] == pytest.approx(taken[name], rel=0.10, abs=0.01), name
    told = {d.name: d.before for d in found.doubts}
    for name, variance in zip(names, before.tolist(), strict=True):
        if name in big:
            assert told[name] == pytest.approx(variance**0.5, rel=0.1), name


def test_the_information_on_a_fault_is_what_the_bank_then_has():
    question = asked({"pH_lab": 2.0}, wider=5.0)
    found = next(s for s in question.next_samples() if s.tag == "R1.pH_lab" and s.in_h == 24.0)
    runs = Filter(question).run(26.0), Filter(question).run(26.0, "pH_lab", 24.0)
    less, more = (f.mind.evidence.information[f.mind.evidence.onset.argmin()] for f in runs)
    process = runs[0].process
    place = next(i for i, h in enumerate(process.hypotheses) if h.code == "ph_probe_drift")
    prior = 1.0 / sampling._size(process.hypotheses[place]) ** 2
    share = 1.0 - (prior + less[place]) / (prior + more[place])
    told = {s.name: s.share for s in found.faults}["ph_probe_drift"]
    assert share > 0.05
    assert told == pytest.approx(share, rel=0.1)


def test_what_is_known_already_is_not_asked_for_and_an_earlier_result_helps_longer():
    """The same belief with glucose known to 1 %: another assay comes first."""
    question = asked({})
    names = [s.name for s in question.forecaster.process.states]
    cov = question.present.belief.cov.copy()
    first = question.next_samples()
    assert [s.worth for s in first] == sorted((s.worth for s in first), reverse=True)
    place = names.index("G")
    cov[place, :] *= 1e-3
    cov[:, place] *= 1e-3
    known = replace(
        question, present=replace(question.present, belief=Belief(question.present.belief.mean, cov))
    )

    def early(samples, assay: str = "R1.glucose") -> float:
        found = next(s for s in samples if s.tag == assay and s.in_h == 1.0)
        return next(d.share for d in found.doubts if d.name == "est_glucose")

    assert early(known.next_samples()) < 0.2 * early(first)
    factor(cov, np.ones(len(names)))  # still a covariance


def test_a_late_laboratory_is_worth_less_and_takes_no_more_than_all():
    soon, late = (asked(dict.fromkeys(LABORATORY, h)).next_samples() for h in (1.0, 24.0))
    worth = [max(s.worth for s in found if s.in_h == 1.0) for found in (soon, late)]
    assert worth[1] < worth[0]
    for each in (*soon, *late):
        assert all(0.0 <= d.share <= 1.0 and d.after <= d.before for d in each.doubts)
    assert asked({"glucose": 500.0}).next_samples()[0].known_ns <= NOW + 72 * HOUR


def test_only_assays_of_the_vessel_are_named_and_without_any_there_is_none():
    question = asked({})
    assert {s.tag for s in question.next_samples()} == {f"R1.{n}" for n in LABORATORY}
    process = question.forecaster.process
    bare = replace(question, forecaster=Forecaster(replace(CULTURE, tags=()), process))
    assert bare.next_samples() == ()
