"""Scenarios: what is changed shows in the forecast as it must, and what can not be answered is refused."""

from dataclasses import replace

import numpy as np
import pytest
from test_forecast import CULTURE, T0, Line, culture, outlook, present, vessel

from twin.domain.errors import InputError
from twin.domain.event import Verdict
from twin.domain.forecast import Forecast
from twin.domain.tag import Limits
from twin.domain.whatif import AS_IT_IS, Change, WhatIf
from twin.engine.forecast import HOUR, Forecaster, Question
from twin.engine.whatif import knobs, planned
from twin.processes import cho_fedbatch, cho_growth
from twin.processes.base import Hypothesis, Shape

HELD = {"pH_sp": 7.05, "pO2_sp": 40.0}
NOW = T0 + 72 * HOUR


class Faulty(Line):
    """The rising quantity with a leak, a growing leak and a probe that drifts."""

    hypotheses = (
        Hypothesis("leak", Verdict.PROCESS, "level", Shape.STEP, 0.1, unit="1", most=50.0),
        Hypothesis("growing_leak", Verdict.PROCESS, "slope", Shape.STEP, 0.1, factor=100.0, most=50.0),
        Hypothesis("drift", Verdict.SENSOR, "level", Shape.RAMP, 0.1, fastest=5.0),
    )


def ask(*changes: Change, **settings: float) -> WhatIf:
    return WhatIf("this", (*changes, *(Change(what, value) for what, value in settings.items())))


def faulty(asked: WhatIf, level: float = 0.0) -> Forecast:
    here = present([level, 0.1], [1e-6, 1e-6])
    return Forecaster(vessel(), Faulty()).make(T0, here, {}, asked)


def asked_of_culture(asked: WhatIf, **belief: float) -> Forecast:
    forecaster, here = culture(72.0)
    names = [s.name for s in forecaster.process.states]
    for name, value in belief.items():
        here.belief.mean[names.index(name)] = value
    return forecaster.make(NOW, here, HELD, asked)


def middle(forecast: Forecast, name: str, hours: int) -> float:
    at = forecast.times_ns.index(forecast.made_ns + hours * HOUR)
    return outlook(forecast, name).middle[at]


def test_a_step_in_the_middle_of_a_stride_comes_when_it_is_asked_for():
    found = faulty(ask(Change("leak", -3.0, 50.5)))
    band = outlook(found, "R1.est_level")
    after = [i for i, t in enumerate(found.times_ns) if t > T0 + 50.5 * HOUR]
    before = [i for i in range(len(found.times_ns)) if i not in after]
    hours = (np.array(found.times_ns) - T0) / HOUR
    assert np.array(band.middle)[before] == pytest.approx(0.1 * hours[before], abs=1e-3)
    assert np.array(band.middle)[after] == pytest.approx(0.1 * hours[after] - 3.0, abs=1e-3)


def test_a_fault_that_changes_a_rate_acts_from_its_time_on():
    found = faulty(ask(Change("growing_leak", -20.0, 25.0)))  # 0.1/h becomes -0.1/h
    assert middle(found, "R1.est_level", 72) == pytest.approx(2.5 - 4.7, abs=1e-3)


def test_a_drift_grows_by_its_rate_and_two_faults_add_up():
    found = faulty(ask(Change("drift", 0.5, 10.0), Change("leak", -2.0, 10.0)))
    assert middle(found, "R1.est_level", 72) == pytest.approx(7.2 + 0.5 * 62.0 - 2.0, abs=1e-3)


def test_a_probe_that_lies_changes_what_is_true_and_readings_are_told_as_those_of_an_honest_one():
    found = asked_of_culture(ask(Change("ph_probe_drift", 0.01, 0.0)))
    plain = asked_of_culture(AS_IT_IS)
    moved = middle(found, "R1.est_pH_true", 24) - middle(plain, "R1.est_pH_true", 24)
    assert moved == pytest.approx(-0.24, abs=0.08), "the loop follows the probe"
    assert middle(found, "R1.pH", 24) == pytest.approx(middle(found, "R1.est_pH_true", 24), abs=0.03)


def test_nothing_changed_is_the_forecast_as_it_is_and_members_meet_the_same_chances():
    forecaster, here = culture(72.0)
    plain = forecaster.make(NOW, here, HELD)
    same = forecaster.make(NOW, here, HELD, ask(pO2_sp=40.0))
    assert outlook(same, "R1.est_titre") == outlook(plain, "R1.est_titre")
    assert outlook(same, "R1.est_pO2_true") == outlook(plain, "R1.est_pO2_true")


def test_feed_set_multiplied_or_steered_moves_glucose():
    plain = middle(asked_of_culture(AS_IT_IS), "R1.est_glucose", 72)
    assert middle(asked_of_culture(ask(feed_factor=2.0)), "R1.est_glucose", 72) > plain + 0.5
    assert middle(asked_of_culture(ask(glucose_sp=9.0)), "R1.est_glucose", 72) > plain + 1.0
    assert middle(asked_of_culture(ask(feed_sp=30.0)), "R1.est_glucose", 72) > plain + 2.0


def test_a_factor_does_not_multiply_itself_while_the_feed_is_held():
    forecaster, here = culture(72.0)
    feed = [i.name for i in forecaster.process.inputs].index("feed_flow")
    here.inputs[feed] = 10.0
    scaled = forecaster.make(NOW, here, HELD, ask(feed_factor=1.5))
    fixed = forecaster.make(NOW, here, HELD, ask(feed_sp=15.0))
    assert middle(scaled, "R1.est_volume", 24) == pytest.approx(middle(fixed, "R1.est_volume", 24), rel=1e-9)


def test_cells_without_glucose_die():
    hungry = asked_of_culture(ask(feed_sp=0.0), G=4.0)
    fed = asked_of_culture(AS_IT_IS, G=30.0)
    assert middle(hungry, "R1.est_VCD", 120) < 0.5 * middle(fed, "R1.est_VCD", 120)
    assert any(e.tag == "R1.viability" and e.probability > 0.8 for e in hungry.exits)


def test_a_colder_culture_grows_and_breathes_less_and_once_only():
    plain, cold = asked_of_culture(AS_IT_IS), asked_of_culture(ask(temperature_sp=33.0))
    later = asked_of_culture(ask(Change("temperature_sp", 33.0, 48.0)))
    assert middle(cold, "R1.est_VCD", 48) < middle(plain, "R1.est_VCD", 48)
    assert middle(later, "R1.est_VCD", 48) == pytest.approx(middle(plain, "R1.est_VCD", 48))
    assert middle(cold, "R1.est_growth_rate", 1) == pytest.approx(
        middle(plain, "R1.est_growth_rate", 1) * np.exp(-4.0 * 0.11), rel=0.1
    )
    assert middle(cold, "R1.est_OUR", 1) == pytest.approx(
        middle(plain, "R1.est_OUR", 1) * np.exp(-4.0 * 0.047), rel=0.1
    )


def test_how_cells_answer_to_cold_is_not_known_for_sure():
    def width(found: Forecast) -> float:
        at = found.times_ns.index(NOW + 48 * HOUR)
        band = outlook(found, "R1.est_growth_rate")
        return (band.high[at] - band.low[at]) / band.middle[at]

    assert width(asked_of_culture(ask(temperature_sp=32.0))) > 1.1 * width(asked_of_culture(AS_IT_IS))


def test_an_earlier_harvest_ends_the_run_with_less_product():
    plain, early = asked_of_culture(AS_IT_IS).harvest, asked_of_culture(ask(harvest=200.0)).harvest
    assert plain is not None
    assert early is not None
    assert (early.at_ns - T0) / HOUR == pytest.approx(200.0)
    assert early.titre[1] < plain.titre[1]
    later = asked_of_culture(ask(harvest=400.0))
    assert (later.times_ns[-1] - T0) / HOUR == pytest.approx(400.0)


def test_lost_transfer_shows_as_a_limit_that_is_left_by_pO2():
    limited = replace(
        CULTURE.tags[0],
        name="pO2",
        quantity="pO2",
        unit="%",
        limits=Limits(low=30.0),
    )
    forecaster, here = culture(120.0)
    own = Forecaster(replace(CULTURE, tags=(*CULTURE.tags, limited)), forecaster.process)
    lost = own.make(T0 + 120 * HOUR, here, HELD, ask(kla_loss=-90.0))
    assert any(e.tag == "R1.pO2" and e.probability > 0.8 for e in lost.exits)
    assert not any(e.tag == "R1.pO2" and e.probability > 0.5 for e in own.make(NOW, here, HELD).exits)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("feed_fator", 1.2), "near it: feed_factor"),
        (Change("zzz", 1.0), "there are feed_sp"),
        (Change("pH_sp", 12.0), "6.6 to 7.4"),
        (Change("feed_factor", float("nan")), "0 to 3"),
        (Change("kla_loss", 20.0), "-95 to 0"),
        (Change("feed_factor", 1.2, -1.0), "ahead would do"),
        (Change("feed_factor", 1.2, 900.0), "ahead would do"),
        (Change("harvest", 50.0), "72.0 h old already"),
    ],
)
def test_what_can_not_be_answered_is_refused_with_what_would_do(change: Change, words: str):
    with pytest.raises(InputError, match=words):
        asked_of_culture(ask(change))


def test_scenarios_are_asked_together_within_bounds_and_under_names_of_their_own():
    forecaster, here = culture(72.0)
    question = Question(forecaster, NOW, here, HELD)
    names = [k.name for k in question.knobs()]
    assert names[:7] == [
        "feed_sp",
        "feed_factor",
        "glucose_sp",
        "pH_sp",
        "pO2_sp",
        "temperature_sp",
        "harvest",
    ]
    assert {h.code for h in forecaster.process.hypotheses} == set(names[7:])
    answer = question.answer([WhatIf("a", (Change("feed_factor", 1.2),)), WhatIf("b")])
    assert list(answer.scenarios) == ["a", "b"]
    assert answer.scenarios["b"] == answer.base
    for wrong in ([], [WhatIf("a"), WhatIf("a")], [WhatIf(str(i)) for i in range(5)], [WhatIf("")]):
        with pytest.raises(InputError, match="what-if"):
            question.answer(wrong)
    with pytest.raises(InputError, match="21 changes"):
        question.answer([WhatIf("many", (Change("feed_factor", 1.2),) * 21)])


def test_a_model_without_loops_answers_to_the_harvest_and_its_faults_only():
    process = cho_growth.build({})
    names = [k.name for k in knobs(process, replace(CULTURE, process="cho_growth"))]
    assert names == ["harvest", *(h.code for h in process.hypotheses)]
    assert "harvest" not in [k.name for k in knobs(process, replace(CULTURE, batch=None))]


def test_sizes_of_faults_go_from_what_people_read_to_states_and_back():
    for h in cho_fedbatch.build({}).hypotheses:
        assert h.readable(h.state_size(-5.0)) == pytest.approx(-5.0)


def test_a_plan_cuts_a_step_only_where_something_changes_in_it():
    plan = planned(
        cho_fedbatch.build({}), CULTURE, T0, ask(Change("feed_sp", 1.0, 2.0), Change("pH_sp", 7.0, 6.0))
    )
    assert plan.pieces(0.0, 6.0) == [(0.0, 2.0), (2.0, 4.0)]
    assert plan.pieces(6.0, 6.0) == [(6.0, 6.0)]
    assert plan.wanted(1.9) == {}
    assert plan.wanted(6.0) == {"feed_sp": 1.0, "pH_sp": 7.0}


@pytest.mark.parametrize("name", ["as it is", "As  it is ", "Sans changement", "sans  changement"])
def test_no_scenario_has_the_name_of_the_run_as_it_is(name: str):
    forecaster, here = culture(72.0)
    with pytest.raises(InputError, match="another name would do"):
        Question(forecaster, NOW, here, HELD).answer([WhatIf(name, (Change("feed_factor", 1.2),))])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((Change("feed_factor", 1.2, 3.0), Change("feed_factor", 1.5, 3.0)), "changed twice at once"),
        ((Change("kla_loss", -20.0), Change("kla_loss", -20.0)), "kla_loss=-20@0, kla_loss=-20@0"),
        ((Change("harvest", 200.0), Change("harvest", 250.0, 5.0)), "harvest is changed twice"),
    ],
)
def test_one_thing_is_not_changed_twice_at_once(changes: tuple[Change, ...], words: str):
    with pytest.raises(InputError, match=words):
        asked_of_culture(ask(*changes))


def test_one_thing_may_be_changed_again_later():
    again = asked_of_culture(ask(Change("feed_factor", 1.5), Change("feed_factor", 0.5, 24.0)))
    once = asked_of_culture(ask(Change("feed_factor", 1.5)))
    assert middle(again, "R1.est_glucose", 72) < middle(once, "R1.est_glucose", 72)


def test_nothing_is_changed_when_the_run_is_over():
    left_h = CULTURE.batch.duration_h - 72.0
    with pytest.raises(InputError, match=f"in {left_h + 1:g} h, but the run ends in {left_h:.1f} h"):
        asked_of_culture(ask(Change("feed_factor", 1.2, left_h + 1.0)))
    with pytest.raises(InputError, match="at a batch age of 100 h"):
        asked_of_culture(ask(Change("harvest", 100.0), Change("feed_factor", 1.2, 30.0)))
    later = ask(Change("harvest", 72.0 + left_h + 24.0), Change("feed_factor", 1.2, left_h + 1.0))
    assert asked_of_culture(later).harvest is not None
    forecaster, here = culture(72.0)
    over_ns = T0 + round((CULTURE.batch.duration_h + 1.0) * HOUR)
    assert forecaster.make(over_ns, here, HELD, ask(Change("feed_factor", 1.2, 2.0))), "it goes on"
