"""The loss harness in short: every party is killed (-9) once or more; `make torture` is the long form.

Real peers: mosquitto, influxd, an OPC UA server with a history of its own. Values are gap-free counters,
so that what was sent, what the peers took and what is stored can be compared one by one.
"""

import random
from pathlib import Path

import pytest
from servers import needs
from torture.harness import Options, long_form, torture
from torture.points import INFLUX_POINTS, POINTS

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

SHORT = ("half_a_batch", "committed", "notice_sent", "server_took")
"""Fail-points of the short form: before, between and after what is promised."""


async def test_R_01_R_02_R_05_R_06_killed_at_random_moments(tmp_path: Path) -> None:
    needs("influxd")
    needs("mosquitto")
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    options = Options("influxdb", seed, service=2, broker=1, server=1, database=1, points=SHORT, pause_s=1.0)
    verdict = await torture(options, tmp_path / "run", print)
    print(verdict.figures())
    assert verdict.sets == {"lost": set(), "invented": set(), "duplicated": set(), "reordered": set()}
    assert verdict.taken > 100
    assert verdict.notices >= 2
    assert verdict.posts - verdict.notices <= options.service + len(options.points)


def test_the_long_form_kills_everybody_and_at_every_fail_point() -> None:
    actions = long_form(100, "influxdb", 1, 20).actions(random.Random(1))
    assert {name: actions.count(name) for name in ("service", "broker", "server", "database")} == {
        "service": 100,
        "broker": 20,
        "server": 20,
        "database": 20,
    }
    assert {name.removeprefix("point ") for name in actions if name.startswith("point ")} == {
        *POINTS,
        *INFLUX_POINTS,
    }
    assert len(POINTS) >= 12
